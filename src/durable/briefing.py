"""Looks up what the plan is made of: the steps of a run that still matter, and what is left of each."""

from __future__ import annotations

from durable import owner as owners
from durable.clock import nanoseconds
from durable.orphans import orphans
from durable.receipt_text import text_of
from durable.resume import Item, brief, plan
from durable.step import RUNNING, SUCCEEDED
from durable.title import content, shortened, title_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from durable.ledger.transaction import Transaction
    from durable.step import Step

LONGEST_RECEIPT = 160


def brief_of(tx: Transaction, run_id: str) -> str:
    return brief(plan(items_of(tx, run_id)), run_id)


def items_of(tx: Transaction, run_id: str) -> list[Item]:
    """In ledger order."""
    return [_item(tx, step) for step in reversed(tx.steps("steps_that_matter", run_id=run_id))]


def _item(tx: Transaction, step: Step) -> Item:
    title = title_of(tx, step)
    if step.status == SUCCEEDED:
        return Item(step, title, receipt=shortened(text_of(content(tx, step.output)), LONGEST_RECEIPT))
    row = tx.one("owner_row", owner_id=step.owner_id)
    if step.running_at is None or row is None:
        return Item(step, title)
    lives = step.status == RUNNING and not row["ended_at"] and owners.liveness(owners.from_row(row))[0] != owners.DEAD
    return Item(step, title, left="its client still waits for it" if lives else _left(tx, step, row))


def _left(tx: Transaction, step: Step, row: dict[str, Any]) -> str:
    """The processes of it that outlived its client, if any can be seen."""
    ended = row["ended_at"] or step.doubted_at
    clients = [owners.from_row(other) for other in tx.all("owners_of_session", session_id=step.session_id)]
    found = orphans(owners.from_row(row), nanoseconds(step.running_at), nanoseconds(ended) if ended else None, clients)
    pids = ", ".join(str(one.pid) for one in found.found)
    return f"Process {pids} of it runs" if pids else ""
