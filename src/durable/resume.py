"""What now, after a run was cut off? Pure: the steps and what is known of each go in, the plan comes out.

plan    each step of the run that still matters, and where it stands
brief   the same in words, for the model that goes on with the work, and what is told beside it
"""

from __future__ import annotations

from durable.step import CONTRADICTED as FLAGGED
from durable.step import IN_DOUBT, ONCE, PREPARED, REFUSED, RUNNING, SUCCEEDED
from durable.step import NOT_DONE as NOT_HAPPENED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from durable.step import Step

CONTRADICTED = "contradicted"
DOUBT = "in doubt"
GOES_ON = "still running"
WAITS = "waits for a person"
APPROVED = "approved, not run yet"
NOT_BEGUN = "not begun"
NOT_DONE = "did not happen"
FREE = "interrupted, free to repeat"
DONE = "done"

# The client keeps 10,000 characters of what a hook tells the model, and puts the rest into a file.
LONGEST = 9_000
# Refused by nobody: its client ended, or its hook failed, before the permit was given.
NEVER_BEGUN = ("SessionEnd", "spool")

HEADS = {
    CONTRADICTED: "The record contradicts itself: a call that counted as not done was made again, and then its own "
    "result arrived. Its effect may exist TWICE. Tell the person before anything else; undo nothing by yourself.",
    DOUBT: "Cut off, and nobody knows whether it took effect. Do NOT run it again, in these or other words: check "
    "with a read-only command whether its effect is there, and tell the person what you found.",
    GOES_ON: "Still running. Wait for its effect; don't start it again.",
    WAITS: "Waits for a person's answer.",
    APPROVED: "Approved by a person, and not run yet. If it is still wanted, ask for it again in the same words.",
    NOT_BEGUN: "Never begun: it was cut off before it was permitted, and nothing of it happened. If it is still "
    "wanted, ask for it again.",
    NOT_DONE: "Cut off, and by now it is known that nothing of it happened. If it is still wanted, ask for it again.",
    DONE: "Done. Each counts; don't run it again, in these or other words. The latest first.",
    FREE: "Interrupted, free to repeat.",
}


class Item:
    """A step with what only a look at the machine and the ledger's contents can tell: what it was (`title`), the
    first words of its receipt, what is `left` that may still bring its effect, what its probe said last."""

    __slots__ = ("kind", "left", "probed", "receipt", "step", "title")

    def __init__(self, step: Step, title: str, receipt: str = "", left: str = "", probed: str = "") -> None:
        self.step = step
        self.title = title
        self.receipt = receipt
        self.left = left
        self.probed = probed
        self.kind = kind_of(step.row, left)


class Around:
    """What is told beside the plan: `notes` by name; `calls`, the last ones whatever they do, in ledger order;
    `files` that were written, the latest first; `more` of a kind than there are items, `more_files` than named."""

    __slots__ = ("calls", "files", "more", "more_files", "notes")

    def __init__(self) -> None:
        self.notes: dict[str, str] = {}
        self.calls: list[Item] = []
        self.files: list[str] = []
        self.more_files = 0
        self.more: dict[str, int] = {}


def plan(items: Iterable[Item]) -> dict[str, list[Item]]:
    """By kind, in the order in which somebody who goes on has to know of them; each in ledger order."""
    found: dict[str, list[Item]] = {kind: [] for kind in HEADS}
    for item in items:
        if item.kind:
            found[item.kind].append(item)
    return {kind: those for kind, those in found.items() if those}


def brief(planned: dict[str, list[Item]], run_id: str, around: Around | None = None) -> str:
    """ "" if there is nothing that the model has to know. Never longer than LONGEST."""
    around = around or Around()
    if not planned and not around.notes:
        return ""
    from durable.brief.text import text

    return text(planned, run_id, around)


def kind_of(row: Mapping[str, Any], left: str = "") -> str:
    """Where a step stands for whoever goes on; "" if he need not know. Every screen asks here."""
    status = row["status"]
    if row.get("flag") == FLAGGED:
        return CONTRADICTED
    if status == SUCCEEDED:
        return DONE if row["effect"] == ONCE else ""
    if status == REFUSED:
        return NOT_BEGUN if row.get("closed_by") in NEVER_BEGUN else ""
    if status == NOT_HAPPENED:
        return NOT_DONE if row["effect"] == ONCE else ""
    if status not in (PREPARED, RUNNING, IN_DOUBT):
        return ""
    if status == PREPARED and row["deferred_at"] is not None:
        return APPROVED if row["approval"] == "approved" else WAITS
    if left:
        return GOES_ON
    if status == PREPARED:
        return NOT_BEGUN
    return DOUBT if row["effect"] == ONCE else FREE
