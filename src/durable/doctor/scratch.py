"""The directory in which hooks are tried. It goes away whatever happens, and takes nothing real along."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from typing import TYPE_CHECKING, Any

from durable.waiting import rooms

if TYPE_CHECKING:
    from types import FrameType, TracebackType

ENDING = (signal.SIGTERM, signal.SIGHUP)


class Scratch:
    """A context. Inside it SIGTERM and SIGHUP are a KeyboardInterrupt, so that it is left in order."""

    def __init__(self) -> None:
        self.root = ""
        self.config = ""
        self._count = 0
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Scratch:
        for number in ENDING:
            self._before[number] = signal.signal(number, _interrupted)
        self.root = os.path.realpath(tempfile.mkdtemp(prefix="durable-doctor-"))
        self.config = os.path.join(self.root, "config")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for folder, _, _ in os.walk(self.root):
            os.chmod(folder, 0o700)  # One of the tests takes the right to write away.
        self._give_back()
        shutil.rmtree(self.root)
        for number, before in self._before.items():
            signal.signal(number, before)

    def new_state(self) -> str:
        self._count += 1
        return os.path.join(self.root, f"state-{self._count}")

    def copy_of(self, state: str) -> str:
        copy = self.new_state()
        shutil.copytree(state, copy)
        return copy

    def _give_back(self) -> None:
        """Every hook also looks into a directory below /tmp for receipts that found no other place, and
        sets aside what it can't read. What it took from there belongs to the real ledger."""
        room = rooms("", {})[-1]
        for folder, _, names in os.walk(self.root):
            if folder.endswith("/spool/bad"):
                for name in names:
                    path = os.path.join(folder, name)
                    if not _speaks_of(path, self.root):
                        shutil.move(path, os.path.join(room, name))


def _interrupted(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _speaks_of(path: str, root: str) -> bool:
    try:
        with open(path, "rb") as file:
            return os.fsencode(root) in file.read()
    except OSError:
        return True  # Nothing that could be carried anywhere.
