"""What `durable verify` costs on a long ledger, against hashing the same bytes with hashlib in a loop.

    python bench/verify.py [EVENTS] [FOLDER]

The ledger is made of a real call's events and rows, copied under other ids; with FOLDER it is kept there and used
again. Wall time, both in the same process, one after the other; the rows' and the contents' layers on their own.
"""

from __future__ import annotations

import json
import os
import resource
import sqlite3
import sys
import tempfile
import time
from hashlib import sha256
from multiprocessing import Process
from pathlib import Path

from machine import ROOT, Session

sys.path.insert(0, str(ROOT / "src"))

from durable.evidence.verify import verify_ledger
from durable.ledger import chain, keys
from durable.ledger.chain import START, Event
from durable.ledger.create import build, write_first
from durable.ledger.database import as_dict, connect_to_read, database_in
from durable.ledger.head import Head, write_head

EVENTS, STEPS_OF_RUN, BATCH = 1_000_000, 300, 20_000
MOST = 3.0


class Pattern:
    """One call as the hooks record it: its events, and the rows that follow from them."""

    def __init__(self, folder: Path) -> None:
        session = Session(folder)
        session.call()
        session.call()
        ledger = sqlite3.connect(session.home / "ledger.db")
        self.events = _rows(ledger, "SELECT * FROM events WHERE run_id <> '' ORDER BY seq")
        self.rows = {table: _rows(ledger, f"SELECT * FROM {table}") for table in ("runs", "sessions", "owners")}
        self.step = _rows(ledger, "SELECT * FROM steps ORDER BY seq DESC LIMIT 1")[0]
        (self.claim,) = _rows(ledger, "SELECT * FROM claims WHERE step_id = ?", self.step["step_id"])
        self.input = ledger.execute("SELECT bytes FROM blobs WHERE digest = ?", (self.step["input"],)).fetchone()[0]
        output = ledger.execute("SELECT bytes FROM blobs WHERE digest = ?", (self.step["output"],)).fetchone()
        self.output = output[0] if output else b""
        self.seat = [event for event in self.events if not event["type"].startswith("step.")]
        self.calls = [event for event in self.events if event["subject"] == self.step["step_id"]]
        ledger.close()


def _rows(ledger: sqlite3.Connection, sql: str, *params: str) -> list[dict]:
    cursor = ledger.execute(sql, params)
    return [as_dict(cursor, row) for row in cursor.fetchall()]


class Maker:
    """Fills a fresh ledger; flat in memory as well."""

    def __init__(self, ledger: sqlite3.Connection, pattern: Pattern, key: keys.Key) -> None:
        self.ledger, self.pattern, self.key = ledger, pattern, key
        self.seq, self.hash = ledger.execute("SELECT seq, hash FROM events").fetchone()
        self.waiting: dict[str, list[tuple]] = {}

    def fill(self, events: int) -> None:
        number = 0
        while self.seq < events:
            number += 1
            self._run(f"{number:08d}-0000-4000-8000-000000000000", events)
        self._flush()

    def _run(self, run: str, events: int) -> None:
        link, old = (0, START), self.pattern.events[0]["run_id"]
        first: dict[str, int] = {}
        for event in self.pattern.seat:
            link = self._append(event, run, link, {old: run})
            first.setdefault(event["type"], self.seq)
        marks = {"runs": "run.opened", "sessions": "session.joined"}
        for table, (row,) in self.pattern.rows.items():
            seq = {"seq": first[marks[table]]} if table in marks else {}
            self._put(table, {name: self._given(value, {old: run}) for name, value in row.items()} | seq)
        for _ in range(STEPS_OF_RUN):
            if self.seq < events:
                link = self._step(run, link, old)

    def _step(self, run: str, link: tuple[int, str], old: str) -> tuple[int, str]:
        step, number = self.pattern.step, self.seq + 1
        data = self.pattern.input.replace(b"case_2", b"case_%d" % number)
        new = {
            old: run,
            step["step_id"]: f"{number:0{len(step['step_id'])}d}",
            step["tool_use_id"]: f"toolu_{number:020d}",
            step["fingerprint"]: sha256(b"%d" % number).hexdigest()[: len(step["fingerprint"])],
            step["input"]: sha256(data).hexdigest(),
        }
        for event in self.pattern.calls:
            link = self._append(event, run, link, new)
        self._put("steps", {name: self._given(value, new) for name, value in step.items()} | {"seq": number})
        self._put("claims", {name: self._given(value, new) for name, value in self.pattern.claim.items()})
        self._put("blobs", {"digest": new[step["input"]], "bytes": data})
        if self.pattern.output:
            self._put("blobs", {"digest": step["output"], "bytes": self.pattern.output})
        return link

    def _given(self, value: object, new: dict[str, str]) -> object:
        if isinstance(value, str):
            for old, given in new.items():
                value = value.replace(old, given)
        return value

    def _append(self, row: dict, run: str, link: tuple[int, str], new: dict[str, str]) -> tuple[int, str]:
        event = Event(self.seq + 1, self.hash, run, link[0] + 1, link[1])
        event.subject, event.type, event.at = self._given(row["subject"], new), row["type"], row["at"]
        event.body = self._given(row["body"], new)
        event.hash = chain.digest_of(event)
        event.mac = chain.event_mac(self.key.chain, event.hash)
        self._put("events", event.columns())
        self.seq, self.hash = event.seq, event.hash
        return event.run_seq, event.hash

    def _put(self, table: str, row: dict) -> None:
        marks = ", ".join(f":{name}" for name in row)
        kept = self.waiting.setdefault(f"INSERT OR IGNORE INTO {table} ({', '.join(row)}) VALUES ({marks})", [])
        kept.append(row)
        if len(kept) > BATCH:
            self._flush()

    def _flush(self) -> None:
        for sql, rows in self.waiting.items():
            self.ledger.executemany(sql, rows)
        self.waiting = {}


def make(home: Path, events: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        pattern = Pattern(Path(folder))
    for room in (home, home / "heads"):
        room.mkdir(mode=0o700, parents=True)
    key = keys.create_key(str(home))

    def fill(ledger: sqlite3.Connection) -> None:
        write_first(ledger, key)
        ledger.execute("PRAGMA cache_size = -300000")
        indexes = ledger.execute("SELECT name, sql FROM sqlite_master WHERE sql LIKE 'CREATE INDEX %'").fetchall()
        for name, _ in indexes:
            ledger.execute(f"DROP INDEX {name}")
        Maker(ledger, pattern, key).fill(events)
        for _, sql in indexes:
            ledger.execute(sql)

    build(database_in(str(home)), fill)
    ledger = connect_to_read(database_in(str(home)), 1.0)
    seq, digest = ledger.execute("SELECT seq, hash FROM events ORDER BY seq DESC LIMIT 1").fetchone()
    (ledger_id,) = ledger.execute("SELECT value FROM meta WHERE name = 'ledger_id'").fetchone()
    write_head(str(home), key, Head(ledger_id, seq, digest))


def bare_s(home: Path) -> tuple[float, int]:
    """The same bytes, from memory, nothing but hashed. A part at a time, and only the hashing is timed."""
    ledger, took, size = connect_to_read(database_in(str(home)), 1.0), 0.0, 0
    cursor = ledger.execute("SELECT seq, prev, run_id, run_seq, run_prev, subject, type, at, body FROM events")
    while rows := cursor.fetchmany(BATCH):
        hashed = [json.dumps(row, separators=(",", ":")).encode() for row in rows]
        size += sum(map(len, hashed))
        began = time.perf_counter()
        for data in hashed:
            sha256(data).hexdigest()
        took += time.perf_counter() - began
    return took, size


def main(events: int, folder: str) -> int:
    home = Path(folder) / f"state-{events}"
    if not home.exists():
        began = time.perf_counter()
        maker = Process(target=make, args=(home, events))  # Its memory is not ours.
        maker.start()
        maker.join()
        if maker.exitcode:
            return 1
        print(f"made {events:,} events in {time.perf_counter() - began:.0f} s")
    size = os.stat(database_in(str(home))).st_size / 1e6
    print(f"{size:,.0f} MB, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    verified = verify_ledger(str(home))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    bare, size = bare_s(home)
    ratio = verified.seconds["events"] / bare
    print(f"verdict {verified.verdict}: {verified.counted}")
    for finding in verified.findings[:10]:
        print("  ", finding)
    print(f"hashlib in a loop {bare:8.2f} s   {size / 1e6:,.0f} MB, {bare / events * 1e6:.2f} us an event")
    for layer, seconds in verified.seconds.items():
        print(f"{layer:17} {seconds:8.2f} s   {seconds / events * 1e6:.2f} us an event")
    print(f"events / hashlib  {ratio:8.2f}     at most {MOST:g}")
    print(f"peak memory       {memory / 1024:8.0f} MB   {(memory - before) / 1024:.0f} MB of it for verifying")
    return int(verified.verdict != "PASS")


if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else EVENTS
    if len(sys.argv) > 2:
        sys.exit(main(count, sys.argv[2]))
    with tempfile.TemporaryDirectory() as scratch:
        sys.exit(main(count, scratch))
