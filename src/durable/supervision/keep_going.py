"""When a session that ended is started again by itself.

it ended by itself, or a person ended it         stop, with its exit code
it was killed, or its connection was lost        go on, after 1, 2, 4 … 60 s, a bounded number of times
"""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING, NamedTuple, Protocol

from durable.errors import DurableError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

LONGEST_WAIT_S = 60.0
# With a broken pipe it is the reader of its output who wants no more.
ASKED_TO_END = frozenset((signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGPIPE))


class Ending(NamedTuple):
    """How the client ended. `code` is what a shell would say: 128 + n for a signal."""

    code: int
    # A person or the system asked us or it to end.
    asked: bool = False
    # Why its last turn failed, where going on later may help.
    lost: str = ""

    @property
    def cut_off(self) -> str:
        """In words, "" if it was not."""
        if self.asked or self.code == 0:
            return ""
        number = self.code - 128
        if 0 < number < signal.NSIG and number not in ASKED_TO_END:
            return f"killed by signal {number}"
        return self.lost


class Move(NamedTuple):
    """Go on after `wait_s`, or stop where it is None. `why` is "" where it ended by itself."""

    wait_s: float | None
    why: str


class Session(Protocol):
    """What is supervised."""

    def run(self) -> Ending: ...

    def prepare_again(self, why: str) -> None:
        """The next `run` goes on. DurableError if it must not."""

    def say(self, text: str) -> None: ...

    def by_hand(self) -> str:
        """The line that goes on with it later."""


def next_move(endings: Sequence[Ending], times: int) -> Move:
    why = endings[-1].cut_off
    if not why or len(endings) > times:
        return Move(None, why)
    return Move(min(2.0 ** (len(endings) - 1), LONGEST_WAIT_S), why)


def keep_going(session: Session, times: int, sleep: Callable[[float], None] = time.sleep) -> int:
    """The exit code of the client's last end."""
    endings = [session.run()]
    while (move := next_move(endings, times)).wait_s is not None:
        session.say(f"the session was cut off ({move.why}); it goes on in {move.wait_s:.0f} s")
        try:
            sleep(move.wait_s)
            session.prepare_again(move.why)
        except DurableError as error:
            session.say(f"{error}; then go on: {session.by_hand()}")
            return endings[-1].code
        except KeyboardInterrupt:
            session.say(f"stopped; to go on: {session.by_hand()}")
            return endings[-1].code
        endings.append(session.run())
    if move.why:
        session.say(f"the session was cut off ({move.why}), {_times(len(endings))} in all; go on: {session.by_hand()}")
    return endings[-1].code


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
