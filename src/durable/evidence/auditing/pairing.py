"""Which row is which call's. Pure. An id names one call, until a model uses it again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from durable.evidence.auditing.trace import NEVER_RAN

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable

    from durable.evidence.auditing.hearing import Heard
    from durable.view import Row


@dataclass(frozen=True, slots=True)
class Paired:
    pairs: list[tuple[Heard, Row]]
    calls: list[Heard]  # without a row
    rows: list[Row]  # without a call


def paired(calls: Iterable[Heard], rows: Iterable[Row]) -> Paired:
    """By agent and id first; what is left by id alone. Each time those of the same time find each other first."""
    pairs: list[tuple[Heard, Row]] = []
    left, over = list(calls), list(rows)
    for of_call, of_row in (
        (lambda one: (one.agent_id, one.use_id), lambda one: (one["agent_id"], one["tool_use_id"])),
        (lambda one: one.use_id, lambda one: one["tool_use_id"]),
    ):
        for choose in (_timely, _likely):
            found = _matched(left, over, of_call, of_row, choose)
            pairs += found.pairs
            left, over = found.calls, found.rows
    return Paired(sorted(pairs, key=lambda pair: pair[0].at), left, over)


def _matched(
    calls: list[Heard],
    rows: list[Row],
    of_call: Callable[[Heard], Hashable],
    of_row: Callable[[Row], Hashable],
    choose: Callable[[Heard, list[Row]], Row | None],
) -> Paired:
    free: dict[Hashable, list[Row]] = {}
    for row in rows:
        free.setdefault(of_row(row), []).append(row)
    found = Paired([], [], [])
    for call in calls:
        candidates = free.get(of_call(call), [])
        its = choose(call, candidates)
        if its is None:
            found.calls.append(call)
        else:
            candidates.remove(its)
            found.pairs.append((call, its))
    over = {row["step_id"] for left in free.values() for row in left}
    found.rows.extend(row for row in rows if row["step_id"] in over)
    return found


def _timely(call: Heard, candidates: list[Row]) -> Row | None:
    """The first that was asked the same between the call and its result."""
    return next((row for row in _same(call, candidates) if _in_time(call, row)), None)


def _likely(call: Heard, candidates: list[Row]) -> Row | None:
    """The first that was asked the same; else any, unless it was the client that turned the call away: of that no
    hook ever heard."""
    if same := _same(call, candidates):
        return same[0]
    return candidates[0] if candidates and call.ran != NEVER_RAN else None


def _same(call: Heard, candidates: list[Row]) -> list[Row]:
    return [row for row in candidates if call.inputs.get(row["step_id"]) is not False]


def _in_time(call: Heard, row: Row) -> bool:
    at = row["at"][:23]
    return call.at[:23] <= at and (not call.told_at or at <= call.told_at[:23])
