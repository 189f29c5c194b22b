"""A ledger, a key or a setting that can't be trusted: no call runs, and no receipt is lost."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

import ledger_view

from .conftest import needs_root
from .door import NOBODY, Door, bash, failed, ran, recorded
from .holders import holding_our_lock, holding_sqlites_lock
from .judging import (
    assert_denies,
    assert_lets_through_unrecorded,
    assert_tells_it_ran,
    statuses,
)

SHORT = "0.7"
Damage = Callable[[Door], None]


# ---- the ledger ---------------------------------------------------------------------------------


def settle(door: Door) -> Path:
    """The ledger in one file, without what still stands in its log."""
    path = door.state / "ledger.db"
    ledger = sqlite3.connect(path)
    ledger.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    ledger.close()
    for suffix in ("-wal", "-shm"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)
    return path


def garbage(door: Door) -> None:
    settle(door).write_bytes(b"this is no database\n" * 1000)


def header_broken(door: Door) -> None:
    with settle(door).open("r+b") as file:
        file.write(os.urandom(100))


def middle_broken(door: Door) -> None:
    path = settle(door)
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(os.urandom(path.stat().st_size - 4096))


def cut_in_half(door: Door) -> None:
    path = settle(door)
    os.truncate(path, path.stat().st_size // 2 // 4096 * 4096)


def emptied(door: Door) -> None:
    os.truncate(settle(door), 0)


def a_directory(door: Door) -> None:
    settle(door).unlink()
    (door.state / "ledger.db").mkdir()


def a_fifo(door: Door) -> None:
    settle(door).unlink()
    os.mkfifo(door.state / "ledger.db")


def gone(door: Door) -> None:
    settle(door).unlink()


def of_another_major_version(door: Door) -> None:
    ledger = sqlite3.connect(settle(door))
    ledger.execute("PRAGMA user_version = 2000")
    ledger.close()


def another_database(door: Door) -> None:
    settle(door).unlink()
    ledger = sqlite3.connect(door.state / "ledger.db")
    ledger.execute("PRAGMA user_version = 1000")
    ledger.execute("CREATE TABLE letters (letter)")
    ledger.close()


def linked(name: str) -> Damage:
    def damage(door: Door) -> None:
        path = door.state / name
        elsewhere = door.root / "elsewhere"
        if path.exists():
            path.rename(elsewhere)
        else:
            elsewhere.touch()
        path.symlink_to(elsewhere)

    return damage


def dangling(name: str) -> Damage:
    def damage(door: Door) -> None:
        path = door.state / name
        if path.is_dir():
            shutil.rmtree(path)
        path.unlink(missing_ok=True)
        path.symlink_to(door.root / "nowhere")

    return damage


def as_a_fifo(name: str) -> Damage:
    def damage(door: Door) -> None:
        path = door.state / name
        path.unlink(missing_ok=True)
        os.mkfifo(path)

    return damage


def as_a_directory(name: str) -> Damage:
    def damage(door: Door) -> None:
        path = door.state / name
        path.unlink(missing_ok=True)
        path.mkdir()

    return damage


def as_a_file(name: str) -> Damage:
    def damage(door: Door) -> None:
        shutil.rmtree(door.state / name)
        (door.state / name).touch()

    return damage


def holding(name: str, data: bytes) -> Damage:
    def damage(door: Door) -> None:
        (door.state / name).write_bytes(data)

    return damage


def without(name: str) -> Damage:
    def damage(door: Door) -> None:
        (door.state / name).unlink()

    return damage


def someone_elses(name: str) -> Damage:
    def damage(door: Door) -> None:
        os.chown(door.state / name, NOBODY, NOBODY)

    return damage


# ---- head and ledger at odds --------------------------------------------------------------------


def put_back(door: Door) -> None:
    """The ledger as it was one call ago: the head is ahead of it."""
    earlier = settle(door).read_bytes()
    assert door.pre(bash("echo third", "toolu_third")).permits
    settle(door).write_bytes(earlier)


def rewritten(door: Door) -> None:
    """As many events as before, but the last of them is another one."""
    copy = door.copy(door.root.parent / "other")
    assert door.pre(bash("echo this", "toolu_this")).permits
    assert copy.pre(bash("echo that", "toolu_that")).permits
    shutil.copy(settle(copy), settle(door))


def of_another_ledger(door: Door) -> None:
    """Another ledger under the same key, which the head does not speak of."""
    other = Door(door.root.parent / "other", CLAUDE_PID=door.env["CLAUDE_PID"])
    other.state.mkdir(mode=0o700)
    shutil.copy(door.state / "key", other.state / "key")
    for number in range(4):
        assert other.pre(bash(use_id=f"toolu_{number}")).permits
    shutil.copy(settle(other), settle(door))


def with_a_foreign_key(door: Door) -> None:
    (door.state / "key").write_text(os.urandom(32).hex() + "\n")


# ---- settings -----------------------------------------------------------------------------------


def env(**variables: str | None) -> Damage:
    def damage(door: Door) -> None:
        for name, value in variables.items():
            door.env.pop(name, None)
            if value is not None:
                door.env[name] = value.replace("@", str(door.root))

    return damage


def state_a_file(door: Door) -> None:
    shutil.rmtree(door.state)
    door.state.touch()


def state_below_a_file(door: Door) -> None:
    (door.root / "file").touch()
    door.env["DURABLE_HOME"] = str(door.root / "file" / "state")


def state_a_link(door: Door) -> None:
    door.state.rename(door.root / "elsewhere")
    door.state.symlink_to(door.root / "elsewhere")


def state_of_others(door: Door) -> None:
    shared = door.root / "shared"
    shared.mkdir(mode=0o755)
    (shared / "letters").touch()
    door.env["DURABLE_HOME"] = str(shared)


def policy_unreadable(door: Door) -> None:
    door.config.mkdir(parents=True, exist_ok=True)
    (door.config / "policy.toml").mkdir()


def policy_a_fifo(door: Door) -> None:
    door.config.mkdir(parents=True, exist_ok=True)
    os.mkfifo(door.config / "policy.toml")
    door.env["DURABLE_DEADLINE_S"] = SHORT


# What is damaged, what the sentence names, and whether observe mode can still be read then.
LEDGER: dict[str, tuple[Damage, str]] = {
    "garbage": (garbage, "ledger.db"),
    "header broken": (header_broken, "ledger.db"),
    "middle broken": (middle_broken, "ledger.db"),
    "cut in half": (cut_in_half, "ledger.db"),
    "emptied": (emptied, "is empty"),
    "a directory": (a_directory, "ledger.db"),
    "a fifo": (a_fifo, "ledger.db"),
    "gone": (gone, "ledger.db"),
    "another major version": (of_another_major_version, "2.0"),
    "another database": (another_database, "ledger.db"),
    "ledger a link": (linked("ledger.db"), "symbolic link"),
    "ledger a dangling link": (dangling("ledger.db"), "symbolic link"),
    "wal a link": (linked("ledger.db-wal"), "symbolic link"),
    "shm a link": (linked("ledger.db-shm"), "symbolic link"),
    "wal a fifo": (as_a_fifo("ledger.db-wal"), "ledger.db-wal"),
    "key missing": (without("key"), "key import"),
    "key foreign": (with_a_foreign_key, "key import"),
    "key empty": (holding("key", b""), "key import"),
    "key cut": (holding("key", b"0123"), "key import"),
    "key no hex": (holding("key", b"x" * 64), "key import"),
    "key no text": (holding("key", os.urandom(64)), "key import"),
    "key a directory": (as_a_directory("key"), "key"),
    "key a fifo": (as_a_fifo("key"), "key"),
    "key a link": (linked("key"), "symbolic link"),
    "key a dangling link": (dangling("key"), "symbolic link"),
    "head missing": (without("heads/ledger"), "restore"),
    "head empty": (holding("heads/ledger", b""), "restore"),
    "head garbage": (holding("heads/ledger", os.urandom(200)), "restore"),
    "head a number": (holding("heads/ledger", b"7"), "restore"),
    "head forged": (holding("heads/ledger", b'{"ledger":"x","seq":1,"hash":"y","mac":"z"}'), "restore"),
    "head a link": (linked("heads/ledger"), "symbolic link"),
    "head a directory": (as_a_directory("heads/ledger"), "heads/ledger"),
    "head a fifo": (as_a_fifo("heads/ledger"), "heads/ledger"),
    "heads a link": (linked("heads"), "symbolic link"),
    "heads a file": (as_a_file("heads"), "heads"),
    "head ahead of the ledger": (put_back, "restore"),
    "head of another history": (rewritten, "restore"),
    "head of another ledger": (of_another_ledger, "restore"),
    "lock a link": (linked("locks/ledger.lock"), "lock"),
    "lock a directory": (as_a_directory("locks/ledger.lock"), "lock"),
    "locks a link": (linked("locks"), "symbolic link"),
    "locks a file": (as_a_file("locks"), "locks"),
    "spool a link": (linked("spool"), "symbolic link"),
    "spool a file": (as_a_file("spool"), "spool"),
    "state a file": (state_a_file, "state"),
    "state below a file": (state_below_a_file, "state"),
    "state a link": (state_a_link, "symbolic link"),
    "state of others": (state_of_others, "set DURABLE_HOME"),
}
OWNED = {
    name: (someone_elses(path), "another user")
    for name, path in {
        "ledger": "ledger.db",
        "wal": "ledger.db-wal",
        "key": "key",
        "head": "heads/ledger",
        "lock": "locks/ledger.lock",
        "state": ".",
        "spool": "spool",
    }.items()
}
SETTINGS: dict[str, tuple[Damage, str]] = {
    "relative DURABLE_HOME": (env(DURABLE_HOME="state"), "DURABLE_HOME"),
    "DURABLE_LEDGER of another kind": (env(DURABLE_LEDGER="postgres://db/x"), "DURABLE_LEDGER"),
    "DURABLE_LEDGER relative": (env(DURABLE_LEDGER="sqlite://state/ledger.db"), "DURABLE_LEDGER"),
    "DURABLE_LEDGER another name": (env(DURABLE_LEDGER="sqlite://@/state/other.db"), "DURABLE_LEDGER"),
    "DURABLE_DEADLINE_S no number": (env(DURABLE_DEADLINE_S="soon"), "DURABLE_DEADLINE_S"),
    "DURABLE_DEADLINE_S nan": (env(DURABLE_DEADLINE_S="nan"), "DURABLE_DEADLINE_S"),
    "DURABLE_DEADLINE_S zero": (env(DURABLE_DEADLINE_S="0"), "DURABLE_DEADLINE_S"),
    "DURABLE_DEADLINE_S negative": (env(DURABLE_DEADLINE_S="-5"), "DURABLE_DEADLINE_S"),
    "DURABLE_DEADLINE_S in other digits": (env(DURABLE_DEADLINE_S="\uff15"), "digits 0 to 9"),
    "DURABLE_DEADLINE_S with a space": (env(DURABLE_DEADLINE_S="5 "), "digits 0 to 9"),
    "DURABLE_DEADLINE_S over the client's": (env(DURABLE_DEADLINE_S="600"), "DURABLE_DEADLINE_S"),
    "DURABLE_RUN_ID with a line break": (env(DURABLE_RUN_ID="a\nb"), "DURABLE_RUN_ID"),
    "client gone": (env(CLAUDE_PID="999999999"), "client"),
}
# Here the mode itself can't be read, and observe mode can't be known.
MODELESS: dict[str, tuple[Damage, str]] = {
    "HOME unset": (env(HOME=None, DURABLE_HOME=None), "set HOME"),
    "HOME relative": (env(HOME="home", DURABLE_HOME=None), "set HOME"),
    "DURABLE_POLICY missing": (env(DURABLE_POLICY="@/no-such.toml"), "DURABLE_POLICY"),
    "DURABLE_POLICY a directory": (env(DURABLE_POLICY="@"), "policy"),
    "policy unreadable": (policy_unreadable, "policy.toml"),
    "policy a fifo": (policy_a_fifo, "policy"),
}
# A policy that can't be read: the ledger takes the refusal, and the receipt.
POLICIES = {name: MODELESS.pop(name) for name in list(MODELESS) if "olicy" in name or "POLICY" in name}
FAULTS = {**LEDGER, **SETTINGS, **MODELESS}
# One of each kind, where every fault takes the same way out.
FEW = (
    "garbage",
    "gone",
    "another major version",
    "wal a link",
    "key missing",
    "head garbage",
    "lock a directory",
    "spool a file",
    "state a file",
    "relative DURABLE_HOME",
    "DURABLE_DEADLINE_S no number",
)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_call_is_denied_with_its_remedy(lived_in: Door, fault: str) -> None:
    damage, word = FAULTS[fault]
    damage(lived_in)
    assert_denies(lived_in.pre(bash(use_id="toolu_next")), word)


@needs_root
@pytest.mark.parametrize("fault", OWNED)
def test_a_call_is_denied_on_what_belongs_to_another(lived_in: Door, fault: str) -> None:
    damage, word = OWNED[fault]
    damage(lived_in)
    assert_denies(lived_in.pre(bash(use_id="toolu_next")), word)


@pytest.mark.parametrize("fault", [name for name in FAULTS if name != "client gone"])
def test_a_receipt_is_kept_and_the_model_told(lived_in: Door, fault: str) -> None:
    FAULTS[fault][0](lived_in)
    answer = lived_in.post(ran("echo second", "toolu_second"))
    assert_tells_it_ran(answer)
    kept = Path(answer.told.split("its receipt waits in ")[1].split(" and will")[0])
    try:
        assert kept.stat().st_mode & 0o777 == 0o600
        assert "toolu_second" in kept.read_text()
    finally:
        kept.unlink()


def test_a_failure_is_told_under_its_own_name(lived_in: Door) -> None:
    garbage(lived_in)
    answer = lived_in.post(failed("echo second", "toolu_second"))
    assert_tells_it_ran(answer, "PostToolUseFailure")
    assert lived_in.spooled()


def test_a_batch_carries_no_receipt_and_is_not_told_about(lived_in: Door) -> None:
    garbage(lived_in)
    assert lived_in.post(recorded("PostToolBatch")).permits
    assert lived_in.spooled() == []


@pytest.mark.parametrize("fault", FEW)
def test_between_calls_nobody_is_stopped(lived_in: Door, fault: str) -> None:
    FAULTS[fault][0](lived_in)
    answer = lived_in.lifecycle()
    assert (answer.code, answer.err) == (0, "")
    if fault in LEDGER:
        assert list(answer.json) == ["systemMessage"]
        assert LEDGER[fault][1] in answer.json["systemMessage"]


@pytest.mark.parametrize("fault", [*LEDGER, *SETTINGS])
def test_in_observe_mode_the_call_is_let_through_and_the_person_told(lived_in: Door, fault: str) -> None:
    lived_in.policy('mode = "observe"\n')
    FAULTS[fault][0](lived_in)
    assert_lets_through_unrecorded(lived_in.pre(bash(use_id="toolu_next")))


@pytest.mark.parametrize("fault", MODELESS)
def test_where_the_mode_cant_be_read_observe_mode_denies(lived_in: Door, fault: str) -> None:
    if "policy " not in fault:
        lived_in.policy('mode = "observe"\n')
    FAULTS[fault][0](lived_in)
    assert_denies(lived_in.pre(bash(use_id="toolu_next")))


# ---- broken policy ------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ['mode = "observe', "mode = 7\n", 'mood = "observe"\n', 'mode = "lenient"\n', "\0"])
def test_a_broken_policy_denies_with_file_and_line_even_if_it_meant_to_observe(lived_in: Door, text: str) -> None:
    lived_in.policy(text)
    answer = lived_in.pre(bash(use_id="toolu_next"))
    assert (answer.code, answer.err) == (0, "")
    decision = answer.json["hookSpecificOutput"]
    assert decision["permissionDecision"] == "deny"
    assert str(lived_in.config / "policy.toml") in answer.told
    assert statuses(lived_in)["toolu_next"] == "refused"


def test_a_policy_that_is_no_utf8_denies(lived_in: Door) -> None:
    lived_in.policy("")
    (lived_in.config / "policy.toml").write_bytes(b'mode = "observe\xff"')
    answer = lived_in.pre(bash(use_id="toolu_next"))
    assert answer.json["hookSpecificOutput"]["permissionDecision"] == "deny"


def test_a_broken_policy_and_a_broken_ledger_deny(lived_in: Door) -> None:
    lived_in.policy('mode = "observe')
    garbage(lived_in)
    assert_denies(lived_in.pre(bash(use_id="toolu_next")), "ledger.db", "doctor")


@pytest.mark.parametrize("fault", POLICIES)
def test_a_policy_that_cant_be_read_denies_and_keeps_no_secret_it_may_name(lived_in: Door, fault: str) -> None:
    POLICIES[fault][0](lived_in)
    denied = lived_in.pre(bash("echo INTERNAL-77", "toolu_next"))
    assert denied.json["hookSpecificOutput"]["permissionDecision"] == "deny"
    assert POLICIES[fault][1] in denied.told
    lived_in.post(ran("echo second", "toolu_second", stdout="INTERNAL-77"))
    assert statuses(lived_in)["toolu_second"] == "succeeded"
    garbage(lived_in)
    lived_in.post(ran("echo third", "toolu_third", stdout="INTERNAL-77"))
    [kept] = lived_in.spooled()
    assert "toolu_third" in kept.read_text()
    files = [path for path in lived_in.state.rglob("*") if path.is_file()]
    assert [path for path in files if b"INTERNAL-77" in path.read_bytes()] == []


# ---- held by another process --------------------------------------------------------------------


@pytest.mark.parametrize("held", [holding_our_lock, holding_sqlites_lock])
def test_a_call_is_denied_while_another_process_holds_the_ledger(lived_in: Door, held) -> None:
    with held(lived_in.state):
        answer = lived_in.pre(bash(use_id="toolu_next"), DURABLE_DEADLINE_S=SHORT)
    assert_denies(answer, "another", within=float(SHORT))
    assert "toolu_next" not in statuses(lived_in)
    assert lived_in.pre(bash(use_id="toolu_next")).permits


@pytest.mark.parametrize("held", [holding_our_lock, holding_sqlites_lock])
def test_a_receipt_waits_while_another_process_holds_the_ledger(lived_in: Door, held) -> None:
    with held(lived_in.state):
        answer = lived_in.post(ran("echo second", "toolu_second"), DURABLE_DEADLINE_S=SHORT)
    assert_tells_it_ran(answer)
    assert lived_in.pre(bash(use_id="toolu_next")).permits
    assert statuses(lived_in)["toolu_second"] == "succeeded"


@pytest.mark.parametrize("held", [holding_our_lock, holding_sqlites_lock])
def test_between_calls_a_held_ledger_stops_nobody(lived_in: Door, held) -> None:
    with held(lived_in.state):
        answer = lived_in.lifecycle(DURABLE_DEADLINE_S=SHORT)
    assert answer.code == 0
    assert "another" in answer.json["systemMessage"]


def test_a_head_behind_the_ledger_is_healed(lived_in: Door) -> None:
    head = lived_in.state / "heads" / "ledger"
    behind = head.read_bytes()
    assert lived_in.pre(bash("echo third", "toolu_third")).permits
    head.write_bytes(behind)
    assert lived_in.pre(bash("echo fourth", "toolu_fourth")).permits
    assert head.read_bytes() != behind


def test_a_log_that_is_a_fifo_holds_nobody_up(lived_in: Door) -> None:
    garbage(lived_in)
    (lived_in.state / "hook.log").unlink(missing_ok=True)
    os.mkfifo(lived_in.state / "hook.log")
    assert_denies(lived_in.pre(), "ledger.db")


def test_nothing_is_written_into_a_state_directory_that_is_a_link(lived_in: Door) -> None:
    state_a_link(lived_in)
    lived_in.pre()
    lived_in.post()
    elsewhere = lived_in.root / "elsewhere"
    assert not (elsewhere / "hook.log").exists()
    assert not lived_in.spooled(elsewhere / "spool")


def test_nothing_is_written_into_a_directory_that_others_use(lived_in: Door) -> None:
    state_of_others(lived_in)
    lived_in.pre()
    lived_in.post()
    lived_in.lifecycle()
    shared = lived_in.root / "shared"
    assert os.listdir(shared) == ["letters"]
    assert shared.stat().st_mode & 0o777 == 0o755


def test_the_command_in_a_deny_can_be_run_with_nothing_in_the_environment_but_home(lived_in: Door) -> None:
    garbage(lived_in)
    answer = lived_in.pre()
    line = answer.err.split("(a person can lift enforcement: ")[1].removesuffix(").\n").replace("TEXT", "x")
    done = lived_in.run_argv(["/usr/bin/env", "-i", f"HOME={lived_in.home}", "/bin/sh", "-c", line])
    assert done.code == 0, done
    assert lived_in.pre().permits
    assert lived_in.post().permits


def test_ledger_view_reads_what_the_hooks_wrote(lived_in: Door) -> None:
    assert ledger_view.step(lived_in.state, tool_use_id="toolu_first")["status"] == "succeeded"
