"""Starts one registered handler as the client would, and says what the client would make of its answer."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

from durable.settings.ours import expanded

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from durable.settings.registered import RegisteredHook

PATIENCE_S = 20.0
# There the config directory hangs on HOME alone, and the shell must still find what `$HOME/…` names.
HOME_DECIDES = sys.platform == "darwin"
DENIED, HELD, LET_THROUGH = "denied", "held by onFailure alone", "let through"
# The client hands these on; a hook that doctor starts has no use for them.
_KEPT_BACK = ("ANTHROPIC_", "CLAUDE_CODE_", "DURABLE_")
_LONGEST_ERROR = 300


class Answer:
    """`code` is None where the handler could not be started or did not end in time."""

    __slots__ = ("code", "err", "out", "seconds")

    def __init__(self, code: int | None, out: str, err: str, seconds: float) -> None:
        self.code = code
        self.out = out
        self.err = err
        self.seconds = seconds

    @property
    def denies(self) -> bool:
        return self.code == 2 or (self.code == 0 and _answer(self.out).get("permissionDecision") == "deny")

    @property
    def reason(self) -> str:
        said = _answer(self.out).get("permissionDecisionReason") or self.err
        return " ".join(str(said).split())[:_LONGEST_ERROR]

    def words(self) -> str:
        if self.code is None:
            return self.err
        ended = f"signal {-self.code}" if self.code < 0 else f"exit {self.code}"
        return f"{ended}, {'no answer' if not self.out.strip() else 'stdout ' + repr(self.out[:60])}"


def verdict(answer: Answer, hook: RegisteredHook) -> str:
    """What becomes of the call. A client before 2.1.295 lets through what only onFailure holds."""
    if answer.denies:
        return DENIED
    # Exit 0 counts as success whatever was printed: onFailure does not help against half a document.
    failed = answer.code != 0
    return HELD if failed and hook.handler.get("onFailure") == "block" else LET_THROUGH


def fire(hook: RegisteredHook, payload: str, env: Mapping[str, str], cwd: str) -> Answer:
    return answer_of(words_of(hook), payload, env, cwd)


def answer_of(
    words: Sequence[str],
    text: str,
    env: Mapping[str, str],
    cwd: str,
    patience: float = PATIENCE_S,
    start: Callable[..., subprocess.Popen[bytes]] = subprocess.Popen,
) -> Answer:
    started = time.monotonic()
    try:
        process = start(
            words,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=env,
            cwd=cwd,
            start_new_session=True,
        )
    except OSError as error:
        return Answer(None, "", f"it can't be started ({error.strerror})", 0.0)
    try:
        out, err = process.communicate(text.encode(), timeout=patience)
        code: int | None = process.returncode
    except subprocess.TimeoutExpired:
        out, err, code = b"", f"no end within {patience:g} s".encode(), None
    finally:
        _end(process)
    return Answer(code, out.decode("utf-8", "replace"), err.decode("utf-8", "replace"), time.monotonic() - started)


def environment(hook: RegisteredHook, base: Mapping[str, str], state: str, config: str, session: str) -> dict[str, str]:
    """The client's environment, with every place of ours inside the scratch directory."""
    env = {name: value for name, value in base.items() if not name.startswith(_KEPT_BACK)}
    env |= {name: value for name, value in hook.variables.items() if name != "HOME"}
    env |= {
        "CLAUDE_PID": str(os.getpid()),
        "CLAUDE_CODE_SESSION_ID": session,
        "CLAUDE_CODE_ENTRYPOINT": "sdk-cli",
        "CLAUDE_CODE_SESSION_ATTENDED": "0",
        "DURABLE_HOME": state,
        "XDG_CONFIG_HOME": config,
        "XDG_DATA_HOME": config,
    }
    return env | ({"HOME": config} if HOME_DECIDES else {})


def words_of(hook: RegisteredHook) -> list[str]:
    if hook.args is None:
        command = expanded(hook.command, {"HOME": hook.variables["HOME"]}) if HOME_DECIDES else hook.command
        return ["sh", "-c", command]
    return [expanded(word, hook.variables) for word in (hook.command, *hook.args)]


def _end(process: subprocess.Popen[bytes]) -> None:
    """One that has not ended goes with all that it started: the session is its own."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()


def _answer(out: str) -> dict[str, Any]:
    try:
        found = json.loads(out)["hookSpecificOutput"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
