"""What a person approved is not undone by what else limits the call: a used grant, a budget that counts it."""

from __future__ import annotations

import pytest

from .door import Door, bash, ran
from .test_once import PAY, denied
from .test_person import cli, deferred, step_id

RULE = '[rules.pay]\nmatch = "Bash(pay *)"\neffect = "once"\ngate = "ask"\n'


def approved(door: Door, use_id: str) -> None:
    assert deferred(door.pre(bash(PAY, use_id)))
    assert cli(door, "approve", step_id(door, use_id)).returncode == 0
    assert door.pre(bash(PAY, use_id)).permits
    assert door.post(ran(PAY, use_id)).permits


def test_one_more_that_a_person_granted_runs_when_it_is_approved_as_well(door: Door) -> None:
    door.policy(RULE)
    approved(door, "toolu_1")
    denied(door.pre(bash(PAY, "toolu_2")))
    cli(door, "allow", step_id(door, "toolu_2"))
    approved(door, "toolu_3")
    denied(door.pre(bash(PAY, "toolu_4")))


def test_a_grant_that_comes_while_a_call_waits_is_used_up_by_it(door: Door) -> None:
    door.policy(RULE)
    assert deferred(door.pre(bash(PAY, "toolu_1")))
    refused = denied(door.pre(bash(PAY, "toolu_2", session_id="another")))
    assert "waits" in refused
    cli(door, "allow", step_id(door, "toolu_2"))
    cli(door, "approve", step_id(door, "toolu_1"))
    assert door.pre(bash(PAY, "toolu_1")).permits
    assert door.post(ran(PAY, "toolu_1")).permits
    denied(door.pre(bash(PAY, "toolu_3")))


@pytest.mark.parametrize("limit", ["[run]\ntool_calls = 1\n", "calls = 1\n"])
def test_a_call_that_waits_costs_nothing_until_it_runs(door: Door, limit: str) -> None:
    door.policy(RULE + limit)
    approved(door, "toolu_1")
    assert "used up" in denied(door.pre(bash("pay --to eve 9", "toolu_2")))
