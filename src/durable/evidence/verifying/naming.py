"""What a fault of the chain is called: what happened to the record, as far as the record itself shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from durable.errors import InputError
from durable.evidence.findings import FAIL, WARN, Finding
from durable.evidence.verifying.view import FAILURES
from durable.ledger import chain
from durable.ledger.walk import CHANGED, MISPLACED, MISSING, UNLINKED, UNLINKED_IN_RUN, UNSEALED, Fault
from durable.native import loads

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import Any

    from durable.evidence.verifying.view import View

MOVED, REWRITTEN = "event_moved", "chain_rewritten"
# By these a person took the ledger as it was then.
SALVAGED, RESTORED = "ledger.salvaged", "ledger.restored"
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


def accepts(event: Mapping[str, Any]) -> bool:
    """Whether a person took the ledger as it was with this event. One that found no fault has accepted none: what is
    wrong before it came later."""
    if event["type"] != RESTORED:
        return bool(event["type"] == SALVAGED)
    try:
        return bool(loads(event["body"])["faults"])
    except (InputError, KeyError, TypeError):
        return False


def named(faults: Sequence[Fault], last: int, accepting: Sequence[int], elsewhere: dict[int, int]) -> Iterator[Finding]:
    """One finding for each stretch of events with the same fault. What a person accepted later, by an event under
    the key, is a warning: it was seen, and it stays as it is."""
    accepted = max(accepting, default=0)
    for stretch in _stretches([fault for fault in faults if fault.seq not in elsewhere]):
        yield _finding(stretch, last, accepted)
    for seq, was in elsewhere.items():
        says = f"event {seq} stood at {was} when it was written"
        yield Finding(WARN if seq < accepted else FAIL, MOVED, says, {"event": seq, "was": was})


def _stretches(faults: Iterable[Fault]) -> list[list[Fault]]:
    found: list[list[Fault]] = []
    for fault in faults:
        if found and found[-1][-1].code == fault.code and found[-1][-1].seq + 1 == fault.first:
            found[-1].append(fault)
        else:
            found.append([fault])
    return found


def _finding(stretch: Sequence[Fault], last: int, accepted: int) -> Finding:
    first, end, code = stretch[0].first, stretch[-1].seq, stretch[0].code
    if code == UNSEALED and end == last and end > first:
        code = REWRITTEN
    events = f"event {first:,} is" if first == end else f"events {first:,} to {end:,} are"
    says = _SAYS[code].format(events=events)
    if end < accepted:
        return Finding(WARN, code, f"{says}; accepted by a person with event {accepted:,}", _where(first, end))
    return Finding(FAIL, code, says, _where(first, end))


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
