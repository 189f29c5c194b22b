"""The word to the person when one call seems to be tried again in other words."""

from __future__ import annotations

import pytest

from .door import Answer, Door, recorded

SEND = '[rules.send]\nmatch = "mcp__lab__send"\neffect = "once"\n'
MAIL = {"to": "bob", "subject": "hello", "text": "at noon", "note": "first", "at": 1}


def send(door: Door, use_id: str, **fields: object) -> Answer:
    given = {**MAIL, **fields}
    answer = door.pre(recorded("PreToolUse-mcp__lab__send", tool_use_id=use_id, tool_input=given))
    done = recorded("PostToolUse-mcp__lab__send", tool_use_id=use_id, tool_input=given)
    assert door.post(done).permits
    return answer


@pytest.fixture
def door(door: Door) -> Door:
    door.policy(SEND)
    return door


def test_the_third_wording_of_a_call_names_what_changed(door: Door) -> None:
    assert send(door, "toolu_1").permits
    assert send(door, "toolu_2", note="second", at=2).permits
    answer = send(door, "toolu_3", note="third", at=3)
    assert answer.code == 0
    assert list(answer.json) == ["systemMessage"]
    assert "at, note" in answer.json["systemMessage"]
    assert 'ignore = ["at", "note"]' in answer.json["systemMessage"]
    assert '"send"' in answer.json["systemMessage"]


def test_three_different_calls_are_none(door: Door) -> None:
    for at, name in enumerate(("ann", "bob", "cid")):
        assert send(door, f"toolu_{at}", to=name, subject=name, text=name).permits


def test_a_rule_that_names_its_key_needs_no_hint(door: Door) -> None:
    door.policy(SEND + 'key = ["note"]\n')
    for at in range(4):
        assert send(door, f"toolu_{at}", note=str(at)).permits


def test_what_the_rule_ignores_is_not_named_again(door: Door) -> None:
    door.policy(SEND + 'ignore = ["at"]\n')
    for at in range(2):
        assert send(door, f"toolu_{at}", note=str(at), at=at).permits
    assert "differ in note alone" in send(door, "toolu_9", note="9", at=9).json["systemMessage"]


def test_a_call_that_was_denied_is_no_try(door: Door) -> None:
    assert send(door, "toolu_1").permits
    again = recorded("PreToolUse-mcp__lab__send", tool_use_id="toolu_2", tool_input=MAIL)
    assert "deny" in door.pre(again).out
    assert send(door, "toolu_3", note="other").permits


def test_of_a_built_in_rule_it_asks_for_one_of_ones_own(door: Door) -> None:
    door.policy("")
    for at in range(2):
        assert send(door, f"toolu_{at}", note=str(at)).permits
    assert "give mcp__lab__send a rule of its own" in send(door, "toolu_9", note="9").json["systemMessage"]
