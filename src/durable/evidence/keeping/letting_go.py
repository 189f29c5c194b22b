"""Lets contents go: their bytes leave the file in the transaction that records it, and can't be read back from it.

Many short transactions, so that no hook waits long for its turn. Killed anywhere and run again it ends the same: what a
transaction took is on record with it, and what it did not take is still there.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from durable.evidence.retention import plan, use_by_event, uses_of
from durable.ledger.database import streamed
from durable.ledger.sqlite import SqliteLedger

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

    from durable.evidence.retention import Content, Plan, Use
    from durable.ledger.reading import Reader
    from durable.native import sqlite

# Of one transaction. Each byte is written twice, as zeros to the WAL and from there to the file.
MOST_CONTENTS, MOST_BYTES = 200, 1 << 20
_TRIES, _PAUSE_S = 20, 0.1
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(slots=True)
class LetGo:
    """`put_off` counts what somebody came to name since the plan was made. Without `emptied` the bytes still stand in
    the WAL: a reader holds an old view of it."""

    contents: int = 0
    bytes: int = 0
    transactions: int = 0
    put_off: int = 0
    longest_s: float = 0.0
    emptied: bool = False


# ---- the plan ---------------------------------------------------------------------------------


def look(reader: Reader, days: Mapping[str, Any], now: str) -> Plan:
    last = reader.one("last_event")
    sizes = {row["digest"]: row["bytes"] for row in reader.each("content_sizes")}
    given = [row["content"] for row in reader.each("contents_of_jobs")]
    named: set[str] = set(given)
    uses = list(_noted(_uses_by_rows(reader, days), named))
    loose = sizes.keys() - named
    if loose:
        uses += _uses_by_events(reader, loose, days)
    return plan(sizes, uses, given, days, now, last["seq"] if last else 0)


def _noted(uses: Iterator[Use], named: set[str]) -> Iterator[Use]:
    for use in uses:
        named.add(use.digest)
        yield use


def _uses_by_rows(reader: Reader, days: Mapping[str, Any]) -> Iterator[Use]:
    for row in reader.each("steps_naming_contents"):
        yield from uses_of(row, days)


def _uses_by_events(reader: Reader, loose: set[str], days: Mapping[str, Any]) -> Iterator[Use]:
    """A late receipt changes no row, and a later ending puts its own words in the place of an earlier one's."""
    for event in reader.each("events_naming_contents"):
        for digest in loose.intersection(_DIGEST.findall(event["body"])):
            row = reader.one("step_naming_contents", step_id=event["subject"])
            if row is not None:
                yield use_by_event(digest, row, days)


# ---- letting go -------------------------------------------------------------------------------


def let_go(home: str, found: Plan) -> LetGo:
    ledger = _Letting(home)
    done = LetGo()
    changes = _Changes(found.seq)
    try:
        for batch in batches(found.goes):
            _one_batch(ledger, batch, changes, done)
        done.emptied = ledger.empty_wal()
    finally:
        ledger.close()
    return done


def batches(goes: Sequence[Content]) -> Iterator[list[Content]]:
    batch: list[Content] = []
    size = 0
    for one in goes:
        if batch and (len(batch) == MOST_CONTENTS or size + one.bytes > MOST_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(one)
        size += one.bytes
    if batch:
        yield batch


class _Changes:
    """What has been written since the plan was made, by others and by us: its runs, and every content it names."""

    def __init__(self, seq: int) -> None:
        self.seq = seq
        self.runs: set[str] = set()
        self.digests: set[str] = set()

    def follow(self, ledger: _Letting, seq: int) -> None:
        for event in ledger.events_after(self.seq):
            self.runs.add(event["run_id"])
            if event["type"] != "evidence.expired":
                self.digests.update(_DIGEST.findall(event["body"]))
        self.seq = seq

    def touch(self, one: Content) -> bool:
        return bool(one.runs & self.runs) or one.digest in self.digests


def _one_batch(ledger: _Letting, batch: list[Content], changes: _Changes, done: LetGo) -> None:
    with ledger.begin() as tx:
        started = time.monotonic()
        changes.follow(ledger, tx.seq)
        goes = [one for one in batch if not changes.touch(one)]
        done.put_off += len(batch) - len(goes)
        gone = [one for one in goes if ledger.run("drop_blob", {"digest": one.digest})]
        if not gone:
            return
        blobs = [{"digest": one.digest, "bytes": one.bytes, "class": one.kind} for one in gone]
        tx.append("evidence.expired", "", "", {"blobs": blobs})
        tx.commit()
    done.longest_s = max(done.longest_s, time.monotonic() - started)
    done.transactions += 1
    done.contents += len(gone)
    done.bytes += sum(one.bytes for one in gone)


class _Letting(SqliteLedger):
    """Bytes that it deletes are overwritten, whatever the build of SQLite does by itself."""

    def _connect(self) -> sqlite.Connection:
        connection = super()._connect()
        connection.execute("PRAGMA secure_delete = ON")
        # The rows that name a content stay: that it was there, and under which hash, is part of the record.
        connection.execute("PRAGMA foreign_keys = OFF")
        return connection

    def events_after(self, seq: int) -> Iterator[dict[str, Any]]:
        """One at a time: since the plan was made there may have been many."""
        return streamed(self.execute(self._statements["events_after"], {"seq": seq}), self._path)

    def empty_wal(self) -> bool:
        """Until then the deleted bytes stand in the WAL, or in the file behind it. Whoever reads an old view is waited
        for with the lock released: hooks go on."""
        for _ in range(_TRIES):
            if self._try_to_empty():
                return True
            time.sleep(_PAUSE_S)
        return False

    def _try_to_empty(self) -> bool:
        with self._lock:
            self._open()
            self.execute("PRAGMA busy_timeout = 0")
            busy = self.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
            self.execute(f"PRAGMA busy_timeout = {int(self._busy_s * 1000)}")
        return not busy


def let_go_before(reader: Reader) -> dict[str, int]:
    """What was let go earlier and has not been recorded again."""
    row = reader.one("let_go_so_far")
    assert row is not None
    return {"contents": row["contents"], "bytes": row["bytes"]}
