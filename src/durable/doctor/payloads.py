"""What the client would send: one small session of calls that nothing runs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

TOOL = "Bash"
COMMAND = "echo a call that durable doctor made up"


class Session:
    """Each call has a command of its own, unless the session is given one for all."""

    __slots__ = ("_base", "_command", "session_id")

    def __init__(self, session_id: str, cwd: str, transcript: str, command: str = "") -> None:
        self.session_id = session_id
        self._command = command
        self._base = {"session_id": session_id, "cwd": cwd, "transcript_path": transcript}

    def start(self) -> str:
        return self._text("SessionStart", {"source": "startup"})

    def end(self) -> str:
        return self._text("SessionEnd", {"reason": "other"})

    def before(self, use_id: str) -> str:
        return self._text("PreToolUse", self._call(use_id))

    def after(self, use_id: str) -> str:
        response = {"stdout": "made up", "stderr": "", "interrupted": False, "isImage": False}
        return self._text("PostToolUse", {**self._call(use_id), "tool_response": response, "duration_ms": 1})

    def failed(self, use_id: str) -> str:
        return self._text("PostToolUseFailure", {**self._call(use_id), "error": "Exit code 3\nmade up"})

    def batch(self, use_id: str) -> str:
        call = {**self._call(use_id), "tool_response": "made up"}
        return self._text("PostToolBatch", {"tool_calls": [call]})

    def _call(self, use_id: str) -> dict[str, Any]:
        command = self._command or f"{COMMAND} {use_id}"
        return {"tool_name": TOOL, "tool_input": {"command": command}, "tool_use_id": use_id}

    def _text(self, event: str, more: Mapping[str, Any]) -> str:
        return json.dumps({**self._base, "hook_event_name": event, "permission_mode": "default", **more})
