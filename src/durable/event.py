"""What the agent said, in words no client owns. An adapter in agents/ makes these from a payload."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

BEFORE_CALL = "before_call"
CALL_SUCCEEDED = "call_succeeded"
CALL_FAILED = "call_failed"
BATCH_ENDED = "batch_ended"
PERMISSION_ASKED = "permission_asked"
PERMISSION_DENIED = "permission_denied"
SESSION_STARTED = "session_started"
SESSION_ENDED = "session_ended"
PROMPT = "prompt"
SUBAGENT_STARTED = "subagent_started"
SUBAGENT_STOPPED = "subagent_stopped"
TURN_ENDED = "turn_ended"
TURN_FAILED = "turn_failed"
OTHER = "other"


class Call:
    """One tool call: what is about to run, ran, or failed."""

    __slots__ = ("agent_id", "agent_type", "input", "tool", "use_id")

    def __init__(self, use_id: str, tool: str, input: Any, agent_id: str = "", agent_type: str = "") -> None:
        self.use_id = use_id
        self.tool = tool
        self.input = input
        self.agent_id = agent_id
        self.agent_type = agent_type


class Event:
    """Everything one hook was told. What an event of its kind does not carry is empty or None."""

    __slots__ = (
        "agent_id",
        "agent_type",
        "asked_tool",
        "attended",
        "background",
        "call",
        "calls",
        "client",
        "client_pid",
        "cwd",
        "duration_ms",
        "entrypoint",
        "error",
        "interrupted",
        "kind",
        "last_message",
        "name",
        "permission_mode",
        "project",
        "prompt",
        "prompt_id",
        "reason",
        "response",
        "run_id",
        "session_id",
        "source",
        "transcript_path",
    )

    def __init__(self, kind: str, name: str, session_id: str) -> None:
        self.kind = kind
        self.name = name
        self.session_id = session_id
        self.agent_id = ""
        self.agent_type = ""
        self.asked_tool = ""
        self.attended: bool | None = None
        self.background: list[str] | None = None
        self.call: Call | None = None
        self.calls: list[Call] = []
        self.client = ""
        self.client_pid: int | None = None
        self.cwd = ""
        self.duration_ms: int | None = None
        self.entrypoint = ""
        self.error: Any = None
        self.interrupted = False
        self.last_message = ""
        self.permission_mode = ""
        self.project = ""
        self.prompt = ""
        self.prompt_id = ""
        self.reason = ""
        self.response: Any = None
        self.run_id = ""
        self.source = ""
        self.transcript_path = ""
