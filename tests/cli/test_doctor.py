"""`durable doctor` through the real executable: what it proves on a sound machine, and each finding."""

import json
import os
import shlex
import shutil
import signal
import sqlite3
import subprocess
import sys
import time

import pytest
from cli_machine import CHECKOUT, FULL, ROOT

from durable.doctor import directory, disk, ledger, scratch, steps
from durable.doctor.scratch import Scratch
from durable.ledger import chain
from durable.owner import read_process
from durable.settings.registration import hooks, installed_hooks, plugin_hooks

PROVEN = ["records", "fails closed", "keeps receipts"]
PRE = ROOT / "hooks" / "pre_tool_use.py"
LENIENT = f"""# stands before durable's own hook, and never says no
import subprocess, sys
done = subprocess.run([sys.executable, "-I", "-S", {str(PRE)!r}], input=sys.stdin.read(), text=True)
sys.exit({{code}} if done.returncode else 0)
"""


class Doctor:
    """Doctor on one machine, with hooks registered as a test wants them."""

    def __init__(self, machine):
        self.machine = machine
        self.home, self.state, self.project = machine.home, machine.state, machine.project
        self.scratch = machine.root / "tmp"
        self.scratch.mkdir()
        self.bin = machine.root / "bin"
        self.bin.mkdir()

    def register(self, settings=None, **changes):
        settings = {"hooks": installed_hooks()} if settings is None else settings
        settings["hooks"]["PreToolUse"][0]["hooks"][0].update(changes)
        return self.write(self.home / ".claude/settings.json", settings)

    def hook(self, text, name="pre_tool_use.py"):
        """A script that passes for one of ours, and the command that starts it."""
        path = self.write(self.machine.root / "durable/hooks" / name, text)
        return f"{shlex.quote(sys.executable)} -I -S {path}"

    def client(self, text):
        path = self.write(self.bin / "claude", f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
        return path

    def write(self, path, content):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    def run(self, *words, cli=CHECKOUT, env=()):
        path = f"{self.bin}:{os.path.dirname(sys.executable)}:/usr/bin:/bin"
        given = {"PATH": path, "TMPDIR": str(self.scratch), **dict(env)}
        return self.machine.cli("doctor", *words, command=cli, env=given)

    def checks(self, *words, code=None, **more):
        done = self.run("--json", *words, **more)
        assert done.stderr == "" and done.returncode in (0, 1), done
        answer = json.loads(done.stdout)
        assert answer["schema"] == "durable.doctor.v1"
        checks = answer["data"]["checks"]
        failing = any(one["status"] == "FAIL" or (one["status"] == "UNKNOWN" and one["essential"]) for one in checks)
        assert (done.returncode, answer["data"]["ok"]) == (int(failing), not failing)
        assert code in (None, done.returncode), checks
        assert all(one["remedy"] for one in checks if one["status"] in ("FAIL", "WARN"))
        return checks

    def found(self, name, *words, **more):
        """The findings of this name, as (status, sentence)."""
        return [(one["status"], one["sentence"]) for one in self.checks(*words, **more) if one["name"] == name]

    def one(self, name, *words, **more):
        (found,) = self.found(name, *words, **more)
        return found


@pytest.fixture
def doctor(machine):
    return Doctor(machine)


def bytes_below(folder):
    # Readers map the WAL's index: that file says nothing and is made anew by whoever comes first.
    files = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    return {path: held for path, held in files.items() if held and not path.name.endswith("-shm")}


# ---- a sound machine ----------------------------------------------------------------------------


@pytest.mark.parametrize("cli", [FULL, CHECKOUT], ids=["installed", "checkout"])
def test_a_sound_machine_passes_and_nothing_is_left_of_the_trial(doctor, cli):
    doctor.register()
    doctor.client("echo '2.1.329 (Claude Code)'")
    checks = doctor.checks(code=0, cli=cli)
    status = {one["name"]: one["status"] for one in checks if one["name"] != "file system"}
    assert set(status.values()) == {"PASS"}, checks
    assert {*PROVEN, "settings", "client", "ledger", "enforcement"} <= set(status)
    assert list(doctor.scratch.iterdir()) == []
    assert not doctor.state.exists()
    assert not doctor.machine.config.exists()


def test_the_real_ledger_is_looked_at_and_not_touched(doctor):
    doctor.register()
    doctor.machine.ran("Bash", command="ls")
    doctor.write(doctor.machine.config / "policy.toml", 'mode = "enforce"')
    before = bytes_below(doctor.state)
    checks = doctor.checks(code=0)
    assert bytes_below(doctor.state) == before
    status = {one["name"]: one["status"] for one in checks}
    assert [status[name] for name in ("key", "ledger", "chain", "head", "open steps", "speed")] == ["PASS"] * 6


def test_each_kind_of_event_is_read_back_and_each_breakage_denied(doctor):
    doctor.register()
    seen = {one["name"]: one["seen"][1:] for one in doctor.checks()}
    events = {row["event"]: row["recorded"] for row in seen["records"]}
    assert events == dict.fromkeys(
        ("SessionStart", "PreToolUse", "PostToolUse", "PostToolUseFailure", "PostToolBatch", "SessionEnd"), True
    )
    assert {row["call"] for row in seen["fails closed"]} == {"denied"}
    assert len(seen["fails closed"]) == (8 if os.geteuid() == 0 else 9)


def test_the_hooks_of_a_plugin_are_tried_too(doctor):
    write, claude = doctor.write, doctor.home / ".claude"
    root = doctor.machine.root / "market"
    shutil.copytree(ROOT / "hooks", root / "hooks")
    shutil.copytree(ROOT / "src", root / "src")
    write(root / "hooks/hooks.json", plugin_hooks())
    market = {"m": {"source": {"source": "directory"}, "installLocation": str(root)}}
    write(claude / "plugins/known_marketplaces.json", market)
    write(claude / "settings.json", {"enabledPlugins": {"durable@m": True}})
    checks = doctor.checks(code=0)
    assert [one["status"] for one in checks if one["name"] in PROVEN] == ["PASS"] * 3


def test_a_handler_in_exec_form_is_started_without_a_shell(doctor):
    doctor.register(command=sys.executable, args=["-I", "-S", str(PRE)])
    assert doctor.one("fails closed")[0] == "PASS"


def test_a_settings_file_given_to_the_client_is_in_force_for_doctor_too(doctor):
    settings = doctor.write(doctor.machine.root / "given.json", {"hooks": installed_hooks()})
    assert doctor.one("records", "--settings", str(settings))[0] == "PASS"


def test_what_this_shell_sets_does_not_reach_the_trial(doctor):
    doctor.register()
    policy = doctor.write(doctor.machine.root / "observe.toml", 'mode = "observe"')
    env = {"DURABLE_POLICY": policy, "DURABLE_RUN_ID": "a run of mine", "ANTHROPIC_API_KEY": "sk-ant-secret"}
    checks = doctor.checks(env=env)
    assert [one["status"] for one in checks if one["name"] in PROVEN] == ["PASS"] * 3
    assert [one["status"] for one in checks if one["name"] == "policy"] == ["WARN"]


# ---- hooks that don't do what is promised -------------------------------------------------------


def test_without_a_registration_there_is_nothing_to_prove(doctor):
    status, said = doctor.one("settings")
    assert (status, "no settings file registers" in said) == ("FAIL", True)
    assert not doctor.found("records")


def test_a_hook_that_records_nothing_and_permits_fails(doctor):
    doctor.register(command=doctor.hook("# durable, says who wrote it\n"))
    status, said = doctor.one("records")
    assert (status, "lets a call run without a row" in said) == ("FAIL", True)


def test_a_hook_that_lets_calls_run_on_a_broken_ledger_is_the_first_finding(doctor):
    doctor.register(command=doctor.hook(LENIENT.format(code=0)))
    checks = doctor.checks(code=1)
    assert (checks[0]["status"], checks[0]["name"]) == ("FAIL", "fails closed")
    assert "lets calls run whatever is wrong" in checks[0]["sentence"]
    assert {row["call"] for row in checks[0]["seen"][1:]} == {"let through"}
    assert [one["status"] for one in checks if one["name"] == "records"] == ["PASS"]


def test_a_hook_that_crashes_instead_of_denying_is_held_by_onfailure_alone(doctor):
    command = doctor.hook(LENIENT.format(code=1))
    doctor.register(command=command)
    status, said = doctor.one("fails closed")
    assert (status, "only onFailure" in said) == ("WARN", True)
    doctor.register(command=command, onFailure="continue")
    assert doctor.one("fails closed")[0] == "FAIL"


def test_exit_2_that_the_command_line_swallows_is_seen(doctor):
    command = installed_hooks()["PreToolUse"][0]["hooks"][0]["command"]
    doctor.register(command=command.replace("|| exit 2", "|| true"))
    assert doctor.one("fails closed")[0] == "FAIL"


def test_a_hook_that_answers_with_half_a_document_lets_the_call_run(doctor):
    half = "print('{\"hookSpecificOutput\"') if done.returncode else 0; sys.exit"
    half = LENIENT.format(code=0).replace("sys.exit", half)
    doctor.register(command=doctor.hook(half))
    assert doctor.one("fails closed")[0] == "FAIL"


def test_a_hook_that_denies_everything_is_told_with_its_reason(doctor):
    doctor.register(command=doctor.hook("# durable\nimport sys\nsys.exit('no module of mine')\n") + " || exit 2")
    status, said = doctor.one("records")
    assert (status, "denies every call" in said, "no module of mine" in said) == ("FAIL", True, True)


def test_a_policy_that_denies_a_harmless_call_is_told_apart_from_a_missing_row(doctor):
    doctor.register()
    doctor.write(doctor.project / ".durable/policy.toml", "mode = 7")
    status, said = doctor.one("records")
    assert (status, "denies a harmless call" in said) == ("FAIL", True)


def test_a_post_hook_that_records_nothing_is_named(doctor):
    settings = {"hooks": installed_hooks()}
    settings["hooks"]["PostToolUse"][0]["hooks"][0]["command"] = doctor.hook("# durable\n", "post_tool_use.py")
    doctor.register(settings)
    status, said = doctor.one("records")
    assert (status, "what PostToolUse should leave" in said) == ("FAIL", True)
    status, said = doctor.one("keeps receipts")
    assert (status, "is lost (exit 0, no answer)" in said) == ("FAIL", True)


def test_two_registrations_are_each_proven(doctor):
    settings = {"hooks": installed_hooks()}
    settings["hooks"]["PreToolUse"].append({"hooks": [{"type": "command", "command": doctor.hook("# durable\n")}]})
    doctor.register(settings)
    assert sorted(status for status, _ in doctor.found("records")) == ["FAIL", "PASS"]


def test_a_command_that_names_its_own_state_directory_is_not_started(doctor):
    real = doctor.machine.root / "real"
    command = installed_hooks()["PreToolUse"][0]["hooks"][0]["command"]
    doctor.register(command=f"DURABLE_HOME={real} {command}")
    assert doctor.one("fails closed", code=1)[0] == "UNKNOWN"
    assert not real.exists()


def test_a_hook_that_does_not_end_is_ended_with_all_that_it_started(doctor):
    sleeper = doctor.machine.root / "sleeper"
    text = f"# durable\nimport os, time\nopen({str(sleeper)!r}, 'w').write(str(os.getpid()))\ntime.sleep(600)\n"
    doctor.register(command=doctor.hook(text) + "; true")
    running = subprocess.Popen(
        [*CHECKOUT, "doctor"], env=doctor.machine.env(TMPDIR=doctor.scratch), cwd=doctor.project, stdout=subprocess.PIPE
    )
    until = time.monotonic() + 30
    while not (sleeper.exists() and sleeper.read_text()):
        assert time.monotonic() < until and running.poll() is None
        time.sleep(0.01)
    assert list(doctor.scratch.iterdir())
    running.send_signal(signal.SIGTERM)
    assert running.wait(30) == 130
    assert list(doctor.scratch.iterdir()) == []
    while (process := read_process(int(sleeper.read_text()))) is not None and not process.ended:
        assert time.monotonic() < until
        time.sleep(0.01)


# ---- a project that one has just cloned ---------------------------------------------------------


def test_a_project_that_switches_all_hooks_off_fails(doctor):
    doctor.register()
    doctor.write(doctor.project / ".claude/settings.json", {"disableAllHooks": True})
    status, said = doctor.found("settings", code=1)[0]
    assert (status, "switches every hook off" in said) == ("FAIL", True)


def canary(doctor):
    """A hook of the project's own. Where it leaves its mark it was started."""
    mark = doctor.machine.root / "mark"
    command = doctor.hook(f"# durable\nopen({str(mark)!r}, 'w')\n")
    handler = {"type": "command", "command": command}
    doctor.write(doctor.project / ".claude/settings.json", {"hooks": {"PreToolUse": [{"hooks": [handler]}]}})
    return mark


def test_hooks_of_an_untrusted_project_are_not_started(doctor):
    mark = canary(doctor)
    status, said = doctor.one("fails closed", code=1)
    assert (status, "not trusted" in said) == ("UNKNOWN", True)
    assert not mark.exists()
    assert doctor.one("records", "--fire-project")[0] == "FAIL"
    assert mark.exists()


def test_hooks_of_a_project_that_the_client_trusts_are_started(doctor):
    mark = canary(doctor)
    trusted = {str(doctor.project): {"hasTrustDialogAccepted": True}}
    doctor.write(doctor.home / ".claude.json", {"projects": trusted})
    assert doctor.one("records")[0] == "FAIL"
    assert mark.exists()


def test_a_project_can_t_vouch_for_itself(doctor):
    mark = canary(doctor)
    trusted = {str(doctor.project): {"hasTrustDialogAccepted": True}}
    doctor.write(doctor.project / ".claude.json", {"projects": trusted})
    assert doctor.one("fails closed", env={"HOME": ""})[0] == "UNKNOWN"
    assert not mark.exists()


@pytest.mark.parametrize("answer", ["[]", '{"hookSpecificOutput": "deny"}', "{}"])
def test_an_answer_that_is_no_deny_is_none(doctor, answer):
    doctor.register(command=doctor.hook(f"# durable\nprint({answer!r})\n"))
    assert "lets a call run without a row" in doctor.one("records")[1]


def test_a_deny_in_json_is_a_deny(doctor):
    deny = {"hookSpecificOutput": {"permissionDecision": "deny", "permissionDecisionReason": "because"}}
    doctor.register(command=doctor.hook(f"# durable\nprint({json.dumps(deny)!r})\n"))
    assert "denies every call, on a sound ledger: because" in doctor.one("records")[1]


def test_a_project_registered_by_init_needs_no_trust(doctor):
    doctor.write(doctor.project / ".claude/settings.json", {"hooks": installed_hooks()})
    assert doctor.one("fails closed")[0] == "PASS"


def test_the_interpreter_that_an_untrusted_project_names_is_not_started(doctor):
    mark = doctor.machine.root / "mark"
    python = doctor.write(doctor.project / "python3", f"#!/bin/sh\ntouch {mark}\n")
    python.chmod(0o755)
    registered = hooks(str(python), lambda name: str(ROOT / "hooks" / name))
    doctor.write(doctor.project / ".claude/settings.json", {"hooks": registered})
    assert doctor.one("fails closed")[0] == "UNKNOWN"
    assert not mark.exists()


IMPOSED = {"DURABLE_POLICY": "FAIL", "XDG_CONFIG_HOME": "FAIL", "HOME": "FAIL", "DURABLE_HOME": "WARN", "PATH": "WARN"}


@pytest.mark.parametrize(("name", "status"), IMPOSED.items())
def test_a_project_that_changes_the_environment_of_the_hooks_is_found(doctor, name, status):
    settings = {"env": {name: str(doctor.project / "elsewhere"), "EDITOR": "vi"}}
    doctor.write(doctor.project / ".claude/settings.local.json", settings)
    found = doctor.one("environment")
    assert (found[0], f"sets {name}" in found[1]) == (status, True)


def test_the_environment_that_an_untrusted_project_sets_reaches_no_hook(doctor):
    doctor.register(command=f"python3 -I -S {PRE} || exit 2")
    doctor.write(doctor.project / ".claude/settings.json", {"env": {"PATH": str(doctor.project)}})
    assert doctor.one("records")[0] == "PASS"


# ---- settings and client ------------------------------------------------------------------------


def test_findings_of_the_lint_are_findings_here(doctor):
    settings = {"hooks": installed_hooks()}
    del settings["hooks"]["PreToolUse"][0]["hooks"][0]["onFailure"]
    doctor.register(settings)
    assert "onFailure" in next(one["remedy"] for one in doctor.checks(code=1) if one["name"] == "settings")


def test_a_malformed_handler_of_anybody_drops_the_whole_file(doctor):
    settings = {"hooks": installed_hooks()}
    settings["hooks"]["PreToolUse"].append({"hooks": [{"type": "command"}]})
    doctor.register(settings)
    assert {status for status, _ in doctor.found("settings", code=1)} == {"FAIL"}


@pytest.mark.parametrize(
    ("line", "status", "words"),
    [
        ("echo '2.1.295 (Claude Code)'", "PASS", "2.1.295"),
        ("echo '2.1.294 (Claude Code)'", "WARN", "before 2.1.295"),
        ("echo '10.0.0'", "PASS", "10.0.0"),
        ("echo hello", "UNKNOWN", "names no version"),
        ("echo 2.1.300; exit 1", "UNKNOWN", "ended with 1"),
    ],
)
def test_the_version_of_the_client_is_judged(doctor, line, status, words):
    doctor.client(line)
    found = doctor.one("client")
    assert (found[0], words in found[1]) == (status, True), found


def test_an_old_client_and_no_exit_2_fail_together(doctor):
    doctor.client("echo 2.1.294")
    doctor.register(command=f"{sys.executable} -I -S {PRE}")
    assert doctor.one("client", code=1)[0] == "FAIL"


def test_no_client_is_not_known_and_does_not_fail(doctor):
    doctor.register()
    assert doctor.one("client", code=0) == ("UNKNOWN", "no claude on PATH")
    named = doctor.client("echo 2.1.329").rename(doctor.machine.root / "elsewhere")
    assert doctor.one("client", "--client", str(named))[0] == "PASS"


def test_the_client_is_asked_with_a_scratch_home_and_nothing_of_ours(doctor):
    told = doctor.machine.root / "told"
    doctor.client(f"env > {told}; touch $HOME/left; echo 2.1.329")
    doctor.checks(env={"ANTHROPIC_API_KEY": "sk-ant-secret"})
    names = {line.partition("=")[0] for line in told.read_text().splitlines()}
    assert names - {"PWD", "SHLVL", "_", "OLDPWD"} == {"PATH", "HOME"}
    assert not (doctor.home / "left").exists()


# ---- enforcement lifted -------------------------------------------------------------------------


def test_durable_off_is_told_and_does_not_hide_what_the_hooks_do(doctor):
    doctor.register()
    assert doctor.machine.cli("off", "--for", "1h", "--reason", "a broken disk").returncode == 0
    checks = doctor.checks(code=0)
    (found,) = [one for one in checks if one["name"] == "enforcement"]
    assert (found["status"], "a broken disk" in found["sentence"]) == ("WARN", True)
    assert [one["status"] for one in checks if one["name"] in PROVEN] == ["PASS"] * 3


def test_a_switch_that_can_t_be_read_lifts_nothing_and_is_told(doctor):
    doctor.write(doctor.machine.config / "off.json", "{")
    assert doctor.one("enforcement")[0] == "WARN"


def test_observe_mode_says_which_promises_do_not_hold(doctor):
    doctor.register()
    doctor.write(doctor.machine.config / "policy.toml", 'mode = "observe"')
    checks = doctor.checks(code=0)
    (found,) = [one for one in checks if one["name"] == "policy"]
    assert found["status"] == "WARN"
    assert all(words in found["sentence"] for words in ("nothing is ever denied", "1 (", "2 (", "4 ("))
    assert [one["status"] for one in checks if one["name"] in PROVEN] == ["PASS"] * 3


def test_an_invalid_policy_fails_and_names_its_file(doctor):
    path = doctor.write(doctor.machine.config / "policy.toml", 'mode = "maybe"')
    status, said = doctor.one("policy", code=1)
    assert (status, str(path) in said) == ("FAIL", True)


def test_a_project_that_tries_to_loosen_is_named(doctor):
    path = doctor.write(doctor.project / ".durable/policy.toml", '[rules.x]\nmatch = "*"\neffect = "read"')
    status, said = doctor.one("policy")
    assert (status, f"{path}: rule 'x': effect = 'read' would loosen" in said) == ("WARN", True)


# ---- the state directory ------------------------------------------------------------------------


def test_a_state_directory_open_to_others_is_found_and_left_as_it_is(doctor):
    doctor.machine.ran("Bash", command="ls")
    doctor.state.chmod(0o755)
    (doctor.state / "key").chmod(0o644)
    status, said = doctor.one("state directory")
    assert (status, f"{doctor.state}/key" in said) == ("WARN", True)
    assert doctor.state.stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize("name", ["", "key", "heads/ledger"])
def test_a_symbolic_link_where_a_file_of_ours_belongs_fails(doctor, name):
    doctor.machine.ran("Bash", command="ls")
    path = doctor.state / name if name else doctor.state
    path.rename(doctor.machine.root / "moved")
    path.symlink_to(doctor.machine.root / "moved")
    assert doctor.found("state directory")[0][0] == "FAIL"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_of_another_user_fails(doctor):
    doctor.machine.ran("Bash", command="ls")
    os.chown(doctor.state / "hook.log" if (doctor.state / "hook.log").exists() else doctor.state / "key", 65534, 65534)
    assert "uid 65534" in doctor.one("state directory")[1]


def test_a_file_in_place_of_the_state_directory_fails(doctor):
    doctor.write(doctor.state, "")
    assert doctor.found("state directory")[0][0] == "FAIL"


def test_a_state_directory_that_the_hooks_see_elsewhere_is_told(doctor):
    theirs = doctor.machine.root / "theirs"
    doctor.register({"hooks": installed_hooks(), "env": {"DURABLE_HOME": str(theirs)}})
    doctor.machine.ran("Bash", command="ls")
    checks = doctor.checks()
    (found,) = [one for one in checks if one["name"] == "environment"]
    assert (found["status"], str(theirs) in found["sentence"]) == ("WARN", True)
    assert any(str(theirs) in one["sentence"] for one in checks if one["name"] == "state directory")


def test_a_second_ledger_in_the_usual_place_is_told(doctor):
    doctor.machine.ran("Bash", command="ls")
    shutil.copytree(doctor.state, doctor.home / ".local/share/durable")
    assert doctor.one("environment")[0] == "WARN"
    assert doctor.found("environment", env={"DURABLE_HOME": doctor.home / ".local/share/durable"}) == []


# ---- the ledger ---------------------------------------------------------------------------------


def grown(doctor):
    for number in range(3):
        doctor.machine.ran("Bash", command=f"echo {number}")
    return doctor.state


def settled(state):
    """Everything in one file, as after a checkpoint."""
    database = sqlite3.connect(state / "ledger.db")
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return database


def garbage(state):
    settled(state).close()
    (state / "ledger.db").write_bytes(b"not a database at all\n" * 1000)


def damaged_page(state):
    database = settled(state)
    (page,) = database.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'steps_of_run'").fetchone()
    (size,) = database.execute("PRAGMA page_size").fetchone()
    database.close()
    path = state / "ledger.db"
    raw = bytearray(path.read_bytes())
    raw[(page - 1) * size : page * size] = os.urandom(size)
    path.write_bytes(raw)


def changed_event(state):
    database = settled(state)
    database.execute("DROP TRIGGER events_stay")
    database.execute("UPDATE events SET body = replace(body, 'Bash', 'Read') WHERE seq = 5")
    database.commit()
    database.close()


def removed_event(state):
    database = settled(state)
    database.execute("DROP TRIGGER events_remain")
    database.execute("DELETE FROM events WHERE seq = 5")
    database.commit()
    database.close()


def cut(state):
    database = settled(state)
    database.execute("DROP TRIGGER events_remain")
    database.execute("DELETE FROM events WHERE seq > 5")
    database.commit()
    database.close()


def of_a_later_version(state):
    database = settled(state)
    database.execute("PRAGMA user_version = 9000")
    database.close()


def damaged_in_a_later_version(state):
    of_a_later_version(state)
    damaged_page(state)


def gone(state):
    for path in state.glob("ledger.db*"):
        path.unlink()


def without_head(state):
    (state / "heads/ledger").unlink()


def with_a_damaged_head(state):
    (state / "heads/ledger").write_text("{}")


def keyless(state):
    (state / "key").unlink()


def of_another_key(state):
    (state / "key").write_text("ab" * 32)


@pytest.mark.parametrize(
    ("damage", "name", "words"),
    [
        (garbage, "ledger", "can't be used"),
        (damaged_page, "ledger", "is damaged"),
        (gone, "ledger", "is gone"),
        (of_a_later_version, "ledger", "schema 9.0"),
        (keyless, "key", "is missing"),
        (of_another_key, "key", "is not the one"),
        (changed_event, "chain", "event 5 was changed"),
        (removed_event, "chain", "event 5 is missing"),
        (cut, "head", "it was cut or put back"),
        (without_head, "head", "is missing"),
        (with_a_damaged_head, "head", "is damaged"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_a_ledger_that_no_hook_may_trust_fails(doctor, damage, name, words):
    damage(grown(doctor))
    (found,) = [one for one in doctor.checks(code=1) if one["name"] == name]
    assert (found["status"], words in found["sentence"]) == ("FAIL", True), found


@pytest.mark.parametrize("damage", [garbage, damaged_page], ids=lambda damage: damage.__name__)
def test_repair_salvages_a_damaged_ledger_beside_the_old_one(doctor, damage):
    damage(grown(doctor))
    (found,) = [one for one in doctor.checks() if one["name"] == "ledger"]
    assert "doctor --repair" in found["remedy"]
    done = doctor.run("--repair")
    assert (done.returncode, done.stderr) == (0, ""), done
    (old,) = doctor.state.glob("ledger.db.damaged-*Z")
    assert str(old) in done.stdout and "lost" in done.stdout
    doctor.register()
    doctor.checks(code=0)
    doctor.machine.ran("Bash", command="a hook can write again")


UNDAMAGED = [None, cut, changed_event, without_head, keyless, of_a_later_version, damaged_in_a_later_version]


@pytest.mark.parametrize("damage", UNDAMAGED)
def test_repair_leaves_alone_what_is_not_damaged_or_not_its_own(doctor, damage):
    grown(doctor)
    if damage is not None:
        damage(doctor.state)
    before = bytes_below(doctor.state)
    done = doctor.run("--repair")
    assert (done.returncode, done.stdout) == (3, ""), done
    assert bytes_below(doctor.state) == before


def test_before_the_first_hook_there_is_nothing_to_repair(doctor):
    done = doctor.run("--repair")
    assert done.returncode == 3
    assert "not damaged" in done.stderr


def test_what_a_person_accepted_is_told_and_no_longer_fails_but_what_came_after_does(doctor):
    changed_event(grown(doctor))
    assert doctor.machine.rescue("restore", "--reason", "seen").returncode == 0
    status, said = doctor.one("chain")
    assert (status, "event 5 was changed" in said, "as it stood" in said) == ("WARN", True, True)
    database = settled(doctor.state)
    database.execute("UPDATE events SET body = '{}' WHERE seq = (SELECT max(seq) FROM events)")
    database.commit()
    database.close()
    assert doctor.one("chain")[0] == "FAIL"


def test_an_earlier_event_that_was_changed_after_others_were_accepted_fails(doctor):
    changed_event(grown(doctor))
    assert doctor.machine.rescue("restore", "--reason", "seen").returncode == 0
    database = settled(doctor.state)
    database.execute("DROP TRIGGER IF EXISTS events_stay")
    database.execute("UPDATE events SET body = '{}' WHERE seq = 7")
    database.commit()
    database.close()
    status, said = doctor.one("chain")
    assert (status, said) == ("FAIL", "event 7 was changed")


def test_who_has_no_key_can_accept_nothing(doctor):
    """Behind a change the next event under a key that is at hand says which one it is; a forged one is under none."""
    changed_event(grown(doctor))
    database = settled(doctor.state)
    database.row_factory = sqlite3.Row
    database.execute("DROP TRIGGER events_remain")
    database.execute("DELETE FROM events WHERE seq > 6")
    changed, six = map(chain.event_of, database.execute("SELECT * FROM events WHERE seq IN (5, 6) ORDER BY seq"))
    forged = chain.Event(6, changed.hash, six.run_id, six.run_seq, six.run_prev)
    accepted = {"accepted": [{"code": "event_changed", "event": 5, "to": 5, "found": ""}]}
    forged.seal(b"no key of theirs", six.subject, "ledger.restored", six.at, accepted)
    database.execute("UPDATE events SET type = ?, body = ?, hash = ?, mac = ? WHERE seq = 6",
                     (forged.type, forged.body, forged.hash, forged.mac))  # fmt: skip
    database.commit()
    database.close()
    status, said = doctor.one("chain")
    assert (status, said) == ("FAIL", "event 5 was changed")


def test_the_end_of_a_long_chain_is_followed_across_a_change_of_keys(doctor, monkeypatch):
    state = grown(doctor)
    doctor.machine.rescue("key", "renew", "--reason", "it was seen")
    doctor.machine.ran("Bash", command="echo later")
    monkeypatch.setattr(ledger, "RECENT_EVENTS", 8)
    found = {check.name: check for check in ledger.ledger_checks(str(state))}
    assert (found["chain"].status, "the last 8" in found["chain"].sentence) == ("PASS", True)
    database = settled(state)
    database.execute("DROP TRIGGER events_stay")
    database.execute("UPDATE events SET mac = 'x' WHERE seq = (SELECT max(seq) - 7 FROM events)")
    database.commit()
    database.close()
    found = {check.name: check for check in ledger.ledger_checks(str(state))}
    assert (found["chain"].status, "not made with the ledger's key" in found["chain"].sentence) == ("FAIL", True)


def test_what_was_sealed_with_a_lost_key_is_said_to_be_linked_and_no_more(doctor):
    grown(doctor)
    before = int(doctor.one("ledger")[1].split(" events")[0])
    assert doctor.one("chain")[1] == f"all {before} events follow from one another, under the key"
    (doctor.state / "key").unlink()
    assert doctor.machine.rescue("key", "renew", "--lost", "--reason", "the disk died").returncode == 0
    said = doctor.one("chain")[1]
    assert said.startswith(f"all {before + 1} events follow from one another, 1 under a key at hand; ")
    assert said.endswith(f"of {before} before that only the links could be checked: their key is lost")


def test_a_ledger_too_large_for_its_time_is_unknown_and_not_sound(doctor, monkeypatch):
    state = grown(doctor)
    monkeypatch.setattr(ledger, "QUICK_CHECK_S", -1.0)
    monkeypatch.setattr(ledger, "_OPERATIONS", 1)
    found = {check.name: check.status for check in ledger.ledger_checks(str(state))}
    assert (found["ledger"], found["chain"]) == ("UNKNOWN", "PASS")


# ---- what the rows tell -------------------------------------------------------------------------


def test_steps_of_a_dead_client_are_counted(doctor):
    doctor.machine.before("Bash", command="sleep 9")
    assert doctor.one("open steps") == ("PASS", "1 step under way")
    doctor.machine.kill_client()
    status, said = doctor.one("open steps")
    assert (status, "1 step of a client that is gone" in said) == ("WARN", True)


def test_a_doubt_that_needs_a_person_is_told(doctor):
    use_id = doctor.machine.before("Bash", command="sleep 9")
    doctor.machine.permitted(use_id, effect="once")
    doctor.machine.ended()
    assert ("WARN", "1 step in doubt") in doctor.found("open steps")


def test_a_call_that_no_row_announced_is_told(doctor):
    doctor.machine.after("Bash", "toolu_unheard", {"stdout": "x"}, command="ls")
    status, said = doctor.one("unannounced")
    assert (status, "1 step ran without a row" in said) == ("WARN", True)


def test_slow_hooks_are_told(doctor, monkeypatch):
    doctor.machine.ran("Bash", command="ls")
    monkeypatch.setattr(steps, "SLOW_MS", 0.0)
    (found,) = [check for check in steps.step_checks(str(doctor.state)) if check.name == "speed"]
    assert found.status == "WARN"


def test_waiting_and_refused_receipts_are_counted(doctor):
    doctor.machine.ran("Bash", command="ls")
    doctor.write(doctor.state / "spool/1.json", "{}")
    doctor.write(doctor.state / "spool/bad/2.json", "{}")
    found = doctor.found("spool")
    assert [status for status, _ in found] == ["WARN", "WARN"]
    assert "1 receipt" in found[0][1] and "1 receipt" in found[1][1]


def test_recent_trouble_of_a_hook_is_told_and_old_trouble_is_not(doctor):
    old = {"at": "2020-01-01T00:00:00.000000Z", "hook": "pre_tool_use", "problem": "long ago"}
    doctor.write(doctor.state / "hook.log", json.dumps(old) + "\nnot ours\n{}\n")
    assert doctor.one("hook log")[0] == "PASS"
    refused = doctor.machine.hook("pre_tool_use", {"no": "event"})
    assert refused.returncode == 2
    status, said = doctor.one("hook log")
    assert (status, "once" in said, "pre_tool_use" in said) == ("WARN", True, True)


def test_a_write_ahead_log_that_only_grows_is_told(tmp_path):
    with open(tmp_path / "ledger.db-wal", "wb") as file:
        file.truncate(directory.LONG_WAL + 1)
    assert [check.status for check in directory.wal_checks(str(tmp_path))] == ["WARN"]
    os.truncate(tmp_path / "ledger.db-wal", directory.LONG_WAL)
    assert list(directory.wal_checks(str(tmp_path))) == []


# ---- the disk -----------------------------------------------------------------------------------

MOUNTS = r"""22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 27 0:40 / /home rw - nfs4 server:/home rw
31 30 0:41 / /home/me/with\040blank rw - tmpfs tmpfs rw
32 30 0:42 / /home/me/box rw - ext4 /dev/vdb rw
33 32 0:43 / /home/me/box rw - fuse.sshfs me@there: rw
torn line
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/srv/x", "ext4"),
        ("/home/me", "nfs4"),
        ("/homestead", "ext4"),
        ("/home/me/with blank/x", "tmpfs"),
        ("/home/me/box", "fuse.sshfs"),
    ],
)
def test_a_path_stands_on_the_deepest_and_latest_mount_above_it(path, kind):
    assert disk.kind_of(path, MOUNTS) == kind


@pytest.mark.parametrize(
    ("kind", "status", "words"),
    [
        ("ext4", "PASS", "local"),
        ("nfs4", "WARN", "shared with other machines"),
        ("9p", "WARN", "outside this one"),
        ("tmpfs", "WARN", "does not survive a restart"),
        ("overlay", "WARN", "goes away with the container"),
        ("fuse.strange", "WARN", "is not known"),
    ],
)
def test_a_file_system_that_does_not_last_or_lock_is_told(tmp_path, monkeypatch, kind, status, words):
    table = tmp_path / "mountinfo"
    table.write_text(f"27 1 254:0 / / rw - {kind} what rw\n")
    monkeypatch.setattr(disk, "MOUNTS", str(table))
    monkeypatch.setattr(sys, "platform", "linux")
    found = next(iter(disk.disk_checks(str(tmp_path / "not" / "there"))))
    assert (found.status, words in found.sentence) == (status, True)


@pytest.mark.parametrize(("platform", "mounts"), [("darwin", disk.MOUNTS), ("linux", "/nowhere")])
def test_a_file_system_that_can_t_be_known_is_unknown(tmp_path, monkeypatch, platform, mounts):
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(disk, "MOUNTS", mounts)
    found = next(iter(disk.disk_checks(str(tmp_path))))
    assert (found.status, found.essential) == ("UNKNOWN", False)


@pytest.mark.parametrize(("free", "status"), [(10 << 20, "FAIL"), (100 << 20, "WARN"), (1 << 30, "PASS")])
def test_a_disk_that_fills_up_is_told(tmp_path, monkeypatch, free, status):
    real = os.statvfs(tmp_path)
    fields = list(real)
    fields[1], fields[4] = 4096, free // 4096
    monkeypatch.setattr(os, "statvfs", lambda path: os.statvfs_result(fields))
    assert [check.status for check in disk.disk_checks(str(tmp_path)) if check.name == "disk space"] == [status]


# ---- the scratch directory ----------------------------------------------------------------------


def test_what_a_trial_took_from_the_shared_spool_is_given_back(tmp_path, monkeypatch):
    room = tmp_path / "shared" / "spool"
    room.mkdir(parents=True)
    monkeypatch.setattr(scratch, "rooms", lambda home, env: [str(room)])
    with Scratch() as trial:
        bad = os.path.join(trial.new_state(), "spool", "bad")
        os.makedirs(bad)
        for name, text in (("theirs.json", "another ledger's receipt"), ("own.json", f"made in {trial.root}")):
            with open(os.path.join(bad, name), "w") as file:
                file.write(text)
    assert [path.name for path in room.iterdir()] == ["theirs.json"]
    assert not os.path.exists(trial.root)


def test_a_directory_that_was_made_read_only_goes_too():
    with Scratch() as trial:
        locked = os.path.join(trial.root, "locked")
        os.mkdir(locked)
        open(os.path.join(locked, "file"), "w").close()
        os.chmod(locked, 0o500)
    assert not os.path.exists(trial.root)


# ---- the screen ---------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [80, 140])
def test_findings_come_first_with_their_remedy_and_what_passed_keeps_to_its_line(doctor, width):
    doctor.register(command=doctor.hook(LENIENT.format(code=0)))
    done = doctor.run(env={"COLUMNS": width})
    lines = done.stdout.splitlines()
    assert lines[0].startswith("problem: the installation can't be relied on: ")
    first, remedy, passed = (lines.index(found) for found in ("FAIL  fails closed", lines[4], "PASS"))
    assert (first, remedy) == (2, 4) and lines[4].startswith("→ ")
    assert passed > remedy
    assert all(len(line) <= width for line in lines[passed:])
