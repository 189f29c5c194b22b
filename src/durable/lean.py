"""`os` and `stat` as the hooks need them. Importing the real ones is a tenth of a hook's whole time.

`posix`, the module behind `os`, is part of the interpreter. What `os` adds to it and a hook asks for every time is
written out here; everything else is the real thing's, which is loaded when somebody asks. A process that
has loaded it already, as the CLI has, gets nothing but the real one.
"""

from __future__ import annotations

import posix
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    import stat
    from typing import Any

__all__ = ["os", "stat"]

FORMAT, DIRECTORY, LINK = 0o170000, 0o040000, 0o120000
NOT_NORMAL = frozenset(("", ".", ".."))


def basename(path: str) -> str:
    return path[path.rfind("/") + 1 :]


def dirname(path: str) -> str:
    return split(path)[0]


def split(path: str) -> tuple[str, str]:
    at = path.rfind("/") + 1
    head = path[:at]
    return head.rstrip("/") or head, path[at:]


def join(path: str, *others: str) -> str:
    for other in others:
        if other.startswith("/"):
            path = other
        else:
            path += other if not path or path.endswith("/") else f"/{other}"
    return path


def exists(path: str) -> bool:
    return _mode(path) != 0


def isdir(path: str) -> bool:
    return _mode(path) & FORMAT == DIRECTORY


def _mode(path: str) -> int:
    try:
        return posix.stat(path).st_mode
    except (OSError, ValueError):
        return 0


def normpath(path: str) -> str:
    return path if _is_normal(path) else str(_real_os().path.normpath(path))


def realpath(path: str) -> str:
    """A path without links on its way is its own."""
    return path if _is_normal(path) and not _has_link(path) else str(_real_os().path.realpath(path))


def _is_normal(path: str) -> bool:
    return path[:1] == "/" and NOT_NORMAL.isdisjoint(path[1:].split("/")) and "\0" not in path


def _has_link(path: str) -> bool:
    at = path.find("/", 1)
    while at > 0 and not _is_link(path[:at]):
        at = path.find("/", at + 1)
    return at > 0 or _is_link(path)


def _is_link(path: str) -> bool:
    try:
        return posix.lstat(path).st_mode & FORMAT == LINK
    except OSError:
        return False


def fsencode(name: str) -> bytes:
    return name.encode(ENCODING, "surrogateescape")


def _environ() -> dict[str, str]:
    return {
        name.decode(ENCODING, "surrogateescape"): value.decode(ENCODING, "surrogateescape")
        for name, value in posix.environ.items()
    }


def _real_os() -> Any:
    import os

    return os


def _lean_os() -> Any:
    path = type(sys)("durable.lean.os.path")
    vars(path).update(
        basename=basename, dirname=dirname, split=split, join=join, exists=exists, isdir=isdir, normpath=normpath,
        realpath=realpath, __getattr__=lambda name: getattr(_real_os().path, name),
    )  # fmt: skip
    lean = type(sys)("durable.lean.os")
    vars(lean).update(vars(posix))
    vars(lean).update(
        path=path, environ=_environ(), fsencode=fsencode, devnull="/dev/null", error=OSError,
        __getattr__=lambda name: getattr(_real_os(), name),
    )  # fmt: skip
    return lean


ENCODING = sys.getfilesystemencoding()
if not TYPE_CHECKING:
    if "os" in sys.modules:
        os = sys.modules["os"]
        stat = sys.modules["stat"]
    else:
        import _stat as stat

        os = _lean_os()
