"""Looks up what the plan is made of: the steps of a run that still matter, and what is left of each."""

from __future__ import annotations

from durable import owner as owners
from durable.clock import nanoseconds
from durable.native import dumps, loads
from durable.orphans import orphans
from durable.receipt_text import text_of
from durable.resume import Item, brief, plan
from durable.step import RUNNING, SUCCEEDED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from durable.ledger.transaction import Transaction
    from durable.step import Step

LONGEST_TITLE = 200
LONGEST_RECEIPT = 160


def brief_of(tx: Transaction, run_id: str) -> str:
    return brief(plan(items_of(tx, run_id)), run_id)


def items_of(tx: Transaction, run_id: str) -> list[Item]:
    """In ledger order."""
    return [_item(tx, step) for step in reversed(tx.steps("steps_that_matter", run_id=run_id))]


def _item(tx: Transaction, step: Step) -> Item:
    title = _title(step.tool_name, _content(tx, step.input))
    if step.status == SUCCEEDED:
        return Item(step, title, receipt=_shortened(text_of(_content(tx, step.output)), LONGEST_RECEIPT))
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


def _title(tool: str, given: Any) -> str:
    if isinstance(given, dict) and isinstance(given.get("command"), str):
        return f"{tool} `{_shortened(given['command'], LONGEST_TITLE)}`"
    return _shortened(f"{tool} {dumps(given)}", LONGEST_TITLE)


def _content(tx: Transaction, digest: str | None) -> Any:
    kept = tx.content(digest) if digest is not None else None
    return None if kept is None else loads(kept)


def _shortened(text: str, length: int) -> str:
    """On one line."""
    line = " ".join(text.split())
    return line if len(line) <= length else line[: length - 1] + "…"
