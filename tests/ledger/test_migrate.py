"""Migrations: all of one with its record, or nothing; never one that was changed, never backwards."""

import pytest

from conformance.past import prepare, seat
from durable.errors import LedgerError, VersionError
from durable.home import secure_dir
from durable.ledger import create
from durable.ledger.migrate import migrate, status
from durable.ledger.reading import Reader
from durable.ledger.sqlite import SqliteLedger
from durable.ledger.statements import Migration, migrations, split_script
from ledger.whole import assert_whole, bodies, shell

ALL = ["0001_first", "0002_once", "0003_resume", "0004_evidence"]
EXTRA = Migration("0009_extra", "CREATE TABLE extra (x TEXT);\nINSERT INTO extra VALUES ('a;b');\n")


def steps(*more):
    return [*migrations(), *more]


def extra_rows(home):
    with SqliteLedger(str(home)).begin() as tx:
        return tx._ledger.execute("SELECT x FROM extra").fetchall()


def test_a_new_ledger_has_nothing_pending(home):
    found = status(str(home))
    assert (found.applied, found.pending, found.changed, found.unknown) == (
        ALL,
        [],
        [],
        [],
    )
    assert migrate(str(home)) == []
    assert bodies(home, "ledger.migrated") == []


def test_what_is_pending_is_applied_and_recorded(home):
    assert status(str(home), steps(EXTRA)).pending == ["0009_extra"]
    assert migrate(str(home), steps(EXTRA)) == ["0009_extra"]
    assert extra_rows(home) == [("a;b",)]
    assert status(str(home), steps(EXTRA)).applied == [*ALL, "0009_extra"]
    assert bodies(home, "ledger.migrated") == [{"migrations": ["0009_extra"], "schema": "1.3"}]
    assert migrate(str(home), steps(EXTRA)) == []
    assert_whole(home)


def test_a_migration_that_fails_leaves_nothing(home):
    broken = Migration("0010_broken", "CREATE TABLE other (y TEXT);\nCREATE TABLE extra (again TEXT);\n")
    with pytest.raises(LedgerError):
        migrate(str(home), steps(EXTRA, broken))
    assert status(str(home), steps(EXTRA, broken)).pending == ["0009_extra", "0010_broken"]
    with pytest.raises(LedgerError):
        extra_rows(home)
    assert_whole(home)


def test_one_whose_file_was_changed_since_is_refused(home):
    first = migrations()[0]
    changed = Migration(first.name, first.sql + "-- a word more\n")
    assert status(str(home), [changed, *migrations()[1:]]).changed == ["0001_first"]
    with pytest.raises(LedgerError, match="0001_first is not the one"):
        migrate(str(home), [changed, *migrations()[1:], EXTRA])
    assert bodies(home, "ledger.migrated") == []


def test_a_ledger_that_a_later_durable_has_migrated_is_refused(home):
    migrate(str(home), steps(EXTRA))
    assert status(str(home)).unknown == ["0009_extra"]
    with pytest.raises(VersionError, match="0009_extra"):
        migrate(str(home))


@pytest.mark.parametrize("version", [1004, 2000])
def test_a_newer_schema_is_refused(home, version):
    shell(home, f"PRAGMA user_version = {version}")
    with pytest.raises(VersionError, match="newer"):
        migrate(str(home), steps(EXTRA))


def test_an_older_major_version_is_brought_up_to_ours(home):
    shell(home, "PRAGMA user_version = 0")
    with pytest.raises(VersionError):
        SqliteLedger(str(home)).begin()
    assert status(str(home), steps(EXTRA)).pending == ["0009_extra"]
    migrate(str(home), steps(EXTRA))
    assert extra_rows(home) == [("a;b",)]
    assert_whole(home)


def test_a_ledger_whose_head_does_not_fit_is_not_migrated(home):
    (home / "heads" / "ledger").write_text("{}")
    with pytest.raises(LedgerError):
        migrate(str(home), steps(EXTRA))


def test_a_script_is_split_where_its_statements_end():
    first = migrations()[0].sql
    parts = split_script(first)
    assert "".join(parts).strip() == first.strip()
    assert sum("CREATE TRIGGER" in part for part in parts) == 3
    assert split_script("-- nothing;\n") == []


FIRST = migrations()[:1]


@pytest.fixture
def of_before(tmp_path, monkeypatch):
    """A ledger as the first minor version made it."""
    with monkeypatch.context() as past:
        past.setattr(create, "migrations", lambda: FIRST)
        past.setattr(create, "MINOR", 0)
        for name in ("old", "old/locks", "old/heads", "old/spool"):
            secure_dir(str(tmp_path / name))
        create.complete_creation(str(tmp_path / "old"))
    return tmp_path / "old"


def test_the_first_write_after_an_upgrade_brings_an_older_minor_version_up(of_before):
    with SqliteLedger(str(of_before)).begin() as tx:
        seat(tx)
        prepare(tx, "new", "f-new")
        tx.commit()
    assert bodies(of_before, "ledger.migrated") == [{"migrations": ALL[1:], "schema": "1.3"}]
    assert status(str(of_before)).pending == []
    assert_whole(of_before)


def test_an_upgrade_whose_write_is_given_up_happens_with_the_next_one(of_before):
    ledger = SqliteLedger(str(of_before))
    ledger.begin().__exit__(None, None, None)
    with ledger.begin() as tx:
        tx.commit()
    assert status(str(of_before)).pending == []


def test_a_reader_of_an_older_minor_version_is_told_to_migrate(of_before):
    with pytest.raises(VersionError, match="migrate"):
        Reader(str(of_before))
