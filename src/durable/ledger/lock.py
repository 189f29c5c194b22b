"""One writer at a time: an OS lock on a file of its own, held for the length of a write.

Taken before SQLite's own lock because a queue of sleeping waiters is far shorter than one of
pollers. POSIX locks belong to a process and vanish when any descriptor of the file is closed, so
the file is opened once per process and a thread mutex stands beside it.
"""

from __future__ import annotations

import time
from _thread import allocate_lock

from durable.errors import HomeError, LedgerBusy
from durable.home import secure_dir
from durable.lean import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType

DIRECTORY = "locks"
_OPEN = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
_POLL_S = 0.01


class _File:
    """A lock file as this process knows it, shared by all of its threads."""

    __slots__ = ("descriptor", "mutex", "path")

    def __init__(self, path: str) -> None:
        self.path = path
        self.mutex = allocate_lock()
        self.descriptor = -1

    def open(self) -> int:
        if self.descriptor < 0:
            self.descriptor = _opened(self.path)
        return self.descriptor

    def is_gone(self) -> bool:
        """Who locks a file that was removed shares the lock with nobody."""
        held = os.fstat(self.descriptor)
        try:
            there = os.stat(self.path, follow_symlinks=False)
        except FileNotFoundError:
            return True
        return (held.st_dev, held.st_ino) != (there.st_dev, there.st_ino)

    def forget(self) -> None:
        os.close(self.descriptor)
        self.descriptor = -1


_files: dict[str, _File] = {}


class Lock:
    """`patience` bounds the wait in seconds; None waits until the caller's own alarm goes off."""

    __slots__ = ("_file", "_patience", "held")

    def __init__(self, home: str, patience: float | None) -> None:
        path = f"{home}/{DIRECTORY}/ledger.lock"
        self._file = _files.setdefault(path, _File(path))
        self._patience = patience
        self.held = False

    def acquire(self) -> None:
        until = None if self._patience is None else time.monotonic() + self._patience
        if not self._file.mutex.acquire(timeout=-1 if self._patience is None else self._patience):
            raise _busy(self._file.path)
        try:
            self._lock(until)
        except BaseException:
            self._file.mutex.release()
            raise
        self.held = True

    def release(self) -> None:
        if self.held:
            self.held = False
            os.lockf(self._file.descriptor, os.F_ULOCK, 0)
            self._file.mutex.release()

    def __enter__(self) -> Lock:
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def _lock(self, until: float | None) -> None:
        while True:
            _lock_file(self._file, until)
            if not self._file.is_gone():
                return
            self._file.forget()


def _lock_file(file: _File, until: float | None) -> None:
    descriptor = file.open()
    while True:
        try:
            # The same locks as fcntl.lockf, without another module to load for each hook.
            os.lockf(descriptor, os.F_LOCK if until is None else os.F_TLOCK, 0)
            return
        except InterruptedError:
            continue  # By a signal whose handler had nothing to say.
        except (BlockingIOError, PermissionError):
            if until is not None and time.monotonic() >= until:
                raise _busy(file.path) from None
            time.sleep(_POLL_S)


def _opened(path: str) -> int:
    secure_dir(os.path.dirname(path))
    try:
        descriptor = os.open(path, _OPEN, 0o600)
    except OSError as error:
        problem = f"the lock {path} can't be opened ({error.strerror})"
        raise HomeError(problem, "restore your access to it") from None
    if os.fstat(descriptor).st_uid != os.geteuid():
        os.close(descriptor)
        raise HomeError(f"the lock {path} belongs to another user", "chown it to yourself")
    return descriptor


def _busy(path: str) -> LedgerBusy:
    return LedgerBusy(f"another process holds the ledger's lock {path}", "wait for it to finish and try again")
