"""What was let go is still known to have happened: nobody takes its absence for nothing."""

import json
import sqlite3

import pytest

from cli.cli_machine import SESSION, Machine
from evidence.later import later

RULES = """
[rules.pay]
match = "mcp__pay__*"
effect = "once"
scope = "project"

[rules.ship]
match = "Bash(ship *)"
effect = "once"
scope = "project"
on_duplicate = "replay"

[rules.send]
match = "Bash(send *)"
effect = "once"
scope = "project"
settle = "0s"
probe = "exit 1"
"""
OTHER = "22222222-bbbb-4bbb-8bbb-222222222222"


@pytest.fixture
def machine(tmp_path):
    found = Machine(tmp_path)
    found.config.mkdir(parents=True)
    (found.config / "policy.toml").write_text(RULES)
    yield found
    found.close()


def answer(machine, tool, **given):
    """What a second call of another session is told; "" is a permit."""
    payload = {"tool_name": tool, "tool_input": given, "tool_use_id": "toolu_again", "session_id": OTHER}
    said = machine._tell("pre_tool_use", "PreToolUse-Bash", {}, **payload).stdout
    return json.loads(said)["hookSpecificOutput"] if said else ""


def let_go(machine, contents):
    done = later(machine, 99, "retention", "apply", "--yes", "--json")
    assert (done.returncode, json.loads(done.stdout)["data"]["applied"]["contents"]) == (0, contents), done


def test_a_duplicate_of_a_call_whose_result_is_gone_is_denied_and_told_so(machine):
    machine.ran("mcp__pay__charge", {"paid": "bob"}, to="bob")
    machine.ended()
    let_go(machine, 2)
    told = answer(machine, "mcp__pay__charge", to="bob")
    assert told["permissionDecision"] == "deny"
    why = told["permissionDecisionReason"]
    assert "Already done" in why and "Its result was let go on 2" in why and "Go on without its result" in why
    assert "It printed nothing" not in why and "Go on with this result" not in why


@pytest.mark.parametrize("gone", [False, True])
def test_a_replay_of_what_is_gone_falls_back_to_a_deny(machine, gone):
    machine.ran("Bash", {"stdout": "shipped 7", "stderr": ""}, command="ship it")
    machine.ended()
    if gone:
        let_go(machine, 2)
    told = answer(machine, "Bash", command="ship it")
    if not gone:
        assert "shipped 7" in told["updatedInput"]["command"]
        return
    assert told["permissionDecision"] == "deny" and "updatedInput" not in told
    assert "Its result was let go on 2" in told["permissionDecisionReason"]


def test_a_replay_whose_result_alone_is_gone_falls_back_as_well(machine):
    machine.ran("Bash", {"stdout": "shipped 7", "stderr": ""}, command="ship it")
    machine.ended()
    lose(machine, "output")
    told = answer(machine, "Bash", command="ship it")
    assert told["permissionDecision"] == "deny" and "lost; its hash stays" in told["permissionDecisionReason"]


@pytest.mark.parametrize("gone", [False, True])
def test_no_probe_is_asked_about_a_call_whose_input_is_gone(machine, gone):
    """The line hid whether it succeeded, and the probe says no. Told of nothing, it would say so of everything."""
    line = "send mail || true"
    machine.ran("Bash", {"stdout": "", "stderr": ""}, command=line)
    machine.ended()
    machine.kill_client()
    machine.client = machine.new_client()
    if gone:
        let_go(machine, 2)
    told = answer(machine, "Bash", command=line)
    assert bool(told) == gone
    if gone:
        assert told["permissionDecision"] == "deny" and "hides whether it succeeded" in told["permissionDecisionReason"]


def test_the_brief_of_a_run_that_is_resumed_says_what_was_let_go(machine):
    machine.ran("mcp__pay__charge", {"paid": "bob"}, to="bob")
    machine.ended()
    let_go(machine, 2)
    start = machine._tell("lifecycle", "SessionStart-startup", {}, source="resume").stdout
    assert "mcp__pay__charge" in start and start.count("let go on 2") >= 1 and "null" not in start


def test_a_call_whose_input_is_gone_is_not_executed_anew_and_the_reason_is_told(machine):
    """Contents of an open run's calls stay. Those of a cancelled one go, and that can be taken back."""
    machine.before("Bash", command="ship it")
    machine.kill_client()
    machine.client = machine.new_client()
    machine.cli("reconcile")
    machine.json("resolve", machine.steps()[0]["step_id"], "--not-happened", "--reason", "looked")
    assert "let go" not in machine.cli("resume", "--run-id", SESSION, "--replay").stdout
    machine.json("cancel", SESSION, "--reason", "enough")
    let_go(machine, 2)
    machine.json("cancel", SESSION, "--undo", "--reason", "not enough")
    screen = machine.cli("resume", "--run-id", SESSION, "--replay").stdout
    assert "its input was let go on 2" in " ".join(screen.split())


def test_a_step_of_a_job_is_not_given_an_output_that_is_gone(machine):
    """Empty, it would leave a hole in the line."""
    job = machine.project / "job.json"
    steps = [
        {"id": "one", "tool": "Bash", "input": {"command": "echo words"}},
        {"id": "two", "tool": "Bash", "input": {"command": "echo ${steps.one.output} > out"}, "gate": "ask"},
    ]
    job.write_text(json.dumps({"name": "j", "steps": steps}))
    machine.cli("run", str(job), "--run-id", "j1")
    one, two = machine.json("show", "j1")["steps"]
    lose(machine, "output", f"step_id = '{one['step_id']}'")
    machine.json("approve", two["step_id"])
    done = machine.cli("resume", "--run-id", "j1", "--json")
    assert "the output of one was lost" in done.stdout and not (machine.project / "out").exists(), done


def lose(machine, column, which="1"):
    ledger = sqlite3.connect(machine.state / "ledger.db")
    with ledger:
        ledger.execute(f"DELETE FROM blobs WHERE digest IN (SELECT {column} FROM steps WHERE {which})")
    ledger.close()
