"""What the transcripts of one session say of its calls, each beside the rows that bear its id."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from durable.brief.title import titled
from durable.evidence.auditing.trace import PERHAPS, RAN, Asked, Broken, Told

if TYPE_CHECKING:
    from typing import Any

    from durable.evidence.auditing.likeness import Likeness
    from durable.evidence.auditing.trace import Item
    from durable.view import Row

GONE, UNREADABLE, BROKEN = "transcript_gone", "transcript_unreadable", "transcript_broken"


@dataclass(slots=True, eq=False)
class Heard:
    """A call in a transcript. `inputs` and `results` say of each row under its id whether it says the same."""

    agent_id: str
    use_id: str
    tool: str
    at: str
    turn: int
    call: str = ""
    ran: str = PERHAPS
    why: str = "no result"
    told_at: str = ""
    inputs: dict[str, bool | None] = field(default_factory=dict)
    results: dict[str, bool | None] = field(default_factory=dict)


@dataclass(slots=True)
class Trail:
    """One transcript: what was read of it, and why it proves nothing, if it doesn't."""

    agent_id: str
    path: str
    fault: str = ""
    why: str = ""
    first_at: str = ""
    last_at: str = ""
    faults: int = 0


class Hearing:
    """`seen`: the calls of sessions before this one. A fork repeats them; they belong to where they ran first."""

    def __init__(self, rows: list[Row], likeness: Likeness, seen: set[int]) -> None:
        self.calls: list[Heard] = []
        self.trails: dict[str, Trail] = {}
        self.began: set[str] = set()  # sub-agents
        self.repeated = self.typed = 0
        self._likeness = likeness
        self._seen = seen
        self._rows: dict[str, list[Row]] = {}
        for row in rows:
            self._rows.setdefault(row["tool_use_id"], []).append(row)

    def read(self, agent_id: str, path: str, trace: Any, goes_on: bool = False) -> None:
        """`goes_on`: the session goes on from another one, and may have taken over no more than its last part."""
        trail = self.trails[agent_id] = Trail(agent_id, path)
        asked: dict[str, Heard | None] = {}
        try:
            for item in trace:
                self._take(trail, asked, item)
        except FileNotFoundError:
            trail.fault, trail.why = GONE, "it is not there: the client takes old ones away"
        except (OSError, ValueError) as error:
            trail.fault, trail.why = UNREADABLE, f"it can't be read ({getattr(error, 'strerror', None) or error})"
        if trace.late and not goes_on:
            trail.fault, trail.why = trail.fault or BROKEN, trail.why or "its beginning is missing"
        trail.first_at, trail.last_at = trace.first_at, trace.last_at

    def is_silent(self) -> bool:
        """Whether nothing was written down, or nothing is left of it."""
        return all(trail.fault in ("", GONE) and not trail.first_at for trail in self.trails.values())

    def miss_what_was_said(self, prompted: bool) -> None:
        """Whatever is told to a session or sub-agent, the client writes down first. A sub-agent begins with it."""
        for trail in self.trails.values():
            if not trail.fault and not trail.first_at and (prompted or trail.agent_id):
                trail.fault, trail.why = BROKEN, "there is nothing in it"

    def _take(self, trail: Trail, asked: dict[str, Heard | None], item: Item) -> None:
        if isinstance(item, Broken):
            trail.faults += 1
            trail.fault, trail.why = trail.fault or BROKEN, trail.why or item.why
        elif isinstance(item, Asked):
            asked[item.use_id] = self._asked(trail.agent_id, item)
        elif isinstance(item, Told):
            self._told(asked.get(item.use_id), item)
        else:
            self.typed += 1

    def _asked(self, agent_id: str, item: Asked) -> Heard | None:
        place = hash((item.line, item.use_id))
        if item.line and place in self._seen:
            self.repeated += 1
            return None
        self._seen.add(place)
        heard = Heard(agent_id, item.use_id, item.tool, item.at, item.turn)
        for row in self._rows.get(item.use_id, ()):
            heard.inputs[row["step_id"]] = self._likeness.of_input(item, row)
        if not any(heard.inputs.values()):
            heard.call = titled(item.tool, self._likeness.clean(item.input))
        self.calls.append(heard)
        return heard

    def _told(self, heard: Heard | None, item: Told) -> None:
        if heard is None:
            return
        if item.agent:
            self.began.add(item.agent)
        if heard.ran != RAN:
            heard.ran, heard.why, heard.told_at = item.ran, item.why, item.at
        for row in self._rows.get(item.use_id, ()):
            if heard.results.get(row["step_id"]) is not False:
                heard.results[row["step_id"]] = self._likeness.of_result(item, row)
