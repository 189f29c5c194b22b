"""A Bash call made by durable itself."""

from __future__ import annotations

import os
import shutil
import time
from typing import TYPE_CHECKING

from durable.execute.outcome import Outcome
from durable.execute.shell.process import Process

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

# What a background child prints after its shell has ended is waited for no longer than that.
PIPES_S = 1.0
LONGEST_MS = 10**12
HELD_OPEN = "a process that it started still holds its output open; what that prints from now on is not recorded"


def run_bash(
    given: dict[str, Any], cwd: str, env: Mapping[str, str], stop: Callable[[], bool] | None = None
) -> Outcome:
    """`env` is all that the command gets. `stop` is looked at again and again; once true, the command is ended."""
    why = _why_not(given)
    if why:
        return Outcome.failed(why, not_begun=True)
    limit = given.get("timeout")
    try:
        process = Process([_shell(env), "-c", given["command"]], cwd, env)
    except (OSError, ValueError) as error:
        return Outcome.failed(f"the command can't be started ({error})", not_begun=True)
    with process:
        return _carried(process, limit / 1000 if limit is not None else None, stop or _never)


def _why_not(given: dict[str, Any]) -> str:
    command, limit = given.get("command"), given.get("timeout")
    if not isinstance(command, str) or not command.strip():
        return "the call names no command"
    if given.get("run_in_background"):
        return "durable runs no command in the background: nobody would be left to record how it ends"
    if limit is not None and (
        isinstance(limit, bool) or not isinstance(limit, int | float) or not 0 < limit <= LONGEST_MS
    ):
        return f"its timeout is no number of milliseconds ({limit!r})"
    return ""


def _shell(env: Mapping[str, str]) -> str:
    return shutil.which("bash", path=env.get("PATH", os.defpath)) or "/bin/sh"


def _never() -> bool:
    return False


def _carried(process: Process, limit_s: float | None, stop: Callable[[], bool]) -> Outcome:
    began = time.monotonic()
    until = began + limit_s if limit_s is not None else None
    if process.wait(lambda: stop() or (until is not None and time.monotonic() >= until)):
        return _told(process)
    process.end()
    process.drain_for(PIPES_S)
    seconds = f"{time.monotonic() - began:.0f} s"
    if stop():
        return Outcome.stopped(f"stopped after {seconds}", _response(process, True), truncated=_truncated(process))
    # No exit code: whatever it ended with, it was we who ended it.
    error = _with_output(f"timed out after {limit_s:g} s and was ended", process)
    return Outcome.failed(error, _response(process, True), truncated=_truncated(process))


def _told(process: Process) -> Outcome:
    complete = process.drain_for(PIPES_S)
    code = process.exit_code()
    response = _response(process, False)
    if not complete:
        response["note"] = HELD_OPEN
    if code == 0:
        return Outcome.done(response, truncated=_truncated(process))
    return Outcome.failed(_with_output(f"Exit code {code}", process), response, truncated=_truncated(process))


def _response(process: Process, interrupted: bool) -> dict[str, Any]:
    stdout, stderr = (kept.text().rstrip("\n") for kept in (process.stdout, process.stderr))
    return {"stdout": stdout, "stderr": stderr, "interrupted": interrupted}


def _with_output(head: str, process: Process) -> str:
    said = (kept.text().rstrip("\n") for kept in (process.stderr, process.stdout))
    return "\n".join((head, *(text for text in said if text)))


def _truncated(process: Process) -> bool:
    return not (process.stdout.whole and process.stderr.whole)
