"""The client's own transcripts beside the ledger: nothing on clean sessions, and every hole by its name."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import uuid
from typing import Any

import pytest

import ledger_view

from .client import REPOSITORY, Client
from .scripted_model import Turn, bash, call, delegate, say
from .shop import RULES
from .terminal import Terminal
from .waiting import wait_for

OFF = json.dumps({"disableAllHooks": True})
TOKEN = "ghp_" + "a1B2" * 9


def durable(client: Client, *words: str) -> subprocess.CompletedProcess[str]:
    env = {**client.environment(), "PYTHONPATH": str(REPOSITORY / "src"), "COLUMNS": "120"}
    command = [sys.executable, "-m", "durable", *words]
    return subprocess.run(command, cwd=client.project, env=env, capture_output=True, text=True, check=False)


def audited(client: Client, run_id: str) -> dict[str, Any]:
    done = durable(client, "audit", run_id, "--json")
    assert done.stderr == "", done
    data: dict[str, Any] = json.loads(done.stdout)["data"]
    assert done.returncode == (0 if data["verdict"] in ("PASS", "WARN") else 1)
    return data


def is_clean(client: Client, run_id: str, calls: int) -> dict[str, Any]:
    data = audited(client, run_id)
    assert (data["verdict"], data["findings"]) == ("PASS", [])
    assert data["counted"]["compared"] == calls == len(ledger_view.steps(client.state))
    return data["counted"]


def named(data: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [(one["verdict"], one["code"], one["where"].get("tool_use_id", "")) for one in data["findings"]]


def by_hand(client: Client, *statements: str) -> None:
    """What somebody with a database shell does."""
    with sqlite3.connect(client.state / "ledger.db", isolation_level=None) as ledger:
        ledger.execute("PRAGMA foreign_keys = OFF")
        for statement in ("DROP TRIGGER events_stay", "DROP TRIGGER events_remain", *statements):
            ledger.execute(statement)
    ledger.close()


# ---- clean ------------------------------------------------------------------------------------------


def test_a_session_with_every_kind_of_call_is_clean(guarded: Client) -> None:
    notes = str(guarded.project / "notes.txt")
    edit = {"file_path": notes, "old_string": "one", "new_string": "two"}
    turns: list[Turn] = [
        [bash("echo hi; echo oops >&2")], [bash("echo no; exit 3")], [bash("seq 1 20000")], [bash(f"echo {TOKEN}")],
        [call("Write", {"file_path": notes, "content": "one\n"}), call("Read", {"file_path": "/nowhere"})],
        [call("Read", {"file_path": notes})], [call("Edit", edit)],
        # None of these gets as far as a hook.
        [call("Edit", edit)], [call("Nope", {"a": 1})], [call("Bash", {})],
        [call(f"mcp__lab__{tool}", {"text": tool}) for tool in ("send", "fail", "info", "die")],
        [bash("echo late", run_in_background=True), bash("sleep 1; echo later", run_in_background=True)],
        [delegate("inside", run_in_background=False)], [delegate("beside")], [say("end")],
    ]  # fmt: skip
    inside = [
        [bash("echo in"), call("Read", {"file_path": notes})],
        [bash("seq 1 20000")],
        [bash("false")],
        [say("over")],
    ]
    beside = [
        [call("mcp__lab__send", {"text": "beside"})],
        [delegate("deeper", run_in_background=False)],
        [say("over")],
    ]
    deeper = [[bash("echo deeper")], [say("over")]]
    session = guarded.run(turns, args=guarded.lab(), inside=inside, beside=beside, deeper=deeper)
    counted = is_clean(guarded, session.session_id, len(ledger_view.steps(guarded.state)))
    assert counted["never_ran"] == 3 and counted["compared"] >= 19
    assert counted["transcripts"] == 1 + len({row["agent_id"] for row in ledger_view.steps(guarded.state)} - {""})


def test_a_session_that_is_resumed_compacted_and_forked_is_clean(guarded: Client) -> None:
    guarded.model.scripts["main"] = [[bash("echo one", "toolu_1")], [say("a")], [bash("echo two", "toolu_2")]]
    session = guarded.run().session_id
    guarded.run(prompt="go on", resume=session)
    forks = [str(uuid.uuid4()), str(uuid.uuid4())]
    guarded.model.scripts["main"] += [[say("b")], [bash("echo three", "toolu_3")], [say("c")], [bash("echo four")]]
    guarded.run(prompt="go on", resume=session, args=["--fork-session", "--session-id", forks[0]])
    guarded.run(prompt="/compact", resume=forks[0])
    guarded.model.scripts["main"] = [[bash("echo five", f"toolu_{turn}")] for turn in range(4)]
    guarded.run(prompt="go on", resume=forks[0], args=["--fork-session", "--session-id", forks[1]])
    counted = is_clean(guarded, session, len(ledger_view.steps(guarded.state)))
    assert counted["sessions"] == 3 and counted["repeated"] >= 2


def test_what_was_denied_and_what_repeats_it_is_clean(guarded: Client) -> None:
    (guarded.home / ".config" / "durable").mkdir(parents=True)
    rules = RULES.replace('"Bash(pay *)"', '"Bash(echo paid*)"')
    (guarded.home / ".config" / "durable" / "policy.toml").write_text(rules, encoding="utf-8")
    denied = {**guarded.settings, "permissions": {"deny": ["Bash(rm *)"]}}
    twice = [[bash("echo paid", "toolu_1")], [bash("echo paid", "toolu_2")], [bash("rm -f x")], [say("done")]]
    session = guarded.run(twice, settings=denied)
    assert [row["status"] for row in ledger_view.steps(guarded.state)] == ["succeeded", "refused", "refused"]
    is_clean(guarded, session.session_id, 3)


def test_a_session_that_was_killed_and_resumed_is_clean(guarded: Client) -> None:
    gate = guarded.gate()
    running = guarded.start([[bash(gate.command("true"))], [bash("echo again")], [bash("echo more")], [say("done")]])
    gate.wait_until_reached()
    running.kill()
    gate.open()
    guarded.run(prompt="go on", resume=running.session_id)
    assert len(ledger_view.steps(guarded.state)) > 1
    is_clean(guarded, running.session_id, len(ledger_view.steps(guarded.state)))


def test_a_session_at_a_terminal_is_clean(guarded: Client, terminal: Terminal) -> None:
    """A person says no, breaks a command off, types one himself, compacts and clears."""
    notes = str(guarded.project / "notes.txt")
    (guarded.project / "notes.txt").write_text("hello", "utf-8")
    terminal.start([[bash("echo one > one")], [say("what now")]])
    terminal.submit("please go")
    terminal.wait_for_text("Do you want to proceed?")
    terminal.press_until("Escape", seen="nterrupted")
    terminal.press("BTab")
    terminal.wait_for_text("accept edits on")
    terminal.press("BTab", "BTab")
    terminal.type("!")
    terminal.submit("echo typed")
    terminal.wait_for_text("typed\n")
    guarded.model.scripts["main"] = [[call("Read", {"file_path": notes})]] * 2 + [[say("the end")]] * 9
    terminal.submit("read it")
    terminal.wait_for_text("the end")
    terminal.submit("/compact")
    terminal.wait_for_text("Compacted")
    guarded.model.scripts["main"] = [[call("Read", {"file_path": notes})]] * 2 + [[say("the last")]] * 9
    terminal.submit("/clear")
    wait_for(lambda: len(ledger_view.connect(guarded.state).execute("SELECT 1 FROM sessions").fetchall()) == 2, "it")
    terminal.submit("once more")
    terminal.wait_for_text("the last")
    counted = is_clean(guarded, terminal.session_id, len(ledger_view.steps(guarded.state)))
    assert (counted["sessions"], counted["typed"]) == (2, 1)


# ---- holes ------------------------------------------------------------------------------------------


@pytest.fixture
def worked(guarded: Client) -> str:
    """A session that made three calls."""
    turns = [[bash(f"echo {number}", f"toolu_{number}")] for number in range(1, 4)]
    return guarded.run([*turns, [say("done")]]).session_id


def test_three_calls_with_hooks_switched_off_in_the_middle_are_named_and_no_others(guarded: Client) -> None:
    turns: list[Turn] = [[bash("echo before", "toolu_1")], [say("a")]]
    turns += [[bash("echo off; exit 2", "toolu_2")], [delegate("sub", run_in_background=False)], [say("b")]]
    turns += [[bash("echo after", "toolu_5")], [say("c")]]
    session = guarded.run(turns, sub=[[bash(f"echo {TOKEN}", "toolu_4")], [say("over")]]).session_id
    off = {**guarded.settings, "disableAllHooks": True}
    guarded.run(prompt="go on", resume=session, settings=off)
    guarded.run(prompt="go on", resume=session)
    fork = str(uuid.uuid4())
    guarded.run(prompt="go on", resume=session, args=["--fork-session", "--session-id", fork])
    data = audited(guarded, session)
    assert data["verdict"] == "FAIL"
    found = [(one["code"], one["where"]["tool"], one["where"]["session"]) for one in data["findings"]]
    assert found == [("ran_without_row", tool, session) for tool in ("Bash", "Agent", "Bash")]
    assert data["findings"][2]["where"]["agent"] and data["findings"][2]["where"]["tool_use_id"] == "toolu_4"
    screen = durable(guarded, "audit", session).stdout
    assert screen.startswith(f"problem: FAIL: run {session[:8]} is not complete: 3 × ran without a row; 2 calls with")
    assert "FAIL 3 calls from " in screen and ": no hook fired (" in screen
    assert TOKEN not in screen + json.dumps(data) and "[redacted:" in screen


def test_sessions_that_no_hook_told_of_are_named(guarded: Client, worked: str) -> None:
    """A cloned repository can switch the hooks off before a session begins: then nothing tells the ledger of it."""
    fork = str(uuid.uuid4())
    (guarded.project / ".claude").mkdir()
    (guarded.project / ".claude" / "settings.json").write_text(OFF, "utf-8")
    guarded.model.scripts["main"] = [[bash("echo in the dark", f"toolu_dark{turn}")] for turn in range(2)]
    stranger = guarded.run().session_id
    assert audited(guarded, worked)["verdict"] == "PASS"  # It was over by then.
    guarded.model.scripts["main"] += [[say("done")], [say("done")], [bash("echo fork", "toolu_fork")]]
    guarded.run(prompt="go on", resume=worked, args=["--fork-session", "--session-id", fork])
    assert {row["session_id"] for row in ledger_view.steps(guarded.state)} == {worked}
    assert named(audited(guarded, worked)) == [("FAIL", "ran_without_row", "toolu_fork")]
    data = audited(guarded, stranger)
    assert named(data) == [("FAIL", "ran_without_row", f"toolu_dark{turn}") for turn in range(2)]
    (guarded.project / ".claude" / "settings.json").unlink()
    guarded.run(prompt="go on", resume=worked)
    assert ("WARN", "session_unknown", "") in named(audited(guarded, worked))


def test_a_row_that_was_taken_out_with_its_events_is_named(guarded: Client, worked: str) -> None:
    step = ledger_view.step(guarded.state, tool_use_id="toolu_2")["step_id"]
    tables = ("claims WHERE step_id", "steps WHERE step_id", "events WHERE subject")
    by_hand(guarded, *(f"DELETE FROM {table} = '{step}'" for table in tables))
    data = audited(guarded, worked)
    assert (data["verdict"], named(data)) == ("FAIL", [("FAIL", "row_removed", "toolu_2")])
    assert "are missing" in data["findings"][0]["says"]


def test_a_row_that_was_taken_out_alone_is_named_once(guarded: Client, worked: str) -> None:
    by_hand(guarded, "DELETE FROM steps WHERE tool_use_id = 'toolu_2'")
    assert named(audited(guarded, worked)) == [("FAIL", "row_removed", "toolu_2")]


def test_a_row_too_many_is_named(guarded: Client, worked: str) -> None:
    columns = [row[1] for row in ledger_view.connect(guarded.state).execute("PRAGMA table_info(steps)")]
    new = {"step_id": "'s00000000000'", "tool_use_id": "'toolu_new'", "seq": "(SELECT max(seq) + 1 FROM steps)"}
    values = ", ".join(new.get(name, name) for name in columns)
    by_hand(guarded, f"INSERT INTO steps SELECT {values} FROM steps WHERE tool_use_id = 'toolu_2'")
    found = named(audited(guarded, worked))
    assert set(found) == {("FAIL", "row_without_call", "toolu_new"), ("FAIL", "row_without_event", "toolu_new")}


def test_a_result_that_is_not_what_the_model_was_given_is_named(guarded: Client, worked: str) -> None:
    path = guarded.transcript_path(worked)
    path.write_text(path.read_text("utf-8").replace('"stdout":"2"', '"stdout":"22"'), "utf-8")
    assert named(audited(guarded, worked)) == [("FAIL", "result_differs", "toolu_2")]


def test_an_input_that_is_not_the_one_asked_for_is_named(guarded: Client, worked: str) -> None:
    path = guarded.transcript_path(worked)
    path.write_text(path.read_text("utf-8").replace('"echo 3"', '"echo 4"'), "utf-8")
    data = audited(guarded, worked)
    assert named(data) == [("FAIL", "input_differs", "toolu_3")]
    assert data["findings"][0]["where"]["asked"] == "Bash `echo 4`"


def test_a_transcript_that_is_gone_proves_nothing(guarded: Client, worked: str) -> None:
    os.unlink(guarded.transcript_path(worked))
    data = audited(guarded, worked)
    assert (data["verdict"], named(data)) == ("UNKNOWN", [("UNKNOWN", "transcript_gone", "")])
    assert durable(guarded, "audit", worked).stdout.startswith("warning: UNKNOWN: run ")
