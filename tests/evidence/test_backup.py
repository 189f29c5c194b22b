"""`backup` through the executables: a copy of one moment while hooks write, whole or not there, that comes back."""

import json
import os
import resource
import shutil
import subprocess
import sys

import pytest

from cli.cli_machine import ROOT, Machine
from durable.cli.restore import TWICE
from durable.evidence.keeping.manifest import read_manifest
from ledger.whole import assert_whole, events_of

CODES = ["exists", "readable", "complete", "restorable", "behind"]


@pytest.fixture
def machine(tmp_path):
    found = Machine(tmp_path)
    found.ran("Bash", command="echo first")
    yield found
    found.close()


@pytest.fixture
def dest(tmp_path):
    return tmp_path / "backups" / "durable"


@pytest.fixture
def backed_up(machine, dest):
    dest.parent.mkdir()
    machine.json("backup", str(dest))
    return machine


def checked(machine, dest, code=0):
    return machine.json("backup", "--check", str(dest), code=code)


def verdicts(found):
    return {one["code"]: one["verdict"] for one in found["checks"]}


def says(found, code):
    return next(one["says"] for one in found["checks"] if one["code"] == code)


def events(machine):
    return [(row["seq"], row["hash"]) for row in events_of(machine.state)]


# ---- made -------------------------------------------------------------------------------------


def test_it_holds_the_ledger_the_head_and_a_manifest_and_nobody_else_can_read_it(backed_up, dest):
    found = {str(path.relative_to(dest)): oct(path.stat().st_mode & 0o777) for path in dest.rglob("*")}
    assert found == {"heads": "0o700", "heads/ledger": "0o600", "ledger.db": "0o600", "manifest.json": "0o600"}
    assert dest.stat().st_mode & 0o777 == 0o700
    manifest = read_manifest(str(dest))
    assert (manifest["seq"], manifest["hash"]) == events(backed_up)[-1]
    assert os.listdir(dest.parent) == ["durable"]


def test_while_hooks_write_it_is_the_ledger_of_one_moment(machine, dest):
    dest.parent.mkdir()
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(ROOT), str(machine.root), f"w{n}"]) for n in (1, 2)]
    try:
        for _ in range(2):
            made = machine.json("backup", str(dest))
            found = checked(machine, dest)
            assert set(verdicts(found).values()) == {"PASS"}, found
            assert (found["seq"], found["behind"] >= 0) == (made["seq"], True)
    finally:
        ends = [writer.wait(60) for writer in writers]
    assert ends == [0, 0]
    assert_whole(machine.state)
    last = checked(machine, dest)
    assert last["behind"] > 0 and "events more" in says(last, "behind")


def test_what_is_written_between_its_first_look_and_its_copy_is_not_in_it(machine, dest):
    dest.parent.mkdir()
    first, held = held_at(machine, dest, "mid-copy")
    machine.ran("Bash", command="echo meanwhile")
    held.unlink()
    assert first.wait(60) == 0
    found = checked(machine, dest)
    assert (set(verdicts(found).values()), found["behind"]) == ({"PASS"}, 3)


@pytest.mark.parametrize("point", ["after-fresh-key", "after-commit", "before-key-rename", "after-head"])
def test_the_key_in_it_is_the_one_that_it_stands_under_also_where_a_renewal_stopped(machine, dest, point):
    dest.parent.mkdir()
    machine.cli("key", "renew", "--reason", "x", env={"DURABLE_TEST_CRASH": f"{point}:kill"})
    machine.json("backup", str(dest), "--with-key")
    shutil.rmtree(machine.state)
    assert set(verdicts(checked(machine, dest)).values()) == {"PASS"}


@pytest.mark.parametrize("point", ["after-fresh-key", "after-commit", "before-key-rename"])
def test_without_its_key_it_can_be_put_back_also_where_a_renewal_stopped_and_no_hook_has_come_since(
    machine, dest, point
):
    dest.parent.mkdir()
    machine.cli("key", "renew", "--reason", "x", env={"DURABLE_TEST_CRASH": f"{point}:kill"})
    machine.json("backup", str(dest))
    before = sorted(os.listdir(machine.state))
    assert set(verdicts(checked(machine, dest)).values()) == {"PASS"}
    assert sorted(os.listdir(machine.state)) == before
    assert machine.json("restore", str(dest), "--reason", "x")["how"] == "put back"
    machine.ran("Bash", command="echo goes on")
    assert_whole(machine.state)


def test_a_key_that_is_renewed_while_it_is_made_is_in_it_as_it_was(machine, dest):
    dest.parent.mkdir()
    first, held = held_at(machine, dest, "mid-copy", "--with-key")
    machine.json("key", "renew", "--reason", "x")
    held.unlink()
    assert first.wait(60) == 0
    assert (dest / "key").read_text() != (machine.state / "key").read_text()
    shutil.rmtree(machine.state)
    assert set(verdicts(checked(machine, dest)).values()) == {"PASS"}


def test_with_a_key_that_is_not_at_hand_there_is_none(machine, dest):
    dest.parent.mkdir()
    (machine.state / "key").unlink()
    assert "key" in refused(machine, dest, "--with-key", code=3) and not dest.exists()


def held_at(machine, dest, point, *words):
    held = machine.root / "held"
    backup = subprocess.Popen(
        [sys.executable, "-m", "durable", "backup", str(dest), *words],
        env=machine.env(DURABLE_TEST_CRASH=f"{point}:hold={held}"),
        stdout=subprocess.DEVNULL,
    )
    while not held.exists():
        assert backup.poll() is None
    return backup, held


# Two hooks a call, until it is told to end by the calls being made.
WRITER = """
import sys
sys.path[:0] = [sys.argv[1] + "/tests", sys.argv[1] + "/src"]
from pathlib import Path
from cli.cli_machine import Machine
machine = object.__new__(Machine)
machine.root = Path(sys.argv[2])
machine.home, machine.state, machine.project = machine.root / "home", machine.root / "state", machine.root / "project"
machine.clients, machine.calls = [], 0
machine.client = machine.new_client()
for number in range(8):
    use_id = machine.before("Bash", f"toolu_{sys.argv[3]}_{number}", command=f"echo {number}")
    machine.after("Bash", use_id, {"stdout": "x" * 3000}, command=f"echo {number}")
machine.close()
"""


def test_a_receipt_that_waits_comes_along_and_is_taken_once(machine, dest):
    dest.parent.mkdir()
    use_id = machine.before("Bash", command="echo waits")
    aside = machine.root / "aside.db"
    (machine.state / "ledger.db").rename(aside)
    machine.after("Bash", use_id, {"stdout": "late"}, command="echo waits")
    aside.rename(machine.state / "ledger.db")
    machine.json("backup", str(dest), "--with-key")
    assert len(list((dest / "spool").iterdir())) == 1
    shutil.rmtree(machine.state)
    machine.json("restore", str(dest), "--reason", "the disk was lost")
    machine.ran("Bash", command="echo next")
    machine.json("restore", str(dest), "--reason", "once more")
    machine.ran("Bash", command="echo next")
    (step,) = [step for step in machine.steps() if step["tool_use_id"] == use_id]
    assert (step["status"], step["closed_by"], step["output"]["stdout"]) == ("succeeded", "spool", "late")
    assert_whole(machine.state)


def test_an_earlier_one_of_this_ledger_is_replaced(backed_up, dest):
    backed_up.ran("Bash", command="echo more")
    backed_up.json("backup", str(dest))
    assert (checked(backed_up, dest)["behind"], os.listdir(dest.parent)) == (0, ["durable"])


def refused(machine, *words, code=2):
    done = machine.cli("backup", *map(str, words))
    assert (done.returncode, done.stdout) == (code, ""), done
    return done.stderr


def test_what_is_there_and_no_backup_is_left_alone(machine, dest, tmp_path):
    dest.mkdir(parents=True)
    (dest / "thesis.txt").write_text("mine")
    assert "is no backup" in refused(machine, dest)
    assert [path.name for path in dest.iterdir()] == ["thesis.txt"] and os.listdir(dest.parent) == ["durable"]
    assert "is no backup" in refused(machine, dest / "thesis.txt")
    (dest / "link").symlink_to(tmp_path / "elsewhere")
    assert "is no backup" in refused(machine, dest / "link")
    assert "lost with it" in refused(machine, machine.state / "backup")
    assert "no directory" in refused(machine, dest / "none" / "x")


def test_an_empty_word_names_no_place(machine):
    """A variable that a script has not set: the working directory is no backup, nor was this ledger looked at."""
    before = events(machine)
    assert "DEST is empty" in refused(machine, "")
    done = machine.cli("restore", "", "--reason", "x")
    assert (done.returncode, done.stdout, "FILE is empty" in done.stderr) == (2, "", True), done
    assert os.listdir(machine.project) == [] and events(machine) == before


def test_where_there_is_no_room_for_it_the_ledger_is_not_blamed(machine, dest):
    dest.parent.mkdir()
    done = machine.cli(
        "backup", str(dest), preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
    )
    assert (done.returncode, done.stdout, f"{dest}.partial/ledger.db" in done.stderr) == (3, "", True), done
    assert os.listdir(dest.parent) == []


@pytest.mark.parametrize("name", ["exported.key", "spool/thesis.txt"])
def test_what_somebody_put_into_an_earlier_one_is_not_thrown_away_with_it(backed_up, dest, name):
    added = dest / name
    added.parent.mkdir(exist_ok=True)
    added.write_text("the only copy")
    assert f"holds what is not ours ({name})" in refused(backed_up, dest)
    assert added.read_text() == "the only copy" and os.listdir(dest.parent) == ["durable"]
    added.unlink()
    backed_up.json("backup", str(dest))


def test_a_backup_of_another_ledger_is_not_replaced(backed_up, dest):
    other = backed_up.env(DURABLE_HOME=str(backed_up.root / "other"))
    shutil.copytree(backed_up.state, backed_up.root / "gone")
    shutil.rmtree(backed_up.state)
    backed_up.ran("Bash", command="echo anew")
    before = read_manifest(str(dest))
    assert "another ledger" in refused(backed_up, dest) and other
    assert read_manifest(str(dest)) == before
    assert verdicts(checked(backed_up, dest, code=1))["behind"] == "WARN"


def test_what_stands_half_made_and_is_not_ours_is_left_alone(machine, dest):
    partial = dest.parent / "durable.partial"
    partial.mkdir(parents=True)
    (partial / "thesis.txt").write_text("mine")
    assert "holds what is not ours" in refused(machine, dest)
    assert (partial / "thesis.txt").read_text() == "mine"


def held_in(place):
    return {str(path.relative_to(place)): path.read_bytes() for path in place.rglob("*") if path.is_file()}


BESIDES = {
    "a copy of it": lambda dest, before: shutil.copytree(dest, before),
    "a ledger": lambda dest, before: (before.mkdir(), (before / "ledger.db").write_bytes(b"mine")),
    "a file": lambda dest, before: before.write_bytes(b"mine"),
    "a link to it": lambda dest, before: before.symlink_to(dest),
}


@pytest.mark.parametrize("name", BESIDES)
def test_what_lies_beside_it_under_the_name_of_the_one_it_replaces_is_left_alone(backed_up, dest, name):
    before = dest.parent / "durable.before"
    BESIDES[name](dest, before)
    known, is_link = held_in(dest.parent), before.is_symlink()
    assert f"{before} is in the way" in refused(backed_up, dest)
    assert (held_in(dest.parent), before.is_symlink()) == (known, is_link)


def test_one_that_somebody_put_aside_under_that_name_is_not_taken_back(backed_up, dest):
    before = dest.parent / "durable.before"
    dest.rename(before)
    known = held_in(before)
    assert str(before) not in says(checked(backed_up, dest, code=1), "exists")
    backed_up.json("backup", str(dest))
    assert held_in(before) == known and set(verdicts(checked(backed_up, dest)).values()) == {"PASS"}
    assert "is in the way" in refused(backed_up, dest)
    assert held_in(before) == known


@pytest.mark.parametrize("point", ["before-backup-drop", "mid-backup-drop"])
def test_what_somebody_put_into_one_that_was_replaced_is_not_cleared_away_with_it(backed_up, dest, point):
    backed_up.cli("backup", str(dest), env={"DURABLE_TEST_CRASH": f"{point}:kill"})
    added = dest.parent / "durable.before" / "exported.key"
    added.write_text("the only copy")
    assert "holds what is not ours (exported.key)" in refused(backed_up, dest)
    added.unlink()
    backed_up.json("backup", str(dest))
    assert os.listdir(dest.parent) == ["durable"]


def test_one_that_was_replaced_is_not_cleared_away_where_only_a_link_leads_to_it(backed_up, dest):
    backed_up.cli("backup", str(dest), env={"DURABLE_TEST_CRASH": "before-backup-drop:kill"})
    before, elsewhere = dest.parent / "durable.before", dest.parent / "elsewhere"
    before.rename(elsewhere)
    before.symlink_to(elsewhere)
    known = held_in(elsewhere)
    assert "is in the way" in refused(backed_up, dest)
    assert held_in(elsewhere) == known


def test_a_directory_of_that_name_with_nothing_in_it_is_in_nobodys_way(backed_up, dest):
    (dest.parent / "durable.before").mkdir()
    backed_up.json("backup", str(dest))
    assert os.listdir(dest.parent) == ["durable"]


def test_of_two_at_once_the_second_is_refused(machine, dest):
    dest.parent.mkdir()
    first, held = held_at(machine, dest, "mid-backup")
    assert "another backup is being made" in refused(machine, dest, code=3)
    held.unlink()
    assert first.wait(60) == 0
    assert set(verdicts(checked(machine, dest)).values()) == {"PASS"}


# ---- cut off ----------------------------------------------------------------------------------


@pytest.mark.parametrize("point", ["mid-backup", "before-backup-rename"])
def test_one_that_was_cut_off_is_never_taken_for_one(machine, dest, point):
    dest.parent.mkdir()
    assert machine.cli("backup", str(dest), env={"DURABLE_TEST_CRASH": f"{point}:kill"}).returncode == -9
    found = checked(machine, dest, code=1)
    assert verdicts(found) == {"exists": "FAIL"} and "cut off" in says(found, "exists")
    done = machine.cli("restore", str(dest), "--reason", "x")
    assert done.returncode == 3 and "can't be copied" in done.stderr
    machine.json("backup", str(dest))
    assert set(verdicts(checked(machine, dest)).values()) == {"PASS"} and os.listdir(dest.parent) == ["durable"]


SWAPPING = ["mid-backup", "before-backup-rename", "mid-backup-swap", "before-backup-drop", "mid-backup-drop"]


@pytest.mark.parametrize("point", SWAPPING)
def test_killed_as_it_replaces_one_there_is_still_one(backed_up, dest, point):
    backed_up.ran("Bash", command="echo more")
    assert backed_up.cli("backup", str(dest), env={"DURABLE_TEST_CRASH": f"{point}:kill"}).returncode == -9
    if point == "mid-backup-swap":
        assert "which is whole" in says(checked(backed_up, dest, code=1), "exists")
        assert set(verdicts(checked(backed_up, f"{dest}.before")).values()) == {"PASS"}
        assert says(checked(backed_up, dest, code=1), "exists").endswith(f"{dest}.before")
        assert backed_up.cli("backup", str(dest), env={"DURABLE_TEST_CRASH": "mid-backup:kill"}).returncode == -9
    assert set(verdicts(checked(backed_up, dest)).values()) == {"PASS"}
    backed_up.json("backup", str(dest))
    assert checked(backed_up, dest)["behind"] == 0 and os.listdir(dest.parent) == ["durable"]


# ---- checked ----------------------------------------------------------------------------------


def test_a_good_one_answers_all_four_and_says_how_far_behind_it_is(backed_up, dest):
    found = checked(backed_up, dest)
    assert [one["code"] for one in found["checks"]] == CODES and set(verdicts(found).values()) == {"PASS"}
    assert found["behind"] == 0 and found["age_s"] >= 0
    before = events(backed_up)
    backed_up.ran("Bash", command="echo more")
    assert checked(backed_up, dest)["behind"] == len(events(backed_up)) - len(before)
    assert "the backup can be put back" in backed_up.said("backup", "--check", str(dest))


def damaged(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def changed(dest, **fields):
    path = dest / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


DAMAGES = {
    "no manifest": (lambda dest: (dest / "manifest.json").unlink(), "exists"),
    "half a manifest": (lambda dest: (dest / "manifest.json").write_text("{"), "readable"),
    "bytes": (lambda dest: (dest / "manifest.json").write_bytes(b"\xff\xfe"), "readable"),
    "another version": (lambda dest: changed(dest, schema="durable.backup.v9"), "readable"),
    "a way out": (lambda dest: changed(dest, files=[{"path": "../key", "bytes": 1, "sha256": ""}]), "readable"),
    "a changed bit": (lambda dest: damaged(dest / "ledger.db"), "complete"),
    "no ledger": (lambda dest: (dest / "ledger.db").unlink(), "complete"),
    "no head": (lambda dest: (dest / "heads" / "ledger").unlink(), "complete"),
    "a list without it": (lambda dest: changed(dest, files=[]), "complete"),
    "another end": (lambda dest: changed(dest, hash="0" * 64), "restorable"),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_each_damage_fails_the_question_that_it_is_about(backed_up, dest, name):
    strike, code = DAMAGES[name]
    strike(dest)
    found = checked(backed_up, dest, code=1)
    assert next(one["code"] for one in found["checks"] if one["verdict"] != "PASS") == code
    assert found["verdict"] == "FAIL"
    if code != "restorable":
        assert backed_up.cli("restore", str(dest), "--reason", "x").returncode == 3


def test_one_whose_files_were_changed_with_their_hashes_does_not_verify(backed_up, dest):
    ledger = dest / "ledger.db"
    subprocess.run(
        [sys.executable, "-c", "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); "
         "c.execute(\"UPDATE steps SET tool_name = 'Read'\"); c.commit(); c.execute('PRAGMA wal_checkpoint(TRUNCATE)')",
         str(ledger)], check=True)  # fmt: skip
    rehash(dest)
    found = checked(backed_up, dest, code=1)
    assert verdicts(found)["complete"] == "PASS" and verdicts(found)["restorable"] == "FAIL"


def rehash(dest):
    from durable.evidence.keeping.manifest import described

    for name in ("ledger.db-wal", "ledger.db-shm"):
        (dest / name).unlink(missing_ok=True)
    changed(dest, files=[one for one in described(str(dest)) if one["path"] != "manifest.json"])


def test_without_its_key_nobody_can_say_that_it_comes_back(backed_up, dest):
    elsewhere = {"DURABLE_HOME": str(backed_up.root / "elsewhere")}
    found = backed_up.json("backup", "--check", str(dest), code=1, env=elsewhere)
    assert (verdicts(found)["restorable"], found["verdict"], found["behind"]) == ("UNKNOWN", "UNKNOWN", None)
    assert "neither in it nor here" in says(found, "restorable")


def test_a_ledger_that_went_another_way_is_named(backed_up, dest):
    backed_up.ran("Bash", command="echo ahead")
    later = dest.parent / "later"
    backed_up.json("backup", str(later))
    backed_up.json("restore", str(dest), "--reason", "back")
    for number in range(3):
        backed_up.ran("Bash", command=f"echo {number}")
    found = checked(backed_up, later, code=1)
    assert (verdicts(found)["restorable"], verdicts(found)["behind"]) == ("PASS", "FAIL")
    assert "not what followed from it" in says(found, "behind")


# ---- put back ---------------------------------------------------------------------------------


def test_put_back_hooks_go_on_and_what_came_since_is_not_on_record(backed_up, dest):
    before = events(backed_up)
    backed_up.ran("Bash", command="echo lost")
    assert backed_up.json("restore", str(dest), "--reason", "x")["how"] == "put back"
    backed_up.ran("Bash", command="echo goes on")
    assert events(backed_up)[: len(before)] == before
    assert [step["input"]["command"] for step in backed_up.steps()] == ["echo first", "echo goes on"]
    assert_whole(backed_up.state)


@pytest.mark.parametrize("later", [True, False])
def test_whoever_puts_one_back_hears_that_what_is_not_in_it_can_happen_twice(backed_up, dest, later):
    if later:
        backed_up.ran("Bash", command="git push")
    told = backed_up.json("restore", str(dest), "--reason", "x")["warnings"]
    assert told == (["events 8 to 10 had been written once and are not in it", TWICE] if later else [])
    backed_up.ran("Bash", command="git push --force")
    said = backed_up.said("restore", str(dest), "--reason", "x")
    assert TWICE in said and "had been written once and are not in it" in said
    assert backed_up.json("restore", "--reason", "to be sure") | {"seq": 0} == {
        "how": "unchanged", "seq": 0, "faults": [], "old_head": None, "old_ledger": None, "head": None, "warnings": [],
    }  # fmt: skip


@pytest.mark.parametrize("with_key", [True, False])
def test_on_a_new_machine_it_needs_its_key(machine, dest, with_key):
    dest.parent.mkdir()
    machine.json("backup", str(dest), *(["--with-key"] if with_key else []))
    kept = machine.json("key", "export")["key"]
    shutil.rmtree(machine.state)
    assert set(verdicts(checked(machine, dest, code=int(not with_key))).values()) >= {"PASS"}
    done = machine.rescue("restore", str(dest), "--reason", "the machine was lost")
    if not with_key:
        assert (done.returncode, "key import" in done.stderr) == (3, True), done
        file = machine.root / "key.txt"
        file.write_text(kept)
        machine.json("key", "import", str(file))
        done = machine.rescue("restore", str(dest), "--reason", "the machine was lost")
    assert (done.returncode, done.stderr) == (0, ""), done
    assert TWICE in done.stdout
    machine.ran("Bash", command="echo goes on")
    assert [step["input"]["command"] for step in machine.steps()] == ["echo first", "echo goes on"]
    assert_whole(machine.state)
