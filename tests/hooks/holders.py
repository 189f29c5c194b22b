"""Other processes that hold what a hook needs, until the `with` ends."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LOCKF = "import fcntl, sys; file = open(sys.argv[1], 'r+'); fcntl.lockf(file, fcntl.LOCK_EX)"
SQLITE = """
import sqlite3, sys
ledger = sqlite3.connect(sys.argv[1], isolation_level=None)
ledger.execute("BEGIN IMMEDIATE")
"""
WAIT = "\nprint('held', flush=True)\nsys.stdin.read()\n"


@contextmanager
def _holding(source: str, path: Path) -> Iterator[None]:
    process = subprocess.Popen(
        [sys.executable, "-c", source + WAIT, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == b"held\n"
        yield
    finally:
        process.stdin.close()
        process.wait()
        process.stdout.close()


def holding_our_lock(state: Path):
    return _holding(LOCKF, state / "locks" / "ledger.lock")


def holding_sqlites_lock(state: Path):
    return _holding(SQLITE, state / "ledger.db")
