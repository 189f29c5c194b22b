"""The longest common subsequence of two lists, exactly, in a bit for each place of a table. Pure.

A row of the table is one large integer: bit j is 0 where one more item of the second list adds to what is common.
Two thousand items against two thousand take a few milliseconds that way, also where all of them are alike.
"""

from __future__ import annotations

from math import isqrt
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence


def common(first: Sequence[Hashable], second: Sequence[Hashable]) -> list[tuple[int, int]]:
    """Places in `first` and `second` that hold the same, in order; as many as there can be."""
    head = alike(first, second)
    tail = alike(first[head:][::-1], second[head:][::-1])
    inner = _inner(first[head : len(first) - tail], second[head : len(second) - tail])
    found = [(place, place) for place in range(head)]
    found += [(a + head, b + head) for a, b in inner]
    return found + [(len(first) - left, len(second) - left) for left in range(tail, 0, -1)]


def alike(first: Sequence[Hashable], second: Sequence[Hashable]) -> int:
    """How many items they begin with that are the same."""
    pairs = enumerate(zip(first, second, strict=False))
    return next((place for place, (a, b) in pairs if a != b), min(len(first), len(second)))


def _inner(first: Sequence[Hashable], second: Sequence[Hashable]) -> list[tuple[int, int]]:
    """What stands in one list alone can't be common: without it the table is small."""
    shared = set(first) & set(second)
    rows = [place for place, item in enumerate(first) if item in shared]
    columns = [place for place, item in enumerate(second) if item in shared]
    pairs = _table([first[place] for place in rows], [second[place] for place in columns])
    return [(rows[a], columns[b]) for a, b in pairs]


def _table(first: list[Hashable], second: list[Hashable]) -> list[tuple[int, int]]:
    """Keeps every n-th row and makes those between them again on the way back: long lists need little memory."""
    masks: dict[Hashable, int] = {}
    for place, item in enumerate(second):
        masks[item] = masks.get(item, 0) | 1 << place
    full, apart = (1 << len(second)) - 1, isqrt(len(first)) + 1
    kept, row = [full], full
    for start in range(0, len(first), apart):
        row = _rows(row, first[start : start + apart], masks, full)[-1]
        kept.append(row)
    found: list[tuple[int, int]] = []
    column = len(second)
    for block in range(len(kept) - 2, -1, -1):
        start = block * apart
        column = _back(_rows(kept[block], first[start : start + apart], masks, full), start, column, found)
    return found[::-1]


def _rows(row: int, items: list[Hashable], masks: dict[Hashable, int], full: int) -> list[int]:
    """The row before the first item, and the one after each."""
    rows = [row]
    for item in items:
        met = row & masks[item]
        row = ((row + met) | (row - met)) & full
        rows.append(row)
    return rows


def _back(rows: list[int], start: int, column: int, found: list[tuple[int, int]]) -> int:
    """From the last of `rows` to the first; the column where it arrives."""
    at = len(rows) - 1
    while at and column:
        bit = 1 << column - 1
        if rows[at] & bit:
            column -= 1
        elif rows[at - 1] & bit:
            at, column = at - 1, column - 1
            found.append((start + at, column))
        else:
            at -= 1
    return column
