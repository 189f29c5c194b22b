"""Two accounts beside each other: which calls are the same, which are not, what the world got from one alone. Pure.

Sub-agents run side by side, so each lane is aligned with its counterpart; what is left over is looked for elsewhere
(moved), then among what was called in the same place with other words.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from typing import TYPE_CHECKING

from durable.evidence.comparing.account import MAIN, NOT_DONE
from durable.evidence.comparing.alignment import common

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from durable.evidence.comparing.account import Account, Call, Row

SAME, CHANGED, MOVED, REWORDED = "same", "changed", "moved", "reworded"
ONLY_A, ONLY_B = "only_a", "only_b"
GONE = "gone"
# The query for each table whose rows of a run follow from its events alone. A session can go on in another run.
OWN_ROWS = {table: f"verified_{table}" for table in ("runs", "steps", "claims", "leases", "jobs", "notes")}
# Of what two calls have in common, at least so much makes one the other in new words.
_ALIKE, _NEAR = 0.4, 8


@dataclass(frozen=True, slots=True)
class Pair:
    """A call of one run beside that of the other. `changes` has for each name what it was in a and in b."""

    kind: str
    a: Call | None
    b: Call | None
    changes: dict[str, tuple[Any, Any]] = field(default_factory=dict)

    @property
    def same(self) -> bool:
        return self.kind == SAME

    @property
    def worlds(self) -> tuple[str, str]:
        return _world(self.a), _world(self.b)


@dataclass(frozen=True, slots=True)
class Comparison:
    """`pairs` stand in the order of a, each call of b alone before what came behind it."""

    pairs: list[Pair]
    status: tuple[str, str]

    @property
    def differing(self) -> list[Pair]:
        return [pair for pair in self.pairs if not pair.same]

    @property
    def effects(self) -> list[Pair]:
        return [pair for pair in self.pairs if pair.worlds[0] != pair.worlds[1]]

    @property
    def same(self) -> bool:
        return self.status[0] == self.status[1] and not self.differing


def compare(a: Account, b: Account, outputs: bool = True) -> Comparison:
    calls_a, calls_b = _as_known(b.calls, a.calls), _as_known(a.calls, b.calls)
    placed = _placed(_lanes(calls_a, calls_b))
    pairs = [_judged(kind, one, other, a, b, outputs) for kind, one, other in placed]
    return Comparison(_in_order(pairs), (a.status, b.status))


def _as_known(others: list[Call], calls: list[Call]) -> list[Call]:
    """What a call was given may be gone here and be there still: its hash says that it is the same."""
    if not any(call.gone for call in calls):
        return calls
    keys = {(call.tool, call.content): call.key for call in others if not call.gone}
    return [replace(call, key=keys.get((call.tool, call.content), call.key)) if call.gone else call for call in calls]


# ---- which call is which ----------------------------------------------------------------------


def _lanes(calls_a: list[Call], calls_b: list[Call]) -> Iterator[tuple[list[Call], list[Call]]]:
    """Each lane of a with the one of b that did most of the same. Sub-agents start in another order each time."""
    lanes_a, lanes_b = _by_lane(calls_a), _by_lane(calls_b)
    yield lanes_a.pop(MAIN, []), lanes_b.pop(MAIN, [])
    counts = {name: Counter(call.key for call in calls) for name, calls in lanes_b.items()}
    for calls in lanes_a.values():
        keys = Counter(call.key for call in calls)
        best = max(counts, key=lambda name: (keys & counts[name]).total(), default=None)
        if best is None or not keys & counts[best]:
            best = next((name for name in counts if _kind(name) == _kind(calls[0].lane)), None)
        yield calls, lanes_b.pop(best) if best is not None else []
        counts.pop(best or "", None)
    for calls in lanes_b.values():
        yield [], calls


def _by_lane(calls: Iterable[Call]) -> dict[str, list[Call]]:
    lanes: dict[str, list[Call]] = defaultdict(list)
    for call in calls:
        lanes[call.lane].append(call)
    return lanes


def _kind(lane: str) -> str:
    return lane.rpartition(" ")[0]


def _placed(
    lanes: Iterable[tuple[list[Call], list[Call]]],
) -> Iterator[tuple[str, Call | None, Call | None]]:
    """Every call of both, once."""
    left: list[tuple[list[Call], list[Call]]] = []
    for one, other in lanes:
        places = common([call.key for call in one], [call.key for call in other])
        yield from ((SAME, one[at], other[to]) for at, to in places)
        left += _gaps(one, other, places)
    moved = list(_moved(left))
    yield from ((MOVED, one, other) for one, other in moved)
    gone_a, gone_b = {id(one) for one, _ in moved}, {id(other) for _, other in moved}
    for one, other in left:
        yield from _reworded([call for call in one if id(call) not in gone_a],
                             [call for call in other if id(call) not in gone_b])  # fmt: skip


def _gaps(one: list[Call], other: list[Call], places: list[tuple[int, int]]) -> Iterator[tuple[list[Call], list[Call]]]:
    """What stands between two calls that are the same, in both."""
    at = to = 0
    for next_at, next_to in [*places, (len(one), len(other))]:
        if at < next_at or to < next_to:
            yield one[at:next_at], other[to:next_to]
        at, to = next_at + 1, next_to + 1


def _moved(left: list[tuple[list[Call], list[Call]]]) -> Iterator[tuple[Call, Call]]:
    waiting: dict[str, list[Call]] = defaultdict(list)
    for _, other in left:
        for call in other:
            waiting[call.key].append(call)
    for one, _ in left:
        for call in one:
            if waiting[call.key]:
                yield call, waiting[call.key].pop(0)


def _reworded(one: list[Call], other: list[Call]) -> Iterator[tuple[str, Call | None, Call | None]]:
    """Of the same tool in the same place, what shares enough words is the same call in others."""
    waiting = [(call, _words(call)) for call in other]
    for call in one:
        words = _words(call)
        near = [(place, theirs) for place, (found, theirs) in enumerate(waiting[:_NEAR]) if found.tool == call.tool]
        place, theirs = max(near, key=lambda found: _likeness(words, found[1]), default=(-1, frozenset()))
        if place >= 0 and _likeness(words, theirs) >= _ALIKE:
            yield REWORDED, call, waiting.pop(place)[0]
        else:
            yield ONLY_A, call, None
    yield from ((ONLY_B, None, call) for call, _ in waiting)


def _words(call: Call) -> frozenset[str]:
    return frozenset(re.findall(r"\w+", call.given))


def _likeness(words: frozenset[str], others: frozenset[str]) -> float:
    return len(words & others) / max(len(words | others), 1)


# ---- what became of it ------------------------------------------------------------------------


def _judged(kind: str, one: Call | None, other: Call | None, a: Account, b: Account, outputs: bool) -> Pair:
    if one is None or other is None:
        return Pair(kind, one, other)
    names = ("effect", "status", "exit_code", "approval", "flag")
    both = [(name, getattr(one, name), getattr(other, name)) for name in names]
    changes = {name: (was, is_) for name, was, is_ in both if was != is_}
    changes |= {"lane": (one.lane, other.lane)} if _kind(one.lane) != _kind(other.lane) else {}
    if outputs and kind != REWORDED and "status" not in changes and one.output != other.output:
        changes |= _output_change(a.result(one), b.result(other))
    return Pair(CHANGED if kind == SAME and changes else kind, one, other, changes)


def _output_change(was: str | None, is_: str | None) -> dict[str, tuple[Any, Any]]:
    if was is None or is_ is None:
        return {"output": (was or GONE, is_ or GONE)}
    return {"output": (was, is_)} if was != is_ else {}


def _world(call: Call | None) -> str:
    return NOT_DONE if call is None else call.world()


def shared(first: Iterable[Row], second: Iterable[Row]) -> tuple[int, bool, bool]:
    """How many events two records of a run begin with that are the same, and whether each has more."""
    number = 0
    for one, other in zip_longest(first, second):
        if one is None or other is None or one != other:
            return number, one is not None, other is not None
        number += 1
    return number, False, False


def _in_order(pairs: list[Pair]) -> list[Pair]:
    """A call of b alone comes before the next one of a that it came before."""
    numbers = {pair.b.number: pair.a.number for pair in pairs if pair.a and pair.b and pair.kind != MOVED}
    ahead: dict[int, int] = {}
    following = max((pair.a.number for pair in pairs if pair.a), default=0) + 1
    for number in sorted((pair.b.number for pair in pairs if pair.b), reverse=True):
        following = min(following, numbers.get(number, following))
        ahead[number] = following

    def place(pair: Pair) -> tuple[int, int, int]:
        if pair.a is not None:
            return pair.a.number, 1, 0
        assert pair.b is not None
        return ahead[pair.b.number], 0, pair.b.number

    return sorted(pairs, key=place)
