"""Of several calls that wait in one batch the client starts one again. The model asks for the others under new ids."""

from __future__ import annotations

import subprocess

import pytest

import ledger_view

from .door import ROOT, Answer, Door, bash, ran

GATED = '[rules.deploy]\nmatch = "Bash(deploy *)"\ngate = "ask"\neffect = "once"\n'


@pytest.fixture
def door(door: Door) -> Door:
    door.policy(GATED)
    return door


def verdict(answer: Answer) -> str:
    return str(answer.json["hookSpecificOutput"]["permissionDecision"]) if answer.out else "permit"


def decide(door: Door, verb: str, use_id: str) -> None:
    step = ledger_view.step(door.state, tool_use_id=use_id)["step_id"]
    subprocess.run([door.python, str(ROOT / "bin" / "durable"), verb, step], env=door.env, check=True, timeout=60)


def test_what_was_approved_runs_under_another_id_once(door: Door) -> None:
    assert verdict(door.pre(bash("deploy it", "toolu_1"))) == "defer"
    decide(door, "approve", "toolu_1")
    assert door.pre(bash("deploy it", "toolu_2")).permits
    assert door.post(ran("deploy it", "toolu_2")).permits
    rows = ledger_view.steps(door.state)
    assert [(row["tool_use_id"], row["status"]) for row in rows] == [("toolu_2", "succeeded")]
    assert verdict(door.pre(bash("deploy it", "toolu_3"))) == "deny"


def test_other_words_about_it_are_the_same_call(door: Door) -> None:
    door.pre(bash("deploy it", "toolu_1"))
    decide(door, "approve", "toolu_1")
    again = bash("deploy it", "toolu_2")
    again["tool_input"] |= {"description": "once more", "timeout": 1000}
    assert door.pre(again).permits


def test_it_waits_on_in_one_row_while_nobody_has_answered(door: Door) -> None:
    for at in range(3):
        assert verdict(door.pre(bash("deploy it", f"toolu_{at}"))) == "defer"
    assert len(ledger_view.steps(door.state)) == 1


def test_another_call_is_not_covered_by_the_approval(door: Door) -> None:
    door.pre(bash("deploy it", "toolu_1"))
    decide(door, "approve", "toolu_1")
    assert verdict(door.pre(bash("deploy that", "toolu_2"))) == "defer"
    assert verdict(door.pre(bash("deploy it", "toolu_3", cwd="/elsewhere"))) == "defer"
    assert verdict(door.pre(bash("deploy it", "toolu_4", agent_id="a1", agent_type="x"))) == "deny"


def test_a_secret_that_was_taken_out_must_be_the_same_to_the_letter(door: Door) -> None:
    one, other = ("deploy it --token ghp_" + letter * 36 for letter in "aB")
    door.pre(bash(one, "toolu_1"))
    decide(door, "approve", "toolu_1")
    assert verdict(door.pre(bash(other, "toolu_2"))) == "defer"
    assert door.pre(bash(one, "toolu_3")).permits


def test_of_what_was_refused_a_new_call_is_a_new_question(door: Door) -> None:
    door.pre(bash("deploy it", "toolu_1"))
    decide(door, "deny", "toolu_1")
    assert verdict(door.pre(bash("deploy it", "toolu_1"))) == "deny"
    assert verdict(door.pre(bash("deploy it", "toolu_2"))) == "defer"


def test_another_session_is_told_that_it_is_approved_there(door: Door) -> None:
    door.pre(bash("deploy it", "toolu_1"))
    other = bash("deploy it", "toolu_2", session_id="5e551000-0000-4000-8000-000000000002")
    assert "durable approve" in door.pre(other).told
    decide(door, "approve", "toolu_1")
    assert "approved" in door.pre({**other, "tool_use_id": "toolu_3"}).told
