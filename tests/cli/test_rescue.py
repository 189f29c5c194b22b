"""The verbs for a bad day, through bin/durable: no package, and for `off` and `on` no ledger either."""

import json
import os
import re
import shutil
import stat
import sys

import pytest
from cli_machine import CHECKOUT, FULL

from durable.clock import nanoseconds


def denied(machine, **env):
    """Whether a call is held back, and by which words."""
    payload = {
        "session_id": "33333333-cccc-4ccc-8ccc-333333333333",
        "transcript_path": "",
        "cwd": str(machine.project),
        "hook_event_name": "PreToolUse",
        "tool_name": "Bash",
        "tool_input": {"command": "ls"},
        "tool_use_id": f"toolu_{os.urandom(4).hex()}",
    }
    done = machine.hook("pre_tool_use", payload, **env)
    assert (done.returncode == 2) == bool(done.stderr), done
    return done.stderr


def break_ledger(machine):
    machine.ran("Read", file_path="/a")
    (machine.state / "ledger.db").write_bytes(b"\xff" * 8192)


# ---- off and on -------------------------------------------------------------------------------


def test_off_lets_calls_through_where_the_ledger_is_broken_and_on_ends_it(machine):
    break_ledger(machine)
    assert "can't be used" in denied(machine)
    done = machine.rescue("off", "--for", "1h", "--reason", "disk full")
    assert (done.returncode, done.stderr) == (0, "")
    assert denied(machine) == ""
    assert machine.rescue("on").returncode == 0
    assert "can't be used" in denied(machine)


def test_off_needs_no_ledger_and_makes_none(machine):
    assert machine.rescue("off", "--for", "10m", "--reason", "x").returncode == 0
    assert machine.rescue("on").returncode == 0
    assert not machine.state.exists()


def test_the_time_without_enforcement_goes_on_record(machine):
    machine.ran("Read", file_path="/a")
    machine.rescue("off", "--for", "1h", "--reason", "disk full")
    machine.ran("Bash", command="unseen")
    machine.rescue("on")
    machine.ran("Bash", command="seen")
    told = [json.loads(line)["data"] for line in machine.cli("tail", "--once", "--json").stdout.splitlines()]
    (lifted,) = [one["body"] for one in told if one["type"] == "enforcement.off"]
    assert lifted["reason"] == "disk full" and lifted["by"].startswith("ada (uid ")
    assert [step["input"] for step in machine.steps()] == [{"file_path": "/a"}, {"command": "seen"}]


def test_reconcile_puts_that_time_on_record_as_well(machine):
    machine.ran("Read", file_path="/a")
    machine.rescue("off", "--for", "1h", "--reason", "disk full")
    machine.rescue("on")
    assert "taken in: 1 × enforcement was off" in machine.said("reconcile")
    assert not (machine.config / "off.json").exists()


@pytest.mark.parametrize(
    ("span", "seconds"), [("30s", 30), ("10m", 600), ("1h", 3600), ("2d", 172_800), ("7d", 604_800)]
)
def test_off_ends_by_itself_after_the_stated_time(machine, span, seconds):
    done = machine.rescue("off", "--for", span, "--reason", "x", "--json")
    marker = json.loads(done.stdout)["data"]["enforcement"]
    assert set(marker) == {"by", "id", "reason", "since", "until"}
    assert _seconds(marker["until"]) - _seconds(marker["since"]) == seconds


def _seconds(stamp):
    return nanoseconds(stamp) // 1_000_000_000


@pytest.mark.parametrize("span", ["8d", "169h", "0h", "h", "1", "1w", "-1h", "1.5h", "", "١h"])
def test_off_refuses_any_other_time(machine, span):
    done = machine.rescue("off", f"--for={span}", "--reason", "x")
    assert (done.returncode, done.stdout) == (2, "")
    assert "; " in done.stderr and not machine.config.exists()


@pytest.mark.parametrize("words", [("--for", "1h"), ("--reason", "x"), ("--for", "1h", "--reason", " ")])
def test_off_wants_both_a_time_and_a_reason(machine, words):
    done = machine.rescue("off", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert not machine.config.exists()


def test_on_says_so_where_nothing_was_off(machine):
    nothing = (0, "ok: enforcement is in force; nothing had lifted it\n")
    done = machine.rescue("on")
    assert (done.returncode, done.stdout) == nothing
    machine.rescue("off", "--for", "1h", "--reason", "x")
    assert "it was off since" in machine.rescue("on").stdout
    again = machine.rescue("on")
    assert (again.returncode, again.stdout) == nothing


# ---- the key ----------------------------------------------------------------------------------


def test_a_lost_key_can_be_put_back_from_its_export(machine):
    machine.ran("Read", file_path="/a")
    kept = machine.root / "kept"
    assert machine.rescue("key", "export", str(kept)).returncode == 0
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    os.unlink(machine.state / "key")
    assert "key import FILE" in denied(machine)
    shown = machine.rescue("key")
    assert shown.returncode == 1 and "is missing" in shown.stdout
    assert machine.rescue("key", "import", str(kept)).returncode == 0
    assert denied(machine) == ""
    assert machine.rescue("key").returncode == 0


def test_a_key_of_another_ledger_is_refused(machine):
    machine.ran("Read", file_path="/a")
    foreign = machine.root / "foreign"
    foreign.write_text("ab" * 32 + "\n")
    before = (machine.state / "key").read_bytes()
    done = machine.rescue("key", "import", str(foreign))
    assert done.returncode == 3 and "the ledger was written with" in done.stderr
    assert (machine.state / "key").read_bytes() == before


def test_an_export_never_overwrites_a_file(machine):
    machine.ran("Read", file_path="/a")
    there = machine.root / "there"
    there.write_text("mine")
    done = machine.rescue("key", "export", str(there))
    assert done.returncode == 2 and there.read_text() == "mine"


def test_a_key_can_pass_through_a_pipe(machine):
    machine.ran("Read", file_path="/a")
    text = machine.rescue("key", "export").stdout
    os.unlink(machine.state / "key")
    kept = machine.root / "kept"
    kept.write_text(text)
    assert machine.rescue("key", "import", str(kept)).returncode == 0
    assert denied(machine) == ""


def test_a_renewed_key_is_another_one_and_the_ledger_goes_on(machine):
    machine.ran("Bash", command="ls")
    old = machine.json("key", command=FULL)["key_id"]
    done = machine.rescue("key", "renew", "--reason", "seen by others")
    assert done.returncode == 0 and old in done.stdout
    assert machine.json("key")["key_id"] != old
    machine.ran("Bash", command="ls")
    first, second = machine.steps()
    assert second["duplicate_of"] == first["step_id"]


@pytest.mark.parametrize(
    "words",
    [
        ("renew",),
        ("renew", "FILE", "--reason", "x"),
        ("import",),
        ("import", "--reason", "x"),
        ("--lost",),
        ("burn",),
    ],
)
def test_a_senseless_line_about_the_key_changes_nothing(machine, words):
    machine.ran("Read", file_path="/a")
    before = (machine.state / "key").read_bytes()
    done = machine.rescue("key", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert (machine.state / "key").read_bytes() == before


# ---- restore and migrate ----------------------------------------------------------------------


def test_a_ledger_that_was_cut_denies_until_it_is_accepted(machine):
    machine.ran("Read", file_path="/a")
    early = machine.root / "early"
    shutil.copytree(machine.state, early)
    machine.ran("Read", file_path="/b")
    for path in machine.state.glob("ledger.db*"):
        os.unlink(path)
    for path in early.glob("ledger.db*"):
        shutil.copy(path, machine.state / path.name)
    assert "restore --reason TEXT" in denied(machine)
    done = machine.rescue("restore", "--reason", "the disk was put back")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(r"events \d+ to \d+ had been written once and are not in it", done.stdout)
    assert denied(machine) == ""
    told = [json.loads(line)["data"] for line in machine.cli("tail", "--once", "--json").stdout.splitlines()]
    assert [one["body"]["reason"] for one in told if one["type"] == "ledger.restored"] == ["the disk was put back"]


def test_a_backup_can_be_put_back(machine):
    machine.ran("Read", file_path="/a")
    backup = machine.root / "backup.db"
    for suffix in ("", "-wal"):
        shutil.copy(f"{machine.state}/ledger.db{suffix}", f"{backup}{suffix}")
    break_ledger(machine)
    done = machine.rescue("restore", str(backup), "--reason", "from the backup")
    assert (done.returncode, done.stderr) == (0, "")
    assert "the backup is in place" in done.stdout and "the old ledger" in done.stdout
    assert denied(machine) == ""
    assert [step["input"] for step in machine.json("show", "1111")["steps"]] == [{"file_path": "/a"}]


def test_a_ledger_that_is_gone_begins_anew_only_when_a_person_says_so(machine):
    machine.ran("Read", file_path="/a")
    for path in machine.state.glob("ledger.db*"):
        os.unlink(path)
    assert "restore --reason TEXT" in denied(machine)
    done = machine.rescue("restore", "--reason", "I deleted it")
    assert "the ledger was gone: a new one begins" in done.stdout
    assert denied(machine) == ""


def test_a_ledger_with_nothing_wrong_is_left_as_it_is(machine):
    machine.ran("Read", file_path="/a")
    before = machine.cli("tail", "--once", "--json").stdout
    done = machine.rescue("restore", "--reason", "just in case")
    assert (done.returncode, done.stderr) == (0, "")
    assert "nothing is wrong" in done.stdout and "nothing was changed" in done.stdout
    assert machine.json("restore", "--reason", "just in case")["how"] == "unchanged"
    assert machine.cli("tail", "--once", "--json").stdout == before
    assert [path.name for path in (machine.state / "heads").iterdir()] == ["ledger"]


def test_a_ledger_file_that_was_emptied_is_called_so_and_begins_anew_when_a_person_says_so(machine):
    machine.ran("Read", file_path="/a")
    path = machine.state / "ledger.db"
    os.truncate(path, 0)
    beside = (machine.state / "ledger.db-wal").read_bytes()
    assert f"{path} is empty" in denied(machine)
    for words in (("show",), ("open",), ("migrate",), ("doctor", "--repair")):
        done = machine.cli(*words)
        assert (done.returncode, "is empty" in done.stderr, "schema" in done.stderr) == (3, True, False), words
    checks = {check["name"]: check for check in machine.json("doctor", code=1)["checks"]}
    assert "is empty" in checks["ledger"]["sentence"] and "restore FILE" in checks["ledger"]["remedy"]
    assert (machine.state / "ledger.db-wal").read_bytes() == beside
    assert "a new one begins" in machine.rescue("restore", "--reason", "it was cut off").stdout
    assert denied(machine) == ""


def test_restore_wants_a_reason(machine):
    machine.ran("Read", file_path="/a")
    done = machine.rescue("restore")
    assert (done.returncode, done.stdout) == (2, "")


def test_migrate_says_what_is_applied_and_has_nothing_to_do_on_a_fresh_ledger(machine):
    machine.ran("Read", file_path="/a")
    done = machine.rescue("migrate", "--status")
    assert done.returncode == 0 and re.search(r"0001_first +applied", done.stdout)
    assert machine.rescue("migrate").stdout == "ok: the schema is the present one\n"


# ---- what they need ---------------------------------------------------------------------------

BY_HAND = {"sys", "os", "time", "fcntl", "errno", "stat"}


@pytest.mark.parametrize("words", [("off", "--for", "1h", "--reason", "x"), ("on",), ("open",), ("key",), ("migrate",)])
def test_a_rescue_verb_uses_the_imports_of_the_hook_path_alone(machine, words):
    machine.ran("Read", file_path="/a")
    found = _imports(machine, words) - _imports(machine, ("--version",))
    public = {name for name in found if not name.startswith(("durable", "_", "encodings"))}
    assert public <= BY_HAND


def _imports(machine, words):
    timed = [sys.executable, "-I", "-S", "-X", "importtime", CHECKOUT[-1]]
    done = machine.cli(*words, command=timed)
    assert done.returncode == 0, done
    return {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}


@pytest.mark.parametrize("verb", ["off", "on"])
def test_off_and_on_do_not_even_need_sqlite(machine, verb):
    """A Python without it can run no hook: then these are the only way to get on."""
    words = [verb, "--for", "1h", "--reason", "x"] if verb == "off" else [verb]
    blocked = (
        "import sys, runpy; sys.modules['_sqlite3'] = None; sys.modules['sqlite3'] = None;"
        f"sys.argv = {[CHECKOUT[-1], *words]!r}; runpy.run_path(sys.argv[0], run_name='__main__')"
    )
    done = machine.cli(command=[sys.executable, "-I", "-S", "-c", blocked])
    assert (done.returncode, done.stderr) == (0, "")
