"""The embedded ledger: one SQLite file in WAL mode, written under our own lock."""

from __future__ import annotations

from durable import crash
from durable.errors import LedgerError, TamperError
from durable.home import command, secure_dir
from durable.ledger import head
from durable.ledger.database import (
    MINOR,
    as_dict,
    check_version,
    checkpoint,
    connect,
    damage_remedy,
    database_in,
    present,
    schema_version,
    translated,
)
from durable.ledger.head import Head, check_against, read_head, write_head
from durable.ledger.interface import Ledger
from durable.ledger.keys import key_ring, settle_renewal
from durable.ledger.lock import DIRECTORY as LOCKS
from durable.ledger.lock import Lock
from durable.ledger.statements import named_statements
from durable.ledger.transaction import Transaction
from durable.native import sqlite

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from durable.ledger.keys import Key, KeyRing


class SqliteLedger(Ledger):
    """`patience` bounds each wait for another writer; None leaves the lock to the caller's alarm."""

    ring: KeyRing

    def __init__(self, home: str, patience: float | None = 5.0, busy_s: float = 5.0) -> None:
        self._home = home
        self._path = database_in(home)
        self._busy_s = busy_s
        self._lock = Lock(home, patience)
        self._statements = named_statements("queries.sql")
        self._connection: sqlite.Connection | None = None
        self._covered = 0  # the last event that the head is known to cover

    def begin(self) -> Transaction:
        for path in (self._home, f"{self._home}/{LOCKS}", f"{self._home}/{head.DIRECTORY}", f"{self._home}/spool"):
            secure_dir(path)
        self._lock.acquire()
        try:
            self._open()
            self.execute("BEGIN IMMEDIATE")
            seq, digest = self.last_event()
            self._check_head(seq, digest)
            tx = Transaction(self, seq, digest)
            if self._minor() < MINOR:
                self._bring_up(tx)
        except BaseException:
            self.rollback()
            raise
        return tx

    def commit(self, seq: int, digest: str) -> None:
        crash.point("before-commit")
        self.execute("COMMIT")
        crash.point("after-commit")
        try:
            if seq > self._covered or not self.ring.settled:
                write_head(self._home, self.key, Head(self.ledger_id, seq, digest))
            if not self.ring.settled:
                crash.point("before-key-rename")
                settle_renewal(self._home)
        except OSError:
            # The rows are safe and a head is a lower bound. The next write heals it or denies.
            crash.point("head-not-written")
        crash.point("after-head")
        assert self._connection is not None
        checkpoint(self._connection, self._path, self._busy_s)
        crash.point("after-checkpoint")
        self._lock.release()

    def rollback(self) -> None:
        connection = self._connection
        if connection is not None and connection.in_transaction:
            connection.rollback()
        self._lock.release()

    def close(self) -> None:
        """Closing checkpoints, and every checkpoint happens under the lock. Hooks leave without it."""
        if self._connection is not None:
            with self._lock:
                self._connection.close()
                self._connection = None

    def last_event(self) -> tuple[int, str]:
        row = self.one("last_event", {})
        if row is None:
            raise LedgerError("the ledger holds no event at all", damage_remedy())
        return row["seq"], row["hash"]

    def one(self, name: str, params: dict[str, Any]) -> dict[str, Any] | None:
        cursor = self.execute(self._statements[name], params)
        row = cursor.fetchone()
        return None if row is None else as_dict(cursor, row)

    def all(self, name: str, params: dict[str, Any]) -> list[dict[str, Any]]:
        cursor = self.execute(self._statements[name], params)
        return [as_dict(cursor, row) for row in cursor.fetchall()]

    def run(self, name: str, params: dict[str, Any]) -> int:
        return self.execute(self._statements[name], params).rowcount

    # ---- opening ------------------------------------------------------------------------------

    def _open(self) -> None:
        if not head.exists(self._home):
            self._complete()
        if self._connection is None:
            self._connection = self._connect()
        meta = {row["name"]: row["value"] for row in self.all("meta", {})}
        self.ledger_id = meta.get("ledger_id", "")
        self.use(self._find_keys(meta.get("key_id", "")))

    def use(self, ring: KeyRing) -> None:
        self.ring = ring
        self.key = ring.present

    def _connect(self) -> sqlite.Connection:
        if not present(self._path):
            start_over = f"put the ledger back, or start over: {command()} restore --reason TEXT"
            raise LedgerError(f"the ledger {self._path} is gone, but its head is still there", start_over)
        connection = connect(self._path, self._busy_s)
        try:
            self._check_version(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _check_version(self, connection: sqlite.Connection) -> None:
        check_version(connection, self._path)

    def _minor(self) -> int:
        assert self._connection is not None
        return schema_version(self._connection)[1]

    def _bring_up(self, tx: Transaction) -> None:
        """A minor version only adds, so what it adds comes along with the first write after an upgrade."""
        from durable.ledger.migrate import bring_up

        bring_up(self, tx)

    def _complete(self) -> None:
        from durable.ledger.create import complete_creation

        complete_creation(self._home)

    def _find_keys(self, wanted: str) -> KeyRing:
        return key_ring(self._home, wanted)

    def _check_head(self, seq: int, digest: str) -> None:
        known, key = read_head(self._home, self.ring.all())
        row = self.one("event_hash", {"seq": known.seq})
        check_against(known, self.ledger_id, seq, None if row is None else row["hash"])
        if known.seq < seq or key is not self.key:
            self._heal(known, key, seq, digest)
        self._covered = seq

    def _heal(self, known: Head, key: Key, seq: int, digest: str) -> None:
        """Somebody died between commit and head. What the head does not cover yet must be of our making."""
        from durable.ledger.walk import Walk, walked

        walk = Walk({key.key_id: key.chain for key in self.ring.all()}, known.seq, known.hash, key.key_id)
        faults = walked(walk, self.all("events_after", {"seq": known.seq}), self.key.key_id).faults
        if faults:
            raise TamperError(f"behind the head, {faults[0]}", head.remedy())
        try:
            write_head(self._home, self.key, Head(self.ledger_id, seq, digest))
        except OSError as error:
            problem = f"the head can't be written ({error.strerror})"
            raise LedgerError(problem, "free space or restore your access to it") from None

    def execute(self, sql: str, params: dict[str, Any] | None = None) -> sqlite.Cursor:
        assert self._connection is not None
        try:
            return self._connection.execute(sql, params or {})
        except sqlite.Error as error:
            raise translated(error, self._path) from None
