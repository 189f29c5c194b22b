"""Sessions that no hook ever told of: what their transcripts say, where they lie beside those of a run.

A fork that repeats the run's calls goes on from it, and what it did belongs to the run. Of any other session one can
only say that it was at work in the same project meanwhile.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from durable.evidence.auditing.hearing import Hearing
from durable.evidence.auditing.trace import NEVER_RAN, RAN
from durable.evidence.findings import FAIL, UNKNOWN, WARN, Finding
from durable.view import counted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from durable.evidence.auditing.hearing import Heard
    from durable.evidence.auditing.likeness import Likeness
    from durable.evidence.auditing.trace import Item

NEVER = "~"  # sorts behind every time


class _Until:
    """A trace, up to its first line behind a time: of a transcript that began later nothing more is read."""

    def __init__(self, trace: Any, until: str) -> None:
        self._trace = trace
        self._until = until

    def __iter__(self) -> Iterator[Item]:
        for item in self._trace:
            if self._trace.first_at > self._until:
                return
            yield item

    def __getattr__(self, name: str) -> Any:
        return getattr(self._trace, name)


def listen(path: str, client: Any, likeness: Likeness, seen: set[int], until: str = NEVER) -> Hearing:
    hearing = Hearing([], likeness, seen)
    for agent_id, its in client.transcripts(path):
        hearing.read(agent_id, its, _Until(client.trace(its), until), goes_on=True)
    return hearing


def of_session(session_id: str, path: str, hearing: Hearing, since: str = "", until: str = NEVER) -> list[Finding]:
    """What is to be said of it in an audit of a run that was at work from `since` to `until`."""
    ran = sorted((call for call in hearing.calls if call.ran == RAN), key=lambda call: call.at)
    if hearing.repeated:
        return [_hole(session_id, call, ran, "in a fork that the ledger has never heard of") for call in ran]
    meanwhile = [call for call in ran if since[:23] <= call.at[:23] <= until]
    if not meanwhile:
        return []
    first, last = meanwhile[0].at, meanwhile[-1].at
    calls = f"{counted(len(meanwhile), 'call')} from {first} to {last}"
    says = f"session {session_id} of the same project ran {calls}, and no hook fired"
    where = {"session": session_id, "transcript": path, "calls": len(meanwhile), "at": first}
    return [Finding(WARN, "session_unknown", says, where)]


def alone(session_id: str, path: str, hearing: Hearing) -> list[Finding]:
    """What is to be said of it where it is itself what somebody asks after."""
    ran = sorted((call for call in hearing.calls if call.ran == RAN), key=lambda call: call.at)
    findings = [_hole(session_id, call, ran, "in a session that the ledger has never heard of") for call in ran]
    unclear = [call for call in hearing.calls if call.ran not in (RAN, NEVER_RAN)]
    for call in unclear:
        says = f"{call.call} has no row, and may have run ({call.why})"
        findings.append(Finding(UNKNOWN, "may_have_run", says, _where(session_id, call)))
    says = f"session {session_id} is not in the ledger"
    return findings or [Finding(UNKNOWN, "no_session", says, {"session": session_id, "transcript": path})]


def _hole(session_id: str, call: Heard, stretch: list[Heard], which: str) -> Finding:
    where = _where(session_id, call) | {"stretch": [stretch[0].at, stretch[-1].at, len(stretch)]}
    return Finding(FAIL, "ran_without_row", f"{call.call} ran {which}, and no hook prepared it", where)


def _where(session_id: str, call: Heard) -> dict[str, Any]:
    return {"session": session_id, "agent": call.agent_id, "tool": call.tool, "tool_use_id": call.use_id,
            "at": call.at, "call": call.call}  # fmt: skip
