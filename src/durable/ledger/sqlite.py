"""The embedded ledger: one SQLite file in WAL mode, written under our own lock."""

from __future__ import annotations

from durable import crash
from durable.errors import LedgerError
from durable.home import command, secure_dir
from durable.ledger import head
from durable.ledger.create import complete_creation
from durable.ledger.database import as_dict, check_version, connect, damage_remedy, database_in, present, translated
from durable.ledger.head import Head, check_against, read_head, write_head
from durable.ledger.interface import Ledger
from durable.ledger.keys import read_key
from durable.ledger.lock import DIRECTORY as LOCKS
from durable.ledger.lock import Lock
from durable.ledger.statements import named_statements
from durable.ledger.transaction import Transaction
from durable.native import sqlite

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

class SqliteLedger(Ledger):
    """`patience` bounds each wait for another writer; None leaves the lock to the caller's alarm."""

    __slots__ = ("_connection", "_home", "_lock", "_locked", "_patience", "_statements", "key", "ledger_id")

    def __init__(self, home: str, patience: float | None = 5.0, busy_s: float = 5.0) -> None:
        self._home = home
        self._patience = patience
        self._lock = Lock(home)
        self._locked = False
        self._statements = named_statements("queries.sql")
        self._connection: sqlite.Connection | None = None
        self._busy_s = busy_s

    def begin(self) -> Transaction:
        _make_rooms(self._home)
        self._lock.acquire(self._patience)
        self._locked = True
        try:
            self._open()
            self._execute("BEGIN IMMEDIATE")
            seq, digest = self.last_event()
            self._check_head(seq, digest)
        except BaseException:
            self.rollback()
            raise
        return Transaction(self, seq, digest)

    def commit(self, seq: int, digest: str) -> None:
        crash.point("before-commit")
        self._execute("COMMIT")
        crash.point("after-commit")
        try:
            write_head(self._home, self.key.chain, Head(self.ledger_id, seq, digest))
        except OSError:
            # The rows are safe and a head is a lower bound. The next write heals it or denies.
            crash.point("head-not-written")
        crash.point("after-head")
        self._unlock()

    def rollback(self) -> None:
        connection = self._connection
        if connection is not None and connection.in_transaction:
            connection.rollback()
        self._unlock()

    def close(self) -> None:
        """Closing checkpoints, and every checkpoint happens under the lock. Hooks leave without it."""
        if self._connection is not None:
            self._lock.acquire(self._patience)
            self._connection.close()
            self._connection = None
            self._lock.release()

    def last_event(self) -> tuple[int, str]:
        row = self.one("last_event", {})
        if row is None:
            raise LedgerError("the ledger holds no event at all", damage_remedy())
        return row["seq"], row["hash"]

    def one(self, name: str, params: dict[str, Any]) -> dict[str, Any] | None:
        cursor = self._execute(self._statements[name], params)
        row = cursor.fetchone()
        return None if row is None else as_dict(cursor, row)

    def all(self, name: str, params: dict[str, Any]) -> list[dict[str, Any]]:
        cursor = self._execute(self._statements[name], params)
        return [as_dict(cursor, row) for row in cursor.fetchall()]

    def run(self, name: str, params: dict[str, Any]) -> int:
        return self._execute(self._statements[name], params).rowcount

    # ---- opening ------------------------------------------------------------------------------

    def _open(self) -> None:
        if not head.exists(self._home):
            complete_creation(self._home)
        self.key = read_key(self._home)
        if self._connection is None:
            self._connect()
        self._check_key()

    def _connect(self) -> None:
        path = database_in(self._home)
        _require(present(path), self._home)
        self._connection = connect(self._home, self._busy_s)
        try:
            check_version(self._connection)
        except sqlite.Error as error:
            raise translated(error, path) from None

    def _check_key(self) -> None:
        meta = {row["name"]: row["value"] for row in self.all("meta", {})}
        self.ledger_id = meta.get("ledger_id", "")
        if meta.get("key_id") != self.key.key_id:
            raise KeyMismatch(self._home)

    def _check_head(self, seq: int, digest: str) -> None:
        known = read_head(self._home, self.key.chain)
        row = self.one("event_hash", {"seq": known.seq})
        check_against(known, self.ledger_id, seq, None if row is None else row["hash"])
        if known.seq < seq:
            self._heal(seq, digest)

    def _heal(self, seq: int, digest: str) -> None:
        try:
            write_head(self._home, self.key.chain, Head(self.ledger_id, seq, digest))
        except OSError as error:
            raise LedgerError(
                f"the head can't be written ({error.strerror})", "free space or restore your access to it"
            ) from None

    def _unlock(self) -> None:
        if self._locked:
            self._locked = False
            self._lock.release()

    def _execute(self, sql: str, params: dict[str, Any] | None = None) -> sqlite.Cursor:
        assert self._connection is not None
        try:
            return self._connection.execute(sql, params or {})
        except sqlite.Error as error:
            raise translated(error, database_in(self._home)) from None


class KeyMismatch(LedgerError):
    code = "key"

    def __init__(self, home: str) -> None:
        super().__init__(
            f"the key {home}/key is not the one this ledger was written with",
            f"put the right one back: {command()} key import FILE",
        )


def _make_rooms(home: str) -> None:
    for path in (home, f"{home}/{LOCKS}", f"{home}/{head.DIRECTORY}", f"{home}/spool"):
        secure_dir(path)


def _require(there: bool, home: str) -> None:
    if not there:
        raise LedgerError(
            f"the ledger {database_in(home)} is gone, but its head is still there",
            f"put the ledger back, or start over: {command()} restore --reason TEXT",
        )
