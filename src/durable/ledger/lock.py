"""One writer at a time: an OS lock on a file of its own, held for the length of a write.

Taken before SQLite's own lock because a queue of sleeping waiters is far shorter than one of
pollers. POSIX locks belong to a process and vanish when any descriptor of the file is closed, so
the file is opened once per process and a thread mutex stands beside it.
"""

from __future__ import annotations

import fcntl
import os
import time
from _thread import allocate_lock

from durable.errors import HomeError, LedgerBusy

DIRECTORY = "locks"
_OPEN = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
_POLL_S = 0.01

_descriptors: dict[str, int] = {}
_mutex = allocate_lock()


class Lock:
    __slots__ = ("_descriptor", "path")

    def __init__(self, home: str) -> None:
        self.path = f"{home}/{DIRECTORY}/ledger.lock"
        self._descriptor = -1

    def acquire(self, patience: float | None) -> None:
        """Waits `patience` seconds at most; None waits until the caller's own alarm goes off."""
        if not _mutex.acquire(timeout=-1 if patience is None else patience):
            raise _busy(self.path)
        try:
            self._descriptor = _opened(self.path)
            self._lock(patience)
        except BaseException:
            _mutex.release()
            raise

    def _lock(self, patience: float | None) -> None:
        if patience is None:
            fcntl.lockf(self._descriptor, fcntl.LOCK_EX)
            return
        until = time.monotonic() + patience
        while True:
            try:
                fcntl.lockf(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except (BlockingIOError, PermissionError):
                if time.monotonic() >= until:
                    raise _busy(self.path) from None
                time.sleep(_POLL_S)

    def release(self) -> None:
        fcntl.lockf(self._descriptor, fcntl.LOCK_UN)
        _mutex.release()


def _opened(path: str) -> int:
    if path not in _descriptors:
        try:
            descriptor = os.open(path, _OPEN, 0o600)
        except OSError as error:
            problem = f"the lock {path} can't be opened ({error.strerror})"
            raise HomeError(problem, "restore your access to it") from None
        if os.fstat(descriptor).st_uid != os.geteuid():
            os.close(descriptor)
            raise HomeError(f"the lock {path} belongs to another user", "chown it to yourself")
        _descriptors[path] = descriptor
    return _descriptors[path]


def _busy(path: str) -> LedgerBusy:
    return LedgerBusy(f"another process holds the ledger's lock {path}", "wait for it to finish and try again")
