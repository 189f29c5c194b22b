"""`durable tail`: every event as it is written, one line each, and a clean end."""

import json
import signal
import sqlite3
import subprocess
from contextlib import contextmanager
from threading import Timer

from cli_machine import FULL, SESSION

from durable.cli import tail as tail_verb

OTHER = "22222222-bbbb-4bbb-8bbb-222222222222"


@contextmanager
def tail(machine, *words):
    """The verb under way, its output a pipe."""
    running = subprocess.Popen(
        [*FULL, "tail", *words],
        env=machine.env(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # What a shell starts in the background ignores SIGINT, and so would everything below it.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    watchdog = Timer(60, running.kill)
    watchdog.start()
    try:
        yield running
    finally:
        watchdog.cancel()
        running.kill()
        running.wait()
        running.stdout.close()
        running.stderr.close()


def event(running):
    return json.loads(running.stdout.readline())["data"]


def test_once_prints_the_last_events_oldest_first_and_leaves(machine):
    machine.ran("Bash", command="npm test")
    done = machine.cli("tail", "--once", "--lines", "3")
    lines = [line.split("  ") for line in done.stdout.splitlines()]
    assert (done.returncode, done.stderr) == (0, "")
    assert [line[2].strip() for line in lines] == ["prepared", "running", "succeeded"]
    assert all("Bash  npm test" in "  ".join(line) for line in lines)
    assert lines[-1][-1] == "(PostToolUse)"


def test_json_is_one_document_a_line(machine):
    machine.ran("Bash", command="npm test")
    done = machine.cli("tail", "--once", "--json")
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert {one["schema"] for one in told} == {"durable.tail.v1"}
    last = told[-1]["data"]
    assert set(last) == {"seq", "at", "type", "run_id", "subject", "body", "step"}
    assert (last["type"], last["run_id"], last["body"]["closed_by"]) == ("step.succeeded", SESSION, "PostToolUse")
    assert last["step"]["call"] == "Bash  npm test"
    assert [one["data"]["seq"] for one in told] == sorted(one["data"]["seq"] for one in told)


def test_what_happens_while_it_runs_appears_once_and_in_order(machine):
    machine.ran("Read", file_path="/a")
    with tail(machine, "--json", "--lines", "1") as running:
        first = event(running)
        use_id = machine.before("Bash", command="make")
        seen = [event(running), event(running)]
        machine.after("Bash", use_id, {"stdout": ""}, command="make")
        seen.append(event(running))
    assert first["type"] == "step.succeeded"
    assert [one["type"] for one in seen] == ["step.prepared", "step.running", "step.succeeded"]
    assert [one["seq"] for one in seen] == [first["seq"] + n for n in (1, 2, 3)]


def test_it_can_follow_one_run_only(machine):
    machine.ran("Read", file_path="/a")
    with tail(machine, "--json", "--lines", "1", "--run", SESSION[:5]) as running:
        event(running)
        machine.ran("Bash", command="other", session=OTHER)
        machine.before("Bash", command="mine")
        assert event(running)["step"]["call"] == "Bash  mine"
    assert OTHER not in machine.cli("tail", "--once", "--run", SESSION[:5], "--lines", "99", "--json").stdout


def test_it_waits_for_a_ledger_that_is_not_there_yet(machine):
    with tail(machine, "--json", "--lines", "0") as running:
        assert event(running) is None
        assert not machine.state.exists()
        machine.before("Bash", command="first")
        told = [event(running)["type"] for _ in range(6)]
    assert told[0] == "ledger.created"
    assert told[-2:] == ["step.prepared", "step.running"]


def test_ctrl_c_ends_it_without_a_word(machine):
    machine.ran("Read", file_path="/a")
    with tail(machine, "--json", "--lines", "1") as running:
        event(running)
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=30)
    assert (running.returncode, out, err) == (130, "", "")


def test_a_reader_that_leaves_ends_it_although_nothing_happens(machine):
    machine.ran("Read", file_path="/a")
    with tail(machine, "--json", "--lines", "1") as running:
        event(running)
        running.stdout.close()
        assert running.wait(timeout=30) == 0
        assert running.stderr.read() == ""


def test_it_begins_with_the_news_that_enforcement_is_off(machine):
    machine.ran("Read", file_path="/a")
    machine.said("off", "--for", "1h", "--reason", "disk full")
    lines = machine.cli("tail", "--once", "--lines", "1", "--json").stdout.splitlines()
    first, second = (json.loads(line)["data"] for line in lines)
    assert first["enforcement_off"]["reason"] == "disk full"
    assert second["type"] == "step.succeeded"
    assert machine.said("tail", "--once").startswith("warning: enforcement is off until ")


def test_it_keeps_no_view_of_the_ledger_while_it_waits(machine, monkeypatch):
    """A reader that sits on an old view keeps the log from starting over, and it would grow without end."""
    machine.ran("Read", file_path="/a")
    busy = []

    def emptied_meanwhile():
        ledger = sqlite3.connect(machine.state / "ledger.db", timeout=0)
        busy.append(ledger.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0])
        ledger.close()
        return True

    monkeypatch.setattr(tail_verb, "_reader_left", emptied_meanwhile)
    monkeypatch.setenv("HOME", str(machine.home))
    monkeypatch.setenv("DURABLE_HOME", str(machine.state))
    assert list(tail_verb.run(lines=2))
    assert busy == [0]
