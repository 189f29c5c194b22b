"""A ledger's birth, in steps of which any can be the last one that happened.

Key, database under a temporary name, rename, head last. There was a ledger if and only if a head
exists; anything less is completed by whoever comes next.
"""

from __future__ import annotations

import os

from durable import crash
from durable.clock import now
from durable.errors import HomeError, LedgerError, TamperError
from durable.home import check_file, command
from durable.ledger import chain, head, keys
from durable.ledger.database import MAJOR, MINOR, PAGE_SIZE, SIDE_FILES, connect_to_read, database_in, translated
from durable.ledger.files import sync_dir
from durable.ledger.head import Head, write_head
from durable.ledger.statements import migrations, named_statements, split_script
from durable.native import sqlite

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from durable.ledger.keys import Key


def complete_creation(home: str) -> None:
    """Makes what is missing. Called under the lock, when there is no head."""
    try:
        crash.point("before-creation")
        key = _key(home)
        crash.point("after-key")
        if not check_file(database_in(home)):
            _put_database(home, key)
        crash.point("after-ledger-rename")
        write_head(home, key, _first_head(database_in(home), key))
        # From here on a missing head means tampering, so it must not get lost with the power.
        for path in (f"{home}/{head.DIRECTORY}", home, os.path.dirname(home)):
            sync_dir(path)
    except OSError as error:
        problem = f"a ledger can't be made in {home} ({error.strerror})"
        raise HomeError(problem, "free space or restore your access there") from None


def _key(home: str) -> Key:
    """A database is never older than its key: without one, the key was taken away."""
    if check_file(keys.path_in(home)) or check_file(database_in(home)):
        return keys.read_key(home)
    return keys.create_key(home)


def _put_database(home: str, key: Key) -> None:
    path = database_in(home) + ".new"
    build(path, lambda connection: write_first(connection, key))
    crash.point("before-ledger-rename")
    os.replace(path, database_in(home))
    sync_dir(home)


def build(path: str, fill: Callable[[sqlite.Connection], None]) -> None:
    """A database with the present schema, filled in the same transaction, synced and closed."""
    for suffix in ("", *SIDE_FILES):
        if check_file(path + suffix):
            os.unlink(path + suffix)
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    connection = sqlite.connect(path, isolation_level=None)
    try:
        connection.execute(f"PRAGMA page_size = {PAGE_SIZE}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        # What a salvaged event refers to may be lost.
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute("BEGIN IMMEDIATE")
        lay_schema(connection)
        fill(connection)
        connection.execute("COMMIT")
    except sqlite.Error as error:
        problem = f"a new ledger can't be written at {path} ({error})"
        raise LedgerError(problem, "free space or restore your access there") from None
    finally:
        connection.close()


def lay_schema(connection: sqlite.Connection) -> None:
    set_meta = named_statements("queries.sql")["set_meta"]
    for migration in migrations():
        for statement in split_script(migration.sql):
            connection.execute(statement)
        connection.execute(set_meta, {"name": migration.record, "value": migration.checksum})
    connection.execute(f"PRAGMA user_version = {MAJOR * 1000 + MINOR}")


def drop_lookups(connection: sqlite.Connection) -> list[str]:
    """While many events are replayed, half the time would go into indexes that nothing asks. Returns what makes
    them again."""
    found = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql LIKE 'CREATE INDEX %'").fetchall()
    for name, _ in found:
        connection.execute(f"DROP INDEX {name}")
    return [sql for _, sql in found]


def write_first(connection: sqlite.Connection, key: Key) -> None:
    ledger_id = os.urandom(8).hex()
    write_identity(connection, ledger_id, key)
    first = chain.Event(1, chain.START, "", 1, chain.START)
    body = {"ledger_id": ledger_id, "key_id": key.key_id, "schema": f"{MAJOR}.{MINOR}"}
    first.seal(key.chain, "", "ledger.created", now(), body)
    connection.execute(named_statements("queries.sql")["append_event"], first.columns())


def write_identity(connection: sqlite.Connection, ledger_id: str, key: Key) -> None:
    set_meta = named_statements("queries.sql")["set_meta"]
    for name, value in (("ledger_id", ledger_id), ("key_id", key.key_id)):
        connection.execute(set_meta, {"name": name, "value": value})


def _first_head(path: str, key: Key) -> Head:
    """The head of a ledger that has none yet. One that has already grown must have had one."""
    connection = connect_to_read(path, 1.0)
    try:
        rows = connection.execute("SELECT seq, hash, mac FROM events ORDER BY seq LIMIT 2").fetchall()
        found = connection.execute("SELECT value FROM meta WHERE name = 'ledger_id'").fetchone()
    except sqlite.Error as error:
        raise translated(error, path) from None
    finally:
        connection.close()
    if len(rows) != 1 or found is None:
        accept = f"put it back, or accept the ledger: {command()} restore --reason TEXT"
        raise TamperError("the ledger's head is missing", accept)
    seq, digest, mac = rows[0]
    if mac != chain.event_mac(key.chain, digest):
        raise keys.KeyMismatch(os.path.dirname(path))
    return Head(found[0], seq, digest)
