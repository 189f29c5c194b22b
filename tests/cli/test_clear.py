"""`clear`: what a run has done no longer counts, as events; what is not over stays as it is."""

import json
import os
import pty
import subprocess

import pytest
from cli_machine import FULL, SESSION, line_of

from durable.cli import clear

RULES = """
[rules.pay]
match = "mcp__pay__*"
effect = "once"

[rules.deploy]
match = "mcp__ship__*"
effect = "once"
gate = "ask"
"""
HEADLESS = {"CLAUDE_CODE_SESSION_ATTENDED": "0"}
OTHER = "22222222-bbbb-4bbb-8bbb-222222222222"


@pytest.fixture
def machine(machine):
    machine.config.mkdir(parents=True)
    (machine.config / "policy.toml").write_text(RULES)
    return machine


def answered(machine, to, session=SESSION):
    """What the payment is answered now: "" is a permit."""
    machine.calls += 1
    payload = {"tool_name": "mcp__pay__charge", "tool_input": {"to": to}, "tool_use_id": f"toolu_a{machine.calls}"}
    payload["session_id"] = session
    answer = machine._tell("pre_tool_use", "PreToolUse-Bash", HEADLESS, **payload).stdout
    return json.loads(answer)["hookSpecificOutput"]["permissionDecisionReason"] if answer else ""


def pay(machine, to, **more):
    use_id = machine.ran("mcp__pay__charge", to=to, **more)
    return next(step["step_id"] for step in machine.steps() if step["tool_use_id"] == use_id)


def released(machine):
    lines = machine.cli("tail", "--once", "--json", "--lines", "500").stdout.splitlines()
    told = [json.loads(line)["data"] for line in lines]
    return [one for one in told if one["type"] == "step.released"]


def test_what_a_run_has_done_may_run_again_and_the_record_stays(machine):
    paid = [pay(machine, "bob"), pay(machine, "eve")]
    machine.ran("Bash", command="ls")
    before = machine.steps()
    assert "Already done" in answered(machine, "bob")
    data = machine.json("clear", SESSION, "--yes", "--reason", "the bank was reset", env={"USER": "ada"})
    assert data == {"run_id": SESSION, "released": paid, "left": []}
    assert answered(machine, "bob") == "" and answered(machine, "eve") == ""
    events = released(machine)
    assert [event["subject"] for event in events] == paid
    body = {"by": "ada by the command line", "reason": "the bank was reset"}
    assert [event["body"] for event in events] == [body, body]
    after = machine.steps()[: len(before)]
    assert [step | {"released_at": None} for step in after] == before
    screen = machine.said("step", paid[0])
    noted = [line for line in machine.said("show").splitlines() if line.endswith("released")]
    assert [step_id[:8] in line for step_id, line in zip(paid, noted, strict=True)] == [True, True]
    assert line_of(screen, "released:") and "the bank was reset" in screen.splitlines()[-1]


def test_one_more_may_run_and_not_two(machine):
    pay(machine, "bob")
    machine.cli("clear", SESSION, "--yes")
    machine.ran("mcp__pay__charge", to="bob")
    assert "Already done" in answered(machine, "bob")


def test_the_same_calls_of_another_run_still_count(machine):
    pay(machine, "bob")
    machine.ran("mcp__pay__charge", to="bob", session=OTHER)
    machine.cli("clear", SESSION, "--yes")
    assert "Already done" in answered(machine, "bob", OTHER)


def test_what_is_not_over_stays_and_is_named_with_what_settles_it(machine):
    done = pay(machine, "bob")
    machine.before("mcp__pay__charge", to="eve")
    machine.kill_client()
    machine.client = machine.new_client()
    machine.cli("reconcile")
    machine.before("mcp__pay__charge", to="joe")
    machine.before("mcp__ship__it", what="x", env=HEADLESS)
    doubt, running, waits = [step for step in machine.steps() if step["status"] in ("in_doubt", "running", "prepared")]
    data = machine.json("clear", SESSION, "--yes", code=1)
    assert data["released"] == [done]
    assert [(one["step_id"], one["status"]) for one in data["left"]] == [
        (doubt["step_id"], "in_doubt"), (running["step_id"], "running"), (waits["step_id"], "prepared"),
    ]  # fmt: skip
    helps = [one["help"] for one in data["left"]]
    assert f"durable resolve {doubt['step_id']} --happened (or --not-happened)" in helps[0]
    assert "wait for its end" in helps[1]
    assert helps[2] == f"durable approve {waits['step_id']}, or durable deny {waits['step_id']}"
    assert "nobody knows" in answered(machine, "eve") and "in flight" in answered(machine, "joe")
    assert [event["subject"] for event in released(machine)] == [done]
    screen = machine.said("clear", SESSION, "--yes")
    assert f"→ {helps[0]}" in screen and "These are not over" in screen


def test_where_nothing_holds_anything_there_is_nothing_to_clear(machine):
    machine.ran("Bash", command="ls")
    nothing = "ok: nothing that run 11111111 has finished keeps a call from running\n"
    assert machine.said("clear", SESSION, "--yes") == nothing
    pay(machine, "bob")
    machine.cli("clear", SESSION, "--yes")
    assert machine.json("clear", SESSION, "--yes")["released"] == []
    assert len(released(machine)) == 1


def test_without_a_terminal_nothing_is_cleared_unasked(machine):
    pay(machine, "bob")
    done = machine.cli("clear", SESSION)
    assert (done.returncode, done.stdout) == (2, "")
    assert "nobody is here to confirm" in done.stderr and "--yes" in done.stderr
    assert "Already done" in answered(machine, "bob")


@pytest.mark.parametrize(
    ("answer", "cleared"), [("11111111", True), (SESSION, True), ("", False), ("y", False), ("1111", False)]
)
def test_at_a_terminal_the_runs_id_is_typed_under_what_is_at_stake(machine, answer, cleared):
    step_id = pay(machine, "bob")
    controller, terminal = pty.openpty()
    process = subprocess.Popen(
        [*FULL, "clear", "1111"], env=machine.env(TERM="dumb", COLUMNS=80), cwd=machine.project,
        stdin=terminal, stdout=terminal, stderr=terminal, start_new_session=True,
    )  # fmt: skip
    os.close(terminal)
    shown = b""
    while b"to clear it: " not in shown:
        shown += os.read(controller, 4096)
    assert step_id in shown.decode() and "pay.charge  to=bob" in shown.decode()
    assert released(machine) == []
    os.write(controller, f"{answer}\n".encode())
    assert process.wait(timeout=60) == (0 if cleared else 2)
    os.close(controller)
    assert len(released(machine)) == int(cleared)


def test_only_what_was_shown_is_cleared_and_of_that_what_still_counts(machine, monkeypatch):
    """Hooks and other people go on while one reads and types."""
    shown, retried = pay(machine, "bob"), pay(machine, "eve")

    def meanwhile(view, question):
        assert machine.cli("retry", retried).returncode == 0
        pay(machine, "joe")
        return "11111111"

    monkeypatch.setenv("HOME", str(machine.home))
    monkeypatch.setenv("DURABLE_HOME", str(machine.state))
    monkeypatch.setattr(clear, "attended", lambda: True)
    monkeypatch.setattr(clear, "typed", meanwhile)
    assert clear.run(SESSION).data["released"] == [shown]
    assert "Already done" in answered(machine, "joe")
