"""Evidence instead of age: a rule's probe looks at the world and says whether a step took effect.

Exit 0: it happened, and stdout is its receipt. Exit 1: it did not. Anything else can't tell, and that is the
answer to every trouble there may be with a probe: nothing here guesses.
"""

from __future__ import annotations

import os
import time

from durable.errors import DurableError
from durable.native import dumps, signals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, NoReturn

HAPPENED = "happened"
NOT_HAPPENED = "not happened"
CANT_TELL = "can't tell"

RECEIPT_LENGTH = 30_000
_LARGEST = 1_000_000  # bytes kept of each stream; what comes after is read and thrown away
_WHY_LENGTH = 300
_TICK_MS = 20
_REAPING_S = 0.3
# What raises in a hook. Held back while a probe runs: raised between two lines of ours, it would leave the
# probe running with nobody to end it.
_INTERRUPTING = frozenset((signals.SIGALRM, signals.SIGTERM, signals.SIGINT, signals.SIGHUP))
# An ignored signal stays ignored across exec, and Python ignores SIGPIPE, at which a closed pipe's writer should end.
_RESET = (*_INTERRUPTING, signals.SIGPIPE, signals.SIGQUIT, signals.SIGCHLD, signals.SIGXFSZ)
_TOLD = ("step_id", "run_id", "session_id", "tool_name", "tool_use_id", "idempotency_key", "attempt", "prepared_at")
# Orphans are known by it: the probe would be taken for a process of the very step that it judges.
_KEPT_BACK = ("CLAUDE_CODE_SESSION_ID",)
# Python and its like end with 1 when they crash, which must not count as "it did not happen".
_CRASH = b"Traceback (most recent call last)"


class Verdict:
    """`receipt` and `why` hold words of the probe: redact them before writing. `possible` says why the effect
    could still come about when the probe began to look; "" if it could not."""

    __slots__ = ("possible", "receipt", "says", "why")

    def __init__(self, says: str, receipt: str = "", why: str = "") -> None:
        self.says = says
        self.receipt = receipt
        self.why = why
        self.possible = ""


def run_probe(command: str, step: dict[str, Any], cwd: str, timeout_s: float, env: Mapping[str, str]) -> Verdict:
    """Runs `command` in a shell with the step as JSON on stdin. Never takes longer than `timeout_s` and a moment.

    An alarm or signal that comes meanwhile ends the probe first and is raised then.
    """
    until = time.monotonic() + timeout_s
    before = signals.pthread_sigmask(signals.SIG_BLOCK, _INTERRUPTING)
    probe = None
    try:
        probe = _Probe(command, cwd, _environment(step, env), dumps(step).encode())
        return _verdict(probe, probe.status(until), timeout_s)
    except (OSError, ValueError, DurableError) as error:
        return Verdict(CANT_TELL, "", f"the probe could not be run ({error})")
    finally:
        if probe is not None:
            probe.end()
        signals.pthread_sigmask(signals.SIG_SETMASK, before)


def built_in(tool: str, given: dict[str, Any], before: dict[str, Any] | None, key: bytes) -> Verdict:
    """What the file itself says of a Write or an Edit. `before` is the step's `file_before`; see file_probe."""
    from durable.file_probe import probe_file

    return probe_file(tool, given, str((before or {}).get("file_before") or ""), key)


def _environment(step: dict[str, Any], env: Mapping[str, str]) -> dict[str, str]:
    told = {f"DURABLE_{name.upper()}": str(step[name]) for name in _TOLD if step.get(name) is not None}
    return {name: env[name] for name in env if name not in _KEPT_BACK} | told


def _verdict(probe: _Probe, status: int | None, timeout_s: float) -> Verdict:
    if status is None:
        return Verdict(CANT_TELL, "", f"the probe gave no answer within {timeout_s:g} s")
    code = os.waitstatus_to_exitcode(status)
    if code == 0:
        return Verdict(HAPPENED, _text(probe.out)[:RECEIPT_LENGTH])
    said = _text(probe.err)[:_WHY_LENGTH]
    if code == 1 and _CRASH not in probe.err:
        return Verdict(NOT_HAPPENED, "", said)
    ended = f"exited with {code}" if code >= 0 else f"was killed by signal {-code}"
    return Verdict(CANT_TELL, "", f"the probe {ended}" + (f": {said}" if said else ""))


def _text(raw: bytearray) -> str:
    return raw.decode("utf-8", "backslashreplace").strip()


class _Probe:
    """A running probe: its process group, and our ends of its three pipes."""

    __slots__ = ("_inlet", "_left", "_outlets", "_pid", "_status", "err", "out")

    def __init__(self, command: str, cwd: str, env: dict[str, str], said: bytes) -> None:
        self.out = bytearray()
        self.err = bytearray()
        self._left = memoryview(said)
        self._status: int | None = None
        ends: list[int] = []
        try:
            for _ in range(3):
                ends += os.pipe()
            self._pid = os.fork()
            if self._pid == 0:
                _become(command, cwd, env, (ends[0], ends[3], ends[5]))
        except BaseException:
            _close(ends)
            raise
        _close((ends[0], ends[3], ends[5]))
        self._inlet = ends[1]
        self._outlets = {ends[2]: self.out, ends[4]: self.err}
        for end in (self._inlet, *self._outlets):
            os.set_blocking(end, False)

    def status(self, until: float) -> int | None:
        """How the shell ended, which is the answer, whatever it left running; None if it did not in time."""
        from select import POLLIN, POLLOUT, poll

        while not self._ended():
            left = until - time.monotonic()
            if left <= 0 or signals.sigpending() & _INTERRUPTING:
                return None
            waiting = poll()
            for outlet in self._outlets:
                waiting.register(outlet, POLLIN)
            if self._inlet >= 0:
                waiting.register(self._inlet, POLLOUT)
            # A probe that has closed its output is about to end, and nothing else tells us when.
            found = waiting.poll(min(left * 1000, _TICK_MS if self._outlets else 1))
            self._move([descriptor for descriptor, _ in found])
        self._move(list(self._outlets))
        return self._status

    def end(self) -> None:
        """Ends the whole group, and waits for its leader no longer than for one the kernel can't end."""
        _close((self._inlet, *self._outlets))
        try:
            if not self._ended():
                os.kill(self._pid, signals.SIGKILL)  # It may not have come to make the group yet.
            os.killpg(self._pid, signals.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass  # Nobody is left in it, or only who has become another user.
        until = time.monotonic() + _REAPING_S
        while not self._ended() and time.monotonic() < until:
            time.sleep(0.001)

    def _ended(self) -> bool:
        if self._status is None:
            try:
                pid, status = os.waitpid(self._pid, os.WNOHANG)
            except ChildProcessError:
                return True  # Whoever started us ignores SIGCHLD: how it ended is nowhere to be had.
            if pid:
                self._status = status
        return self._status is not None

    def _move(self, ready: list[int]) -> None:
        for descriptor in ready:
            if descriptor == self._inlet:
                self._feed()
            elif descriptor in self._outlets:
                self._drain(descriptor)

    def _feed(self) -> None:
        try:
            self._left = self._left[os.write(self._inlet, self._left) :]
        except BlockingIOError:
            return
        except BrokenPipeError:
            self._left = self._left[:0]  # It does not care for its input.
        if not self._left:
            os.close(self._inlet)
            self._inlet = -1

    def _drain(self, outlet: int) -> None:
        """One look at a time: a probe that never stops talking must not keep us from looking at the clock."""
        try:
            part = os.read(outlet, 1 << 20)
        except BlockingIOError:
            return
        kept = self._outlets[outlet]
        kept += part[: _LARGEST - len(kept)]
        if not part:
            os.close(outlet)
            del self._outlets[outlet]


def _become(command: str, cwd: str, env: dict[str, str], streams: tuple[int, int, int]) -> NoReturn:
    """In the child. Whatever happens, this process must not come back as a second hook."""
    try:
        # A session of its own: one group to end, and no terminal to ask a person for a password.
        os.setsid()
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
        for signal in _RESET:
            signals.signal(signal, signals.SIG_DFL)
        signals.setitimer(signals.ITIMER_REAL, 0)
        signals.pthread_sigmask(signals.SIG_SETMASK, ())
        os.chdir(cwd)
        os.execve("/bin/sh", ["sh", "-c", command], env)
    except BaseException as error:  # noqa: BLE001 - there is nobody here to raise to
        os.write(2, f"{error}".encode("utf-8", "backslashreplace"))
    finally:
        os._exit(126)


def _close(descriptors: tuple[int, ...] | list[int]) -> None:
    for descriptor in descriptors:
        if descriptor >= 0:
            os.close(descriptor)
