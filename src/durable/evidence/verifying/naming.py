"""What a fault of the chain is called: what happened to the record, as far as the record itself shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from durable.evidence.findings import FAIL, WARN, Finding
from durable.evidence.verifying.view import FAILURES
from durable.ledger import chain
from durable.ledger.walk import CHANGED, MISPLACED, MISSING, UNLINKED, UNLINKED_IN_RUN, UNSEALED, Fault

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from durable.evidence.verifying.acceptance import Accepted
    from durable.evidence.verifying.view import View

MOVED, REWRITTEN = "event_moved", "chain_rewritten"
_TRIED = 50  # changed events of which it is looked up whether they stood elsewhere
_NEAR = 3

_SAYS = {
    MISSING: "{events} missing",
    MISPLACED: "{events} out of order: put in with a number that was not theirs",
    CHANGED: "{events} changed after being written",
    UNLINKED: "{events} not linked to the one before: it was changed, or others were put in or taken out",
    UNLINKED_IN_RUN: "{events} not linked to the one before in the run",
    UNSEALED: "{events} not made with the ledger's key: changed, or put in by somebody who has not got it",
    REWRITTEN: "{events} not made with the ledger's key: from there on the chain was written anew without it",
}


def named(faults: Sequence[Fault], last: int, accepted: Accepted, elsewhere: dict[int, int]) -> Iterator[Finding]:
    """One finding for each stretch of events with the same fault. What a person accepted as it stands, by an event
    under the key, is a warning: it was seen, and it stays as it is."""
    for stretch in _stretches([fault for fault in faults if fault.seq not in elsewhere], accepted):
        by, otherwise = accepted.at(stretch[0].at), accepted.otherwise(stretch[0])
        more = f"; not as it was accepted with event {otherwise:,}" if otherwise else acceptance(by)
        yield _finding(stretch, last, WARN if by else FAIL, more)
    for seq, was in elsewhere.items():
        by, says = accepted.at(seq), f"event {seq} stood at {was} when it was written"
        yield Finding(WARN if by else FAIL, MOVED, says + acceptance(by), {"event": seq, "was": was})


def acceptance(by: int) -> str:
    return f"; accepted by a person with event {by:,}" if by else ""


def _stretches(faults: Iterable[Fault], accepted: Accepted) -> list[list[Fault]]:
    found: list[list[Fault]] = []
    latest: dict[tuple[str, int, int], list[Fault]] = {}
    for fault in faults:
        kind = fault.code, accepted.at(fault.at), accepted.otherwise(fault)
        if kind in latest and latest[kind][-1].seq + 1 == fault.first:
            latest[kind].append(fault)
        else:
            latest[kind] = [fault]
            found.append(latest[kind])
    return found


def _finding(stretch: Sequence[Fault], last: int, verdict: str, more: str) -> Finding:
    first, end, code = stretch[0].first, stretch[-1].seq, stretch[0].code
    if code == UNSEALED and end == last and end > first:
        code = REWRITTEN
    events = f"event {first:,} is" if first == end else f"events {first:,} to {end:,} are"
    return Finding(verdict, code, _SAYS[code].format(events=events) + more, _where(first, end))


def _where(first: int, end: int) -> dict[str, int]:
    return {"event": first} if first == end else {"event": first, "to": end}


def moved(view: View, faults: Sequence[Fault], last: int) -> dict[int, int]:
    """Which of the changed events are whole but for their number, and what it was."""
    changed = [fault.seq for fault in faults if fault.code == CHANGED][:_TRIED]
    return {seq: was for seq in changed if (was := _stood_at(view, seq, [*changed, last + 1])) is not None}


def _stood_at(view: View, seq: int, others: Sequence[int]) -> int | None:
    try:
        event = chain.event_of(next(view.dicts("event_at", seq=seq), {}))
        for number in sorted({*others, *range(seq - _NEAR, seq + _NEAR + 1)} - {seq}):
            event.seq = number
            if chain.digest_of(event) == event.hash:
                return int(number)
    except (*FAILURES, TypeError, KeyError):
        pass  # It holds what no event of ours ever held.
    return None
