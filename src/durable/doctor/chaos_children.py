"""The processes under way, started by several threads at once. When it is left, none of them lives on."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from typing import TYPE_CHECKING

from durable.doctor.firing import PATIENCE_S, answer_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType
    from typing import Any

    from durable.doctor.firing import Answer

TO_LEAVE_S = 5.0


class Over(Exception):
    """Somebody has ended it all, and nothing more is started."""


class Children:
    def __init__(self) -> None:
        self._living: set[subprocess.Popen[bytes]] = set()
        self._lock = threading.Lock()
        self._over = False

    def __enter__(self) -> Children:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def run(
        self, words: Sequence[str], text: str, env: Mapping[str, str], cwd: str, patience: float = PATIENCE_S
    ) -> Answer:
        return answer_of(words, text, env, cwd, patience, self.start)

    def start(self, words: Sequence[str], **how: Any) -> subprocess.Popen[bytes]:
        with self._lock:
            if self._over:
                raise Over
            self._living = {one for one in self._living if one.poll() is None}
            process = subprocess.Popen(words, **how)
            self._living.add(process)
        return process

    def end(self) -> None:
        """Asked first: what executes a job's step is in a session of its own, and ended by whoever started it."""
        with self._lock:
            self._over = True
            for process in self._living:
                _signal(process, signal.SIGTERM)
            for process in self._living:
                _ended(process)


def _ended(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(TO_LEAVE_S)
    except subprocess.TimeoutExpired:
        _signal(process, signal.SIGKILL)
        process.wait()


def _signal(process: subprocess.Popen[bytes], number: int) -> None:
    if process.poll() is None:
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            pass  # Between the question and the signal another thread has seen its end.
