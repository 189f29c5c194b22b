"""The idempotency key in an MCP tool's input: a provider that knows it does nothing twice."""

from __future__ import annotations

from typing import Any

import pytest

import ledger_view

from .door import Answer, Door, recorded

SEND = '[rules.send]\nmatch = "mcp__lab__send"\neffect = "once"\ninject = "request_key"\n'


def send(use_id: str, **given: object) -> dict[str, Any]:
    return recorded("PreToolUse-mcp__lab__send", tool_use_id=use_id, tool_input=given)


def sent(use_id: str, **given: object) -> dict[str, Any]:
    return recorded("PostToolUse-mcp__lab__send", tool_use_id=use_id, tool_input=given)


def updated(answer: Answer) -> Any:
    """The client's own permission check goes on: nothing in the answer decides."""
    assert set(answer.json["hookSpecificOutput"]) == {"hookEventName", "updatedInput"}
    return answer.json["hookSpecificOutput"]["updatedInput"]


@pytest.fixture
def door(door: Door) -> Door:
    door.policy(SEND)
    return door


def test_the_key_of_the_row_goes_into_the_input(door: Door) -> None:
    given = updated(door.pre(send("toolu_1", to="bob")))
    assert given == {"to": "bob", "request_key": ledger_view.step(door.state)["idempotency_key"]}


def test_the_row_keeps_what_was_asked_and_what_ran(door: Door) -> None:
    given = updated(door.pre(send("toolu_1", to="bob")))
    assert door.post(sent("toolu_1", **given)).permits
    row = ledger_view.step(door.state)
    assert row["status"] == "succeeded"
    assert row["input"] == {"to": "bob"}
    assert row["effective_input"] == given


def test_a_key_that_the_model_made_up_is_replaced_and_does_not_make_another_call(door: Door) -> None:
    given = updated(door.pre(send("toolu_1", to="bob", request_key="mine")))
    assert given["request_key"] == ledger_view.step(door.state)["idempotency_key"]
    door.post(sent("toolu_1", **given))
    assert "Already done" in door.pre(send("toolu_2", to="bob", request_key="another")).told


def test_a_person_who_is_asked_sees_the_call_with_its_key(door: Door) -> None:
    door.policy(SEND + 'gate = "ask"\n')
    answer = door.pre(send("toolu_1", to="bob"), CLAUDE_CODE_SESSION_ATTENDED="1", CLAUDE_CODE_ENTRYPOINT="cli")
    asked = answer.json["hookSpecificOutput"]
    assert (asked["permissionDecision"], "request_key" in asked["updatedInput"]) == ("ask", True)


def test_a_second_start_gets_the_same_key(door: Door) -> None:
    assert updated(door.pre(send("toolu_1", to="bob"))) == updated(door.pre(send("toolu_1", to="bob")))
    assert len(ledger_view.steps(door.state)) == 1


def test_nothing_is_put_into_a_call_that_is_denied_or_observed(door: Door) -> None:
    door.post(sent("toolu_1", **updated(door.pre(send("toolu_1", to="bob")))))
    assert "updatedInput" not in door.pre(send("toolu_2", to="bob")).out
    door.policy('mode = "observe"\n' + SEND)
    assert door.pre(send("toolu_3", to="ann")).permits
