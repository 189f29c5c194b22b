"""The hook's own deadline, and the signals that end it: both raise, and so end in an answer."""

from __future__ import annotations

import time

from durable.errors import DeadlineError
from durable.lean import os
from durable.native import signals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import FrameType

VARIABLE = "DURABLE_DEADLINE_S"
DEFAULT_S = 5.0
LONGEST_S = 50.0  # the registered hooks have 60 seconds

_STOPPING = (signals.SIGTERM, signals.SIGINT, signals.SIGHUP)


class Interruption(BaseException):
    """Deadline or signal. No Exception: a handler for some lesser trouble would swallow it, and the
    hook would go on without a deadline."""

    def __init__(self, error: DeadlineError) -> None:
        super().__init__(str(error))
        self.error = error


class Alarm:
    """`doing` says what the hook waits for, and so what kept it when its time is over."""

    __slots__ = ("_started", "_until", "doing", "seconds")

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._until = self._started + DEFAULT_S
        self.seconds = DEFAULT_S
        self.doing = ""

    def arm(self, env: Mapping[str, str]) -> None:
        """A deadline that can't be read is an error, under the usual deadline."""
        catch_signals()
        signals.signal(signals.SIGALRM, self._expired)
        try:
            self.seconds = _seconds(env.get(VARIABLE, ""))
        finally:
            self._until = self._started + self.seconds
            signals.setitimer(signals.ITIMER_REAL, max(self._until - time.monotonic(), 0.001))

    def disarm(self) -> None:
        try:
            _ignore_all()
        except Interruption:
            return  # Came in between, and has done the same.

    def left(self) -> float:
        return max(self._until - time.monotonic(), 0.4)

    def check(self, client_pid: int | None) -> None:
        """Before the commit and before the answer: nobody waits for a permit that comes too late."""
        if time.monotonic() >= self._until:
            raise self._late()
        if client_pid is not None and not _alive(client_pid):
            raise DeadlineError(f"the client (process {client_pid}) is gone", "start it again")

    def _expired(self, number: int, frame: FrameType | None) -> None:
        _ignore_all()
        raise Interruption(self._late())

    def _late(self) -> DeadlineError:
        doing = f" while {self.doing}" if self.doing else ""
        return DeadlineError(
            f"the hook did not finish within its deadline of {self.seconds:g} s{doing}",
            f"try again, or give it longer with {VARIABLE}",
        )


def catch_signals() -> None:
    for number in _STOPPING:
        signals.signal(number, _stopped)


def _stopped(number: int, frame: FrameType | None) -> None:
    _ignore_all()
    raise Interruption(DeadlineError(f"the hook was told to stop (signal {number})", "try again"))


def _ignore_all() -> None:
    """One interruption is enough: a second one would break into the answer to the first."""
    signals.setitimer(signals.ITIMER_REAL, 0)
    for number in _STOPPING:
        signals.signal(number, signals.SIG_IGN)


def _seconds(text: str) -> float:
    if not text:
        return DEFAULT_S
    # float() would take spaces, exponents and the digits of every alphabet.
    plain = text.isascii() and text.replace(".", "", 1).isdigit()
    seconds = float(text) if plain else 0.0
    if not 0.1 <= seconds <= LONGEST_S:
        remedy = f"set it to a number from 0.1 to {LONGEST_S:g}, in the digits 0 to 9 alone, or unset it"
        raise DeadlineError(f"{VARIABLE} is {text!r}", remedy)
    return seconds


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
