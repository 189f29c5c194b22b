"""Puts a bundle in place: whole or not at all, for its owner's eyes, never over a file that is there unless told to."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from durable import crash
from durable.errors import UsageError
from durable.ledger.files import sync_dir

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import TextIOWrapper

_OPEN = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC


@contextmanager
def placed(path: str, force: bool = False) -> Iterator[TextIOWrapper]:
    """To be written to; left without an error, it is at `path`, synced. What a kill leaves beside it has a name of its
    own, and is written over by the next."""
    _refuse(path, force)
    folder, name = os.path.split(os.path.abspath(path))
    beside = os.path.join(folder, f".{name}.durable-new")
    descriptor = _taken(beside, path)
    try:
        with open(descriptor, "w", encoding="ascii", newline="\n", closefd=False) as file:
            yield file
        os.fsync(descriptor)
        crash.point("bundle-written")
        _publish(beside, path, force)
    except BaseException:
        os.unlink(beside)
        raise
    finally:
        os.close(descriptor)
    sync_dir(folder)


def _refuse(path: str, force: bool) -> None:
    if os.path.isdir(path):
        raise UsageError(f"{path} is a directory", "name a file in it")
    if os.path.lexists(path) and not force:
        raise UsageError(f"{path} is there already", "choose another name, or say --force to replace it")


def _taken(beside: str, path: str) -> int:
    """The file is ours once it is locked and still has this name: another command may just have put it in its place."""
    while True:
        descriptor = os.open(beside, _OPEN, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.exists(beside) and os.path.samestat(os.fstat(descriptor), os.stat(beside)):
                os.fchmod(descriptor, 0o600)
                os.ftruncate(descriptor, 0)
                return descriptor
        except BlockingIOError:
            os.close(descriptor)
            raise UsageError(f"another command is writing {path}", "wait for it") from None
        os.close(descriptor)


def _publish(beside: str, path: str, force: bool) -> None:
    if not force:
        try:
            # A rename would take the place of a file that has come up meanwhile.
            os.link(beside, path)
            os.unlink(beside)
            return
        except FileExistsError:
            _refuse(path, force)
        except OSError:
            _refuse(path, force)  # This file system knows no links.
    os.replace(beside, path)
