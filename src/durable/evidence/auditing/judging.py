"""What follows from the calls of a session and its rows, side by side. Pure.

a call and its row    nothing, unless they differ, or the row is younger than the result
a call without one    it never ran: nothing. It ran: a hole, which enforcement that was off, or observe mode, explains.
                      It may have run: nobody knows, unless a call of the same turn has a row: then hooks were on
a row without one     a row too many; unless durable itself ran the call, its client was killed over it, or the
                      transcript does not reach so far
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from durable.evidence.auditing.pairing import paired
from durable.evidence.auditing.trace import NEVER_RAN, RAN
from durable.evidence.findings import FAIL, UNKNOWN, WARN, Finding
from durable.policy.policy import OBSERVE
from durable.step import FAILED, IN_DOUBT, OPEN, REFUSED, REPLAYED, SUCCEEDED, UNPREPARED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any

    from durable.evidence.auditing.hearing import Heard, Hearing, Trail
    from durable.evidence.auditing.pairing import Paired
    from durable.view import Row

KILLED = "found dead"
RESUMED = "resume"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is known beside the calls: `off` are the times without enforcement, `holes` those of the numbers that the
    run's events lack, `killed` the owners whose process was found dead, `taken` the calls
    whose row is known to be gone, `title` shows the call of a row."""

    run_id: str
    off: list[dict[str, Any]]
    holes: list[Row]
    killed: frozenset[str]
    taken: frozenset[str]
    title: Callable[[Row], str]


@dataclass(slots=True)
class Verdict:
    findings: list[Finding] = field(default_factory=list)
    compared: int = 0  # calls that have their row
    alike: int = 0  # whose result was compared as well
    never_ran: int = 0
    by_durable: int = 0


class Judge:
    def __init__(self, session: Row, hearing: Hearing, rows: list[Row], around: Surroundings) -> None:
        self._session = session
        self._hearing = hearing
        self._around = around
        self._found: Paired = paired(hearing.calls, rows)
        self._said = Verdict()
        self._times, self._runs = self._seats()

    def verdict(self) -> Verdict:
        findings = [*self._trails(), *self._pairs(), *self._calls(), *self._rows()]
        self._said.findings = sorted(findings, key=lambda one: str(one.where.get("at") or ""))
        return self._said

    # ---- transcripts --------------------------------------------------------------------------

    def _trails(self) -> Iterator[Finding]:
        for trail in self._hearing.trails.values():
            if trail.fault:
                whose = f"sub-agent {trail.agent_id}" if trail.agent_id else f"session {self._session['session_id']}"
                where = {"session": self._session["session_id"], "agent": trail.agent_id, "transcript": trail.path}
                says = f"the transcript of {whose} proves nothing: {trail.why}"
                yield Finding(UNKNOWN, trail.fault, says, where | {"at": trail.last_at})

    # ---- calls that have their row --------------------------------------------------------------

    def _pairs(self) -> Iterator[Finding]:
        for call, row in self._found.pairs:
            if row["run_id"] != self._around.run_id:
                continue
            self._said.compared += 1
            yield from self._prepared_first(call, row)
            yield from self._same(call, row)

    def _prepared_first(self, call: Heard, row: Row) -> Iterator[Finding]:
        ran = call.ran == RAN
        if row["flag"] == UNPREPARED:
            yield self._unprepared(row)
        elif ran and row["status"] == REFUSED:
            yield self._of(row, FAIL, "ran_though_refused", "is refused on record, and ran")
        elif ran and row["running_at"] is None and row["status"] != REPLAYED:
            yield self._of(row, FAIL, "ran_without_permit", "ran, and was never permitted on record")
        elif ran and row["at"][:23] > (call.told_at or "~")[:23]:
            yield self._of(row, FAIL, "prepared_late", f"has a row that is younger than its result ({call.told_at})")
        elif call.ran == NEVER_RAN and row["status"] in (SUCCEEDED, FAILED):
            says = f"has a receipt, and the client says that it never ran ({call.why})"
            yield self._of(row, FAIL, "receipt_without_run", says)
        elif not call.told_at and row["status"] in (SUCCEEDED, FAILED) and row["closed_by"] == "PostToolUse":
            says = "has a receipt, and the transcript no result: it may have been cut"
            yield self._of(row, UNKNOWN, "no_result", says)

    def _unprepared(self, row: Row) -> Finding:
        if row["would"] is not None:
            says = "ran in observe mode while the ledger could not be written; its row came afterwards"
            return self._of(row, WARN, "observe_unrecorded", says)
        span = self._off(row["at"])
        if span is not None:
            return self._of(row, WARN, "enforcement_off", f"ran while {_lifted(span)}; its row came afterwards")
        return self._of(row, FAIL, "unprepared", "ran before any hook had prepared it; its row came afterwards")

    def _same(self, call: Heard, row: Row) -> Iterator[Finding]:
        if call.inputs.get(row["step_id"]) is False:
            yield self._of(row, FAIL, "input_differs", f"stands in the transcript as {call.call}", asked=call.call)
        alike = call.results.get(row["step_id"])
        self._said.alike += alike is True
        if alike is False:
            says = (
                "has another result on record than the model was given (unless another hook rewrote it for the model)"
            )
            yield self._of(row, FAIL, "result_differs", says)

    # ---- calls without a row ----------------------------------------------------------------------

    def _calls(self) -> Iterator[Finding]:
        self._said.never_ran += sum(call.ran == NEVER_RAN for call in self._found.calls)
        alone = [call for call in self._found.calls if call.ran != NEVER_RAN and call.use_id not in self._around.taken]
        alone = [call for call in alone if self._is_of_this_run(call)]
        ran = [call for call in alone if call.ran == RAN]
        for stretch in self._stretches(sorted(ran, key=lambda one: one.at)):
            yield from (self._hole(call, stretch) for call in stretch)
        turns = {(call.agent_id, call.turn) for call, _ in self._found.pairs}
        for call in alone:
            if call.ran != RAN and (call.agent_id, call.turn) not in turns:
                says = f"{call.call} has no row, and may have run ({call.why})"
                yield Finding(UNKNOWN, "may_have_run", says, self._where(call))

    def _stretches(self, calls: list[Heard]) -> list[list[Heard]]:
        """Calls without a row that no call with one stands between."""
        found: dict[int, list[Heard]] = {}
        for call in calls:
            found.setdefault(bisect_left(self._times, call.at), []).append(call)
        return list(found.values())

    def _hole(self, call: Heard, stretch: list[Heard]) -> Finding:
        where = self._where(call) | {"stretch": [stretch[0].at, stretch[-1].at, len(stretch)]}
        span, hole = self._off(call.at), self._missing(call.at)
        if span is not None:
            return Finding(WARN, "enforcement_off", f"{call.call} ran without a row while {_lifted(span)}", where)
        if hole is not None:
            numbers = f"events {hole['first']} to {hole['last']} of the run are missing"
            says = f"{call.call} ran, and its row was taken out: {numbers}"
            return Finding(FAIL, "row_removed", says, where)
        if self._observed(call.at):
            says = f"{call.call} ran without a row in observe mode, which lets calls go that can't be recorded"
            return Finding(WARN, "observe_unrecorded", says, where)
        if self._may_be_anothers(call):
            says = f"{call.call} has no row here: this session goes on from one whose transcript is not at hand"
            return Finding(UNKNOWN, "from_elsewhere", says, where)
        return Finding(FAIL, "ran_without_row", f"{call.call} ran, and no hook prepared it", where)

    def _may_be_anothers(self, call: Heard) -> bool:
        goes_on = self._session["source"] == "fork" or bool(self._session["continues"])
        return goes_on and call.at < self._session["joined_at"]

    def _observed(self, at: str) -> bool:
        before = [row for row in (row for _, row in self._found.pairs) if row["at"] <= at]
        return bool(before) and max(before, key=lambda row: row["at"])["mode"] == OBSERVE

    def _missing(self, at: str) -> Row | None:
        holes = self._around.holes
        return next((hole for hole in holes if (hole["after"] or "")[:23] <= at <= hole["before"]), None)

    def _off(self, at: str) -> dict[str, Any] | None:
        return next((span for span in self._around.off if span["since"][:23] <= at[:23] <= span["until"]), None)

    def _seats(self) -> tuple[list[str], list[str]]:
        """When calls that have a row were asked for, in order, and the run of each."""
        listed = sorted((call.at, row["run_id"]) for call, row in self._found.pairs if call.ran == RAN)
        return [at for at, _ in listed], [run_id for _, run_id in listed]

    def _is_of_this_run(self, call: Heard) -> bool:
        """A session may have worked for several runs: the run of the call before, else of the one behind."""
        place = bisect_left(self._times, call.at)
        run_id = self._runs[max(place - 1, 0)] if self._runs else self._session["run_id"]
        return bool(run_id == self._around.run_id)

    # ---- rows without a call ------------------------------------------------------------------------

    def _rows(self) -> Iterator[Finding]:
        known = {call.use_id for call, _ in self._found.pairs}
        beyond: dict[str, list[Row]] = {}
        for row in self._found.rows:
            trail = self._hearing.trails.get(row["agent_id"])
            if row["run_id"] != self._around.run_id or trail is None or trail.fault:
                continue
            if _by_durable(row):
                self._said.by_durable += 1
            elif row["owner_id"] in self._around.killed and row["status"] in (*OPEN, REFUSED):
                says = "is not in the transcript: its client was killed before it could write the call down"
                yield self._of(row, WARN, "cut_off", says)
            elif not _reaches(trail, row["at"]):
                beyond.setdefault(row["agent_id"], []).append(row)
            elif row["tool_use_id"] not in known or row["status"] in (SUCCEEDED, FAILED, IN_DOUBT):
                yield self._of(row, FAIL, "row_without_call", "has a row, and the transcript knows of no such call")
        for agent_id, rows in beyond.items():
            yield from (self._beyond(row, self._hearing.trails[agent_id]) for row in rows)

    def _beyond(self, row: Row, trail: Trail) -> Finding:
        reach = f"from {trail.first_at} to {trail.last_at}" if trail.first_at else "nowhere"
        says = f"is not in the transcript, which reaches {reach}: it was cut"
        return self._of(row, UNKNOWN, "transcript_cut", says)

    # ---- words --------------------------------------------------------------------------------------

    def _of(self, row: Row, verdict: str, code: str, says: str, **more: str) -> Finding:
        title = self._around.title(row)
        names = {"session": "session_id", "agent": "agent_id", "step": "step_id", "tool": "tool_name"}
        where = {name: row[column] for name, column in (names | {"tool_use_id": "tool_use_id", "at": "at"}).items()}
        return Finding(verdict, code, f"{title} {says}", where | {"call": title} | more)

    def _where(self, call: Heard) -> dict[str, Any]:
        return {
            "session": self._session["session_id"], "agent": call.agent_id, "tool": call.tool,
            "tool_use_id": call.use_id, "at": call.at, "call": call.call,
        }  # fmt: skip


def _by_durable(row: Row) -> bool:
    """`durable resume` executed it, or was about to: no prompt led to it."""
    return bool(row["closed_by"] == RESUMED or (not row["prompt_id"] and row["status"] in OPEN))


def _reaches(trail: Trail, at: str) -> bool:
    return bool(trail.first_at) and trail.first_at[:23] <= at[:23] <= trail.last_at[:23]


def _lifted(span: dict[str, Any]) -> str:
    return f"enforcement was off (lifted by {span['by']}: {span['reason']})"


def told_apart(findings: Iterable[Finding]) -> list[Finding]:
    """Each once, whichever session it came up in."""
    found: dict[tuple[str, str], Finding] = {}
    for one in findings:
        where = one.where
        named = str(
            where.get("step") or (where.get("session"), where.get("agent"), where.get("tool_use_id"), where.get("at"))
        )
        found.setdefault((one.code, named), one)
    return list(found.values())
