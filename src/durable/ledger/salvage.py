"""Repairs a damaged database beside the old one: what can still be read is copied, rows are rebuilt.

Events and blobs are read one by one, so that a damaged page costs what stands on it and no more.
Events keep their numbers and hashes; what is missing leaves a gap, and the last event says which.
"""

from __future__ import annotations

from durable.clock import now
from durable.errors import LedgerError
from durable.home import command
from durable.ledger import keys
from durable.ledger.acceptance import as_taken
from durable.ledger.chain import Event, event_of
from durable.ledger.create import build, write_identity
from durable.ledger.database import as_dict, connect_to_read, present
from durable.ledger.rebuild import Rebuild
from durable.ledger.rescue import UncheckedLedger, head_fields, trusted_head
from durable.ledger.swap import archive_head, put_in_place
from durable.ledger.walk import MISSING, UNLINKED_IN_RUN, Walk, own_fault
from durable.native import sha256, sqlite

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from durable.ledger.head import Head
    from durable.ledger.keys import Key
    from durable.ledger.walk import Fault

_NAMED = 50  # ranges and numbers that the record names; the old file has the rest
# What a loss leaves behind it. Any other fault of the chain is somebody's doing, and stays one.
_OF_LOSS = frozenset((MISSING, UNLINKED_IN_RUN))
_MISSES = 1000  # unreadable rows in a row after which, past the known end, nothing more is expected


class Salvaged:
    """What was saved and what was not. `lost` holds ranges of event numbers, both ends included."""

    __slots__ = ("blobs", "changed", "events", "faults", "lost", "lost_blobs", "old_ledger", "unprojected")

    def __init__(self) -> None:
        self.events = self.blobs = self.lost_blobs = 0
        self.lost: list[tuple[int, int]] = []
        self.changed: list[int] = []
        self.unprojected: list[int] = []
        self.faults: list[str] = []
        self.old_ledger = ""

    def body(self, reason: str, known: Head | None, gaps: list[Fault], contents: list[str]) -> dict[str, Any]:
        """`accepted` and `lost_contents` name all that this salvage answers for; the others are for people."""
        return {
            "reason": reason,
            "head": head_fields(known),
            "events": self.events,
            "blobs": self.blobs,
            "lost_blobs": self.lost_blobs,
            "lost": [list(span) for span in self.lost[:_NAMED]],
            "changed": self.changed[:_NAMED],
            "unprojected": self.unprojected[:_NAMED],
            "accepted": as_taken(gaps),
            "lost_contents": contents,
        }


def salvage(home: str, reason: str = "the database is damaged") -> Salvaged:
    """Puts a repaired copy in the place of ledger.db, which stays as ledger.db.damaged-TIME."""
    ledger = _Salvaging(home, reason)
    try:
        with ledger.begin() as tx:
            ledger.found.faults = ledger.walked().faults
            tx.commit()
    finally:
        ledger.close()
    return ledger.found


class _Salvaging(UncheckedLedger):
    def __init__(self, home: str, reason: str) -> None:
        super().__init__(home)
        self._reason = reason
        self.found = Salvaged()

    def _open(self) -> None:
        if not present(self._path):
            remedy = f"put a backup back: {command()} restore FILE --reason TEXT"
            raise LedgerError(f"there is no ledger at {self._path}", remedy)
        known, key = trusted_head(self._home), keys.read_key(self._home)
        fresh = self._path + ".new"
        damaged = connect_to_read(self._path, self._busy_s)
        try:
            build(fresh, lambda connection: self._fill(connection, Damaged(damaged), key, known))
        finally:
            damaged.close()
        archive_head(self._home)
        self.found.old_ledger = put_in_place(self._home, fresh, "damaged")
        super()._open()

    def _fill(self, connection: sqlite.Connection, damaged: Damaged, key: Key, known: Head | None) -> None:
        ledger_id = _identity(damaged, key, known, self._home)
        write_identity(connection, ledger_id, key)
        rebuild = Rebuild(connection)
        _save_blobs(damaged, rebuild, self.found)
        walk = Walk({one.key_id: one.chain for one in [key, *keys.retired_keys(self._home)]})
        gaps: list[Fault] = []
        for row in _save_events(damaged, rebuild, self.found, known.seq if known else 0):
            gaps += [fault for fault in walk.judge(row) if fault.code in _OF_LOSS]
        # By what the events name: a number without a content may be that of one that was let go.
        contents = rebuild.lost_contents()
        self.found.lost_blobs = len(contents)
        event = _next(rebuild, walk)
        body = self.found.body(self._reason, known, gaps, contents)
        event.seal(key.chain, "", "ledger.salvaged", now(), body)
        rebuild.take(event)


class Damaged:
    """A database of which any row may be unreadable."""

    def __init__(self, connection: sqlite.Connection) -> None:
        self._connection = connection

    def meta(self) -> dict[str, str]:
        return dict(self._rows("SELECT name, value FROM meta") or [])

    def last(self, table: str) -> int:
        rows = self._rows(f"SELECT max(rowid) FROM {table}")
        return rows[0][0] or 0 if rows else 0

    def row(self, table: str, number: int) -> dict[str, Any] | None:
        try:
            cursor = self._connection.execute(f"SELECT * FROM {table} WHERE rowid = ?", (number,))
            row = cursor.fetchone()
            return None if row is None else as_dict(cursor, row)
        except sqlite.Error:
            return None

    def each(self, table: str, known_end: int) -> Iterator[tuple[int, dict[str, Any] | None]]:
        end, misses, number = max(known_end, self.last(table)), 0, 0
        while number < end or misses < _MISSES:
            number += 1
            row = self.row(table, number)
            misses = misses + 1 if row is None else 0
            if row is not None or number <= end:
                yield number, row

    def _rows(self, sql: str) -> list[tuple[Any, ...]] | None:
        try:
            return self._connection.execute(sql).fetchall()
        except sqlite.Error:
            return None


def _identity(damaged: Damaged, key: Key, known: Head | None, home: str) -> str:
    """Whose ledger this is, by its own word or by its head's. Neither readable: nothing can be said."""
    meta = damaged.meta()
    if meta.get("key_id", key.key_id) != key.key_id:
        raise keys.KeyMismatch(home)
    ledger_id = meta.get("ledger_id") or (known.ledger_id if known else "")
    if not ledger_id:
        remedy = f"put a backup back: {command()} restore FILE --reason TEXT"
        raise LedgerError("nothing in the damaged ledger can be read, nor can its head", remedy)
    return ledger_id


def _save_blobs(damaged: Damaged, rebuild: Rebuild, found: Salvaged) -> None:
    for _, row in damaged.each("blobs", 0):
        if row is not None and isinstance(row["bytes"], bytes) and sha256(row["bytes"]) == row["digest"]:
            rebuild.put_blob(row["digest"], row["bytes"])
            found.blobs += 1


def _save_events(damaged: Damaged, rebuild: Rebuild, found: Salvaged, known_end: int) -> Iterator[dict[str, Any]]:
    """Those that are saved."""
    for number, row in damaged.each("events", known_end):
        event = None if row is None else _sound(row, found)
        if row is None or event is None:
            _add(found.lost, number)
            continue
        if not rebuild.take(event):
            found.unprojected.append(number)
        found.events += 1
        yield row


def _sound(row: dict[str, Any], found: Salvaged) -> Event | None:
    event = event_of(row)
    sound = not own_fault(event)
    if not sound:
        found.changed.append(row["seq"])
    return event if sound else None


def _add(spans: list[tuple[int, int]], number: int) -> None:
    if spans and spans[-1][1] == number - 1:
        spans[-1] = (spans[-1][0], number)
    else:
        spans.append((number, number))


def _next(rebuild: Rebuild, walk: Walk) -> Event:
    run_seq, run_prev = rebuild.last_of("")
    return Event(walk.seq + 1, walk.hash, "", run_seq + 1, run_prev)
