"""In which line of a TOML text a field stands. Needed for an error alone, and never wrong about the file:
where a field can't be found, the line of the table round it is given."""

from __future__ import annotations

import re
import tomllib

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    Path = tuple[str | int, ...]

_HEADER = re.compile(r"\s*(\[\[?)([^\[\]=]*|.*?[\"'].*?)\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"\s*((?:[\w-]+|\"[^\"]*\"|'[^']*')(?:\s*\.\s*(?:[\w-]+|\"[^\"]*\"|'[^']*'))*)\s*=")
_BARE = re.compile(r"[\w-]+", re.ASCII)


def line_of(text: str, path: Path) -> int:
    best, line = 0, 1
    for number, found in _fields(text):
        shared = len(found) if path[: len(found)] == found else 0
        if shared > best:
            best, line = shared, number
    return line


def spelled(path: Path) -> str:
    """`rules."pay invoices".max`, `notify[1].on`."""
    said = ""
    for part in path:
        if isinstance(part, int):
            said += f"[{part + 1}]"
        else:
            dot = "." if said else ""
            said += f"{dot}{part}" if _BARE.fullmatch(part) else f'{dot}"{part}"'
    return said


def _fields(text: str) -> Iterator[tuple[int, Path]]:
    """Every table and key, with its line and its path from the top."""
    table: Path = ()
    counted: dict[Path, int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        header = _HEADER.match(line)
        if header is not None:
            keys = _keys(header[2])
            if header[1] == "[[" and keys:
                counted[keys] = counted.get(keys, -1) + 1
                keys = (*keys, counted[keys])
            table = keys or table
            yield number, table
            continue
        key = _KEY.match(line)
        if key is not None:
            yield number, (*table, *_keys(key[1]))


def _keys(spelling: str) -> Path:
    try:
        found: Any = tomllib.loads(f"{spelling} = 0")
    except tomllib.TOMLDecodeError:
        return ()
    path: list[str] = []
    while isinstance(found, dict):
        ((name, found),) = found.items()
        path.append(name)
    return tuple(path)
