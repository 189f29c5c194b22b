"""Whether a ledger is whole, told from its files alone."""

import json
import sqlite3
from pathlib import Path

from conformance.sqlite_backend import Sqlite
from durable.ledger import head, keys
from durable.ledger.reading import Reader
from durable.ledger.walk import Walk, walked
from durable.native import sha256


def events_of(state):
    with Reader(str(state)) as reader:
        return reader.all("events_after", seq=0, most=1_000_000)


def known_keys(state):
    found = [*keys.retired_keys(str(state)), keys.read_key(str(state))]
    return {key.key_id: key.chain for key in found}


def faults_of(state):
    return walked(Walk(known_keys(state)), events_of(state), keys.read_key(str(state)).key_id).faults


def assert_whole(state):
    """Chain, head, rows, blobs, and SQLite's own opinion."""
    events = events_of(state)
    assert faults_of(state) == []
    known, _ = head.read_head(str(state), [keys.read_key(str(state))])
    assert (known.seq, known.hash) == (events[-1]["seq"], events[-1]["hash"])
    backend = Sqlite(Path(state))
    assert backend.tables() == backend.rebuilt(events)
    assert_sound(state)


def assert_sound(state):
    connection = sqlite3.connect(f"file:{state}/ledger.db?mode=ro", uri=True)
    try:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        for digest, data in connection.execute("SELECT digest, bytes FROM blobs"):
            assert sha256(bytes(data)) == digest
    finally:
        connection.close()


def bodies(state, kind):
    return [json.loads(row["body"]) for row in events_of(state) if row["type"] == kind]


def insert_event(state, event):
    columns = event.columns()
    marks = ",".join("?" * len(columns))
    shell(state, (f"INSERT INTO events ({','.join(columns)}) VALUES ({marks})", tuple(columns.values())))


def shell(state, *statements):
    """What somebody with write access to the file can do, triggers out of the way."""
    connection = sqlite3.connect(Path(state) / "ledger.db", isolation_level=None)
    try:
        for trigger in ("events_stay", "events_remain", "only_legal_moves"):
            connection.execute(f"DROP TRIGGER IF EXISTS {trigger}")
        for statement in statements:
            connection.execute(*(statement if isinstance(statement, tuple) else (statement,)))
    finally:
        connection.close()
