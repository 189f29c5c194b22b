"""The client's transcript, read forward from where the last reading stopped.

It is the client's file, not ours: what can't be read in it is counted and never raises. A fork's
transcript repeats the lines of its parent with the same ids under a new session: callers match only
ids of steps that belong to this transcript's own session.
"""

from __future__ import annotations

from durable.agents.line_reader import last_lines, whole_lines
from durable.errors import InputError
from durable.native import loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    Found = TypeVar("Found", bound="Outcome | ToolUse")

SUCCEEDED, FAILED_TEXT, REFUSED, REJECTED = "succeeded", "failed_text", "refused", "rejected"
INTERRUPTED, LAUNCHED, NOTIFICATION, UNREADABLE = "interrupted", "launched", "notification", "unreadable"

NOTIFICATION_START = "<task-notification>"
# These lines copy whole messages, results included: they are not the record.
COPIES = (b'{"type":"api-request', b'{"type": "api-request')
# What the client writes in the place of a result that never came.
CUT_OFF_START = "[Tool call interrupted: the session ended"
CUT_OFF_END = ("[Request interrupted by user]", "[Request interrupted by user for tool use]")
# A sub-agent's lines may lack `toolUseResult`; then only these words tell a launch from an end.
LAUNCH_STARTS = (
    "Command running in background with ID:",
    "Command did not complete within its ",
    "Async agent launched successfully.",
)


class Outcome:
    """One thing the transcript says about one call.

    `kind`: SUCCEEDED; FAILED_TEXT (an error, with text and perhaps an exit code); REFUSED (provably never
    ran); REJECTED (may or may not have run); INTERRUPTED; LAUNCHED (runs on, no receipt yet); NOTIFICATION
    (`response` is the Notification); UNREADABLE (a line or file that could not be read, without an id).
    `evidence` names what in the line decided, `at` is the client's timestamp, `response` its
    `toolUseResult`.
    """

    __slots__ = ("at", "evidence", "exit_code", "is_error", "kind", "position", "response", "text", "tool_use_id")

    def __init__(
        self,
        tool_use_id: str,
        kind: str,
        text: str,
        is_error: bool,
        exit_code: int | None,
        evidence: str,
        at: str,
        response: object,
    ) -> None:
        self.tool_use_id = tool_use_id
        self.kind = kind
        self.text = text
        self.is_error = is_error
        self.exit_code = exit_code
        self.evidence = evidence
        self.at = at
        self.response = response
        self.position = 0  # where its line begins in the file


class Notification:
    """The end of something that ran in the background; `status` is the client's word for it."""

    __slots__ = ("exit_code", "status", "summary", "task_id", "tool_use_id")

    def __init__(self, tool_use_id: str, task_id: str, status: str, summary: str, exit_code: int | None) -> None:
        self.tool_use_id = tool_use_id
        self.task_id = task_id
        self.status = status
        self.summary = summary
        self.exit_code = exit_code


class ToolUse:
    """A call as the model asked for it."""

    __slots__ = ("at", "input", "message_id", "name", "position", "tool_use_id")

    def __init__(self, tool_use_id: str, name: str, arguments: object, message_id: str, at: str) -> None:
        self.tool_use_id = tool_use_id
        self.name = name
        self.input = arguments
        self.message_id = message_id
        self.at = at
        self.position = 0


def result_lines(path: str, offset: int, limit: int) -> tuple[list[Outcome], int, bool]:
    """What the whole lines from `offset` on say, the offset to go on from, and whether the end was reached.

    Reads about `limit` bytes, but always at least one line. An unfinished last line is left for the next
    time. A file that is shorter than `offset`, or has no line beginning there, was rewritten: it is read
    from its start. One notification may come twice, when it was queued and when it was delivered.
    """
    return _read(path, offset, limit, (b"tool_result", b"task-notification"), _outcomes, _unreadable)


def tool_uses(path: str, offset: int, limit: int) -> tuple[list[ToolUse], int, bool]:
    """The calls the model asked for; offset, limit and end as in `result_lines`."""
    return _read(path, offset, limit, (b"tool_use",), _uses, lambda evidence: [])


def uses_at_end(path: str, most: int) -> list[ToolUse]:
    """The calls that the last `most` bytes ask for, in order; none if the file can't be read."""
    try:
        lines = last_lines(path, most)
    except (OSError, ValueError):
        return []
    wanted = [line for line in lines if b"tool_use" in line and not line.startswith(COPIES)]
    return [use for line in wanted for use in _read_one(line, _uses, lambda evidence: [])]


def subagent_path(transcript_path: str, agent_id: str) -> str:
    """Where the client writes a sub-agent's lines; empty for an id that is no plain name."""
    if not agent_id.replace("-", "").replace("_", "").isalnum():
        return ""
    return f"{transcript_path.removesuffix('.jsonl')}/subagents/agent-{agent_id}.jsonl"


def parse_notification(text: str) -> Notification | None:
    """None unless the text begins as a notification does and says which call ended how.

    Only what stands before the summary is believed: the summary quotes the model's own words, and
    prose may quote a whole notification.
    """
    if not text.startswith(NOTIFICATION_START):
        return None
    head, _, rest = text.partition("<summary>")
    tool_use_id, status = _element(head, "tool-use-id"), _element(head, "status")
    if not tool_use_id or not status:
        return None
    summary = rest.partition("</summary>")[0]
    exit_code = _exit_code_at_end(summary) if rest.count("</summary>") == 1 else None
    return Notification(tool_use_id, _element(head, "task-id"), status, summary, exit_code)


# ---- lines ------------------------------------------------------------------------------------


def _read(
    path: str,
    offset: int,
    limit: int,
    marks: tuple[bytes, ...],
    read_line: Callable[[dict[str, Any]], list[Found]],
    on_unreadable: Callable[[str], list[Found]],
) -> tuple[list[Found], int, bool]:
    try:
        lines, offset, at_end = whole_lines(path, offset, limit)
    except (FileNotFoundError, NotADirectoryError):
        return [], offset, True
    except (OSError, ValueError) as error:
        return on_unreadable(f"the transcript can't be read ({error})"), offset, True
    found: list[Found] = []
    position = offset - sum(len(line) + 1 for line in lines)
    for line in lines:
        # A line can be megabytes long and most say nothing about results: look before parsing.
        if any(mark in line for mark in marks) and not line.startswith(COPIES):
            said = _read_one(line, read_line, on_unreadable)
            for item in said:
                item.position = position
            found += said
        position += len(line) + 1
    return found, offset, at_end


def _read_one(
    line: bytes,
    read_line: Callable[[dict[str, Any]], list[Found]],
    on_unreadable: Callable[[str], list[Found]],
) -> list[Found]:
    try:
        value = loads(line.decode("utf-8"))
    except (InputError, ValueError) as error:
        return on_unreadable(f"a line can't be read ({error})")
    return read_line(value) if isinstance(value, dict) else []


def _unreadable(evidence: str) -> list[Outcome]:
    return [Outcome("", UNREADABLE, "", False, None, evidence, "", None)]


# ---- what a line says -------------------------------------------------------------------------


def _outcomes(line: dict[str, Any]) -> list[Outcome]:
    if line.get("type") == "queue-operation":
        return _notified(line, line.get("content"))
    if line.get("type") != "user":
        return []
    content = _dict(line.get("message")).get("content")
    if isinstance(content, str):
        return _notified(line, content) if _is_from_the_client(line) else []
    blocks = [b for b in _list(content) if _dict(b).get("type") == "tool_result"]
    return [parse_result(line, b, len(blocks) == 1) for b in blocks if isinstance(b.get("tool_use_id"), str)]


def _uses(line: dict[str, Any]) -> list[ToolUse]:
    if line.get("type") != "assistant":
        return []
    message = _dict(line.get("message"))
    blocks = [_dict(b) for b in _list(message.get("content"))]
    said = _str(message.get("id")), _str(line.get("timestamp"))
    return [
        ToolUse(b["id"], _str(b.get("name")), b.get("input"), *said)
        for b in blocks
        if b.get("type") == "tool_use" and isinstance(b.get("id"), str)
    ]


def _is_from_the_client(line: dict[str, Any]) -> bool:
    # Older lines carry no origin; a typed prompt says `human`.
    origin = _dict(line.get("origin")).get("kind")
    return origin is None or origin == "task-notification"


def _notified(line: dict[str, Any], content: object) -> list[Outcome]:
    told = parse_notification(_str(content))
    if told is None:
        return []
    call, at = told.tool_use_id, _str(line.get("timestamp"))
    evidence, is_error = f"task-notification: {told.status}", told.status != "completed"
    return [Outcome(call, NOTIFICATION, told.summary, is_error, told.exit_code, evidence, at, told)]


def parse_result(line: dict[str, Any], block: dict[str, Any], alone: bool) -> Outcome:
    """`alone`: the line holds no other result, so that what stands beside the block speaks of it."""
    text, is_error = _text(block.get("content")), bool(block.get("is_error"))
    kind, evidence = _kind(line, text, is_error, alone)
    exit_code = _exit_code_at_start(text) if kind == FAILED_TEXT else None
    at, response = _str(line.get("timestamp")), line.get("toolUseResult")
    return Outcome(block["tool_use_id"], kind, text, is_error, exit_code, evidence, at, response)


def _kind(line: dict[str, Any], text: str, is_error: bool, alone: bool) -> tuple[str, str]:
    # The client's marks stand beside the line, not in the block: with several results in one line
    # nothing says whose they are, so they prove no refusal.
    proof = _proof_of_refusal(line, text) if is_error and alone else ""
    if proof:
        return REFUSED, proof
    denial = _str(line.get("toolDenialKind"))
    if denial or _dict(line.get("permissionDecision")).get("decision") == "reject":
        return (INTERRUPTED if denial == "interrupted" else REJECTED), denial or "permissionDecision"
    response = _dict(line.get("toolUseResult"))
    if _was_launched(response, text, is_error):
        return LAUNCHED, "launch"
    if response.get("interrupted") is True or text.startswith(CUT_OFF_START):
        return INTERRUPTED, "interrupted"
    if not is_error:
        return SUCCEEDED, "tool_result"
    return (INTERRUPTED, "interrupted") if text.rstrip().endswith(CUT_OFF_END) else (FAILED_TEXT, "is_error")


def _proof_of_refusal(line: dict[str, Any], text: str) -> str:
    """That the call never ran. A person's "rejected" alone is no proof: it also ends a running call."""
    if line.get("toolDenialBeforeRun") is True:
        return "toolDenialBeforeRun"
    if _dict(line.get("permissionDecision")).get("decision") == "reject":
        return "permissionDecision"
    by_hook = text.startswith("PreToolUse:") and " hook error:" in text.partition("\n")[0]
    return "hook denial" if by_hook and line.get("toolDenialKind") == "permission-rule" else ""


def _was_launched(response: dict[str, Any], text: str, is_error: bool) -> bool:
    if response.get("backgroundTaskId") or response.get("timedOutAfterMs") is not None:
        return True
    if response.get("isAsync") is True or response.get("status") == "async_launched":
        return True
    return not response and not is_error and text.startswith(LAUNCH_STARTS)


# ---- small readers ----------------------------------------------------------------------------


def _text(content: object) -> str:
    if isinstance(content, str):
        return content
    return "\n".join(_str(_dict(b).get("text")) or f"[{_str(_dict(b).get('type'))}]" for b in _list(content))


def _exit_code_at_start(text: str) -> int | None:
    first = text.partition("\n")[0]
    return _number(first.removeprefix("Exit code ")) if first.startswith("Exit code ") else None


def _exit_code_at_end(summary: str) -> int | None:
    before, _, last = summary.rpartition("exit code ")
    return _number(last.removesuffix(")")) if before else None


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def _element(text: str, name: str) -> str:
    return text.partition(f"<{name}>")[2].partition(f"</{name}>")[0].strip()


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _str(value: object) -> str:
    return value if isinstance(value, str) else ""
