"""The client's own record beside the ledger: did every call that ran have its row first?

Whoever could change both could make them agree. What this finds is what was left out of one of them: calls for which
no hook fired, rows that were taken out or put in, results that are not those that the model was given.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from durable.agents.registry import AGENTS
from durable.brief.title import titled
from durable.clock import stamp
from durable.errors import DurableError, InputError
from durable.evidence.auditing.hearing import GONE, Hearing, Trail
from durable.evidence.auditing.judging import KILLED, Judge, Surroundings, told_apart
from durable.evidence.auditing.likeness import Likeness
from durable.evidence.auditing.trace import NEVER_RAN
from durable.evidence.auditing.unheard import NEVER, alone, listen, of_session
from durable.evidence.findings import FAIL, PASS, UNKNOWN, Finding, worst
from durable.ledger.replica import Replica
from durable.native import loads
from durable.step import JOB

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from durable.ledger.reading import Reader
    from durable.redact import Redactor
    from durable.view import Row

# The client that wrote a transcript; a job keeps none.
WRITES = "claude-code"
COUNTED = (
    "sessions", "silent", "transcripts", "calls", "compared", "results", "never_ran", "repeated", "by_durable", "typed",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Audited:
    """`counted`: the sessions and transcripts read, the calls in them, those `compared` with a row and those whose
    `results` were too; calls that provably `never_ran`; calls `repeated` from the session that a fork goes on from;
    what was executed `by_durable` itself; commands `typed` by a person, which are no tool calls. Of a `silent` session
    neither side has a word."""

    verdict: str
    findings: list[Finding]
    counted: dict[str, int]


def audit(reader: Reader, run_id: str, redactor: Redactor | None = None, key: bytes | None = None) -> Audited:
    """Compares a run with the transcripts of its sessions, which must lie where the client wrote them. `redactor` and
    `key` (of the fingerprints) are those of this machine unless given. PASS only if every transcript was there and
    whole, and every call in it that ran has a row that was prepared before; never if all sessions are silent."""
    project = (reader.one("run", run_id=run_id) or {"project": ""})["project"]
    redactor = redactor or _redactor(project)
    return _Audit(reader, run_id, Likeness(reader, redactor, key or _fingerprint_key())).done()


def audit_unheard(session_id: str, path: str) -> Audited:
    """Of a session that the ledger has never heard of there is its transcript alone."""
    likeness = Likeness(None, _redactor(""), None)
    hearing = listen(path, AGENTS[WRITES], likeness, set())
    findings = alone(session_id, path, hearing)
    counted = dict.fromkeys(COUNTED, 0) | {"sessions": 1, "transcripts": len(hearing.trails)}
    counted |= {"calls": len(hearing.calls), "never_ran": sum(call.ran == NEVER_RAN for call in hearing.calls)}
    return Audited(worst(one.verdict for one in findings), findings, counted | {"typed": hearing.typed})


class _Audit:
    def __init__(self, reader: Reader, run_id: str, likeness: Likeness) -> None:
        self._reader = reader
        self._run_id = run_id
        self._likeness = likeness
        self._counted = dict.fromkeys(COUNTED, 0)
        self._seen: set[int] = set()
        self._spoke = {one["session_id"] for one in reader.all("sessions_that_spoke", run_id=run_id)}

    def done(self) -> Audited:
        taken_out = self._taken_out()
        around = self._surroundings(taken_out)
        findings = [*taken_out, *self._invented()]
        sessions = self._reader.all("sessions_to_audit", run_id=self._run_id)
        talks = [one for one in sessions if not one["session_id"].endswith(JOB)]
        self._of_parents(talks)
        for session in talks:
            findings += self._session(session, around)
        findings += self._beside(talks)
        if not talks:
            findings.append(_nothing_to_compare(self._run_id, bool(sessions)))
        elif not self._counted["sessions"]:
            findings.append(_nothing_compared(talks[-1]))
        findings = told_apart(findings)
        return Audited(worst([PASS, *(one.verdict for one in findings)]), findings, self._counted)

    def _session(self, session: Row, around: Surroundings) -> list[Finding]:
        rows = self._reader.all("steps_to_audit", session_id=session["session_id"])
        hearing = Hearing(rows, self._likeness, self._seen)
        self._hear(hearing, session, rows)
        spoke = session["session_id"] in self._spoke
        if not rows and not spoke and hearing.is_silent():
            self._add(silent=1)  # The client writes no transcript before somebody speaks.
            return []
        hearing.miss_what_was_said(spoke)
        verdict = Judge(session, hearing, rows, around).verdict()
        self._count(hearing)
        self._add(compared=verdict.compared, results=verdict.alike)
        self._add(never_ran=verdict.never_ran, by_durable=verdict.by_durable)
        return verdict.findings

    def _hear(self, hearing: Hearing, session: Row, rows: Iterable[Row]) -> None:
        client, path = AGENTS[WRITES], session["transcript_path"]
        listed = {agent_id: its for agent_id, its in client.transcripts(path) if agent_id} if path else {}
        for agent_id, its in {"": path, **listed}.items():
            hearing.read(agent_id, its, client.trace(its), bool(session["continues"] or session["source"] == "fork"))
        expected = hearing.began | {row["agent_id"] for row in rows}
        for agent_id in sorted(expected - hearing.trails.keys()):
            its = client.transcript_of(path, agent_id)
            hearing.trails[agent_id] = Trail(agent_id, its, GONE, "it is not there: the client takes old ones away")

    def _of_parents(self, sessions: list[Row]) -> None:
        """A fork repeats the calls of a session that may be another run's."""
        known = {one["session_id"] for one in sessions}
        for parent in sorted({one["continues"] for one in sessions if one["continues"]} - known):
            found = self._reader.one("known_session", session_id=parent)
            if found is not None:
                path = found["transcript_path"]
                Hearing([], self._likeness, self._seen).read("", path, AGENTS[WRITES].trace(path))

    def _beside(self, sessions: list[Row]) -> list[Finding]:
        """A bundle knows of no other sessions than its own, and can't tell which of them are strangers."""
        run = self._reader.one("run", run_id=self._run_id)
        if run is None or isinstance(self._reader, Replica):
            return []
        heard = self._reader.one("heard_of_run", run_id=self._run_id)
        until = heard["at"] if heard is not None and run["ended_at"] else NEVER
        client, findings = AGENTS[WRITES], []
        folders = {os.path.dirname(one["transcript_path"]) for one in sessions if one["transcript_path"]}
        for session_id, path in [one for folder in sorted(folders) for one in client.sessions_in(folder)]:
            if self._is_stranger(session_id, path, run["started_at"]):
                hearing = listen(path, client, self._likeness, self._seen, until)
                findings += of_session(session_id, path, hearing, run["started_at"], until)
        return findings

    def _is_stranger(self, session_id: str, path: str, since: str) -> bool:
        if self._reader.one("known_session", session_id=session_id) is not None:
            return False
        try:
            return stamp(os.stat(path).st_mtime_ns) >= since
        except OSError:
            return False

    # ---- the ledger's side ------------------------------------------------------------------------

    def _surroundings(self, taken_out: list[Finding]) -> Surroundings:
        owners = self._reader.all("owners_of_run", run_id=self._run_id)
        killed = frozenset(one["owner_id"] for one in owners if (one["end_reason"] or "").startswith(KILLED))
        holes = self._reader.all("holes_in_run", run_id=self._run_id)
        taken = frozenset(one.where["tool_use_id"] for one in taken_out)
        return Surroundings(self._run_id, self._times_off(), holes, killed, taken, self._title)

    def _times_off(self) -> list[dict[str, Any]]:
        """What is on record, and what no hook has come by yet to record."""
        from durable.switch import read_marker

        marker = read_marker(os.environ)
        recorded = [loads(row["body"]) for row in self._reader.all("times_without_enforcement")]
        return recorded + ([] if marker is None else [*marker.earlier, marker.fields])

    def _taken_out(self) -> list[Finding]:
        return [self._was_taken_out(row) for row in self._reader.all("steps_taken_out", run_id=self._run_id)]

    def _was_taken_out(self, row: Row) -> Finding:
        body = loads(row["body"])
        title = self._title(body)
        where = {"session": body["session_id"], "agent": body["agent_id"], "step": row["subject"]}
        where |= {"tool": body["tool_name"], "tool_use_id": body["tool_use_id"], "at": row["at"], "call": title}
        says = f"{title} was prepared by event {row['seq']} as step {row['subject']}, and its row is gone"
        return Finding(FAIL, "row_removed", says, where)

    def _invented(self) -> list[Finding]:
        rows = self._reader.all("steps_without_event", run_id=self._run_id)
        return [
            Finding(
                FAIL,
                "row_without_event",
                f"{self._title(row)} has a row, step {row['step_id']}, that follows from no event",
                {"step": row["step_id"], "tool_use_id": row["tool_use_id"], "at": row["at"], "call": self._title(row)},
            )
            for row in rows
        ]

    def _title(self, row: Row) -> str:
        kept = self._likeness.kept(row["input"])
        return titled(row["tool_name"], "" if kept is None else kept)

    # ---- counts -----------------------------------------------------------------------------------

    def _count(self, hearing: Hearing) -> None:
        read = sum(not trail.fault for trail in hearing.trails.values())
        self._add(
            sessions=1, transcripts=read, calls=len(hearing.calls), repeated=hearing.repeated, typed=hearing.typed
        )

    def _add(self, **counts: int) -> None:
        for name, count in counts.items():
            self._counted[name] += count


def _nothing_to_compare(run_id: str, job: bool) -> Finding:
    """A job is executed by durable: what it says of a call is the ledger, and nothing beside it."""
    if job:
        says = "a job keeps no record beside the ledger: there is nothing to compare it with"
        return Finding(UNKNOWN, "job", says, {"run": run_id})
    return Finding(UNKNOWN, "no_session", "the run has no session, and so no transcript", {"run": run_id})


def _nothing_compared(session: Row) -> Finding:
    """Hooks that were off leave the same behind, once the transcript is taken away."""
    says = (
        f"session {session['session_id']} has no prompt and no call on record, and no word in a transcript: either "
        "nobody spoke in it, or it worked without hooks, and its transcript has to be put back"
    )
    where = {"session": session["session_id"], "transcript": session["transcript_path"]}
    return Finding(UNKNOWN, "nothing_compared", says, where)


def _redactor(project: str) -> Redactor:
    from durable.home import data_home
    from durable.policy.files import load_policy
    from durable.redact import Redactor

    return Redactor.of(load_policy(data_home(), project, os.environ))


def _fingerprint_key() -> bytes | None:
    from durable.home import data_home
    from durable.ledger.keys import read_key

    try:
        return read_key(data_home()).fingerprint
    except (DurableError, InputError):
        return None
