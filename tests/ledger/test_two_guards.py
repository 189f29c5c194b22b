"""An illegal move is refused twice: by the statement that would make it, and by a trigger behind it."""

import pytest

from conformance.moves import ILLEGAL
from conformance.past import WAYS, move, prepare, seat
from durable.errors import IllegalMove
from durable.ledger.sqlite import SqliteLedger
from ledger.whole import shell


@pytest.fixture(scope="module")
def unguarded(tmp_path_factory):
    """A ledger without its triggers, with a step in each state."""
    home = tmp_path_factory.mktemp("unguarded") / "state"
    ledger = SqliteLedger(str(home))
    with ledger.begin() as tx:
        seat(tx)
        for status, way in WAYS.items():
            step = prepare(tx, status, f"f-{status}")
            for to in way:
                step = move(tx, step, to)
        tx.commit()
    shell(home)
    return ledger


@pytest.mark.parametrize(("status", "to"), ILLEGAL)
def test_the_statement_alone_refuses_an_illegal_move(unguarded, status, to):
    with unguarded.begin() as tx:
        step = tx.step("step", step_id=status)
        assert isinstance(tx.attempt(lambda: move(tx, step, to) and None), IllegalMove)
