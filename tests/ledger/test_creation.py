"""A ledger is made by whoever comes first, once, and whatever was left half-made."""

import os

import pytest

import ledger_view
from durable.errors import HomeError, KeyFileError, TamperError
from durable.ledger.sqlite import SqliteLedger
from hooks.door import bash
from ledger.whole import assert_whole, bodies


@pytest.mark.parametrize("point", ["before-creation", "after-key", "before-ledger-rename", "after-ledger-rename"])
def test_two_that_come_first_at_once_make_one_ledger(door, point):
    held = door.root / "held"
    first = door.start("pre_tool_use", bash("echo 1", "toolu_first"), DURABLE_TEST_CRASH=f"{point}:hold={held}")
    first.wait_for(held)
    second = door.start("pre_tool_use", bash("echo 2", "toolu_second"))
    held.unlink()
    assert first.finish().permits
    assert second.finish().permits
    assert len(bodies(door.state, "ledger.created")) == 1
    assert {row["tool_use_id"] for row in ledger_view.steps(door.state)} == {"toolu_first", "toolu_second"}
    assert_whole(door.state)


def test_what_it_makes_belongs_to_its_user_alone(home):
    for folder in (home, home / "heads", home / "locks", home / "spool"):
        assert folder.stat().st_mode & 0o777 == 0o700
    for file in (home / "ledger.db", home / "key", home / "heads" / "ledger", home / "locks" / "ledger.lock"):
        assert file.stat().st_mode & 0o777 == 0o600


def test_a_key_that_is_already_there_is_kept(home):
    key = (home / "key").read_bytes()
    (home / "ledger.db").unlink()
    (home / "heads" / "ledger").unlink()
    SqliteLedger(str(home)).begin()
    assert (home / "key").read_bytes() == key


def test_a_database_without_its_key_is_not_given_a_new_one(home):
    (home / "key").unlink()
    (home / "heads" / "ledger").unlink()
    with pytest.raises(KeyFileError, match="missing"):
        SqliteLedger(str(home)).begin()
    assert not (home / "key").exists()


def test_a_grown_ledger_without_its_head_is_not_taken_for_a_new_one(home):
    (home / "heads" / "ledger").unlink()
    with pytest.raises(TamperError, match="head is missing"):
        SqliteLedger(str(home)).begin()


def test_a_newborn_database_of_another_key_gets_no_head(tmp_path, home):
    other = tmp_path / "other"
    SqliteLedger(str(other)).begin().__exit__(None, None, None)
    (other / "heads" / "ledger").unlink()
    (other / "key").write_bytes((home / "key").read_bytes())
    with pytest.raises(KeyFileError):
        SqliteLedger(str(other)).begin()
    assert not (other / "heads" / "ledger").exists()


def test_a_directory_in_the_way_is_named(tmp_path):
    home = tmp_path / "state"
    home.mkdir(mode=0o700)
    (home / "key.new").mkdir()
    with pytest.raises(HomeError, match="can't be made"):
        SqliteLedger(str(home)).begin()


def test_a_file_that_vanishes_does_not_come_back_empty(home):
    os.unlink(home / "ledger.db")
    with pytest.raises(Exception, match="gone"):
        SqliteLedger(str(home)).begin()
    assert not (home / "ledger.db").exists()
