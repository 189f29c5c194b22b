"""A transcript as the client writes it, line by line, each naming the one before it.

lines = Lines("session"); lines.prompt("go"); lines.call("Bash", "toolu_1", {"command": "ls"})
"""

import json
import uuid
from datetime import UTC, datetime

ACCEPTED = {"permissionDecision": {"decision": "accept", "source": "config", "reasonType": "mode"}}
NOT_TAKEN = "<tool_use_error>InputValidationError: it is missing</tool_use_error>"


def stamp():
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:23] + "Z"


class Lines:
    def __init__(self, session_id):
        self.session_id = session_id
        self.lines = []
        self.last = None
        self.asked = {}

    def prompt(self, text, at=None):
        self._line("user", at, promptSource="typed", message={"role": "user", "content": text})

    def call(self, tool, use_id, given, at=None):
        block = {"type": "tool_use", "id": use_id, "name": tool, "input": given}
        message = {"id": f"msg_{uuid.uuid4().hex}", "role": "assistant", "content": [block]}
        self.asked[use_id] = self._line("assistant", at, message=message)

    def result(self, use_id, content, response=None, at=None, is_error=False, **marks):
        block = {"type": "tool_result", "tool_use_id": use_id, "content": content, "is_error": is_error}
        more = {} if response is None else {"toolUseResult": response}
        source = {"sourceToolAssistantUUID": self.asked[use_id]} if use_id in self.asked else {}
        message = {"role": "user", "content": [block]}
        self._line("user", at, message=message, **source, **more, **(marks or ACCEPTED))

    def ran(self, tool, use_id, given, response, at=None):
        """As the recorded hooks of cli_machine tell it."""
        self.call(tool, use_id, given, at)
        self.result(use_id, str(response.get("stdout")), response, at)

    def say(self, text):
        self._line("assistant", None, message={"role": "assistant", "content": [{"type": "text", "text": text}]})

    def _line(self, kind, at, **fields):
        place = str(uuid.uuid4())
        head = {"parentUuid": self.last, "type": kind, "uuid": place, "sessionId": self.session_id}
        self.lines.append(json.dumps({**head, "timestamp": at or stamp(), **fields}, separators=(",", ":")))
        self.last = place
        return place

    @property
    def text(self):
        return "".join(f"{line}\n" for line in self.lines)

    def write(self, path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self.text, encoding="utf-8")
