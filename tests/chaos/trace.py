"""What a process asked of the file system, in order, as strace saw it.

Each operation names whole paths. What SQLite does to its shared memory by mapping it is not seen, and need not be: it
makes that file anew after a power cut.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

DATA = "openat,write,pwrite64,ftruncate,fsync,fdatasync"
NAMES = "rename,renameat,renameat2,unlink,unlinkat,mkdir,mkdirat,rmdir,link,linkat"
SEEN = f"{DATA},{NAMES}"

_LINE = re.compile(r"(?P<pid>\d+) +(?P<text>.*)", re.S)
_CALL = re.compile(r"(?P<name>\w+)\((?P<given>.*)\) += (?P<came>-?\d+|\?)", re.S)
_RESUMED = re.compile(r"<\.\.\. \w+ resumed>(?P<rest>.*)", re.S)
_KILLED = "+++ killed by SIGKILL +++"
_UNFINISHED = " <unfinished ...>"
_TEXT = re.compile(r'"(?P<hex>(?:\\x[0-9a-f]{2})*)"')
_OPENED = re.compile(r"(?P<number>\d+)<(?P<path>[^>]*)>")
_STDOUT = 1


@dataclass(frozen=True)
class Op:
    """`make` a file, `fill` it with data from an offset on (None: its end), `cut` it to a length; make a `folder`;
    `move` or `link` a name to another, `drop` one; `sync` a file or a folder; `say` something on stdout."""

    what: str
    path: str
    data: bytes = b""
    at: int | None = 0
    to: str = ""


def can_trace() -> bool:
    if shutil.which("strace") is None:
        return False
    return subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True, check=False).returncode == 0


def under_trace(log: Path) -> list[str]:
    """To be put before a command line."""
    return ["strace", "-f", "-y", "-xx", "-s", "10000000", "-qq", "-e", f"trace={SEEN}", "-o", str(log)]


def read_trace(log: Path, to_the_kill: bool = False) -> list[Op]:
    """`to_the_kill`: what others did after the first of them was killed is left out."""
    text = log.read_text(encoding="ascii")
    return list(_Reader().ops(text.partition(_KILLED)[0] if to_the_kill else text))


class _Reader:
    def __init__(self) -> None:
        self._begun: dict[str, str] = {}
        self._position: dict[tuple[str, str], int | None] = {}  # by descriptor and path
        self._first = ""

    def ops(self, text: str) -> Iterator[Op]:
        for line in text.splitlines():
            match = _LINE.fullmatch(line)
            whole = match and self._whole(match["pid"], match["text"])
            call = whole and _CALL.match(whole)
            if match and call and call["came"] != "?" and int(call["came"]) >= 0:
                self._first = self._first or match["pid"]
                yield from self._read(call["name"], call["given"], int(call["came"]), match["pid"])

    def _whole(self, pid: str, text: str) -> str:
        """A call that another process broke into stands on two lines, and counts from the second on."""
        if text.endswith(_UNFINISHED):
            self._begun[pid] = text.removesuffix(_UNFINISHED)
            return ""
        resumed = _RESUMED.match(text)
        return self._begun.pop(pid, "") + resumed["rest"] if resumed else text

    def _read(self, name: str, given: str, came: int, pid: str) -> Iterator[Op]:
        if name == "openat":
            yield from self._opened(given, came)
        elif name in DATA:
            yield from self._touched(name, given, came, pid)
        else:
            yield from _named(name, given)

    def _opened(self, given: str, came: int) -> Iterator[Op]:
        path = _paths(given)[0]
        flags = given.rpartition('"')[2]
        self._position[str(came), path] = None if "O_APPEND" in flags else 0
        if "O_CREAT" in flags:
            yield Op("make", path)
        if "O_TRUNC" in flags:
            yield Op("cut", path, at=0)

    def _touched(self, name: str, given: str, came: int, pid: str) -> Iterator[Op]:
        opened = _OPENED.match(given)
        assert opened is not None, given
        number, path = opened["number"], _decoded(opened["path"])
        if name == "write" and number == str(_STDOUT) and pid == self._first:
            yield Op("say", "")
        elif name == "write":
            at = self._position.get((number, path), 0)
            if at is not None:
                self._position[number, path] = at + came
            yield Op("fill", path, _written(given)[:came], at)
        elif name == "pwrite64":
            yield Op("fill", path, _written(given)[:came], int(given.rpartition(", ")[2]))
        elif name == "ftruncate":
            yield Op("cut", path, at=int(given.rpartition(", ")[2]))
        else:
            yield Op("sync", path)


def _named(name: str, given: str) -> Iterator[Op]:
    path, *to = _paths(given)
    if name.startswith("mkdir"):
        yield Op("folder", path)
    elif name.startswith(("unlink", "rmdir")):
        yield Op("drop", path)
    else:
        yield Op("move" if name.startswith("rename") else "link", path, to=to[0])


def _paths(given: str) -> list[str]:
    return [_decoded(found) for found in _TEXT.findall(given)]


def _written(given: str) -> bytes:
    found = _TEXT.search(given)
    assert found is not None, given[:200]
    return _bytes(found["hex"])


def _decoded(text: str) -> str:
    return _bytes(text).decode("utf-8", "surrogateescape") if text.startswith("\\x") else text


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.replace("\\x", ""))
