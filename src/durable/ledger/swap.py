"""Puts another database in the place of the ledger's, the old one aside. Called under the lock.

At every instant ledger.db exists, and never beside a WAL that is not its own: SQLite would replay
the pages of one database into the other. A crash on the way leaves the old database whole, or a new
one that the head does not fit, so that hooks deny until the rescue is run again.
"""

from __future__ import annotations

import os

from durable import crash
from durable.clock import now
from durable.errors import DurableError
from durable.home import check_file
from durable.ledger import head
from durable.ledger.database import SIDE_FILES, connect, database_in
from durable.ledger.files import sync_dir, write_new
from durable.native import sqlite


def put_in_place(home: str, path: str, word: str) -> str:
    """Returns where the old database lies now, or nothing if there was none."""
    present = database_in(home)
    aside = f"{present}.{word}-{file_stamp()}" if check_file(present) else ""
    if aside:
        _take_wal_in(present)
        _forget_interrupted(home)
        for suffix in SIDE_FILES:
            if check_file(present + suffix):
                os.replace(present + suffix, aside + suffix)
        os.link(present, aside)
    sync_dir(home)
    crash.point("mid-swap")
    os.replace(path, present)
    sync_dir(home)
    crash.point("after-swap")
    return aside


def _forget_interrupted(home: str) -> None:
    """Second names that an earlier swap gave to ledger.db and did not come to use: no copies of it."""
    present = database_in(home)
    for name in os.listdir(home):
        path = f"{home}/{name}"
        if path != present and os.path.samefile(path, present) and not os.path.exists(path + "-wal"):
            os.unlink(path)


def _take_wal_in(path: str) -> None:
    """So that a crash between the renames parts the old database from nothing of its own."""
    try:
        connection = connect(path, 1.0)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()
    except (sqlite.Error, DurableError):
        return  # Too damaged for that: the WAL goes aside as it is.


def archive_head(home: str) -> str:
    """Keeps a copy of the head that is about to be overruled; returns where, or nothing."""
    if not head.exists(home):
        return ""
    with open(head.path_in(home), "rb") as file:
        text = file.read(10_000)
    aside = f"{head.path_in(home)}.{file_stamp()}"
    write_new(aside, text)
    return aside


def file_stamp() -> str:
    """The time, in a form that can stand in a file name; to the microsecond, so that none repeats."""
    return now().replace(":", "").replace("-", "").replace(".", "")
