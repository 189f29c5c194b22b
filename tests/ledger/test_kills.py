"""kill -9 at every crash point there is, through the real executables: the next one finds a whole ledger."""

import re
import shutil
import sqlite3
from pathlib import Path

import pytest

import ledger_view
from chaos.matrix import HOOKS, JOBS, cells
from hooks.door import ROOT, bash, ran
from ledger import rescues
from ledger.whole import assert_whole, bodies

KILLED = -9
CREATION = ["before-creation", "after-key", "before-ledger-rename", "after-ledger-rename"]
FIRST = ["appended-run.opened", "appended-session.joined", "appended-owner.seen"]
BEFORE_COMMIT = ["appended-step.prepared", "after-prepare", "appended-step.running", "after-permit", "before-commit"]
AFTER_COMMIT = ["after-commit", "before-head-rename", "after-head", "after-checkpoint"]
AFTER_POST = ["appended-step.succeeded", "before-commit", "after-commit", "before-head-rename", "after-head"]
ANSWERING = ["before-answer", "answered"]
HEADLESS = ["head-not-written"]
SPOOLING = ["before-spool", "mid-spool"]
FOLDING = ["mid-fold"]
SWAPPING = ["mid-swap", "after-swap"]
MIGRATING = ["mid-migration"]
RENEWING = [
    "after-fresh-key",
    "after-commit",
    "before-head-rename",
    "before-key-rename",
    "after-head",
    "after-checkpoint",
]
ALL = {*CREATION, *FIRST, *BEFORE_COMMIT, *AFTER_COMMIT, *AFTER_POST, *ANSWERING, *HEADLESS, *SPOOLING, *FOLDING}
ALL |= {*SWAPPING, *MIGRATING, *RENEWING}

STRUCK = {cell.where for cell in cells(HOOKS | JOBS)}  # tests/test_chaos.py, tests/test_chaos_jobs.py
ELSEWHERE = {"file-written", "job-before-answer"}  # tests/execute/test_files.py, tests/jobs/test_review.py
ELSEWHERE |= {"bundle-written"}  # tests/evidence/test_export.py, tests/evidence/test_import.py
ELSEWHERE |= {"mid-copy", "mid-backup", "before-backup-rename", "mid-backup-swap"}  # tests/evidence/test_backup.py
ELSEWHERE |= {"before-backup-drop", "mid-backup-drop"}  # tests/evidence/test_backup.py


def killed_at(point):
    return {"DURABLE_TEST_CRASH": f"{point}:kill"}


def rows(door, use_id):
    return ledger_view.steps(door.state, tool_use_id=use_id) if (door.state / "ledger.db").exists() else []


def assert_goes_on(door):
    """The next call finds its ledger whole, and so does the one after it."""
    for use_id in ("toolu_next", "toolu_last"):
        assert door.pre(bash("echo next", use_id)).permits
        assert [row["status"] for row in rows(door, use_id)] == ["running"]
        assert door.post(ran("echo next", use_id)).permits
    assert_whole(door.state)


def test_every_crash_point_in_the_source_is_one_where_these_tests_kill():
    found = set()
    for path in (ROOT / "src").rglob("*.py"):
        found |= set(re.findall(r'crash\.point\(f?"([^"]+)"\)', path.read_text(encoding="utf-8")))
    families = {name.split("{")[0] for name in found if "{" in name}
    assert families == {"appended-"}
    here = {name for name in ALL if not name.startswith("appended-")}
    assert here <= {name for name in found if "{" not in name} <= here | STRUCK | ELSEWHERE


@pytest.mark.parametrize("point", CREATION + FIRST + BEFORE_COMMIT)
def test_killed_on_the_way_to_its_first_row_a_hook_permits_nothing(door, point):
    answer = door.pre(bash("echo hi", "toolu_killed"), **killed_at(point))
    assert (answer.code, answer.out) == (KILLED, "")
    assert rows(door, "toolu_killed") == []
    assert_goes_on(door)
    assert len(bodies(door.state, "ledger.created")) == 1


@pytest.mark.parametrize("point", BEFORE_COMMIT)
def test_killed_before_its_commit_a_hook_leaves_no_row(lived_in, point):
    answer = lived_in.pre(bash("echo hi", "toolu_killed"), **killed_at(point))
    assert (answer.code, answer.out) == (KILLED, "")
    assert rows(lived_in, "toolu_killed") == []
    assert_goes_on(lived_in)


@pytest.mark.parametrize("point", AFTER_COMMIT + ANSWERING)
def test_killed_after_its_commit_a_hook_leaves_its_row(lived_in, point):
    answer = lived_in.pre(bash("echo hi", "toolu_killed"), **killed_at(point))
    assert (answer.code, answer.out) == (KILLED, "")
    assert [row["status"] for row in rows(lived_in, "toolu_killed")] == ["running"]
    assert_goes_on(lived_in)


@pytest.mark.parametrize("point", AFTER_POST)
def test_killed_with_a_receipt_in_hand_a_hook_can_be_started_again(lived_in, point):
    assert lived_in.post(ran("echo second", "toolu_second"), **killed_at(point)).code == KILLED
    assert lived_in.post(ran("echo second", "toolu_second")).code == 0
    assert [row["status"] for row in rows(lived_in, "toolu_second")] == ["succeeded"]
    assert_goes_on(lived_in)


@pytest.mark.parametrize("point", HEADLESS)
def test_killed_when_the_head_cannot_be_written_a_hook_leaves_its_row(lived_in, point):
    in_the_way = lived_in.state / "heads" / "ledger.new"
    in_the_way.mkdir()
    assert lived_in.pre(bash("echo hi", "toolu_killed"), **killed_at(point)).code == KILLED
    assert [row["status"] for row in rows(lived_in, "toolu_killed")] == ["running"]
    in_the_way.rmdir()
    assert_goes_on(lived_in)


@pytest.mark.parametrize("point", SPOOLING)
def test_killed_while_it_spools_a_receipt_a_hook_leaves_nothing_half_written(lived_in, point):
    without_ledger(lived_in, lambda: lived_in.post(ran("echo second", "toolu_second"), **killed_at(point)))
    assert lived_in.spooled() == []
    assert [row["status"] for row in rows(lived_in, "toolu_second")] == ["running"]
    assert_goes_on(lived_in)


@pytest.mark.parametrize("point", FOLDING)
def test_killed_while_it_folds_a_receipt_in_a_hook_leaves_it_for_the_next(lived_in, point):
    without_ledger(lived_in, lambda: lived_in.post(ran("echo second", "toolu_second")))
    assert len(lived_in.spooled()) == 1
    assert lived_in.pre(bash("echo hi", "toolu_killed"), **killed_at(point)).code == KILLED
    assert len(lived_in.spooled()) == 1
    assert_goes_on(lived_in)
    assert [row["closed_by"] for row in rows(lived_in, "toolu_second")] == ["spool"]
    assert lived_in.spooled() == []


def without_ledger(door, work):
    aside = door.root / "aside"
    shutil.move(door.state / "ledger.db", aside)
    work()
    shutil.move(aside, door.state / "ledger.db")


@pytest.mark.parametrize("point", SWAPPING)
def test_killed_while_a_backup_is_put_back_either_ledger_is_whole_and_the_new_one_not_yet_in_use(lived_in, point):
    backup = backup_of(lived_in)
    assert lived_in.pre(bash("echo later", "toolu_later")).permits
    assert rescues.run(lived_in, rescues.restore(backup), **killed_at(point)).code == KILLED
    assert lived_in.pre(bash("echo hi", "toolu_meanwhile")).code == (0 if point == "mid-swap" else 2)
    done = rescues.run(lived_in, rescues.restore(backup))
    assert (done.code, done.err) == (0, "")
    assert_goes_on(lived_in)
    assert [body["how"] for body in bodies(lived_in.state, "ledger.restored")] == ["put back"]
    # The ledger that was overruled is still there, with the call that the backup does not know.
    kept = list(lived_in.state.glob("ledger.db.replaced-*Z"))
    assert any("toolu_later" in calls_in(path) for path in kept)
    assert [path.stat().st_nlink for path in kept] == [1] * len(kept)


@pytest.mark.parametrize("point", SWAPPING)
def test_killed_while_a_repair_is_put_in_place_nothing_is_lost_and_it_can_be_run_again(lived_in, point):
    before = {row["step_id"] for row in ledger_view.steps(lived_in.state)}
    assert rescues.run(lived_in, rescues.salvage(), **killed_at(point)).code == KILLED
    assert {row["step_id"] for row in ledger_view.steps(lived_in.state)} == before
    done = rescues.run(lived_in, rescues.salvage())
    assert (done.code, done.err) == (0, "")
    assert {row["step_id"] for row in ledger_view.steps(lived_in.state)} == before
    assert_goes_on(lived_in)


@pytest.mark.parametrize("point", MIGRATING)
def test_killed_in_the_middle_of_a_migration_nothing_of_it_remains(lived_in, point):
    assert rescues.run(lived_in, rescues.migrate(), **killed_at(point)).code == KILLED
    assert bodies(lived_in.state, "ledger.migrated") == []
    assert_goes_on(lived_in)
    done = rescues.run(lived_in, rescues.migrate())
    assert (done.code, done.err) == (0, "")
    assert len(bodies(lived_in.state, "ledger.migrated")) == 1


@pytest.mark.parametrize("lost", [False, True])
@pytest.mark.parametrize("point", RENEWING)
def test_killed_while_the_key_is_renewed_the_next_hook_completes_it_or_finds_the_old_one(lived_in, point, lost):
    key = lived_in.state / "key"
    old = key.read_text()
    if lost:
        key.unlink()
    assert rescues.run(lived_in, rescues.renew(lost), **killed_at(point)).code == KILLED
    answer = lived_in.pre(bash("echo hi", "toolu_after"))
    if lost and point in ("after-fresh-key", "after-commit", "before-head-rename"):
        # Nobody can vouch for the head any more, so a person has to say it again.
        assert answer.code == 2
        assert rescues.run(lived_in, rescues.renew(lost) if point == "after-fresh-key" else rescues.restore()).code == 0
    else:
        assert answer.permits
    assert (key.read_text() == old) == (point == "after-fresh-key" and not lost)
    assert_goes_on(lived_in)


def test_killed_in_two_renewals_one_after_the_other_no_key_is_lost(lived_in):
    assert rescues.run(lived_in, rescues.renew(), **killed_at("after-commit")).code == KILLED
    assert rescues.run(lived_in, rescues.renew(), **killed_at("after-fresh-key")).code == KILLED
    assert_goes_on(lived_in)
    assert len(bodies(lived_in.state, "key.renewed")) == 1


def test_killed_in_a_renewal_a_backup_from_before_another_one_costs_no_key(lived_in):
    backup = backup_of(lived_in)
    assert rescues.run(lived_in, rescues.renew()).code == 0
    assert rescues.run(lived_in, rescues.renew(), **killed_at("after-commit")).code == KILLED
    keys = {path.read_text() for path in lived_in.state.glob("key*")}
    assert rescues.run(lived_in, rescues.restore(backup)).code == 0
    assert {path.read_text() for path in lived_in.state.glob("key*")} == keys
    assert_goes_on(lived_in)


def backup_of(door):
    """As SQLite's own tools make one."""
    path = door.root / "backup.db"
    source, target = sqlite3.connect(door.state / "ledger.db"), sqlite3.connect(path)
    source.backup(target)
    source.close()
    target.close()
    return path


def calls_in(path: Path):
    connection = sqlite3.connect(path)
    try:
        return [row[0] for row in connection.execute("SELECT tool_use_id FROM steps")]
    finally:
        connection.close()
