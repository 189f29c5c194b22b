"""Which row is which call's. Pure. An id names one call, until a model uses it again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from durable.evidence.trace import NEVER_RAN

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable

    from durable.evidence.hearing import Heard
    from durable.view import Row


@dataclass(frozen=True, slots=True)
class Paired:
    pairs: list[tuple[Heard, Row]]
    calls: list[Heard]  # without a row
    rows: list[Row]  # without a call


def paired(calls: Iterable[Heard], rows: Iterable[Row]) -> Paired:
    """By agent and id first; what is left by id alone."""
    pairs: list[tuple[Heard, Row]] = []
    left, over = list(calls), list(rows)
    for of_call, of_row in (
        (lambda one: (one.agent_id, one.use_id), lambda one: (one["agent_id"], one["tool_use_id"])),
        (lambda one: one.use_id, lambda one: one["tool_use_id"]),
    ):
        left, over = _matched(pairs, left, over, of_call, of_row)
    return Paired(pairs, left, over)


def _matched(
    pairs: list[tuple[Heard, Row]],
    calls: list[Heard],
    rows: list[Row],
    of_call: Callable[[Heard], Hashable],
    of_row: Callable[[Row], Hashable],
) -> tuple[list[Heard], list[Row]]:
    free: dict[Hashable, list[Row]] = {}
    for row in rows:
        free.setdefault(of_row(row), []).append(row)
    alone: list[Heard] = []
    for call in calls:
        candidates = free.get(of_call(call), [])
        its = _its_row(call, candidates)
        if its is None:
            alone.append(call)
        else:
            candidates.remove(its)
            pairs.append((call, its))
    over = {row["step_id"] for left in free.values() for row in left}
    return alone, [row for row in rows if row["step_id"] in over]


def _its_row(call: Heard, candidates: list[Row]) -> Row | None:
    """The first that was asked the same in its time; else the first that was asked the same; else any, unless it was
    the client that turned the call away: of that no hook ever heard."""
    same = [row for row in candidates if call.inputs.get(row["step_id"]) is not False]
    timely = [row for row in same if _in_time(call, row)]
    if timely or same:
        return (timely or same)[0]
    return candidates[0] if candidates and call.ran != NEVER_RAN else None


def _in_time(call: Heard, row: Row) -> bool:
    at = row["at"][:23]
    return call.at[:23] <= at and (not call.told_at or at <= call.told_at[:23])
