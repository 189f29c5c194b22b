"""Calls and tokens counted, by tool, by sub-agent, by day … Sums are made in SQL; here they get names and are put
together where several of SQL's are one of ours."""

from __future__ import annotations

import time
from bisect import bisect_left
from collections import Counter
from itertools import accumulate

from durable.clock import nanoseconds
from durable.evidence.usage import FIELDS
from durable.native import loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from durable.ledger.reading import Reader

    Row = dict[str, Any]

TOOL, AGENT, MODEL, DAY, WORKSPACE, ENTRYPOINT = KEYS = ("tool", "agent", "model", "day", "workspace", "entrypoint")
MAIN = "main"
COUNTERS = ("attempts", "executed", "duplicates", "held_back", "refused", "failed", "in_doubt", "observed")
MEASURED = ("hook_us", "duration_ms")


class Tally:
    """What was counted under one name. Of the numbers of which half or most are below something, how often each
    occurred: a long past has many calls and few different times."""

    __slots__ = ("counts", "measured", "tokens")

    def __init__(self) -> None:
        self.counts = dict.fromkeys(COUNTERS, 0)
        self.measured: dict[str, Counter[int]] = {name: Counter() for name in MEASURED}
        self.tokens: Row | None = None

    def take(self, row: Row) -> None:
        for name in COUNTERS:
            self.counts[name] += row[name]
        for name in MEASURED:
            self.measured[name].update(loads(f"[{row[name] or ''}]"))

    def add(self, other: Tally) -> None:
        for name in COUNTERS:
            self.counts[name] += other.counts[name]
        for name in MEASURED:
            self.measured[name].update(other.measured[name])
        if other.tokens is not None:
            self.take_tokens(other.tokens)

    def take_tokens(self, row: Row) -> None:
        names = ("messages", *FIELDS)
        before = self.tokens or dict.fromkeys(names, 0)
        self.tokens = {name: before[name] + row[name] for name in names}

    def json(self) -> Row:
        """Tokens are None where none were counted; percentiles, where nothing was measured."""
        return {**self.counts, **{name: percentiles(self.measured[name]) for name in MEASURED}}


def percentiles(occurred: Counter[int]) -> Row:
    """By nearest rank: each is a value that occurred."""
    ordered = sorted(occurred)
    ranks = list(accumulate(map(occurred.__getitem__, ordered)))
    return {f"p{percent}": _at(percent, ordered, ranks) for percent in (50, 95)}


def _at(percent: int, ordered: list[int], ranks: list[int]) -> int | None:
    return ordered[bisect_left(ranks, -(-ranks[-1] * percent // 100))] if ordered else None


def tallies(reader: Reader, by: str, chosen: Row) -> dict[str, Tally]:
    """By name, as `chosen` says: run_id, tool, earliest, latest, workspace. Tokens are no tool's, and a call is
    not one model's: the one has no tokens, the other no calls."""
    found: dict[str, Tally] = {}
    named = _namer(reader, by)
    for row in _calls(reader, by, chosen):
        found.setdefault(_call_name(by, row["name"]), Tally()).take(row)
    for row in _tokens(reader, by, chosen):
        found.setdefault(named(row["name"]), Tally()).take_tokens(row)
    return found


def total_tokens(reader: Reader, chosen: Row) -> Row | None:
    """None as well where only some tools are looked at: nothing says which tool they were spent on."""
    if chosen["tool"] != "*":
        return None
    row = reader.one("tokens_between", **_without_tool(chosen))
    return row if row and row["messages"] else None


def _calls(reader: Reader, by: str, chosen: Row) -> Iterable[Row]:
    return () if by == MODEL else reader.each(f"calls_by_{by}", **chosen)


def _tokens(reader: Reader, by: str, chosen: Row) -> Iterable[Row]:
    if by == TOOL or chosen["tool"] != "*":
        return ()
    return reader.each(f"tokens_by_{by}", **_without_tool(chosen))


def _without_tool(chosen: Row) -> Row:
    return {name: value for name, value in chosen.items() if name != "tool"}


def _call_name(by: str, name: str | None) -> str:
    if by == DAY and name:
        return _day(name)
    return name or (MAIN if by == AGENT else "")


def _namer(reader: Reader, by: str) -> Callable[[str | None], str]:
    if by != AGENT:
        return lambda name: _call_name(by, name)
    types = {row["agent_id"]: row["agent_type"] for row in reader.all("types_of_agents")}
    return lambda name: (types.get(name) or "") if name else MAIN


def _day(quarter: str) -> str:
    """The local one. However far a zone is from UTC, it is by whole quarters of an hour: so is its midnight."""
    seconds = nanoseconds(f"{quarter[:14]}{int(quarter[14:]) * 15:02d}:00") // 1_000_000_000
    return time.strftime("%Y-%m-%d", time.localtime(seconds))
