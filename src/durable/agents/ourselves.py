"""durable itself, where it executes a step: it keeps no record of its own beside the ledger.

What it says of a call is written down only if the ledger can't take it: then it waits in the spool.
"""

from __future__ import annotations

from durable.event import CALL_FAILED, CALL_SUCCEEDED, Call, Event
from durable.native import loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

NAME = "durable"
_FIELDS = ("cwd", "error", "interrupted", "project", "response", "run_id")


def payload(event: Event) -> dict[str, Any]:
    call = event.call
    assert call is not None
    said = {name: getattr(event, name) for name in _FIELDS}
    return said | {
        "session_id": event.session_id,
        "use_id": call.use_id,
        "tool": call.tool,
        "input": call.input,
        "agent_id": event.agent_id,
    }


def parse(text: str, door: str, env: Mapping[str, str]) -> Event:
    said = loads(text)
    kind = CALL_SUCCEEDED if said["error"] is None else CALL_FAILED
    event = Event(kind, NAME, said["session_id"])
    event.client = NAME
    for name in _FIELDS:
        setattr(event, name, said[name])
    event.agent_id = said["agent_id"]
    event.call = Call(said["use_id"], said["tool"], said["input"], said["agent_id"])
    return event


def transcript_of(path: str, agent_id: str) -> str:
    return ""


def transcripts(path: str) -> list[tuple[str, str]]:
    return []
