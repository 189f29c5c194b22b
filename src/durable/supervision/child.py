"""The client as our child: it keeps the terminal, and what the system asks of us is passed on to it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, NamedTuple

from durable.errors import UsageError
from durable.owner import read_process

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from types import FrameType
    from typing import Any

PASSED_ON = (signal.SIGTERM, signal.SIGHUP)
# The keyboard's: they reach the client by themselves, for it is in our process group.
LEFT_TO_IT = (signal.SIGINT, signal.SIGQUIT)
# A killed client leaves its ways of drawing behind: other screen, hidden cursor, mouse and paste reports, keys.
RESET = "\x1b[?1049l\x1b[?25h\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?1004l\x1b[?2004l\x1b[<u\x1b[>4;0m"


class Ended(NamedTuple):
    pid: int
    # Since when the process ran, as the ledger has it of an owner; None where that can't be known.
    started: int | None
    code: int
    passed_on: bool
    interrupted: bool


def attend(argv: Sequence[str], env: Mapping[str, str], stdin: IO[bytes] | int | None = None) -> Ended:
    """Runs the client to its end, in our process group and on our terminal."""
    child: subprocess.Popen[bytes] | None = None
    seen: list[int] = []

    def heard(number: int, frame: FrameType | None) -> None:
        seen.append(number)
        if number in PASSED_ON and child is not None:
            child.send_signal(number)

    with _hearing(heard), _terminal_as_it_was():
        child = _started(argv, env, stdin)
        process = read_process(child.pid)
        for number in filter(PASSED_ON.__contains__, seen):  # They came before there was a child.
            child.send_signal(number)
        code = _end_of(child)
    asked = {number in PASSED_ON for number in seen}
    return Ended(child.pid, process.started if process else None, code, True in asked, False in asked)


def _started(argv: Sequence[str], env: Mapping[str, str], stdin: IO[bytes] | int | None) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(list(argv), env=dict(env), stdin=stdin)
    except OSError as error:
        raise UsageError(f"{argv[0]} can't be started ({error.strerror})", "name another: --client PATH") from None


def _end_of(child: subprocess.Popen[bytes]) -> int:
    while True:
        _, status = os.waitpid(child.pid, os.WUNTRACED)
        if not os.WIFSTOPPED(status):
            break
        # Ctrl-Z: the shell gets its prompt back only when the whole job has stopped, us included.
        os.kill(os.getpid(), signal.SIGSTOP)
        os.kill(child.pid, signal.SIGCONT)
    child.returncode = os.waitstatus_to_exitcode(status)
    return child.returncode if child.returncode >= 0 else 128 - child.returncode


@contextmanager
def _hearing(handler: Any) -> Iterator[None]:
    """What was ignored (`nohup`) stays so, for the client as well. It starts with none of these handlers."""
    numbers = [one for one in (*PASSED_ON, *LEFT_TO_IT) if signal.getsignal(one) is not signal.SIG_IGN]
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)


@contextmanager
def _terminal_as_it_was() -> Iterator[None]:
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        yield
        return
    import termios

    before = termios.tcgetattr(0)
    try:
        yield
    finally:
        if termios.tcgetattr(0) != before:
            termios.tcsetattr(0, termios.TCSADRAIN, before)
            sys.stdout.write(RESET)
            sys.stdout.flush()
