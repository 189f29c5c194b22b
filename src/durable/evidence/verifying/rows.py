"""The rows that follow from the events, made anew in a database of its own, and compared with those on record."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from durable.evidence.bundles.rows_of_run import NAMING
from durable.ledger.chain import START, Event
from durable.ledger.create import drop_lookups, lay_schema
from durable.ledger.rebuild import Rebuild
from durable.ledger.statements import reading_statements
from durable.native import sqlite

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from typing import Any

    Record = tuple[Any, ...]

_NAMED = "CREATE TEMP TABLE named (digest TEXT PRIMARY KEY, seq INTEGER NOT NULL, last INTEGER NOT NULL)"
_NAME = "INSERT INTO named VALUES (?, ?, ?) ON CONFLICT (digest) DO UPDATE SET last = excluded.last"
_COMMIT_EACH = 2000  # events: the journal of a transaction is kept in memory


class Scratch:
    """A database with the present schema and no events. `named` is each content that an event names, with the first
    and the last."""

    def __init__(self, folder: str) -> None:
        self.path = os.path.join(folder, "rows.db")
        self.connection = sqlite.connect(self.path, isolation_level=None)
        for pragma in ("journal_mode = MEMORY", "synchronous = OFF", "foreign_keys = OFF", "cache_size = -32000"):
            self.connection.execute(f"PRAGMA {pragma}").fetchall()
        lay_schema(self.connection)
        drop_lookups(self.connection)
        self.connection.execute(_NAMED)
        self._rebuild = Rebuild(self.connection)
        self._queries = reading_statements()

    def close(self) -> None:
        self.connection.close()

    def take_all(self, events: Iterable[Record], told: Callable[[int], None]) -> list[int]:
        """Numbers those from which nothing follows. Each is (seq, run_id, subject, type, at, body)."""
        empty = []
        self.connection.execute("BEGIN")
        for count, fields in enumerate(events):
            if not self._take(*fields):
                empty.append(fields[0])
            if count % _COMMIT_EACH == 0:
                self.connection.execute("COMMIT")
                self.connection.execute("BEGIN")
                told(count)
        self.connection.execute("COMMIT")
        return empty

    def _take(self, seq: int, run_id: str, subject: str, kind: str, at: str, body: str) -> bool:
        event = Event(seq, "", run_id, 0, "")
        event.subject, event.type, event.at, event.body = subject, kind, at, body
        try:
            given = json.loads(body)
            if kind.startswith(("step.", "job.")):
                self._name_contents(seq, given)
            return self._rebuild.project(event, given)
        except (ValueError, RecursionError, TypeError, AttributeError, sqlite.Error):
            return False  # A changed event can hold anything; that it was changed is said elsewhere.

    def _name_contents(self, seq: int, body: Any) -> None:
        for field in NAMING:
            digest = body.get(field)
            if isinstance(digest, str) and len(digest) == len(START):
                self.connection.execute(_NAME, (digest, seq, seq))

    def last_naming(self, digest: str) -> int:
        """The number of the last event that names it."""
        found: int = self.connection.execute("SELECT last FROM named WHERE digest = ?", (digest,)).fetchone()[0]
        return found

    def ask(self, query: str, run_id: str) -> sqlite.Cursor:
        return self.connection.execute(self._queries[query], {"run_id": run_id})

    def columns(self, table: str) -> tuple[list[str], list[str]]:
        """All of them, and those of the primary key, in its order."""
        found = self.connection.execute(f"PRAGMA table_info({table})").fetchall()
        keys = sorted((row[5], row[1]) for row in found if row[5])
        return [row[1] for row in found], [name for _, name in keys]


class Difference:
    """`columns` differ where both are there; else `kind` says on which side there is none."""

    __slots__ = ("columns", "key", "kind", "table")

    def __init__(self, table: str, kind: str, key: dict[str, Any], columns: Sequence[str] = ()) -> None:
        self.table = table
        self.kind = kind
        self.key = key
        self.columns = list(columns)


CHANGED, ADDED, MISSING = "row_changed", "row_added", "row_missing"


def differences(ledger: sqlite.Connection, scratch: Scratch, table: str) -> Iterator[Difference]:
    """sqlite.Error where the ledger's table is none, or can't be read."""
    columns, keys = scratch.columns(table)
    sql = f"SELECT {', '.join(columns)} FROM {table} ORDER BY {', '.join(keys)}"
    yield from compared(table, columns, keys, ledger.execute(sql), scratch.connection.execute(sql))


def compared(
    table: str, columns: list[str], keys: list[str], theirs: Iterator[Record], ours: Iterator[Record]
) -> Iterator[Difference]:
    """Both sorted by their keys."""
    at = [columns.index(key) for key in keys]
    for there, wanted in _side_by_side(theirs, ours, at):
        row = there if there is not None else wanted
        assert row is not None
        key = {name: row[where] for name, where in zip(keys, at, strict=True)}
        if there is None or wanted is None:
            yield Difference(table, MISSING if there is None else ADDED, key)
        else:
            yield Difference(table, CHANGED, key, _unlike(columns, there, wanted))


def _side_by_side(
    theirs: Iterator[Record], ours: Iterator[Record], at: Sequence[int]
) -> Iterator[tuple[Record | None, Record | None]]:
    """Pairs that are unlike, both sides being sorted by the columns `at`."""
    left, right = next(theirs, None), next(ours, None)
    while left is not None or right is not None:
        if left is not None and right is not None and _alike(left, right):
            left, right = next(theirs, None), next(ours, None)
            continue
        side = _first(left, right, at)
        yield (left if side <= 0 else None, right if side >= 0 else None)
        left, right = (next(theirs, None) if side <= 0 else left), (next(ours, None) if side >= 0 else right)


def _alike(left: Record, right: Record) -> bool:
    """To Python 1 is 1.0; to SQLite they are two kinds of value."""
    return left == right and list(map(type, left)) == list(map(type, right))


def _first(left: Record | None, right: Record | None, at: Sequence[int]) -> int:
    """Which one comes first: below 0 the left one, above 0 the right one, 0 neither."""
    if left is None or right is None:
        return 1 if left is None else -1
    one, other = [_rank(left[where]) for where in at], [_rank(right[where]) for where in at]
    return -1 if one < other else int(one > other)


def _rank(value: Any) -> tuple[int, Any]:
    """SQLite's own order: nothing, numbers, texts by their bytes, bytes."""
    if value is None:
        return 0, 0
    if isinstance(value, str):
        return 2, value.encode("utf-8", "surrogateescape")
    return (3, value) if isinstance(value, bytes) else (1, value)


def _unlike(columns: Sequence[str], left: Record, right: Record) -> list[str]:
    pairs = zip(columns, left, right, strict=True)
    return [name for name, one, other in pairs if type(one) is not type(other) or one != other]
