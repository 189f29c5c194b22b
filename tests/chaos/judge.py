"""The one question after whatever happened: did each effect happen exactly once, or is its step in doubt?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

DONE, DOUBT, OPEN = "succeeded", "in_doubt", ("prepared", "running")
FLAGS = {
    "unprepared": "ran, and no row had said that it would",
    "contradicted": "was held to have had no effect, and had one",
}


def judge(happened: Counter[str], rows: Iterable[dict[str, Any]], asked: Iterable[str]) -> str:
    """A sentence on the first thing that is wrong, or "". `happened` is what a witness outside counted, `rows` are the
    ledger's steps, `asked` the commands that somebody wanted and, in the end, nothing kept from running."""
    found: dict[str, set[str]] = {}
    for row in rows:
        if row["flag"] in FLAGS:
            return f"{row['input']['command']!r} {FLAGS[row['flag']]}"
        found.setdefault(row["input"]["command"], set()).add(row["status"])
    for command in sorted({*happened, *asked}):
        wrong = _wrong(happened[command], found.get(command, set()))
        if wrong:
            return f"{command!r} {wrong} (it happened {happened[command]} times, its rows are {found.get(command)})"
    return ""


def _wrong(times: int, statuses: set[str]) -> str:
    if times > 1:
        return "happened more than once"
    if times and not statuses:
        return "happened, and has no row at all"
    if statuses.intersection(OPEN):
        return "is held to be under way, and everybody who could be at it is dead"
    if times and not statuses & {DONE, DOUBT}:
        return "happened, and nothing says so"
    if not times and DONE in statuses:
        return "has a receipt, and did not happen"
    if not times and DOUBT not in statuses:
        return "was lost: it did not happen, and nothing says that it is in doubt"
    return ""
