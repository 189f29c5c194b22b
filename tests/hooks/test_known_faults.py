"""Faults that a library for calling tools once is known for: each shown absent here, through the hooks."""

from __future__ import annotations

import json
from typing import Any

import pytest

import ledger_view

from .door import Answer, Door, bash, failed, ran, recorded

PAY = "pay --to bob 5"
RULES = '[rules.pay]\nmatch = ["Bash(pay *)", "mcp__lab__send"]\neffect = "once"\n'


@pytest.fixture
def door(door: Door) -> Door:
    door.policy(RULES)
    return door


def is_denied(answer: Answer) -> bool:
    return bool(answer.out) and answer.json["hookSpecificOutput"].get("permissionDecision") == "deny"


def send(use_id: str, **given: object) -> dict[str, Any]:
    return recorded("PreToolUse-mcp__lab__send", tool_use_id=use_id, tool_input=given)


def test_what_may_be_repeated_is_not_held_while_its_twin_runs(door: Door) -> None:
    assert door.pre(bash("make test", "toolu_1")).permits
    assert door.pre(bash("make test", "toolu_2")).permits
    first, second = ledger_view.steps(door.state)
    assert (first["status"], second["status"]) == ("running", "running")
    assert second["duplicate_of"] == first["step_id"] and second["nonce"].startswith("repeatable-")


def test_an_empty_result_is_handed_over_as_one(door: Door) -> None:
    door.policy(RULES + 'on_duplicate = "replay"\n')
    assert door.pre(bash(PAY, "toolu_1")).permits
    assert door.post(ran(PAY, "toolu_1", stdout="")).permits
    answered = door.pre(bash(PAY, "toolu_2")).json["hookSpecificOutput"]
    assert (answered["permissionDecision"], answered["updatedInput"]["command"]) == ("allow", ":")


@pytest.mark.parametrize("response", [None, "", 0, False, [], {}, "\ud800", 1e300, [[[[]]]], {"a": {"b": None}}])
def test_a_result_of_any_shape_is_a_receipt(door: Door, response: object) -> None:
    assert door.pre(send("toolu_1", to="bob")).permits
    done = recorded("PostToolUse-mcp__lab__send", tool_use_id="toolu_1", tool_input={"to": "bob"})
    assert door.post({**done, "tool_response": response}).permits
    assert ledger_view.step(door.state)["status"] == "succeeded"
    assert is_denied(door.pre(send("toolu_2", to="bob")))


def test_a_result_that_is_no_json_number_still_says_that_the_call_ran(door: Door) -> None:
    assert door.pre(send("toolu_1", to="bob")).permits
    done = recorded("PostToolUse-mcp__lab__send", tool_use_id="toolu_1", tool_input={"to": "bob"})
    text = json.dumps({**done, "tool_response": {"amount": float("nan")}})
    assert "NaN" in text
    assert "DID run" in door.post(text.encode()).told
    assert is_denied(door.pre(send("toolu_2", to="bob")))


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [(1, 1.0, True), (99.99, 99.9900000001, True), (1e-9, 0, False), (1e-9, 2e-9, False), (1, True, False),
     (1, "1", False), ("é", "e\u0301", True), (0, False, False), (None, "", False)],
)  # fmt: skip
def test_values_are_the_same_or_not(door: Door, one: object, other: object, same: bool) -> None:
    assert door.pre(send("toolu_1", to="bob", amount=one)).permits
    assert is_denied(door.pre(send("toolu_2", amount=other, to="bob"))) == same


def test_a_failed_try_stays_on_record_and_the_next_is_its_second(door: Door) -> None:
    door.policy(RULES + "no_effect_exits = [9]\n")
    assert door.pre(bash(PAY, "toolu_1")).permits
    assert door.post(failed(PAY, "toolu_1", error="Exit code 9")).code == 0
    assert door.pre(bash(PAY, "toolu_2")).permits
    first, second = ledger_view.steps(door.state)
    assert (first["status"], first["attempt"], second["attempt"]) == ("failed", 1, 2)
    assert first["error"] and first["idempotency_key"] != second["idempotency_key"]
