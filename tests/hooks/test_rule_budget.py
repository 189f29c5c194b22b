"""How many calls of one rule a run may have."""

from __future__ import annotations

import pytest

import ledger_view

from .door import Answer, Door, bash, ran

OTHER = "33333333-cccc-4ccc-8ccc-333333333333"


@pytest.fixture
def door(door: Door) -> Door:
    door.policy('[rules.render]\nmatch = "Bash(render *)"\neffect = "repeatable"\ncalls = 2\n')
    return door


def render(door: Door, use_id: str, **fields: object) -> Answer:
    answer = door.pre(bash("render film", use_id, **fields))
    if answer.permits:
        assert door.post(ran("render film", use_id, **fields)).permits
    return answer


def test_one_more_than_its_calls_is_denied_and_the_rule_is_named(door: Door) -> None:
    assert render(door, "toolu_1").permits
    assert render(door, "toolu_2").permits
    told = render(door, "toolu_3").told
    assert "2 of 2 calls of the rule render" in told
    assert ledger_view.step(door.state, tool_use_id="toolu_3")["verdict"] == "budget"


def test_other_calls_and_other_runs_have_their_own(door: Door) -> None:
    for at in range(3):
        render(door, f"toolu_{at}")
    assert door.pre(bash("echo", "toolu_8")).permits
    assert render(door, "toolu_9", session_id=OTHER).permits


def test_a_line_that_holds_such_a_command_counts(door: Door) -> None:
    assert render(door, "toolu_1").permits
    assert door.pre(bash("cd x && render film", "toolu_2")).permits
    assert "render" in door.pre(bash("ls; render film", "toolu_3")).told


def test_calls_that_were_denied_cost_nothing(door: Door) -> None:
    door.policy('[rules.pay]\nmatch = "Bash(pay *)"\neffect = "once"\ncalls = 2\n')
    assert door.pre(bash("pay 1", "toolu_1")).permits
    assert "in flight" in door.pre(bash("pay 1", "toolu_2")).told
    assert door.pre(bash("pay 2", "toolu_3")).permits
    assert "2 of 2" in door.pre(bash("pay 3", "toolu_4")).told
