"""Repair of a damaged database: what can be read is kept, what can't is named."""

import shutil
import sqlite3

import pytest

from conformance.sqlite_backend import Sqlite
from durable.errors import DurableError, KeyFileError
from durable.ledger.database import PAGE_SIZE
from durable.ledger.restore import restore
from durable.ledger.salvage import salvage
from durable.ledger.sqlite import SqliteLedger
from ledger.whole import assert_sound, bodies, events_of, faults_of, shell


def works(home):
    ledger = SqliteLedger(str(home))
    with ledger.begin() as tx:
        tx.append("turn.started", "", "session-1", {"prompt_id": "p"})
        tx.commit()
    ledger.close()
    return True


def overwrite(home, page, data=b"\xa5" * PAGE_SIZE):
    with open(home / "ledger.db", "r+b") as file:
        file.seek((page - 1) * PAGE_SIZE)
        file.write(data)


def page_of(home, event):
    """Its MAC stands in no other table."""
    return (home / "ledger.db").read_bytes().index(event["mac"].encode()) // PAGE_SIZE + 1


def root_of(home, name):
    connection = sqlite3.connect(home / "ledger.db")
    try:
        return connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = ?", (name,)).fetchone()[0]
    finally:
        connection.close()


def test_of_a_healthy_ledger_nothing_is_lost(home):
    before, tables = events_of(home), Sqlite(home).tables()
    found = salvage(str(home))
    assert (found.events, found.lost_blobs) == (len(before), 0)
    assert (found.lost, found.changed, found.unprojected) == ([], [], [])
    assert found.faults == []
    assert Sqlite(home).tables() == tables
    assert [row["type"] for row in events_of(home)[len(before) :]] == ["ledger.salvaged"]
    assert works(home)


def test_the_damaged_file_is_kept_as_it_was(home):
    overwrite(home, root_of(home, "steps"))
    damaged = (home / "ledger.db").read_bytes()
    found = salvage(str(home))
    assert found.old_ledger.startswith(f"{home}/ledger.db.damaged-")
    with open(found.old_ledger, "rb") as file:
        assert file.read() == damaged


@pytest.mark.parametrize("name", ["steps", "claims", "runs", "one_holder", "steps_of_run", "sessions"])
def test_rows_and_indexes_that_are_destroyed_come_back_from_the_events(home, name):
    tables = Sqlite(home).tables()
    overwrite(home, root_of(home, name))
    found = salvage(str(home))
    assert (found.lost, found.unprojected) == ([], [])
    assert Sqlite(home).tables() == tables
    assert_sound(home)
    assert works(home)


def test_events_on_a_destroyed_page_are_lost_and_named(home, more):
    more(home, "b", 20)
    before = events_of(home)
    overwrite(home, page_of(home, before[30]))
    found = salvage(str(home))
    lost = {number for first, last in found.lost for number in range(first, last + 1)}
    assert 0 < len(lost) < 20
    kept = [row for row in before if row["seq"] not in lost]
    assert events_of(home)[: len(kept)] == kept
    (body,) = bodies(home, "ledger.salvaged")
    assert body["lost"] == [list(span) for span in found.lost]
    assert found.faults == faults_of(home) != []
    assert_sound(home)
    assert works(home)


def test_events_lost_at_the_end_are_known_from_the_head(home):
    end = events_of(home)[-1]["seq"]
    shell(home, f"DELETE FROM events WHERE seq > {end - 3}")
    found = salvage(str(home))
    assert found.lost == [(end - 2, end)]
    assert works(home)


def test_an_event_that_was_changed_is_dropped_and_named(home):
    shell(home, "UPDATE events SET body = replace(body, 'project', 'praject') WHERE seq = 2")
    found = salvage(str(home))
    assert (found.changed, found.lost) == ([2], [(2, 2)])
    assert bodies(home, "ledger.salvaged")[0]["changed"] == [2]
    assert works(home)


def test_a_blob_that_no_longer_fits_its_name_is_lost(home):
    shell(home, "UPDATE blobs SET bytes = x'00' WHERE rowid = 1")
    found = salvage(str(home))
    assert found.lost_blobs == 1
    assert_sound(home)
    assert works(home)


def test_rows_whose_beginning_is_lost_are_named_as_not_rebuilt(home):
    first = next(row["seq"] for row in events_of(home) if row["type"] == "step.prepared")
    shell(home, f"DELETE FROM events WHERE seq = {first}")
    assert salvage(str(home)).unprojected == [first + 1, first + 2]
    assert works(home)


def test_whichever_page_is_destroyed_the_ledger_is_repaired_or_the_remedy_is_named(home, tmp_path):
    pages = (home / "ledger.db").stat().st_size // PAGE_SIZE
    outcomes = {True: 0, False: 0}
    for page in range(1, pages + 1, 4):
        copy = tmp_path / f"page-{page}"
        shutil.copytree(home, copy)
        overwrite(copy, page)
        try:
            salvage(str(copy))
        except DurableError as error:
            assert error.remedy
            outcomes[False] += 1
        else:
            assert works(copy)
            assert_sound(copy)
            outcomes[True] += 1
        shutil.rmtree(copy)
    assert outcomes[True] > 5 * outcomes[False]


def test_a_file_of_garbage_is_not_replaced(home):
    (home / "ledger.db").write_bytes(b"garbage" * 5000)
    (home / "heads" / "ledger").unlink()
    with pytest.raises(DurableError, match="restore"):
        salvage(str(home))
    assert (home / "ledger.db").read_bytes().startswith(b"garbage")


def test_without_the_key_nothing_is_touched(home):
    before = (home / "ledger.db").read_bytes()
    for damage in (lambda key: key.write_text("ab" * 32), lambda key: key.unlink()):
        damage(home / "key")
        with pytest.raises(KeyFileError):
            salvage(str(home))
    assert (home / "ledger.db").read_bytes() == before


def test_a_ledger_without_its_first_events_is_still_checked_under_its_key(home, tmp_path):
    """Whatever named the key is lost with them; a backup of what was saved must be worth something."""
    overwrite(home, page_of(home, events_of(home)[0]))
    assert salvage(str(home)).lost
    assert works(home)
    shell(home, "PRAGMA wal_checkpoint(TRUNCATE)")
    backup = tmp_path / "backup.db"
    shutil.copy(home / "ledger.db", backup)
    found = restore(str(home), None, "to see whether it stands")
    assert "the chain does not end under the present key" not in found.faults
    forged = events_of(home)[-1]["seq"]
    shell(home, f"UPDATE events SET mac = '{'0' * 64}' WHERE seq = {forged}")
    assert any("not made with the ledger's key" in fault for fault in faults_of(home))
