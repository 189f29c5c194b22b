"""What a failed hook still does: the right exit code, one sentence, and nothing lost."""

from __future__ import annotations

import errno
import os

from durable import row
from durable.alarm import Interruption
from durable.clock import now
from durable.errors import DurableError, InputError
from durable.home import command, is_ours
from durable.native import dumps, loads
from durable.policy.policy import OBSERVE, Policy
from durable.spool import LET_THROUGH, NOT_ANSWERED, RECEIPT, UNREADABLE, spool

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeAlias

    from durable.event import Event
    from durable.hook import Hook
    from durable.redact import Redactor

    News: TypeAlias = tuple[str, dict[str, Any]]

_LOG_BYTES = 1_000_000
_LONGEST_PROBLEM = 1_000
_LONGEST_UNREADABLE = 1_000_000
_LONGEST_SECRET = 100_000
# Opening a FIFO would wait for its reader for ever, and by now no alarm is set.
_APPEND = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def answer_failure(hook: Hook, error: BaseException) -> tuple[int, str, str]:
    """(exit code, stdout, stderr)."""
    problem = sentence(hook.redactor, error)
    _log(hook, problem)
    return {"pre_tool_use": _deny, "post_tool_use": _keep, "lifecycle": _tell}[hook.door](hook, problem)


def sentence(redactor: Redactor, error: BaseException) -> str:
    """One line: the problem, then the remedy, which is never cut."""
    problem, remedy = _words(error)
    problem = " ".join(redactor.for_our_words().text(problem).split())
    return f"{problem[:_LONGEST_PROBLEM]}; {remedy}"


def _words(error: BaseException) -> tuple[str, str]:
    if isinstance(error, Interruption):
        error = error.error
    if isinstance(error, DurableError):
        return error.problem, error.remedy or _own_remedy(error)
    if isinstance(error, OSError):
        where = f"{error.filename!r}" if error.filename else "a file"
        return f"{where} can't be used ({error.strerror or error})", _of_errno(error.errno)
    if isinstance(error, RecursionError):
        return "the input is nested too deeply", "make the call a flatter one"
    if isinstance(error, MemoryError):
        return "memory ran out", "free some memory and try again"
    return f"an unexpected {type(error).__name__} ({error})", f"look into it with {command()} doctor"


def _own_remedy(error: DurableError) -> str:
    if isinstance(error, InputError):
        return f"update durable, or see what the client sends with {command()} doctor"
    return f"look into it with {command()} doctor"


def _of_errno(number: int | None) -> str:
    if number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return "free some space"
    if number in (errno.EMFILE, errno.ENFILE):
        return "close some programs and try again"
    return "restore your access to it"


def _deny(hook: Hook, problem: str) -> tuple[int, str, str]:
    if _observing(hook):
        if hook.recorded:
            return 0, "", ""
        goes = "may have gone" if hook.permitted is not None else "goes"
        kept = hook.event is not None and _spooled(hook, lambda: _let_through(hook, problem))
        until = " until the ledger can be written again" if kept else ""
        said = f"durable (observe mode): this call {goes} unrecorded{until}: {problem}."
        return 0, dumps({"systemMessage": said}), ""
    if hook.permitted is not None:
        _spool_not_answered(hook, hook.permitted)
    lift = f"{command()} off --for 1h --reason TEXT"
    return 2, "", f"durable denied this call, nothing was run: {problem} (a person can lift enforcement: {lift}).\n"


def _observing(hook: Hook) -> bool:
    return hook.policy is not None and hook.policy.mode == OBSERVE


def _let_through(hook: Hook, problem: str) -> News:
    """So that the row it gets later does not look like that of a call which no hook saw."""
    event = hook.event
    assert event is not None
    step_id = "" if hook.permitted is None else hook.permitted.step_id
    found = {"why": problem, "step_id": step_id, "transcript_pos": row.transcript_end(event)}
    return LET_THROUGH, _of_call(hook, event) | found


def _of_call(hook: Hook, event: Event) -> dict[str, Any]:
    policy = hook.policy or Policy()
    return {
        "client": event.client,
        "payload": hook.redactor.value(loads(hook.text)),
        "input_hash": _hashed(hook.home, event),
        "mode": policy.mode,
        "policy": policy.digest,
    }


def _spool_not_answered(hook: Hook, step: Any) -> None:
    fields = {"step_id": step.step_id, "session_id": step.session_id, "tool_use_id": step.tool_use_id}
    spool(NOT_ANSWERED, fields, hook.home, hook.env)


def _keep(hook: Hook, problem: str) -> tuple[int, str, str]:
    """The effect is there, so its receipt must be as well, and the model must not try again."""
    name = hook.event.name if hook.event is not None else "PostToolUse"
    if name == "PostToolBatch" or hook.recorded:
        return 0, "", ""  # A batch carries no receipt; its calls are looked up by the next hook.
    where = _spooled(hook, lambda: _news(hook))
    kept = f"its receipt waits in {where} and will be folded in" if where else "its receipt could not be kept anywhere"
    said = f"durable: this call DID run; do not run it again. The ledger could not take its receipt: {problem}; {kept}."
    return 0, hook.agent.render_told(name, said, said), ""


def _spooled(hook: Hook, news: Callable[[], News]) -> str | None:
    """Where it waits. Without a place for it the answer must still be given."""
    try:
        kind, fields = news()
        return spool(kind, fields, hook.home, hook.env)
    except Exception:  # noqa: BLE001
        return None


def _news(hook: Hook) -> News:
    event = hook.event
    if event is None:
        return UNREADABLE, {"text": _unreadable(hook)}
    return RECEIPT, _of_call(hook, event)


def _unreadable(hook: Hook) -> str:
    """Half a secret is not seen as one: what a cut may have halved is left out as well."""
    text = hook.redactor.text(hook.text[: _LONGEST_UNREADABLE + _LONGEST_SECRET])
    return text if len(hook.text) <= _LONGEST_UNREADABLE else text[:-_LONGEST_SECRET]


def _hashed(home: str, event: Any) -> str:
    from durable.fingerprint import input_hash
    from durable.ledger.keys import read_key

    try:
        return input_hash(read_key(home).fingerprint, event.call.input)
    except DurableError:
        return ""


def _tell(hook: Hook, problem: str) -> tuple[int, str, str]:
    """Nobody is stopped between calls. The next call will be denied for the same reason, and say so."""
    if hook.event is not None and hook.event.name == "SessionStart":
        return 0, dumps({"systemMessage": f"durable can't write its ledger: {problem}."}), ""
    if hook.event is not None and hook.event.name == "UserPromptSubmit" and _decides(hook.event.prompt):
        return 0, hook.agent.render_said(hook.event.name, f"this decision was NOT recorded: {problem}"), ""
    return 0, "", ""


def _decides(prompt: str) -> bool:
    """Whoever typed it takes it for recorded unless told otherwise."""
    from durable.prompts import decision

    return decision(prompt) is not None


def _log(hook: Hook, problem: str) -> None:
    if not is_ours(hook.home):
        return
    path = f"{hook.home}/hook.log"
    line = dumps({"at": now(), "hook": hook.door, "problem": problem}) + "\n"
    try:
        if os.path.exists(path) and os.path.getsize(path) > _LOG_BYTES:
            os.replace(path, path + ".1")
        descriptor = os.open(path, _APPEND, 0o600)
        os.write(descriptor, line.encode())
        os.close(descriptor)
    except OSError:
        return  # The log is a convenience; the answer is on its way in any case.
