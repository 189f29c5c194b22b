"""What now, after a run was cut off? Pure: the steps and what is known of each go in, the plan comes out.

plan    each step of the run that still matters, and where it stands
brief   the same in words, for the model that goes on with the work
"""

from __future__ import annotations

from durable.step import IN_DOUBT, ONCE, PREPARED, RUNNING, SUCCEEDED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from durable.step import Step

DOUBT = "in doubt"
GOES_ON = "still running"
WAITS = "waits for a person"
APPROVED = "approved, not run yet"
FREE = "interrupted, free to repeat"
DONE = "done"

# The client keeps 10,000 characters of what a hook tells the model, and puts the rest into a file.
LONGEST = 9_000
LONGEST_LINE = 400

HEADS = {
    DOUBT: "Cut off, and nobody knows whether it took effect. Do NOT run it again, in these or other words: check "
    "with a read-only command whether its effect is there, and tell the person what you found.",
    GOES_ON: "Still running. Wait for its effect; don't start it again.",
    WAITS: "Waits for a person's answer.",
    APPROVED: "Approved by a person, and not run yet. If it is still wanted, ask for it again in the same words.",
    DONE: "Done. Each counts; don't run it again, in these or other words. The latest first.",
    FREE: "Interrupted, free to repeat.",
}


class Item:
    """A step with what only a look at the machine and the ledger's contents can tell: what it was (`title`), the
    first words of its receipt, and what is `left` that may still bring its effect."""

    __slots__ = ("kind", "left", "receipt", "step", "title")

    def __init__(self, step: Step, title: str, receipt: str = "", left: str = "") -> None:
        self.step = step
        self.title = title
        self.receipt = receipt
        self.left = left
        self.kind = _kind(self)


def plan(items: Iterable[Item]) -> dict[str, list[Item]]:
    """By kind, in the order in which somebody who goes on has to know of them; each in ledger order."""
    found: dict[str, list[Item]] = {kind: [] for kind in HEADS}
    for item in items:
        if item.kind:
            found[item.kind].append(item)
    return {kind: those for kind, those in found.items() if those}


def brief(planned: dict[str, list[Item]], run_id: str) -> str:
    """ "" if there is nothing that the model has to know."""
    if not planned:
        return ""
    parts = [f"durable has every tool call of this work on record (run {run_id}). What matters for going on:"]
    room = LONGEST - len(parts[0])
    for kind, items in planned.items():
        lines = _section(kind, items, room)
        parts += lines
        room -= sum(len(line) + 1 for line in lines)
    return "\n".join(parts)


def _kind(item: Item) -> str:
    step = item.step
    if step.status == SUCCEEDED:
        return DONE if step.effect == ONCE else ""
    if step.status == PREPARED:
        return "" if step.deferred_at is None else (APPROVED if step.approval == "approved" else WAITS)
    if step.status not in (RUNNING, IN_DOUBT):
        return ""
    if item.left:
        return GOES_ON
    return DOUBT if step.effect == ONCE else FREE


def _section(kind: str, items: list[Item], room: int) -> list[str]:
    latest_first = items[::-1] if kind == DONE else items
    lines = ["", HEADS[kind]]
    for at, item in enumerate(latest_first):
        line = _line(kind, item)
        rest = f"- and {len(items) - at} more: durable show {item.step.run_id}"
        if sum(len(one) + 1 for one in lines) + len(line) + len(rest) + 2 > room:
            return [*lines, rest] if at else []
        lines.append(line)
    return lines


def _line(kind: str, item: Item) -> str:
    step = item.step
    at = step.closed_at if kind == DONE else step.running_at or step.prepared_at
    said = {
        DOUBT: f"A person settles it: durable happened {step.step_id}, or durable not-happened {step.step_id}",
        GOES_ON: item.left,
        WAITS: f"A person decides: durable approve {step.step_id}, or durable deny {step.step_id}",
        DONE: f"Its result: {item.receipt}" if item.receipt else "It printed nothing.",
    }.get(kind, "")
    head = f"- step {step.step_id}, {(at or '')[:19].replace('T', ' ')} UTC, {item.title}"
    room = max(LONGEST_LINE - len(said) - 2, 40)
    head = head if len(head) <= room else head[: room - 1] + "…"
    return f"{head}. {said}"[:LONGEST_LINE] if said else head
