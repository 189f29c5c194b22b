"""The embedded store passes the suite."""

import tempfile
from pathlib import Path

import pytest

from conformance.claims import Claims
from conformance.concurrency import Concurrency
from conformance.machine import SETTINGS, LedgerMachine
from conformance.moves import Moves
from conformance.record import Record
from conformance.sqlite_backend import Sqlite
from conformance.transactions import Transactions


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
