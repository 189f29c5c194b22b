"""Where a job can't be worked on, it says so in one sentence with its exit code, and changes nothing."""

import sqlite3

import pytest

from jobs.workshop import step


@pytest.fixture
def failed(shop):
    """A run with something left to do."""
    shop.job(step("a", "[ -e gate ] && echo a >> effects", effect="repeatable"))
    assert shop.run().code == 1
    (shop.cwd / "gate").touch()
    return shop


def of_another_version(shop):
    ledger = sqlite3.connect(shop.state / "ledger.db")
    ledger.execute("PRAGMA user_version = 2000")
    ledger.close()


def without_its_key(shop):
    (shop.state / "key").rename(shop.root / "key")


def cut(shop):
    with open(shop.state / "ledger.db", "r+b") as file:
        file.truncate(1000)
    for beside in ("ledger.db-wal", "ledger.db-shm"):
        (shop.state / beside).unlink(missing_ok=True)


GROUNDS = [of_another_version, without_its_key, cut]


@pytest.mark.parametrize("spoil", GROUNDS, ids=lambda spoil: spoil.__name__)
@pytest.mark.parametrize("verb", ["run", "resume"])
def test_a_ledger_that_can_t_be_used_stops_it_before_anything_is_executed(failed, spoil, verb):
    spoil(failed)
    before = (failed.state / "ledger.db").read_bytes()
    words = ("run", "job.json", "--run-id", "R2") if verb == "run" else ("resume", "--run-id", failed.run_id)
    done = failed.durable(*words)
    assert (done.code, done.out, done.err.count("\n")) == (3, "", 1), done.err
    assert "Traceback" not in done.err and "; " in done.err
    assert failed.effects == [] and (failed.state / "ledger.db").read_bytes() == before


def test_an_unknown_run_is_a_finding_of_the_line(failed):
    done = failed.durable("resume", "--run-id", "nowhere")
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert "nowhere" in done.err
