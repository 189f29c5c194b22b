"""Observe mode: the call that runs is the call that was asked for, whatever a rule would make of it."""

from __future__ import annotations

import ledger_view

from .door import Door, bash, recorded
from .test_once import PAY, RULES, paid

OBSERVED = 'mode = "observe"\n'


def test_no_receipt_is_put_in_the_place_of_a_call(door: Door) -> None:
    door.policy(OBSERVED + RULES + 'on_duplicate = "replay"\n')
    paid(door)
    assert door.pre(bash(PAY, "toolu_2")).permits
    row = ledger_view.step(door.state, tool_use_id="toolu_2")
    assert (row["status"], row["would"].partition(":")[0]) == ("running", "replay")


def test_no_key_is_put_into_a_call_that_starts_twice(door: Door) -> None:
    door.policy(OBSERVED + '[rules.charge]\nmatch = "mcp__pay__*"\ninject = "key"\n')
    call = recorded("PreToolUse-Bash", tool_name="mcp__pay__charge", tool_input={"to": "bob"})
    assert [door.pre(call).permits for _ in range(2)] == [True, True]
