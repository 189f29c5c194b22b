"""Claude Code: its payloads become Events, our answers become what it reads from stdout."""

from __future__ import annotations

from durable import event as ev
from durable.errors import InputError
from durable.event import Call, Event
from durable.native import dumps, loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from durable.agents.claude_trace import Trace
    from durable.agents.claude_usage import Told
    from durable.policy.decide import Decision
    from durable.report import Report

NAME = "claude-code"

KINDS = {
    "PreToolUse": ev.BEFORE_CALL,
    "PostToolUse": ev.CALL_SUCCEEDED,
    "PostToolUseFailure": ev.CALL_FAILED,
    "PostToolBatch": ev.BATCH_ENDED,
    "PermissionRequest": ev.PERMISSION_ASKED,
    "PermissionDenied": ev.PERMISSION_DENIED,
    "SessionStart": ev.SESSION_STARTED,
    "SessionEnd": ev.SESSION_ENDED,
    "UserPromptSubmit": ev.PROMPT,
    "SubagentStart": ev.SUBAGENT_STARTED,
    "SubagentStop": ev.SUBAGENT_STOPPED,
    "Stop": ev.TURN_ENDED,
    "StopFailure": ev.TURN_FAILED,
}
DOORS = {
    "pre_tool_use": ("PreToolUse",),
    "post_tool_use": ("PostToolUse", "PostToolUseFailure", "PostToolBatch"),
    "lifecycle": None,  # every other event, those of later clients included
}
_WITH_CALL = (ev.BEFORE_CALL, ev.CALL_SUCCEEDED, ev.CALL_FAILED, ev.PERMISSION_DENIED)
_ID_LENGTH = 256


def parse(text: str, door: str, env: Mapping[str, str]) -> Event:
    """The payload as an Event. Whatever can't be one raises InputError with what is wrong."""
    payload = loads(text)
    if not isinstance(payload, dict):
        raise InputError(f"the input is a JSON {_kind(payload)} where an object belongs", "")
    name = _text(payload, "hook_event_name", required=True)
    _check_door(name, door)
    event = Event(KINDS.get(name, ev.OTHER), name, _id(payload, "session_id", required=True))
    _read_payload(event, payload)
    _read_environment(event, env)
    return event


def _check_door(name: str, door: str) -> None:
    served = DOORS[door]
    if served is None:
        fits = name not in DOORS["pre_tool_use"] and name not in DOORS["post_tool_use"]  # type: ignore[operator]
    else:
        fits = name in served
    if not fits:
        raise InputError(f"the event {name!r} does not belong to hooks/{door}.py", "")


def _read_payload(event: Event, payload: dict[str, Any]) -> None:
    event.client = NAME
    event.agent_id = _id(payload, "agent_id")
    event.agent_type = _text(payload, "agent_type")
    event.cwd = _text(payload, "cwd")
    event.transcript_path = _text(payload, "transcript_path")
    event.prompt_id = _id(payload, "prompt_id")
    event.permission_mode = _text(payload, "permission_mode")
    event.source = _text(payload, "source")
    event.reason = _text(payload, "reason")
    event.prompt = _text(payload, "prompt")
    event.last_message = _text(payload, "last_assistant_message")
    event.response = payload.get("tool_response")
    event.error = payload.get("error")
    event.interrupted = payload.get("is_interrupt") is True
    duration = payload.get("duration_ms")
    event.duration_ms = int(duration) if isinstance(duration, int | float) and 0 <= duration < 2**53 else None
    event.background = _background(payload)
    event.asked_tool = _text(payload, "tool_name")
    if event.kind in _WITH_CALL:
        event.call = _call(payload, event)
    if event.kind == ev.BATCH_ENDED:
        event.calls = [_call(item, event) for item in _list(payload, "tool_calls")]


def _call(payload: Any, event: Event) -> Call:
    if not isinstance(payload, dict):
        raise InputError(f"a tool call is a JSON {_kind(payload)} where an object belongs", "")
    given = payload.get("tool_input")
    if not isinstance(given, dict):
        raise InputError(f"tool_input is a JSON {_kind(given)} where an object belongs", "")
    use_id = _id(payload, "tool_use_id", required=True)
    tool = _id(payload, "tool_name", required=True)
    return Call(use_id, tool, given, event.agent_id, event.agent_type)


def _background(payload: dict[str, Any]) -> list[str] | None:
    if "background_tasks" not in payload:
        return None
    tasks = _list(payload, "background_tasks")
    return [task["id"] for task in tasks if isinstance(task, dict) and isinstance(task.get("id"), str)]


def _read_environment(event: Event, env: Mapping[str, str]) -> None:
    event.project = env.get("CLAUDE_PROJECT_DIR") or event.cwd
    event.entrypoint = env.get("CLAUDE_CODE_ENTRYPOINT", "")
    attended = env.get("CLAUDE_CODE_SESSION_ATTENDED", "")
    event.attended = {"1": True, "0": False}.get(attended, event.entrypoint == "cli" or None)
    pid = env.get("CLAUDE_PID", "")
    event.client_pid = int(pid) if pid.isdecimal() and pid.isascii() and len(pid) < 10 else None
    event.run_id = _clean(env.get("DURABLE_RUN_ID", ""), "DURABLE_RUN_ID", "give it a plain id or unset it")


def _text(payload: dict[str, Any], name: str, required: bool = False) -> str:
    value = payload.get(name)
    if value is None and not required:
        return ""
    if not isinstance(value, str):
        raise InputError(f"{name} is {'missing' if value is None else 'no text'}", "")
    if required and not value:
        raise InputError(f"{name} is empty", "")
    return value if value.isascii() else _without_surrogates(value)


def _without_surrogates(text: str) -> str:
    """SQLite stores UTF-8, which has no form for half a surrogate pair: it stays escaped."""
    return text.encode("utf-8", "backslashreplace").decode()


def _id(payload: dict[str, Any], name: str, required: bool = False) -> str:
    return _clean(_text(payload, name, required), name)


def _clean(value: str, name: str, remedy: str = "") -> str:
    """An id is shown, typed and put into paths: nothing in it may do more than name."""
    if len(value) > _ID_LENGTH or not value.isprintable():
        raise InputError(f"{name} is longer than {_ID_LENGTH} characters or holds unprintable ones", remedy)
    return value


def _list(payload: dict[str, Any], name: str) -> list[Any]:
    value = payload.get(name)
    if not isinstance(value, list):
        raise InputError(f"{name} is {'missing' if value is None else 'no list'}", "")
    return value


def _kind(value: Any) -> str:
    names = {dict: "object", list: "list", str: "string", bool: "boolean", int: "number", float: "number"}
    return names.get(type(value), "null")


# ---- answers ----------------------------------------------------------------------------------


def render_decision(decision: Decision, replacement: dict[str, Any] | None) -> str:
    """Before the call. Whatever is no deny and no question leaves the client's own permission check in place,
    except a receipt that is handed over: it has been decided, and there is nothing left to permit."""
    changed = {} if replacement is None else {"updatedInput": replacement}
    if decision.verdict == "permit":
        return _specific("PreToolUse", changed, decision.hint) if changed else render_permit(decision.hint)
    if decision.verdict == "replay" and changed:
        return _specific("PreToolUse", {"permissionDecision": "allow", **changed})
    fields = {"permissionDecision": decision.verdict, "permissionDecisionReason": decision.reason, **changed}
    return _specific("PreToolUse", fields, _for_the_person(decision))


def _for_the_person(decision: Decision) -> str:
    """The model reads the reason. The person sees one line of it, and the words that settle it."""
    if decision.code not in ("duplicate", "in_doubt", "reworded", "elsewhere", "twice", "strict_stop"):
        return ""
    lines = decision.reason.split("\n")
    return "\n".join(f"durable: {line}" for line in (lines[0], *(line for line in lines[1:] if "durable " in line)))


def render_said(event_name: str, said: str) -> str:
    """Between calls: a brief reaches the model; a prompt that was for us goes no further."""
    if event_name == "SessionStart":
        return render_told(event_name, said)
    return dumps({"decision": "block", "reason": f"durable: {said}"})


def render_permit(message: str = "") -> str:
    """Nothing: the client's own permission check goes on. An `allow` from us would skip it."""
    return dumps({"systemMessage": message}) if message else ""


def render_deny(reason: str) -> str:
    return _specific("PreToolUse", {"permissionDecision": "deny", "permissionDecisionReason": reason})


def render_told(event_name: str, context: str, message: str = "") -> str:
    """A word to the model after the fact, and one to the person beside it."""
    return _specific(event_name, {"additionalContext": context}, message)


def _specific(event_name: str, fields: dict[str, Any], message: str = "") -> str:
    answer: dict[str, object] = {"hookSpecificOutput": {"hookEventName": event_name, **fields}}
    if message:
        answer["systemMessage"] = message
    return dumps(answer)


# ---- the transcript ---------------------------------------------------------------------------


def transcript_of(transcript_path: str, agent_id: str) -> str:
    """The file that holds the results of this agent's calls."""
    if not agent_id or not transcript_path:
        return transcript_path
    from durable.agents.claude_transcript import subagent_path

    return subagent_path(transcript_path, agent_id)


def transcript_news(path: str, offset: int, limit: int) -> tuple[list[Report], int, bool]:
    """What the transcript says from `offset` on, where to go on from, and whether that is its end."""
    from durable.agents import claude_reports

    return claude_reports.transcript_news(path, offset, limit)


def task_report(prompt: str) -> Report | None:
    """The end of a background task, if that is what this prompt tells: the client sends it as one."""
    if not prompt.startswith("<task-notification>"):
        return None
    from durable.agents import claude_reports

    return claude_reports.task_report(prompt)


def forked_from(env: Mapping[str, str]) -> list[str]:
    """The sessions that the client itself names as this one's parent."""
    from durable.agents import claude_lineage

    return claude_lineage.forked_from(env)


def calls_at_end(path: str, most: int) -> list[Call]:
    from durable.agents import claude_lineage

    return claude_lineage.calls_at_end(path, most)


def transcripts(transcript_path: str) -> list[tuple[str, str]]:
    """Of the session itself and of each of its sub-agents: the agent's id, and the path."""
    from durable.agents import claude_usage

    return claude_usage.transcripts(transcript_path)


def told_of_use(path: str, offset: int, mark: int, limit: int) -> Told:
    """What a transcript says of messages and costs from `offset` on; see claude_usage."""
    from durable.agents import claude_usage

    return claude_usage.told_of_use(path, offset, mark, limit)


def trace(path: str) -> Trace:
    """Every call in a transcript, and what became of it; see evidence/auditing/trace.py."""
    from durable.agents import claude_trace

    return claude_trace.Trace(path)


def sessions_in(folder: str) -> list[tuple[str, str]]:
    from durable.agents import claude_trace

    return claude_trace.sessions_in(folder)


def sessions_named(prefix: str) -> list[tuple[str, str]]:
    from durable.agents import claude_trace

    return claude_trace.sessions_named(prefix)
