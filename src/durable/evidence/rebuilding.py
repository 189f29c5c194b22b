"""All rows made anew from the events: compared with those on record, or put in their place.

Only the events decide what is put there, so they have to be beyond doubt first: chain, seals and head. What follows
from no event (inputs and outputs, how far a transcript has been read) is taken over as it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from durable.clock import now
from durable.errors import LedgerError, TamperError, UsageError
from durable.evidence.findings import FAIL
from durable.evidence.verifying import naming
from durable.evidence.verifying.acceptance import accepted_in
from durable.evidence.verifying.events import Events
from durable.evidence.verifying.head import Stated, head_faults, keys_of
from durable.evidence.verifying.view import FAILURES, View
from durable.home import command
from durable.ledger import head
from durable.ledger.chain import Event, event_of
from durable.ledger.create import build, write_identity
from durable.ledger.database import present, translated
from durable.ledger.rebuild import Rebuild
from durable.ledger.sqlite import SqliteLedger
from durable.ledger.swap import put_in_place
from durable.native import sqlite
from durable.redact import Redactor

if TYPE_CHECKING:
    from typing import Any

    from durable.evidence.findings import Finding
    from durable.ledger.keys import Key
    from durable.ledger.walk import Walk

# What no event says and no hash covers.
_TAKEN_OVER = ("blobs", "cursors", "heartbeats")
_NAMED = 50


def replace(home: str, reason: str, findings: list[Finding]) -> str:
    """Puts a ledger whose rows follow from the same events in place; returns where the old one lies now.
    `findings` go on record. TamperError if the events themselves are in doubt."""
    if not reason.strip():
        raise UsageError("no reason was given", "say why with --reason TEXT: it stays in the record")
    ledger = _Rebuilding(home, Redactor().text(reason), findings)
    try:
        with ledger.begin() as tx:
            tx.commit()
    finally:
        ledger.close()
    return ledger.old_ledger


class _Rebuilding(SqliteLedger):
    """Opened under the lock: what is copied can't grow meanwhile."""

    def __init__(self, home: str, reason: str, findings: list[Finding]) -> None:
        super().__init__(home)
        self._reason = reason
        self._findings = findings
        self.old_ledger = ""

    def _open(self) -> None:
        if not present(self._path):
            raise LedgerError(f"there is no ledger at {self._path}", f"put a backup back: {command()} restore FILE")
        stated, fresh = Stated(self._home), self._path + ".new"
        try:
            with View(self._path) as view:
                walk, ledger_id = _beyond_doubt(self._home, view, stated)
                key = self._find_keys(walk.key_id or "").present
                build(fresh, lambda connection: self._fill(connection, view, ledger_id, key))
        except FAILURES as error:
            raise translated(error, self._path) from None
        self.old_ledger = put_in_place(self._home, fresh, "replaced")
        super()._open()

    def _fill(self, connection: sqlite.Connection, view: View, ledger_id: str, key: Key) -> None:
        write_identity(connection, ledger_id, key)
        rebuild, last = Rebuild(connection), None
        for row in view.dicts("events_from", first=1, last=2**63 - 1, most=-1):
            last = event_of(row)
            rebuild.take(last)
        for table in _TAKEN_OVER:
            _take_over(connection, view, table)
        assert last is not None
        run_seq, run_prev = rebuild.last_of("")
        event = Event(last.seq + 1, last.hash, "", run_seq + 1, run_prev)
        event.seal(key.chain, "", "ledger.rebuilt", now(), self._body())
        rebuild.take(event)

    def _body(self) -> dict[str, Any]:
        named = [{"code": one.code, "where": one.where} for one in self._findings[:_NAMED]]
        return {"reason": self._reason, "differences": len(self._findings), "named": named}


def _beyond_doubt(home: str, view: View, stated: Stated) -> tuple[Walk, str]:
    keys = {key.key_id: key.chain for key in keys_of(home)}
    events = Events(view, keys)
    found = events.take_all(lambda done: None)
    walk, ledger_id = events.walk, stated.ledger_id
    faults = list(naming.named(found.faults, walk.seq, accepted_in(view, found), {}))
    faults += head_faults(stated, keys, ledger_id, walk.seq, lambda seq: _hash_at(view, seq))
    wrong = [fault.says for fault in faults if fault.verdict == FAIL]
    if wrong:
        raise TamperError(f"rows can't be made from events that are in doubt: {wrong[0]}", head.remedy())
    return walk, ledger_id


def _hash_at(view: View, seq: int) -> str | None:
    row = next(view.dicts("event_at", seq=seq), None)
    return None if row is None else row["hash"]


def _take_over(connection: sqlite.Connection, view: View, table: str) -> None:
    columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
    marks = ", ".join("?" * len(columns))
    rows = view.connection.execute(f"SELECT {', '.join(columns)} FROM {table}")
    connection.executemany(f"INSERT OR IGNORE INTO {table} VALUES ({marks})", rows)
