"""Looks up what the plan is made of: the steps of a run that still matter, and what is left of each.

A session waits for this while it starts, so nothing here grows with the run: rows come by indexes and with
limits, of the recorded contents only so many bytes are read, and only so many steps are looked for among
the processes.
"""

from __future__ import annotations

from durable import owner as owners
from durable.brief.quoting import plain
from durable.brief.title import titled
from durable.clock import nanoseconds
from durable.native import loads
from durable.orphans import orphans
from durable.receipt_text import gone_of, text_of
from durable.resume import DONE, DOUBT, FREE, Around, Item, brief, plan
from durable.step import IN_DOUBT, ONCE, PREPARED, RUNNING, SUCCEEDED, could_run_since

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from durable.ledger.transaction import Transaction
    from durable.step import Step

LONGEST_RECEIPT = 160
LAST_CALLS = 5
MOST_FILES = 20
MOST_WRITES = 100  # of each tool, that are looked through for files
MOST_BYTES = 4_000_000
MOST_LOOKS = 10
WRITERS = {"Edit": "file_path", "MultiEdit": "file_path", "NotebookEdit": "notebook_path", "Write": "file_path"}


def brief_of(tx: Transaction, run_id: str) -> str:
    look = Look(tx)
    items = look.items(run_id)
    planned = plan(items)
    around = Around()
    around.notes = {row["name"]: row["value"] for row in tx.all("notes", run_id=run_id) if row["value"]}
    if not planned and not around.notes:
        return ""
    around.calls = [look.call(step) for step in reversed(tx.steps("last_calls", run_id=run_id, most=LAST_CALLS))]
    around.files, around.more_files = look.files(run_id)
    around.more = _more(tx, run_id, items)
    return brief(planned, run_id, around)


def items_of(tx: Transaction, run_id: str) -> list[Item]:
    """In ledger order."""
    return Look(tx, looks=1_000).items(run_id)


class Look:
    """One look at a run, with what it may still spend."""

    def __init__(self, tx: Transaction, looks: int = MOST_LOOKS, most_bytes: int = MOST_BYTES) -> None:
        self.tx = tx
        self.looks = looks
        self.bytes = most_bytes
        self.survived: dict[str, bool] = {}  # by owner: whether any process of it did

    def items(self, run_id: str) -> list[Item]:
        """In ledger order; what is still open is looked at before what is done, and the latest first."""
        steps = self.tx.steps("steps_that_matter", run_id=run_id)
        found = [self._item(step) for step in sorted(steps, key=lambda step: step.status == SUCCEEDED)]
        return sorted(found, key=lambda item: int(item.step.seq))

    def call(self, step: Step) -> Item:
        return Item(step, self._title(step))

    def files(self, run_id: str) -> tuple[list[str], int]:
        """The latest first, and how many more there are at least."""
        written = [step for tool in WRITERS for step in self._written_with(run_id, tool)]
        paths: dict[str, None] = {}
        for step in sorted(written, key=lambda step: int(step.seq), reverse=True):
            given = self._content(step.effective_input or step.input)
            path = given.get(WRITERS[step.tool_name]) if isinstance(given, dict) else None
            if isinstance(path, str):
                paths.setdefault(path)
        return list(paths)[:MOST_FILES], max(len(paths) - MOST_FILES, 0)

    def _written_with(self, run_id: str, tool: str) -> list[Step]:
        return self.tx.steps("written_with", run_id=run_id, tool_name=tool, most=MOST_WRITES)

    # ---- one step -----------------------------------------------------------------------------

    def _item(self, step: Step) -> Item:
        title = self._title(step)
        if step.status == SUCCEEDED:
            receipt = text_of(self._content(step.output)) if step.output else ""
            return Item(step, title, receipt=plain(receipt, LONGEST_RECEIPT))
        probed = self._probed(step) if (step.status, step.effect) == (IN_DOUBT, ONCE) else ""
        return Item(step, title, left=self._left(step), probed=probed)

    def _title(self, step: Step) -> str:
        return titled(step.tool_name, self._content(step.input))

    def _content(self, digest: str) -> Any:
        """What is too large to be read now is told by its size."""
        row = self.tx.one("blob_size", digest=digest)
        size = row["size"] if row else 0
        if size > self.bytes:
            return f"({size:,} bytes)"
        self.bytes -= size
        kept = self.tx.content(digest)
        return gone_of(self.tx, digest) if kept is None else loads(kept)

    def _probed(self, step: Step) -> str:
        row = self.tx.one("last_probed", step_id=step.step_id)
        if row is None:
            return ""
        said = loads(row["body"])
        return f"{said['says']} ({row['at'][:19].replace('T', ' ')} UTC): {said['why']}".rstrip(": ")

    def _left(self, step: Step) -> str:
        """What may still bring its effect: its client, or processes of it that outlived that."""
        row = self.tx.one("owner_row", owner_id=step.owner_id)
        if row is None or (step.status == PREPARED and step.deferred_at is not None):
            return ""
        lives = not row["ended_at"] and owners.liveness(owners.from_row(row))[0] != owners.DEAD
        if lives and step.status in (PREPARED, RUNNING):
            return "its client still waits for it" if step.status == RUNNING else "its client is about to start it"
        return self._processes(step, row) if step.running_at is not None else ""

    def _processes(self, step: Step, row: dict[str, Any]) -> str:
        """Of most dead clients nothing is left: one look at the whole of its time tells that for all its steps."""
        others = self.tx.all("owners_of_session", session_id=step.session_id)
        if step.owner_id not in self.survived:
            seen = next(other["seen_at"] for other in others if other["owner_id"] == step.owner_id)
            self.survived[step.owner_id] = bool(_pids(row, others, seen, None))
        if not self.survived[step.owner_id] or not self.looks:
            return ""
        self.looks -= 1
        pids = _pids(row, others, could_run_since(step.row), row["ended_at"] or step.doubted_at)
        if len(pids) > 1:
            return f"Processes {', '.join(pids)} of it run"
        return f"Process {pids[0]} of it runs" if pids else ""


def _pids(row: dict[str, Any], others: list[dict[str, Any]], since: str, until: str | None) -> list[str]:
    clients = [owners.from_row(other) for other in others]
    ended = nanoseconds(until) if until else None
    return [str(one.pid) for one in orphans(owners.from_row(row), nanoseconds(since), ended, clients).found]


def _more(tx: Transaction, run_id: str, items: list[Item]) -> dict[str, int]:
    """How many there are beyond those that were looked at."""
    opened = {row["effect"]: row["steps"] for row in tx.all("open_by_effect", run_id=run_id)}
    done = tx.one("done_once", run_id=run_id) or {"steps": 0}
    seen = [(item.step.status, item.step.effect) for item in items]
    once = sum(effect == ONCE and status in (PREPARED, RUNNING, IN_DOUBT) for status, effect in seen)
    free = sum(effect != ONCE and status in (PREPARED, RUNNING, IN_DOUBT) for status, effect in seen)
    more = {
        DOUBT: opened.pop(ONCE, 0) - once,
        FREE: sum(opened.values()) - free,
        DONE: done["steps"] - seen.count((SUCCEEDED, ONCE)),
    }
    return {kind: number for kind, number in more.items() if number > 0}
