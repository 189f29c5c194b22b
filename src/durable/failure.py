"""What a failed hook still does: the right exit code, one sentence, and nothing lost."""

from __future__ import annotations

import os

from durable.clock import now
from durable.errors import DurableError, InputError
from durable.home import command
from durable.native import dumps, loads
from durable.policy.policy import OBSERVE
from durable.spool import NOT_ANSWERED, RECEIPT, UNREADABLE, spool

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from durable.hook import Hook

_LOG_BYTES = 1_000_000


def answer_failure(hook: Hook, door: str, error: BaseException) -> tuple[int, str, str]:
    """(exit code, stdout, stderr)."""
    alarm = getattr(hook, "alarm", None)
    if alarm is not None:
        alarm.disarm()
    problem = sentence(hook, error)
    _log(hook, door, problem)
    return {"pre_tool_use": _deny, "post_tool_use": _keep, "lifecycle": _tell}[door](hook, problem)


def sentence(hook: Hook, error: BaseException) -> str:
    if isinstance(error, InputError) and not error.remedy:
        text = f"{error.problem}; update durable, or see what the client sends with {command()} doctor"
    elif isinstance(error, DurableError):
        text = str(error)
    else:
        text = f"an unexpected {type(error).__name__} ({error}); look into it with {command()} doctor"
    redactor = getattr(hook, "redactor", None)
    return " ".join((redactor.text(text) if redactor is not None else text).split())


def _deny(hook: Hook, problem: str) -> tuple[int, str, str]:
    if _observing(hook):
        said = f"durable (observe mode): this call goes unrecorded: {problem}"
        return 0, dumps({"systemMessage": said}), ""
    step = getattr(hook, "permitted", None)
    if step is not None:
        _spool_not_answered(hook, step)
    lift = f"{command()} off --for 1h --reason TEXT"
    return 2, "", f"durable denied this call, nothing was run: {problem} (a person can lift enforcement: {lift})\n"


def _observing(hook: Hook) -> bool:
    policy = getattr(hook, "policy", None)
    return policy is not None and policy.mode == OBSERVE and not policy.broken


def _spool_not_answered(hook: Hook, step: Any) -> None:
    fields = {"step_id": step.step_id, "session_id": step.session_id, "tool_use_id": step.tool_use_id}
    spool(NOT_ANSWERED, fields, hook.home, hook.env)


def _keep(hook: Hook, problem: str) -> tuple[int, str, str]:
    """The effect is there, so its receipt must be as well, and the model must not try again."""
    event = getattr(hook, "event", None)
    name = event.name if event is not None else "PostToolUse"
    if name == "PostToolBatch":
        return 0, "", ""  # A batch carries no receipt; its calls are looked up by the next hook.
    where = _spooled(hook)
    kept = f"its receipt waits in {where} and will be folded in" if where else "its receipt could not be kept anywhere"
    said = f"durable: this call did happen; do not run it again. The ledger could not take its receipt: {problem}; {kept}."
    from durable.agents.claude_code import render_told

    return 0, render_told(name, said, said), ""


def _spooled(hook: Hook) -> str | None:
    home, env = getattr(hook, "home", ""), getattr(hook, "env", os.environ)
    event, redactor = getattr(hook, "event", None), hook.redactor
    if event is None:
        return spool(UNREADABLE, {"text": redactor.text(getattr(hook, "text", ""))}, home, env)
    payload = loads(hook.text)
    fields = {"client": event.client, "payload": redactor.value(payload), "input_hash": _hashed(home, event)}
    return spool(RECEIPT, fields, home, env)


def _hashed(home: str, event: Any) -> str:
    from durable.fingerprint import input_hash
    from durable.ledger.keys import read_key

    try:
        return input_hash(read_key(home).fingerprint, event.call.input)
    except DurableError:
        return ""


def _tell(hook: Hook, problem: str) -> tuple[int, str, str]:
    """Nobody is stopped between calls. The next call will be denied for the same reason, and say so."""
    event = getattr(hook, "event", None)
    if event is not None and event.name == "SessionStart":
        return 0, dumps({"systemMessage": f"durable can't write its ledger: {problem}"}), ""
    return 0, "", ""


def _log(hook: Hook, door: str, problem: str) -> None:
    home = getattr(hook, "home", "")
    if not home:
        return
    path = f"{home}/hook.log"
    line = dumps({"at": now(), "hook": door, "problem": problem}) + "\n"
    try:
        if os.path.exists(path) and os.path.getsize(path) > _LOG_BYTES:
            os.replace(path, path + ".1")
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        os.write(descriptor, line.encode())
        os.close(descriptor)
    except OSError:
        return  # The log is a convenience; the answer is on its way in any case.
