"""Calls that wait for a person: who lists them, what an answer does, and that an answer stays."""

import json

import pytest
from cli_machine import SESSION, line_of

POLICY = """
[rules.deploy]
match = "Bash(deploy *)"
gate = "ask"

[rules.pay]
match = "mcp__pay__*"
effect = "once"
"""
HEADLESS = {"CLAUDE_CODE_SESSION_ATTENDED": "0"}
OTHER = "22222222-bbbb-4bbb-8bbb-222222222222"


@pytest.fixture
def machine(machine):
    machine.config.mkdir(parents=True)
    (machine.config / "policy.toml").write_text(POLICY)
    return machine


def wants(machine, command="deploy it", use_id="toolu_d", session=SESSION):
    """A call that is deferred. The process that asked ends, as the client's does. Its step."""
    machine.before("Bash", use_id=use_id, session=session, env=HEADLESS, command=command)
    machine.kill_client()
    machine.client = machine.new_client()
    return next(step for step in machine.steps(session) if step["tool_use_id"] == use_id)


def resumed(machine, use_id="toolu_d", command="deploy it"):
    """What the client is told when it starts the same call again."""
    payload = {"tool_name": "Bash", "tool_input": {"command": command}, "tool_use_id": use_id}
    answer = machine._tell("pre_tool_use", "PreToolUse-Bash", HEADLESS, **payload).stdout
    return json.loads(answer)["hookSpecificOutput"]["permissionDecision"] if answer else "permit"


def test_what_waits_is_listed_with_all_that_one_needs_to_answer(machine):
    step_id = wants(machine, "deploy it --token=ghp_0123456789abcdefghijABCDEFGHIJ012345\nand more")["step_id"]
    (item,) = machine.json("approvals", code=1)
    assert set(item) == {
        "step_id", "tool_name", "status", "run_id", "session_id", "project", "cwd", "input", "what", "deferred_at",
        "approval", "approval_by", "approval_at", "reason", "waits", "approve", "deny",
    }  # fmt: skip
    assert (item["step_id"], item["run_id"], item["project"]) == (step_id, SESSION, str(machine.project))
    assert (item["waits"], item["approval"], item["approval_by"]) == (True, None, None)
    assert (item["approve"], item["deny"]) == (f"durable approve {step_id}", f"durable deny {step_id}")
    assert item["what"].startswith("Bash  deploy it") and "\n" not in item["what"]
    assert "ghp_0123" not in json.dumps(item)


def test_the_screen_says_since_when_and_how_to_answer(machine):
    step_id = wants(machine)["step_id"]
    done = machine.cli("approvals", env={"COLUMNS": 80})
    assert (done.returncode, done.stderr) == (1, "")
    lines = done.stdout.splitlines()
    assert lines[:2] == ["Waiting for an answer", f"{step_id}  Bash  deploy it"]
    assert "run 11111111" in lines[2] and str(machine.project)[-30:] in lines[2]
    assert "waits for a person's answer for" in lines[3] and ", since " in lines[3]
    assert [line.strip() for line in lines[4:]] == [f"durable approve {step_id}", f"durable deny {step_id}"]
    assert all(len(line) <= 80 for line in lines)


def test_nothing_waits_where_nothing_was_deferred(machine):
    machine.ran("Bash", command="ls")
    assert machine.json("approvals") == []
    assert machine.said("approvals") == "ok: no call waits for an answer\n"


@pytest.mark.parametrize(("verb", "answer"), [("approve", "approved"), ("deny", "denied")])
def test_what_was_answered_is_listed_with_who_and_when_only_if_asked_for(machine, verb, answer):
    step_id = wants(machine)["step_id"]
    assert machine.cli(verb, step_id, "--reason", "looked at it", env={"USER": "ada"}).returncode == 0
    assert machine.json("approvals") == []
    (item,) = machine.json("approvals", "--all")
    assert (item["approval"], item["waits"], item["approve"]) == (answer, False, None)
    assert item["approval_by"] == "ada by the command line" and item["approval_at"]
    assert item["reason"] == "looked at it"
    screen = machine.said("approvals", "--all")
    (line,) = [line for line in screen.splitlines() if f"{answer} by ada by the command line at" in line]
    assert line.endswith(": looked at it") and (", not run yet" in line) == (verb == "approve")
    assert (f"claude --resume {SESSION}" in screen) == (verb == "approve")
    assert screen.endswith("ok: no call waits for an answer\n")


def test_open_lists_what_waits_and_then_what_is_to_be_resumed(machine):
    step_id = wants(machine)["step_id"]
    screen = machine.said("open")
    assert screen.startswith("Waiting for an answer\n")
    assert f"→ durable approve {step_id}, or durable deny {step_id}" in screen and "client gone" not in screen
    assert [item["kind"] for item in machine.json("open", code=1)["items"]] == ["approval"]
    machine.cli("approve", step_id)
    assert f"→ claude --resume {SESSION}" in machine.said("open")
    assert [item["kind"] for item in machine.json("open", code=1)["items"]] == ["approved"]
    assert resumed(machine) == "permit"
    assert machine.json("open")["items"] == []


def test_a_run_waits_while_one_of_its_calls_does_and_no_longer(machine):
    machine.ran("Bash", command="ls", session=OTHER)
    step_id = wants(machine)["step_id"]
    assert [run["status"] for run in machine.json("runs")] == ["waiting", "open"]
    assert [run["run_id"] for run in machine.json("runs", "--status", "waiting")] == [SESSION]
    assert "1 to approve" in " ".join(machine.said("runs").split())
    machine.cli("approve", step_id)
    assert [run["status"] for run in machine.json("runs")] == ["open", "open"]


def test_show_and_step_say_that_it_waits_and_who_answered(machine):
    step_id = wants(machine)["step_id"]
    assert "waits for an answer" in machine.said("show")
    assert "waits for a person's answer for" in machine.said("step", step_id)
    machine.cli("approve", step_id, "--reason", "reviewed", env={"USER": "ada"})
    screen = machine.said("step", step_id)
    assert "approved by ada by the command line" in line_of(screen, "approval:")
    assert "approve, ada by the command line, reviewed" in line_of(screen, "person.said")
    assert "it runs when its session is resumed" in line_of(screen, "stands:")
    told = machine.said("tail", "--once", env={"COLUMNS": 160})
    assert "Bash  deploy it  (approve, ada by the command line, reviewed)" in line_of(told, "person.said")
    assert "(approved, ada by the command line)" in line_of(told, "  approval  ")


@pytest.mark.parametrize(("first", "then"), [("approve", "deny"), ("deny", "approve"), ("deny", "deny")])
def test_an_answer_stays_and_whoever_tries_hears_whose_it_is_and_of_when(machine, first, then):
    step_id = wants(machine)["step_id"]
    machine.cli(first, step_id, env={"USER": "ada"})
    before = machine.json("step", step_id)
    done = machine.cli(then, step_id, env={"USER": "eve"})
    assert (done.returncode, done.stdout) == (2, "")
    said = {"approve": "approved", "deny": "denied"}[first]
    when = before["approval_at"].replace("T", " ")[:19]
    assert f"step {step_id} was {said} by ada by the command line at {when} UTC" in done.stderr
    assert machine.json("step", step_id) == before
    assert resumed(machine) == ("permit" if first == "approve" else "deny")


def test_an_approval_is_not_taken_for_a_run_that_is_cancelled(machine):
    step_id = wants(machine)["step_id"]
    machine.cli("cancel", SESSION)
    done = machine.cli("approve", step_id)
    assert (done.returncode, "is cancelled" in done.stderr, "--undo" in done.stderr) == (2, True, True)
    assert [item["step_id"] for item in machine.json("approvals", code=1)] == [step_id]
    machine.cli("cancel", SESSION, "--undo")
    assert machine.cli("approve", step_id).returncode == 0
    assert resumed(machine) == "permit"


def test_a_call_that_its_session_went_on_with_by_itself_says_so(machine):
    wants(machine)
    (machine.config / "policy.toml").write_text("")
    assert resumed(machine) == "permit"
    assert machine.json("approvals") == []
    assert "never answered here; it is running now" in machine.said("approvals", "--all")
