"""A ledger's birth, in steps of which any can be the last one that happened.

Key, database under a temporary name, rename, head last. There was a ledger if and only if a head
exists; anything less is completed by whoever comes next.
"""

from __future__ import annotations

import os

from durable import crash
from durable.clock import now
from durable.errors import LedgerError, TamperError
from durable.home import check_file, command
from durable.ledger import chain, keys
from durable.ledger.database import MAJOR, MINOR, translated
from durable.ledger.files import sync_dir
from durable.ledger.head import Head, write_head
from durable.ledger.keys import Key
from durable.ledger.statements import migrations, named_statements
from durable.native import sha256, sqlite

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

def complete_creation(home: str) -> None:
    """Makes what is missing. Called under the lock, when there is no head."""
    crash.point("before-creation")
    key = keys.read_key(home) if check_file(keys.path_in(home)) else keys.create_key(home)
    crash.point("after-key")
    path = f"{home}/ledger.db"
    if not check_file(path):
        _build(path + ".new", key)
        crash.point("before-ledger-rename")
        os.replace(path + ".new", path)
        sync_dir(home)
    crash.point("after-ledger-rename")
    write_head(home, key.chain, _first_head(path))


def _build(path: str, key: Key) -> None:
    for suffix in ("", "-wal", "-shm", "-journal"):
        if check_file(path + suffix):
            os.unlink(path + suffix)
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    connection = sqlite.connect(path, isolation_level=None)
    try:
        _write_first(connection, key)
    except sqlite.Error as error:
        problem = f"a new ledger can't be written at {path} ({error})"
        raise LedgerError(problem, "free space or fix access there") from None
    finally:
        connection.close()


def _write_first(connection: sqlite.Connection, key: Key) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    statements = named_statements("queries.sql")
    for _, sql in migrations():
        connection.executescript(sql)
    connection.execute(f"PRAGMA user_version = {MAJOR * 1000 + MINOR}")
    connection.execute("BEGIN IMMEDIATE")
    ledger_id = os.urandom(8).hex()
    for name, value in _meta(ledger_id, key):
        connection.execute(statements["set_meta"], {"name": name, "value": value})
    first = chain.Event(1, chain.START, "", 1, chain.START)
    body = {"ledger_id": ledger_id, "key_id": key.key_id, "schema": f"{MAJOR}.{MINOR}"}
    first.seal(key.chain, "", "ledger.created", now(), body)
    connection.execute(statements["append_event"], first.columns())
    connection.execute("COMMIT")


def _meta(ledger_id: str, key: Key) -> list[tuple[str, str]]:
    done = [(f"migration {name}", sha256(sql.encode())) for name, sql in migrations()]
    return [("ledger_id", ledger_id), ("key_id", key.key_id), *done]


def _first_head(path: str) -> Head:
    """The head of a ledger that has none yet. One that has already grown must have had one."""
    try:
        connection = sqlite.connect(path, isolation_level=None)
        rows: list[Any] = connection.execute("SELECT seq, hash FROM events ORDER BY seq LIMIT 2").fetchall()
        found = connection.execute("SELECT value FROM meta WHERE name = 'ledger_id'").fetchone()
        connection.close()
    except sqlite.Error as error:
        raise translated(error, path) from None
    if len(rows) != 1 or found is None:
        raise TamperError(
            "the ledger's head is missing", f"put it back, or accept the ledger: {command()} restore --reason TEXT"
        )
    return Head(found[0], rows[0][0], rows[0][1])
