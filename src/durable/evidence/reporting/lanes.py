"""Who made which call: the main agent and its sub-agents side by side, and the sessions they lived in. Pure."""

from __future__ import annotations

from durable.evidence.reporting.timing import microseconds
from durable.step import JOB

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from durable.view import Row

MAIN = "main"


def lanes_of(steps: list[Row]) -> list[dict[str, Any]]:
    """In the order of their first step, the main agent first. `column` is shared by those that never overlap."""
    found: dict[str, dict[str, Any]] = {"": _lane("", MAIN)}
    for place, step in enumerate(steps):
        lane = found.setdefault(step["agent_id"], _lane(step["agent_id"], step["agent_type"] or step["agent_id"][:8]))
        lane["first"] = place if lane["first"] is None else lane["first"]
        lane["last"] = place
        lane["steps"] += 1
    main, *others = found.values()
    if main["steps"] and all(step["session_id"].endswith(JOB) for step in steps if not step["agent_id"]):
        main["name"] = "job"
    _give_columns(others)
    return [main, *others]


def _lane(agent_id: str, name: str) -> dict[str, Any]:
    return {"id": agent_id, "name": name, "column": 0, "first": None, "last": None, "steps": 0}


def _give_columns(lanes: list[dict[str, Any]]) -> None:
    busy_until: list[int] = []
    for lane in lanes:
        free = next((place for place, last in enumerate(busy_until) if last < lane["first"]), len(busy_until))
        busy_until[free : free + 1] = [lane["last"]]
        lane["column"] = free + 1


def sessions_of(sessions: list[Row], steps: list[Row], origin: int) -> list[dict[str, Any]]:
    return [_session(session, steps, origin) for session in sessions]


def _session(session: Row, steps: list[Row], origin: int) -> dict[str, Any]:
    places = [place for place, step in enumerate(steps) if step["session_id"] == session["session_id"]]
    return {
        "id": session["session_id"],
        "source": session["source"],
        "entrypoint": session["entrypoint"],
        "continues": session["continues"],
        "from": microseconds(session["joined_at"]) - origin,
        "to": microseconds(session["ended_at"]) - origin if session["ended_at"] else None,
        "ended": session["end_reason"],
        "first": places[0] if places else None,
        "steps": len(places),
    }
