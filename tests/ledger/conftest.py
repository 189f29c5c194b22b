import pytest

from conformance.past import move, prepare, seat
from durable.ledger.sqlite import SqliteLedger
from hooks.conftest import client, door, lived_in, template  # noqa: F401


@pytest.fixture
def home(tmp_path):
    """A state directory with a ledger that has a little past, closed: everything is in ledger.db."""
    home = tmp_path / "state"
    ledger = SqliteLedger(str(home))
    with ledger.begin() as tx:
        seat(tx)
        tx.commit()
    ledger.close()
    grow(home, "a", 3)
    return home


def grow(home, word, steps):
    """More past: a transaction for each step, permitted and closed."""
    ledger = SqliteLedger(str(home))
    for number in range(steps):
        with ledger.begin() as tx:
            step = move(tx, prepare(tx, f"{word}{number}", f"f-{word}{number}"), "running")
            move(tx, step, "succeeded")
            tx.commit()
    ledger.close()


@pytest.fixture
def more():
    return grow
