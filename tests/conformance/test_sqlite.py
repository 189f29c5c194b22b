"""The embedded store passes the suite."""

import sqlite3
import tempfile
from pathlib import Path

import pytest

from conformance.backend import PROJECTED, Backend
from conformance.claims import Claims
from conformance.concurrency import Concurrency
from conformance.machine import SETTINGS, LedgerMachine
from conformance.moves import Moves
from conformance.record import Record
from conformance.transactions import Transactions
from durable.ledger.chain import event_of
from durable.ledger.rebuild import Rebuild
from durable.ledger.sqlite import SqliteLedger
from durable.ledger.statements import migrations


class Sqlite(Backend):
    def make_ledger(self, patience=30.0):
        return SqliteLedger(str(self.place), patience=patience, busy_s=patience)

    def direct(self, sql):
        connection = sqlite3.connect(self.place / "ledger.db")
        try:
            with connection:
                connection.execute(sql)
        finally:
            connection.close()

    def tables(self):
        connection = sqlite3.connect(f"file:{self.place}/ledger.db?mode=ro", uri=True)
        try:
            return rows_of(connection)
        finally:
            connection.close()

    def rebuilt(self, events):
        connection = sqlite3.connect(":memory:", isolation_level=None)
        for migration in migrations():
            connection.executescript(migration.sql)
        rebuild = Rebuild(connection)
        for row in events:
            assert rebuild.take(event_of(row)), row["type"]
        return rows_of(connection)


def rows_of(connection):
    return {table: sorted(connection.execute(f"SELECT * FROM {table}"), key=repr) for table in PROJECTED}


@pytest.fixture
def backend(tmp_path):
    return Sqlite(tmp_path / "home")


class TestTransactions(Transactions):
    pass


class TestMoves(Moves):
    pass


class TestClaims(Claims):
    pass


class TestRecord(Record):
    pass


class TestConcurrency(Concurrency):
    pass


def test_any_sequence_of_verbs_leaves_rows_that_follow_from_the_events():
    from hypothesis.stateful import run_state_machine_as_test

    with tempfile.TemporaryDirectory() as folder:

        class Machine(LedgerMachine):
            @staticmethod
            def make_backend():
                return Sqlite(Path(tempfile.mkdtemp(dir=folder)) / "home")

        run_state_machine_as_test(Machine, settings=SETTINGS)
