"""The WAL between hooks that leave without closing: it must start over, whoever wrote it."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from durable.ledger.database import CHECKPOINT_PAGES, PAGE_SIZE
from durable.ledger.sqlite import SqliteLedger

LIMIT = CHECKPOINT_PAGES * PAGE_SIZE
BULK = b"x" * (LIMIT // 5)


def in_a_process_of_its_own(work: Callable[[], None]) -> None:
    """Leaves as a hook does: without closing the database."""
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(0)
    os.waitpid(child, 0)


def write(home: Path, number: int) -> None:
    with SqliteLedger(str(home)).begin() as tx:
        tx.put(number.to_bytes(4, "big") + BULK)
        tx.append("turn.started", "", "", {})
        tx.commit()


def wal(home: Path) -> int:
    return (home / "ledger.db-wal").stat().st_size


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "state"


def test_a_wal_that_has_grown_long_is_emptied_by_whoever_notices(home: Path) -> None:
    sizes = []
    for number in range(25):
        in_a_process_of_its_own(lambda number=number: write(home, number))
        sizes.append(wal(home))
    assert max(sizes) <= 2 * LIMIT
    assert sizes.count(0) >= 3
    assert events(home) == 26


def test_a_reader_in_the_way_postpones_it_and_loses_nothing(home: Path) -> None:
    write(home, 0)
    reader = sqlite3.connect(f"file:{home / 'ledger.db'}?mode=ro", uri=True)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM events").fetchone()
    for number in range(1, 12):
        in_a_process_of_its_own(lambda number=number: write(home, number))
    assert wal(home) > LIMIT
    reader.close()
    in_a_process_of_its_own(lambda: write(home, 12))
    assert wal(home) == 0
    assert events(home) == 14


def test_a_transaction_that_wrote_nothing_leaves_the_head_alone(home: Path) -> None:
    write(home, 0)
    before = (home / "heads" / "ledger").stat().st_ino
    with SqliteLedger(str(home)).begin() as tx:
        tx.commit()
    assert (home / "heads" / "ledger").stat().st_ino == before


def events(home: Path) -> int:
    ledger = sqlite3.connect(f"file:{home / 'ledger.db'}?mode=ro", uri=True)
    try:
        return int(ledger.execute("SELECT count(*) FROM events").fetchone()[0])
    finally:
        ledger.close()
