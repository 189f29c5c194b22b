"""Restore: the ledger accepted as it stands, or a backup put back."""

import shutil

import pytest

from conformance.past import seat
from durable.errors import LedgerError, TamperError, UsageError
from durable.ledger.database import connect_to_read
from durable.ledger.keyring import renew
from durable.ledger.restore import ACCEPTED, PUT_BACK, STARTED_OVER, restore
from durable.ledger.sqlite import SqliteLedger
from ledger.whole import assert_whole, bodies, events_of, faults_of, shell


@pytest.fixture
def backup(home, tmp_path):
    path = tmp_path / "backup.db"
    shutil.copy(home / "ledger.db", path)
    return path


def works(home):
    ledger = SqliteLedger(str(home))
    with ledger.begin() as tx:
        tx.append("turn.started", "", "session-1", {"prompt_id": "p"})
        tx.commit()
    ledger.close()
    return True


def test_a_ledger_that_was_put_back_by_hand_is_accepted_with_the_reason_on_record(home, backup, more):
    more(home, "b", 2)
    reached = events_of(home)[-1]["seq"]
    shutil.copy(backup, home / "ledger.db")
    done = restore(str(home), None, "the disk was replaced")
    assert (done.how, done.faults, done.head.seq, done.seq) == (ACCEPTED, [], reached, reached - 6)
    (body,) = bodies(home, "ledger.restored")
    assert (body["reason"], body["head"]["seq"], body["ended_at"]) == ("the disk was replaced", reached, done.seq)
    assert works(home)
    assert_whole(home)


def test_the_overruled_head_is_kept(home, backup, more):
    more(home, "b", 1)
    head = (home / "heads" / "ledger").read_bytes()
    shutil.copy(backup, home / "ledger.db")
    done = restore(str(home), None, "test")
    with open(done.old_head, "rb") as file:
        assert file.read() == head


@pytest.mark.parametrize("damage", [None, b"", b"{}"])
def test_a_ledger_whose_head_is_lost_is_accepted(home, damage):
    head = home / "heads" / "ledger"
    head.unlink() if damage is None else head.write_bytes(damage)
    assert restore(str(home), None, "test").head is None
    assert works(home)
    assert_whole(home)


def test_a_chain_that_is_broken_is_accepted_only_with_its_faults_on_record(home):
    shell(home, "UPDATE events SET body = '{}' WHERE seq = 3")
    done = restore(str(home), None, "test")
    assert done.faults == ["event 3 was changed"]
    assert bodies(home, "ledger.restored")[0]["faults"] == done.faults
    assert works(home)
    assert faults_of(home) == done.faults


def test_a_backup_is_put_back_and_the_other_one_kept(home, backup, more):
    more(home, "b", 1)
    content = backup.read_bytes()
    done = restore(str(home), str(backup), "test")
    assert done.how == PUT_BACK
    assert [row["type"] for row in events_of(home)[-2:]] == ["step.succeeded", "ledger.restored"]
    assert works(home)
    assert_whole(home)
    assert backup.read_bytes() == content
    kept = home / "kept"
    kept.mkdir()
    shutil.move(done.old_ledger, kept / "ledger.db")
    assert [row["subject"] for row in events_of_file(kept)][-1] == "b0"


def events_of_file(folder):
    (folder / "key").write_bytes((folder.parent / "key").read_bytes())
    return events_of(folder)


def test_a_backup_is_put_back_in_place_of_a_ledger_that_is_gone_or_garbage(home, backup):
    for damage in (lambda path: path.unlink(), lambda path: path.write_bytes(b"garbage" * 999)):
        damage(home / "ledger.db")
        with pytest.raises(LedgerError):
            works(home)
        assert restore(str(home), str(backup), "test").how == PUT_BACK
        assert works(home)
        assert_whole(home)


def test_a_backup_is_put_back_where_nothing_tells_which_ledger_this_was(home, backup):
    (home / "ledger.db").write_bytes(b"garbage" * 999)
    (home / "heads" / "ledger").unlink()
    assert restore(str(home), str(backup), "test").how == PUT_BACK
    assert_whole(home)


def test_a_backup_with_its_wal_beside_it_is_taken_whole(home, tmp_path, more):
    ledger = SqliteLedger(str(home))
    with ledger.begin() as tx:
        seat(tx, "run-2", "session-2", "owner-2")
        tx.commit()
    for suffix in ("", "-wal"):
        shutil.copy(home / f"ledger.db{suffix}", tmp_path / f"copy.db{suffix}")
    ledger.close()
    restore(str(home), str(tmp_path / "copy.db"), "test")
    assert "run-2" in {row["run_id"] for row in events_of(home)}
    assert_whole(home)


def test_another_ledger_is_no_backup(home, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    shutil.copy(home / "key", other / "key")
    works(other)
    with pytest.raises(TamperError, match="another ledger"):
        restore(str(home), str(other / "ledger.db"), "test")
    assert_whole(home)


def test_a_ledger_of_another_key_is_no_backup(home, backup):
    (home / "heads" / "ledger").unlink()
    (home / "ledger.db").unlink()
    (home / "key").write_text("ab" * 32)
    with pytest.raises(LedgerError, match="key"):
        restore(str(home), str(backup), "test")
    assert not (home / "ledger.db").exists()


def test_the_wal_of_the_old_ledger_is_never_replayed_into_the_new(home, backup):
    """A reader that still looks at the old one keeps its WAL from being taken in before the swap."""
    SqliteLedger(str(home)).begin().__exit__(None, None, None)
    reader = connect_to_read(f"{home}/ledger.db", 1)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM events").fetchone()
    for number in range(2):
        with SqliteLedger(str(home)).begin() as tx:
            seat(tx, f"run-{number}b", f"session-{number}b", f"owner-{number}b")
            tx.commit()
    restore(str(home), str(backup), "test")
    reader.close()
    assert "run-1b" not in {row["run_id"] for row in events_of(home)}
    assert_whole(home)


@pytest.mark.parametrize("sql", ["UPDATE events SET body = '{}' WHERE seq = 3", "DELETE FROM events WHERE seq = 3"])
def test_a_backup_that_was_changed_is_refused(home, backup, tmp_path, sql):
    folder = tmp_path / "folder"
    folder.mkdir()
    shutil.move(backup, folder / "ledger.db")
    shell(folder, sql)
    with pytest.raises(TamperError, match="not whole"):
        restore(str(home), str(folder / "ledger.db"), "test")
    assert_whole(home)
    assert not list(home.glob("ledger.db.*"))


def test_a_file_that_is_no_database_is_refused(home, tmp_path):
    (tmp_path / "x").write_bytes(b"x" * 5000)
    for file in (tmp_path / "x", tmp_path / "nothing"):
        with pytest.raises(LedgerError, match=str(file)) as refused:
            restore(str(home), str(file), "test")
        assert "name a backup of" in refused.value.remedy
    assert_whole(home)


def test_a_backup_from_before_a_renewed_key_brings_its_key_back(home, backup):
    old, new = renew(str(home), "test", env={})
    restore(str(home), str(backup), "test")
    assert works(home)
    assert_whole(home)
    assert {path.name for path in home.glob("key*")} == {"key", f"key.retired-{old}", f"key.retired-{new}"}


@pytest.mark.parametrize("key", [True, False])
def test_a_ledger_that_is_gone_can_be_started_over(home, key):
    (home / "ledger.db").unlink()
    if not key:
        (home / "key").unlink()
    done = restore(str(home), None, "test")
    assert done.how == STARTED_OVER
    assert works(home)
    assert_whole(home)
    assert len(bodies(home, "ledger.created")) == 1


@pytest.mark.parametrize("reason", ["", "  "])
def test_a_reason_is_required(home, reason):
    with pytest.raises(UsageError, match="reason"):
        restore(str(home), None, reason)
    assert bodies(home, "ledger.restored") == []


def test_a_secret_in_a_reason_is_not_kept(home):
    token = "ghp_" + "a1B2" * 9
    (home / "heads" / "ledger").unlink()
    restore(str(home), None, f"for {token}")
    renew(str(home), f"for {token}", env={})
    said = [bodies(home, kind)[0]["reason"] for kind in ("ledger.restored", "key.renewed")]
    assert [reason.startswith("for [redacted:") for reason in said] == [True, True]
    assert token not in "".join(said)
