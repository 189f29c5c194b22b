"""The SQLite file itself: how it is opened, which of them we can use, what its errors mean."""

from __future__ import annotations

from durable.errors import DurableError, IllegalMove, LedgerBusy, LedgerError, TwinHolds, VersionError
from durable.home import check_file, command
from durable.lean import os
from durable.native import sqlite

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

MAJOR, MINOR = 1, 3
SIDE_FILES = ("-wal", "-shm", "-journal")
# Chosen with bench/checkpoint.py. A hook touches some 16 pages and writes each of them whole to the
# WAL: 20 KiB with small pages, 60 KiB with SQLite's usual 4096 bytes, at the same time per hook.
PAGE_SIZE = 1024
# A hook that starts reads the whole WAL to index it, 0.7 ms per MiB; a checkpoint takes 10 to 20 ms.
# Both together cost least, some 2.5 ms a hook, between a quarter of a MiB and one.
CHECKPOINT_PAGES = 512


def database_in(home: str) -> str:
    return f"{home}/ledger.db"


def connect(path: str, busy_s: float) -> sqlite.Connection:
    """For the holder of the lock. Builds of SQLite differ in their defaults: everything is said here."""
    check_not_emptied(path)
    try:
        # mode=rw: a file that vanishes meanwhile must not come back as an empty ledger.
        connection = _opened(path, "rw", busy_s)
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA wal_autocheckpoint = 0")  # `checkpoint` below says when and why
    except sqlite.Error as error:
        raise translated(error, path) from None
    return connection


def checkpoint(connection: sqlite.Connection, path: str, busy_s: float) -> None:
    """Empties a WAL that has grown long; for the holder of the lock, after its commit.

    SQLite's own automatic checkpoint does not do for processes that leave without closing: the next
    one has forgotten how far it got, so from the threshold on each would write everything back again
    and the WAL would never start over. A reader in the way postpones it.
    """
    try:
        if os.stat(path + "-wal").st_size > CHECKPOINT_PAGES * PAGE_SIZE:
            connection.execute("PRAGMA busy_timeout = 0")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            connection.execute(f"PRAGMA busy_timeout = {int(busy_s * 1000)}")
    except (OSError, sqlite.Error):
        return  # What was committed is safe in the WAL, and the next writer tries again.


# Of a damaged schema SQLite names what it could not read, and that may be no text.
FAILED = (sqlite.Error, UnicodeDecodeError)


def connect_to_read(path: str, busy_s: float) -> sqlite.Connection:
    """Writes nothing and never checkpoints. A read-only handle can't take the lock for the checkpoint
    that the last connection to close would else run, outside of ours."""
    check_not_emptied(path)
    try:
        connection = _opened(path, "ro", busy_s)
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        connection.execute("PRAGMA query_only = ON")
    except FAILED as error:
        raise translated(error, path) from None
    return connection


def check_not_emptied(path: str) -> None:
    """SQLite takes a file of no bytes for a new database, and removes the WAL beside it."""
    if is_emptied(path):
        remedy = f"put a backup back: {command()} restore FILE --reason TEXT; or start over: leave FILE out"
        raise LedgerError(f"{path} is empty: its content was cut off", remedy)


def is_emptied(path: str) -> bool:
    try:
        return os.stat(path).st_size == 0
    except OSError:
        return False


def _opened(path: str, mode: str, busy_s: float) -> sqlite.Connection:
    escaped = path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")
    return sqlite.connect(
        # With the authority left empty, a path that begins with two slashes can't be read as one.
        f"file://{escaped}?mode={mode}",
        timeout=busy_s,
        isolation_level=None,
        check_same_thread=False,
        uri=True,
    )


def present(path: str) -> bool:
    """Whether the file is there; it and what lies beside it must be plain files of ours."""
    for suffix in SIDE_FILES:
        check_file(path + suffix)
    return check_file(path)


def schema_version(connection: sqlite.Connection) -> tuple[int, int]:
    major, minor = divmod(connection.execute("PRAGMA user_version").fetchone()[0], 1000)
    return major, minor


def check_version(connection: sqlite.Connection, path: str) -> None:
    """Any schema of our major version will do: a minor one only adds."""
    try:
        major, minor = schema_version(connection)
    except sqlite.Error as error:
        raise translated(error, path) from None
    if major != MAJOR:
        raise VersionError(
            f"the ledger has schema {major}.{minor}, this durable works with {MAJOR}.x",
            f"install the durable that wrote it, or run {command()} migrate",
        )


def as_dict(cursor: sqlite.Cursor, row: tuple[Any, ...]) -> dict[str, Any]:
    return dict(zip([column[0] for column in cursor.description], row, strict=True))


def as_dicts(cursor: sqlite.Cursor, rows: Iterable[tuple[Any, ...]]) -> list[dict[str, Any]]:
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in rows]


def streamed(cursor: sqlite.Cursor, path: str) -> Iterator[dict[str, Any]]:
    names = [column[0] for column in cursor.description]
    try:
        for row in cursor:
            yield dict(zip(names, row, strict=True))
    except FAILED as error:
        raise translated(error, path) from None


def translated(error: Exception, path: str) -> DurableError:
    """SQLite's error in our words. The one place where its codes and messages are read."""
    said, code = str(error), getattr(error, "sqlite_errorname", "")
    if code == "SQLITE_CONSTRAINT_TRIGGER" and "illegal move" in said:
        return IllegalMove("a step can't go from its state to that one", "")
    if code == "SQLITE_CONSTRAINT_UNIQUE" and "claims." in said:
        return TwinHolds("another step holds this claim", "")
    for prefix, (kind, problem, remedy) in _TROUBLES.items():
        if code.startswith(prefix):
            return kind(problem.format(path=path, said=said), remedy)
    return LedgerError(f"{path} can't be used ({said})", damage_remedy())


_ACCESS = "restore your access to it and its directory"
_TROUBLES: dict[str, tuple[type[LedgerError], str, str]] = {
    "SQLITE_BUSY": (LedgerBusy, "another program holds {path}", "close it and try again"),
    "SQLITE_LOCKED": (LedgerBusy, "another program holds {path}", "close it and try again"),
    "SQLITE_FULL": (LedgerError, "no space is left for {path}", "free some space"),
    "SQLITE_READONLY": (LedgerError, "{path} can't be written ({said})", _ACCESS),
    "SQLITE_CANTOPEN": (LedgerError, "{path} can't be opened ({said})", _ACCESS),
    "SQLITE_PERM": (LedgerError, "{path} can't be opened ({said})", _ACCESS),
    "SQLITE_IOERR": (LedgerError, "the disk failed under {path} ({said})", "look at the disk and its free space"),
}


def damage_remedy() -> str:
    return f"look at it with {command()} doctor, salvage it with {command()} doctor --repair"
