"""The hook's own deadline, and the signals that end it: both raise, and so end in an answer."""

from __future__ import annotations

import os
import time

from durable.errors import DeadlineError
from durable.native import signals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import FrameType

VARIABLE = "DURABLE_DEADLINE_S"
DEFAULT_S = 5.0
LONGEST_S = 50.0  # the registered hooks have 60 seconds


class Alarm:
    __slots__ = ("_until", "seconds")

    def __init__(self, env: Mapping[str, str]) -> None:
        self.seconds = _seconds(env.get(VARIABLE, ""))
        self._until = time.monotonic() + self.seconds

    def arm(self) -> None:
        for number in (signals.SIGTERM, signals.SIGINT, signals.SIGHUP):
            signals.signal(number, _stopped)
        signals.signal(signals.SIGALRM, self._expired)
        signals.setitimer(signals.ITIMER_REAL, self.seconds)

    def disarm(self) -> None:
        signals.setitimer(signals.ITIMER_REAL, 0)
        for number in (signals.SIGTERM, signals.SIGINT, signals.SIGHUP):
            signals.signal(number, signals.SIG_IGN)

    def left(self) -> float:
        return max(self._until - time.monotonic(), 0.4)

    def check(self, client_pid: int | None) -> None:
        """Just before the commit: a permit that nobody waits for must not be written down."""
        if time.monotonic() >= self._until:
            raise self._late()
        if client_pid is not None and not _alive(client_pid):
            raise DeadlineError(f"the client (process {client_pid}) is gone", "start it again")

    def _expired(self, number: int, frame: FrameType | None) -> None:
        raise self._late()

    def _late(self) -> DeadlineError:
        return DeadlineError(
            f"the hook did not finish within its deadline of {self.seconds:g} s",
            f"try again, or give it longer with {VARIABLE}",
        )


def _stopped(number: int, frame: FrameType | None) -> None:
    raise DeadlineError(f"the hook was told to stop (signal {number})", "try again")


def _seconds(text: str) -> float:
    try:
        seconds = float(text) if text else DEFAULT_S
    except ValueError:
        seconds = 0.0
    if not 0.1 <= seconds <= LONGEST_S:
        raise DeadlineError(f"{VARIABLE} is {text!r}", f"set it to a number from 0.1 to {LONGEST_S:g} or unset it")
    return seconds


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
