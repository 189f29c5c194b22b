"""The one question after each accident: did the effect happen once, or does its step say that nobody knows?"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

ONCE, IN_DOUBT, FAULT = "once", "in doubt, and says so", "FAULT"
SUCCEEDED, DOUBT, OPEN = "succeeded", "in_doubt", ("prepared", "running")
FLAGS = {
    "unprepared": "it ran, and no row had said that it would",
    "contradicted": "it was held to have had no effect, and had one",
}


class Cell:
    """`where` names the point in the source. An `ending` of "" is no accident: what must hold anyway."""

    __slots__ = ("ending", "point", "victim", "where")

    def __init__(self, victim: str, point: str, where: str, ending: str) -> None:
        self.victim = victim
        self.point = point
        self.where = where
        self.ending = ending


class Found:
    """`why` is empty but for a fault."""

    __slots__ = ("outcome", "why")

    def __init__(self, outcome: str, why: str = "") -> None:
        self.outcome = outcome
        self.why = why


def judge(times: int, rows: Sequence[dict[str, Any]], told: str) -> Found:
    """`times` is what a witness counted that the ledger knows nothing of, `rows` are the steps of that one
    effect, `told` is what was said to whoever wanted it once more."""
    wrong = _wrong(times, rows, told)
    if wrong:
        return Found(FAULT, wrong)
    return Found(IN_DOUBT if any(row["status"] == DOUBT for row in rows) else ONCE)


def _wrong(times: int, rows: Sequence[dict[str, Any]], told: str) -> str:
    statuses = {row["status"] for row in rows}
    doubtful = [row["step_id"] for row in rows if row["status"] == DOUBT]
    flagged = [FLAGS[row["flag"]] for row in rows if row["flag"] in FLAGS]
    if times > 1:
        return f"it happened {times} times"
    if flagged:
        return flagged[0]
    if statuses.intersection(OPEN):
        return "its row says that it is under way, and everybody who could be at it is dead"
    if not times and SUCCEEDED in statuses:
        return "it has a receipt, and did not happen"
    if doubtful:
        unsaid = [step_id for step_id in doubtful if step_id not in told]
        return f"step {unsaid[0]} is in doubt, and whoever wanted it again was not told" if unsaid else ""
    if times and SUCCEEDED not in statuses:
        return "it happened, and nothing says so"
    return "" if times else f"it was lost: it never happened, and nothing says so ({_short(told)})"


def _short(told: str) -> str:
    return " ".join(told.split())[:300] or "nothing was said"
