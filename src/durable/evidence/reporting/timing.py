"""When each step was under way, on one clock that leaves idle time out. Pure.

A step is a bar (it began and ended), open (nothing says how it ended), or a mark (it never began). Times are
microseconds since the first thing the run did: a number that JavaScript keeps exactly.
"""

from __future__ import annotations

from durable.clock import nanoseconds
from durable.step import IN_DOUBT, RUNNING

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from durable.view import Row

BAR, OPEN, MARK = "bar", "open", "mark"
# A pause is folded if it is long by itself, and long beside all that is left of the run without it.
SHORTEST_FOLD_US = 30_000_000
SHARE = 0.2


def microseconds(stamp: str) -> int:
    return nanoseconds(stamp) // 1000


def origin_of(steps: Iterable[Row], started_at: str) -> int:
    return min([microseconds(started_at), *(_first(step) for step in steps)])


def _first(step: Row) -> int:
    first = microseconds(step["prepared_at"] or step["running_at"] or step["closed_at"])
    return first if step["prepared_at"] else first - _lasted(step)


def bar_of(step: Row, origin: int) -> dict[str, Any]:
    """`wait`: since when it waited for its permit; `back`: when the call returned and its task went on alone;
    `settled`: when evidence decided on a doubt, long after it was last seen at work."""
    at = {name: microseconds(step[name]) - origin for name in _TIMES if step[name]}
    start = at.get("running_at")
    if start is None:
        return _never_permitted(step, at)
    found: dict[str, Any] = {"kind": BAR, "from": start}
    if at.get("prepared_at", start) < start:
        found["wait"] = at["prepared_at"]
    if step["status"] == RUNNING:
        return found | {"kind": OPEN} | _back(step, at)
    end = at.get("doubted_at", at.get("closed_at", start))
    found["to"] = max(start, end)
    if step["status"] == IN_DOUBT:
        return found | {"kind": OPEN}
    if at.get("closed_at", end) > end:
        found["settled"] = at["closed_at"]
    return found | _back(step, at)


_TIMES = ("prepared_at", "running_at", "returned_at", "doubted_at", "closed_at")


def _never_permitted(step: Row, at: dict[str, int]) -> dict[str, Any]:
    """A receipt without a permit tells how long it took, counted back from its arrival."""
    closed = at.get("closed_at", 0)
    if "prepared_at" not in at and _lasted(step):
        return {"kind": BAR, "from": closed - _lasted(step), "to": closed}
    return {"kind": MARK, "from": at.get("prepared_at", closed)}


def _lasted(step: Row) -> int:
    return (step["duration_ms"] or 0) * 1000


def _back(step: Row, at: dict[str, int]) -> dict[str, int]:
    return {"back": at["returned_at"]} if step["task_id"] and "returned_at" in at else {}


def idle(bars: Iterable[dict[str, Any]], start: int, end: int) -> list[tuple[int, int]]:
    """The pauses to fold, in order. The longest go first: a night makes an hour beside it look short, and the
    hour is judged again once the night is gone."""
    pauses = sorted(_pauses(bars, start, end), key=lambda pause: pause[0] - pause[1])
    left = end - start
    folded = []
    for first, last in pauses:
        if last - first <= max(SHORTEST_FOLD_US, SHARE * (left - (last - first))):
            break
        folded.append((first, last))
        left -= last - first
    return sorted(folded)


def _pauses(bars: Iterable[dict[str, Any]], start: int, end: int) -> list[tuple[int, int]]:
    found = []
    reached = start
    for bar in sorted(bars, key=lambda bar: int(bar.get("wait", bar["from"]))):
        first = bar.get("wait", bar["from"])
        if first > reached:
            found.append((reached, first))
        # What never ended says nothing of how long it went on.
        reached = max(reached, bar.get("to", bar["from"]))
    return [*found, (reached, end)] if end > reached else found
