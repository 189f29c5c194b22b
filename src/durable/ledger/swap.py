"""Puts another database in the place of the ledger's, the old one aside. Called under the lock.

At every instant ledger.db exists, and never beside a WAL that is not its own: SQLite would replay
the pages of one database into the other. A crash on the way leaves a database that the head does
not fit, so hooks deny until the rescue is run again.
"""

from __future__ import annotations

import os

from durable import crash
from durable.clock import now
from durable.home import check_file
from durable.ledger import head
from durable.ledger.database import SIDE_FILES, database_in
from durable.ledger.files import sync_dir, write_new


def put_in_place(home: str, path: str, word: str) -> str:
    """Returns where the old database lies now, or nothing if there was none."""
    present = database_in(home)
    aside = f"{present}.{word}-{file_stamp()}" if check_file(present) else ""
    if aside:
        os.link(present, aside)
        for suffix in SIDE_FILES:
            if check_file(present + suffix):
                os.replace(present + suffix, aside + suffix)
    sync_dir(home)
    crash.point("mid-swap")
    os.replace(path, present)
    sync_dir(home)
    crash.point("after-swap")
    return aside


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
