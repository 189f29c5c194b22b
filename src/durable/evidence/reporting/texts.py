"""What went into the calls and came out of them, as text that a page can show as it stands.

A number of an input must not pass through JavaScript, which rounds it from 2**53 on: the page would show another
call than the one on record. So each value becomes text here.
"""

from __future__ import annotations

from durable.native import dumps
from durable.view import Mark

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from durable.view import Contents

# Enough for 2,000 ordinary steps; more would take seconds to open.
MOST = 3_000_000


class Texts:
    """Each content once. Those asked for after `most` characters are left on the ledger, with their size."""

    __slots__ = ("_left", "_places", "found", "left_out")

    def __init__(self, most: int = MOST) -> None:
        self._left = most
        self._places: dict[str, int] = {}
        self.found: list[dict[str, Any]] = []
        self.left_out = 0

    def place(self, digest: str | None, content: Contents) -> int | None:
        """Where in `found` it stands."""
        if digest is None:
            return None
        if digest not in self._places:
            self._places[digest] = len(self.found)
            self.found.append(self._fitting(shown(content(digest))))
        return self._places[digest]

    def _fitting(self, text: dict[str, Any]) -> dict[str, Any]:
        size = sum(len(name) + len(value) for name, value in text.get("fields", ()))
        if size > self._left:
            text = {"bytes": size}
        self._left -= size if "fields" in text else 0
        self.left_out += "bytes" in text
        return text


def shown(value: Any) -> dict[str, Any]:
    """`fields` with a name for each; one without a name is all of it. `bytes`: too large, still on the ledger."""
    if isinstance(value, Mark):
        return {"mark": value.says} | ({"at": value["at"]} if "at" in value else {})
    if isinstance(value, dict) and set(value) == {"blob", "bytes"}:
        return {"bytes": value["bytes"]}
    if isinstance(value, dict):
        return {"fields": [[str(name), _text(one)] for name, one in value.items()]}
    return {"fields": [["", _text(value)]]}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else _laid_out(value)


def _laid_out(value: Any) -> str:
    from json import dumps as indented

    try:
        return indented(value, indent=2, ensure_ascii=False)
    except RecursionError:
        return dumps(value)
