"""What a session hears of its run when it goes on: as context of SessionStart."""

from __future__ import annotations

import subprocess

import pytest

import ledger_view

from .door import ROOT, Door, FakeClient, bash, failed, ran, recorded

PAY = "pay --to bob 5"
RULES = '[rules.pay]\nmatch = "Bash(pay *)"\neffect = "once"\n[rules.ask]\nmatch = "Bash(deploy *)"\ngate = "ask"\n'


@pytest.fixture
def door(door: Door) -> Door:
    door.policy(RULES)
    return door


def goes_on(door: Door, source: str = "resume") -> str:
    """What the model is told."""
    event = recorded("SessionStart-resume", session_id=bash()["session_id"], source=source)
    answer = door.lifecycle(event)
    assert (answer.code, answer.err) == (0, "")
    return answer.told


def cut_off(door: Door, command: str, use_id: str) -> str:
    client = FakeClient()
    assert door.pre(bash(command, use_id), CLAUDE_PID=str(client.pid)).permits
    client.kill()
    step: str = ledger_view.step(door.state, tool_use_id=use_id)["step_id"]
    return step


def test_a_run_that_has_just_begun_has_nothing_to_tell(door: Door) -> None:
    assert goes_on(door, "startup") == ""
    door.pre(bash("make test"))
    door.post(ran("make test"))
    assert goes_on(door) == ""


@pytest.mark.parametrize("source", ["resume", "compact", "fork", "startup", "clear"])
def test_a_call_that_was_cut_off_is_named_with_the_lines_that_settle_it(door: Door, source: str) -> None:
    step = cut_off(door, PAY, "toolu_1")
    told = goes_on(door, source)
    assert "nobody knows whether it took effect" in told
    assert f"Bash `{PAY}`" in told
    assert f"durable happened {step}, or durable not-happened {step}" in told


def test_what_is_done_is_named_with_its_result_and_everything_else_is_not(door: Door) -> None:
    door.policy('[rules.pay]\nmatch = "Bash(pay *)"\neffect = "once"\nno_effect_exits = [127]\n')
    door.pre(bash(PAY, "toolu_1"))
    door.post(ran(PAY, "toolu_1", stdout="paid,\nreceipt 77"))
    door.pre(bash("make test", "toolu_2"))
    door.post(ran("make test", "toolu_2"))
    door.pre(bash("pay --to ann 1", "toolu_3"))
    door.post(failed("pay --to ann 1", "toolu_3", error="Exit code 127\npay: command not found"))
    told = goes_on(door)
    assert "don't run it again" in told and "Its result: paid, receipt 77" in told
    assert "make test" not in told and "ann" not in told


def test_what_may_be_repeated_is_said_to_be_free(door: Door) -> None:
    cut_off(door, "make test", "toolu_1")
    told = goes_on(door)
    assert "free to repeat" in told and "nobody knows" not in told


def test_a_call_whose_process_lives_on_is_still_running(door: Door) -> None:
    client = FakeClient()
    env = {**door.env, "CLAUDE_CODE_SESSION_ID": bash()["session_id"]}
    assert door.pre(bash(PAY, "toolu_1"), CLAUDE_PID=str(client.pid)).permits
    orphan = subprocess.Popen(["cat"], env=env, stdin=subprocess.PIPE)
    client.kill()
    try:
        told = goes_on(door)
        assert "Still running" in told and f"Process {orphan.pid} of it runs" in told
    finally:
        orphan.kill()
        orphan.communicate()
    assert "Still running" not in goes_on(door)


def test_what_waits_for_a_person_and_what_was_approved(door: Door) -> None:
    door.pre(bash("deploy it", "toolu_1"))
    step = ledger_view.step(door.state)["step_id"]
    assert f"durable approve {step}, or durable deny {step}" in goes_on(door)
    subprocess.run([door.python, str(ROOT / "bin" / "durable"), "approve", step], env=door.env, check=True, timeout=60)
    assert "Approved by a person" in goes_on(door)


def test_another_run_is_not_told(door: Door) -> None:
    cut_off(door, PAY, "toolu_1")
    other = recorded("SessionStart-resume", session_id="33333333-cccc-4ccc-8ccc-333333333333")
    assert door.lifecycle(other).told == ""


def test_no_secret_is_told(door: Door) -> None:
    secret = "ghp_" + "a1B2" * 9
    cut_off(door, f"pay --token {secret}", "toolu_1")
    told = goes_on(door)
    assert "pay --token" in told and secret not in told
