"""What is said to SQLite on every connection, and what readers leave alone."""

import threading

import pytest

from conformance.past import RUN
from durable.errors import LedgerBusy, LedgerError
from durable.ledger.database import connect, connect_to_read
from durable.ledger.lock import Lock
from durable.ledger.reading import Reader
from durable.ledger.sqlite import SqliteLedger
from hooks.door import bash


def pragma(connection, name):
    return connection.execute(f"PRAGMA {name}").fetchone()[0]


def append(home):
    ledger = SqliteLedger(str(home))
    with ledger.begin() as tx:
        tx.append("turn.started", RUN, "session-1", {"prompt_id": "p"})
        tx.commit()
    return ledger


def test_a_writing_connection_syncs_its_wal_at_each_commit(home):
    connection = connect(f"{home}/ledger.db", 1)
    full = 2
    assert (pragma(connection, "synchronous"), pragma(connection, "journal_mode")) == (full, "wal")
    assert pragma(connection, "foreign_keys") == 1


def test_the_ledger_uses_such_a_connection_and_no_other(home, monkeypatch):
    from durable.ledger import sqlite

    made = []
    monkeypatch.setattr(sqlite, "connect", lambda *given: made.append(connect(*given)) or made[-1])
    append(home)
    assert [pragma(connection, "synchronous") for connection in made] == [2]


def test_a_writing_connection_makes_no_database(tmp_path):
    with pytest.raises(LedgerError, match="can't be opened"):
        connect(str(tmp_path / "ledger.db"), 1)
    assert list(tmp_path.iterdir()) == []


def test_a_reading_connection_writes_nothing_and_never_checkpoints(home):
    connection = connect_to_read(f"{home}/ledger.db", 1)
    assert (pragma(connection, "wal_autocheckpoint"), pragma(connection, "query_only")) == (0, 1)
    with pytest.raises(Exception, match="readonly"):
        connection.execute("DELETE FROM cursors")


def test_the_wal_is_still_there_after_the_last_reader_has_closed(lived_in):
    assert lived_in.pre(bash("echo hi", "toolu_3")).permits
    wal, database = lived_in.state / "ledger.db-wal", lived_in.state / "ledger.db"
    before = wal.read_bytes(), database.read_bytes()
    with Reader(str(lived_in.state)) as reader:
        assert len(reader.all("runs")) == 1
    assert (wal.read_bytes(), database.read_bytes()) == before


def test_a_writer_that_closes_takes_the_wal_in(home):
    ledger = append(home)
    assert (home / "ledger.db-wal").stat().st_size
    ledger.close()
    assert not (home / "ledger.db-wal").exists()


def test_closing_waits_for_the_lock(home):
    ledger = SqliteLedger(str(home), patience=0.05)
    ledger.begin().__exit__(None, None, None)
    with SqliteLedger(str(home)).begin(), pytest.raises(LedgerBusy):
        ledger.close()


def test_a_reader_keeps_its_view_until_it_refreshes(home):
    with Reader(str(home)) as reader:
        before = reader.one("last_event")
        append(home)
        assert reader.one("last_event") == before
        reader.refresh()
        assert reader.one("last_event")["seq"] == before["seq"] + 1


def test_a_reader_and_a_writer_do_not_wait_for_each_other(home):
    with Reader(str(home), busy_s=0) as reader, SqliteLedger(str(home), patience=0).begin() as tx:
        tx.append("turn.started", RUN, "session-1", {"prompt_id": "p"})
        assert reader.one("run", run_id=RUN)["status"] == "open"
        tx.commit()


def test_a_reader_makes_no_ledger(tmp_path):
    with pytest.raises(LedgerError, match="no ledger"):
        Reader(str(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_ledger_is_named_with_its_remedy(home):
    (home / "ledger.db").write_bytes(b"not a database at all, and long enough to look at" * 100)
    with pytest.raises(LedgerError, match="doctor --repair"):
        Reader(str(home))


@pytest.mark.parametrize("name", ["a b", "100%25", "what?", "a#b", "é", "mode=memory&x"])
def test_a_path_means_itself_whatever_a_uri_would_read_into_it(tmp_path, name):
    home = tmp_path / name
    append_first(home)
    assert (home / "ledger.db").exists()
    with Reader(str(home)) as reader:
        assert reader.one("last_event")["seq"] == 1


def append_first(home):
    SqliteLedger(str(home)).begin().__exit__(None, None, None)


# ---- the lock ----


def test_threads_of_one_process_wait_for_each_other(home):
    """A POSIX lock belongs to the process: a second thread would walk right through it."""
    entered, results = threading.Event(), []

    def second():
        entered.set()
        with Lock(str(home), 30):
            results.append("second")

    with Lock(str(home), 0):
        thread = threading.Thread(target=second)
        thread.start()
        entered.wait()
        with pytest.raises(LedgerBusy):
            Lock(str(home), 0.05).acquire()
        results.append("first")
    thread.join()
    assert results == ["first", "second"]


def test_a_lock_file_that_was_removed_and_made_again_is_still_one_lock(home, lived_in):
    state = lived_in.state
    Lock(str(state), 0).acquire()
    Lock(str(state), 0)._file.mutex.release()
    (state / "locks" / "ledger.lock").unlink()
    held = lived_in.root / "held"
    other = lived_in.start("pre_tool_use", bash("echo 1", "toolu_9"), DURABLE_TEST_CRASH=f"before-commit:hold={held}")
    other.wait_for(held)
    with pytest.raises(LedgerBusy):
        Lock(str(state), 0.05).acquire()
    held.unlink()
    assert other.finish().permits


def test_two_ledgers_in_one_process_do_not_wait_for_each_other(home, tmp_path):
    with SqliteLedger(str(home), patience=0).begin(), SqliteLedger(str(tmp_path / "two"), patience=0).begin() as tx:
        assert tx.seq == 1


def test_a_lock_is_free_again_after_an_error(home):
    with pytest.raises(RuntimeError), SqliteLedger(str(home)).begin():
        raise RuntimeError
    with Lock(str(home), 0) as lock:
        assert lock.held
