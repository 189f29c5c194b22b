"""Migrations: all of one with its record, or nothing; never one that was changed, never backwards."""

import pytest

from durable.errors import LedgerError, VersionError
from durable.ledger.migrate import migrate, status
from durable.ledger.sqlite import SqliteLedger
from durable.ledger.statements import Migration, migrations, split_script
from ledger.whole import assert_whole, bodies, shell

EXTRA = Migration("0002_extra", "CREATE TABLE extra (x TEXT);\nINSERT INTO extra VALUES ('a;b');\n")


def steps(*more):
    return [*migrations(), *more]


def extra_rows(home):
    with SqliteLedger(str(home)).begin() as tx:
        return tx._ledger._execute("SELECT x FROM extra").fetchall()


def test_a_new_ledger_has_nothing_pending(home):
    found = status(str(home))
    assert (found.applied, found.pending, found.changed, found.unknown) == (["0001_first"], [], [], [])
    assert migrate(str(home)) == []
    assert bodies(home, "ledger.migrated") == []


def test_what_is_pending_is_applied_and_recorded(home):
    assert status(str(home), steps(EXTRA)).pending == ["0002_extra"]
    assert migrate(str(home), steps(EXTRA)) == ["0002_extra"]
    assert extra_rows(home) == [("a;b",)]
    assert status(str(home), steps(EXTRA)).applied == ["0001_first", "0002_extra"]
    assert bodies(home, "ledger.migrated") == [{"migrations": ["0002_extra"], "schema": "1.0"}]
    assert migrate(str(home), steps(EXTRA)) == []
    assert_whole(home)


def test_a_migration_that_fails_leaves_nothing(home):
    broken = Migration("0003_broken", "CREATE TABLE other (y TEXT);\nCREATE TABLE extra (again TEXT);\n")
    with pytest.raises(LedgerError):
        migrate(str(home), steps(EXTRA, broken))
    assert status(str(home), steps(EXTRA, broken)).pending == ["0002_extra", "0003_broken"]
    with pytest.raises(LedgerError):
        extra_rows(home)
    assert_whole(home)


def test_one_whose_file_was_changed_since_is_refused(home):
    first = migrations()[0]
    changed = Migration(first.name, first.sql + "-- a word more\n")
    assert status(str(home), [changed]).changed == ["0001_first"]
    with pytest.raises(LedgerError, match="0001_first is not the one"):
        migrate(str(home), [changed, EXTRA])
    assert bodies(home, "ledger.migrated") == []


def test_a_ledger_that_a_later_durable_has_migrated_is_refused(home):
    migrate(str(home), steps(EXTRA))
    assert status(str(home)).unknown == ["0002_extra"]
    with pytest.raises(VersionError, match="0002_extra"):
        migrate(str(home))


@pytest.mark.parametrize("version", [1001, 2000])
def test_a_newer_schema_is_refused(home, version):
    shell(home, f"PRAGMA user_version = {version}")
    with pytest.raises(VersionError, match="newer"):
        migrate(str(home), steps(EXTRA))


def test_an_older_major_version_is_brought_up_to_ours(home):
    shell(home, "PRAGMA user_version = 0")
    with pytest.raises(VersionError):
        SqliteLedger(str(home)).begin()
    assert status(str(home), steps(EXTRA)).pending == ["0002_extra"]
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
