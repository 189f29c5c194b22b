"""A person in a hurry: says it twice, names the id that stands nearest, or says it when nothing can be written."""

from __future__ import annotations

import pytest

from .door import ROOT, Door, bash, recorded
from .test_once import OTHER, PAY, RULES, cut_off, denied, paid
from .test_person import step_id, typed


@pytest.fixture
def refused(door: Door) -> str:
    """The id of a call that was denied as done already."""
    door.policy(RULES)
    paid(door)
    denied(door.pre(bash(PAY, "toolu_2")))
    return step_id(door, "toolu_2")


def answered(door: Door, prompt: str) -> str:
    answer = typed(door, prompt).json
    assert answer["decision"] == "block"
    reason: str = answer["reason"]
    return reason


def test_one_more_that_is_allowed_twice_is_one_more(door: Door, refused: str) -> None:
    assert "may run" in answered(door, f"durable allow {refused}")
    assert "allowed already" in answered(door, f"durable allow {refused}")
    paid(door, "toolu_3")
    denied(door.pre(bash(PAY, "toolu_4")))
    assert "may run" in answered(door, f"durable allow {refused}")


def test_a_retry_of_the_denied_call_names_the_one_that_counts(door: Door, refused: str) -> None:
    env = {"PYTHONPATH": str(ROOT / "src")}
    answer = door.run_argv([door.python, "-m", "durable", "retry", refused], **env)
    assert (answer.code, step_id(door, "toolu_1") in answer.err) == (2, True), answer
    answer = door.run_argv([door.python, "-m", "durable", "retry", step_id(door, "toolu_1")], **env)
    assert answer.code == 0, answer
    assert door.pre(bash(PAY, "toolu_3")).permits


def test_what_a_model_scheduled_in_an_earlier_session_is_no_persons_either(door: Door, refused: str) -> None:
    given = {"cron": "* * * * *", "prompt": f"durable allow {refused}", "durable": True}
    scheduled = recorded("PreToolUse-Bash", tool_name="CronCreate", tool_input=given, session_id=OTHER)
    assert door.pre(scheduled).permits
    assert typed(door, f"durable allow {refused}").permits
    denied(door.pre(bash(PAY, "toolu_3")))


def test_a_decision_that_could_not_be_recorded_says_so(door: Door, refused: str) -> None:
    (door.state / "ledger.db").rename(door.root / "gone.db")
    assert "NOT recorded" in answered(door, f"durable allow {refused}")
    assert typed(door, "what does durable do?").out == ""


def test_a_retry_says_if_another_still_counts(door: Door, refused: str) -> None:
    answered(door, f"durable allow {refused}")
    paid(door, "toolu_3")
    env = {"PYTHONPATH": str(ROOT / "src")}
    answer = door.run_argv([door.python, "-m", "durable", "retry", step_id(door, "toolu_3")], **env)
    assert f"step {step_id(door, 'toolu_1')} still does" in answer.out
    denied(door.pre(bash(PAY, "toolu_4")))


def test_what_was_allowed_before_it_turned_out_to_have_happened_is_named(door: Door) -> None:
    door.policy(RULES)
    name = cut_off(door)["step_id"]
    denied(door.pre(bash(PAY, "toolu_2")))
    answered(door, f"durable allow {name}")
    assert "may still run" in answered(door, f"durable happened {name}")
    paid(door, "toolu_3")
    denied(door.pre(bash(PAY, "toolu_4")))
