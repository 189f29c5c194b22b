"""Puts a file in place of another in one step: whenever we are killed, the old one stands there or the new one."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from durable import crash
from durable.errors import DurableError
from durable.native import sha256

if TYPE_CHECKING:
    from collections.abc import Iterator


class CantApply(DurableError):
    """The call can't be made, and nothing of it was."""

    code = "cant-apply"


class Found:
    """What stood there when it was read; `data` is None where there was no file."""

    __slots__ = ("data", "seen")

    def __init__(self, data: bytes | None, seen: os.stat_result | None) -> None:
        self.data = data
        self.seen = seen


def read(path: str) -> Found:
    try:
        return _read(path)
    except (FileNotFoundError, NotADirectoryError):
        return Found(None, None)
    except (OSError, ValueError) as error:
        raise CantApply(f"{path} can't be read ({error})", "restore your access to it") from None


def _read(path: str) -> Found:
    seen = os.lstat(path)
    if stat.S_ISLNK(seen.st_mode):
        # The client refuses these too: in a repository from elsewhere one may point at any file of its user's.
        raise CantApply(f"{path} is a symbolic link", f"name its target instead: {os.path.realpath(path)}")
    if not stat.S_ISREG(seen.st_mode):
        raise CantApply(f"{path} is no plain file", "name one")
    with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
        seen = os.fstat(file.fileno())
        return Found(file.read(), seen)


def replace(path: str, found: Found, data: bytes) -> None:
    """Raises CantApply with everything as it was, or OSError if the new file stands there and its folder
    can't be synced."""
    folder = os.path.dirname(path)
    try:
        _make(folder)
        _swap(path, folder, found, data)
    except (OSError, ValueError) as error:
        raise CantApply(f"{path} can't be written ({error})", "make room, or restore your access to it") from None
    _sync(folder)


def _swap(path: str, folder: str, found: Found, data: bytes) -> None:
    prefix = f".durable-{sha256(os.fsencode(os.path.basename(path)))[:12]}-"
    for left in _leftovers(folder, prefix):
        os.unlink(left)
    fresh = f"{folder}/{prefix}{os.getpid()}"
    try:
        _write_new(fresh, data, found.seen)
        crash.point("file-written")
        if not _is_still(path, found.seen):
            raise CantApply(f"{path} was changed while it was being replaced", "look at it, then try again")
        os.replace(fresh, path)
    except BaseException:
        _remove(fresh)
        raise


def _write_new(path: str, data: bytes, old: os.stat_result | None) -> None:
    # Closed to others until it has the mode of the file it stands for.
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666 if old is None else 0o600)
    with open(descriptor, "wb") as file:
        if old is not None:
            _keep_owner(descriptor, old)
            os.fchmod(descriptor, stat.S_IMODE(old.st_mode))
        file.write(data)
        file.flush()
        os.fsync(descriptor)


def _keep_owner(descriptor: int, old: os.stat_result) -> None:
    try:
        os.fchown(descriptor, old.st_uid, old.st_gid)
    except PermissionError:
        # Only root may give a file away; anybody's editor takes it over in the same way.
        pass


def _is_still(path: str, seen: os.stat_result | None) -> bool:
    try:
        now = os.lstat(path)
    except FileNotFoundError:
        return seen is None
    return seen is not None and _signs(now) == _signs(seen)


def _signs(of: os.stat_result) -> tuple[int, ...]:
    return of.st_dev, of.st_ino, of.st_size, of.st_mtime_ns, of.st_ctime_ns


def _leftovers(folder: str, prefix: str) -> Iterator[str]:
    """Of those who were killed before they had replaced this file."""
    for name in os.listdir(folder):
        pid = name.removeprefix(prefix)
        if name != pid and pid.isdecimal() and not _is_at_work(int(pid)):
            yield f"{folder}/{name}"


def _is_at_work(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return pid != os.getpid()


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass


def _make(folder: str) -> None:
    """A folder is there to stay once the one above it is synced."""
    missing = []
    while not os.path.isdir(folder) and folder != os.path.dirname(folder):
        missing.append(folder)
        folder = os.path.dirname(folder)
    for one in reversed(missing):
        os.makedirs(one, exist_ok=True)
        _sync(os.path.dirname(one))


def _sync(folder: str) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
