"""Strict mode, through the real executables: beside running calls, to its bound, killed at any point."""

from __future__ import annotations

from pathlib import Path

import pytest

import ledger_view
from durable.recovery import strict
from ledger.whole import assert_whole

from .door import Answer, Door, FakeClient, bash, ran
from .strictly import (
    ELSEWHERE,
    SESSION,
    TEST,
    cut_off_twice,
    is_on,
    left_behind,
    say,
    start,
    switched,
    turn_off,
    turn_on,
    verdict,
)
from .test_once import PAY, RULES, cut_off, denied

KILLED = -9


@pytest.fixture
def door(door: Door) -> Door:
    door.policy(RULES)
    return door


@pytest.fixture
def cut(door: Door) -> Door:
    return cut_off_twice(door)


# ---- while a call runs -----------------------------------------------------------------------------


def test_turned_on_while_a_call_runs_it_waits_for_what_becomes_of_that(door: Door) -> None:
    client = FakeClient()
    assert door.pre(bash(TEST, "toolu_test"), CLAUDE_PID=str(client.pid)).permits
    turn_on(door)
    assert door.pre(bash(ELSEWHERE, "toolu_1")).permits
    assert is_on(door)
    client.kill()
    assert TEST in denied(door.pre(bash(ELSEWHERE, "toolu_2")))
    assert door.pre(bash(TEST, "toolu_again")).permits
    assert door.pre(bash(ELSEWHERE, "toolu_3")).permits
    assert not is_on(door)


def test_a_call_that_comes_back_after_all_is_waited_for_no_longer(door: Door, client: FakeClient) -> None:
    assert door.pre(bash(TEST, "toolu_test")).permits
    turn_on(door)
    assert door.post(ran(TEST, "toolu_test")).permits
    assert door.pre(bash(ELSEWHERE, "toolu_else")).permits
    assert switched(door) == [1, 0]


def test_a_call_that_a_person_has_approved_is_not_lost(door: Door) -> None:
    door.policy(RULES + '[rules.deploy]\nmatch = "Bash(deploy *)"\ngate = "ask"\n')
    assert door.pre(bash("deploy it", "toolu_deploy")).json["hookSpecificOutput"]["permissionDecision"] == "defer"
    left_behind(door, TEST, "toolu_test")
    turn_on(door)
    door.pre(bash("deploy it", "toolu_deploy"))
    assert verdict(door, "toolu_deploy")[0] == "prepared"


# ---- the bound -------------------------------------------------------------------------------------


def spend(door: Door) -> Answer:
    for number in range(strict.MOST):
        assert "comes first" in denied(door.pre(bash(ELSEWHERE, f"toolu_try_{number}")))
    return door.pre(bash(ELSEWHERE, "toolu_last"))


def test_after_a_bounded_number_of_tries_it_is_a_persons(cut: Door) -> None:
    answer = spend(cut)
    assert "Stop now" in denied(answer) and f"durable resume --run-id {SESSION} --no-strict" in denied(answer)
    assert "A person must settle" in answer.json["systemMessage"]
    assert f"{strict.MOST + 1} other calls were denied" in denied(cut.pre(bash(ELSEWHERE, "toolu_after")))
    assert cut.pre(bash(TEST, "toolu_again")).permits


def test_a_look_and_another_answer_are_no_tries(cut: Door) -> None:
    for number in range(strict.MOST):
        assert cut.pre(bash("ls", f"toolu_look_{number}")).permits
        denied(cut.pre(bash(PAY, f"toolu_pay_{number}")))
    assert "comes first" in denied(cut.pre(bash(ELSEWHERE, "toolu_else")))


def test_turned_on_again_the_tries_are_counted_anew(cut: Door) -> None:
    spend(cut)
    turn_on(cut)
    assert "comes first" in denied(cut.pre(bash(ELSEWHERE, "toolu_else")))


def test_a_person_turns_it_off_and_twice_is_once(cut: Door) -> None:
    spend(cut)
    turn_off(cut)
    turn_off(cut)
    assert switched(cut) == [1, 0]
    assert cut.pre(bash(ELSEWHERE, "toolu_else")).permits


def test_of_many_interrupted_calls_the_first_few_are_named(door: Door) -> None:
    for number in range(strict.SHOWN + 3):
        cut_off(door, f"toolu_{number}", f"make part{number}")
    start(door)
    turn_on(door)
    reason = denied(door.pre(bash(ELSEWHERE, "toolu_else")))
    assert f"part{strict.SHOWN - 1}" in reason and f"part{strict.SHOWN}" not in reason
    assert f"and 3 more: durable show {SESSION}" in reason


def test_no_secret_is_told(door: Door) -> None:
    left_behind(door, "deploy --token ghp_16C7e42F292c6912E7710c838347Ae178B4a", "toolu_secret")
    turn_on(door)
    assert "ghp_16C7" not in denied(door.pre(bash(ELSEWHERE, "toolu_else")))


def test_observe_mode_only_says_what_it_would_have_been(cut: Door) -> None:
    cut.policy('mode = "observe"\n' + RULES)
    for number in range(strict.MOST):
        assert cut.pre(bash(ELSEWHERE, f"toolu_{number}")).permits
    assert ledger_view.step(cut.state, tool_use_id="toolu_0")["would"].startswith("deny: This run was cut off")
    cut.policy(RULES)
    assert "comes first" in denied(cut.pre(bash(ELSEWHERE, "toolu_else")))


# ---- at any point ----------------------------------------------------------------------------------


@pytest.mark.parametrize("point", ["after-prepare", "appended-step.refused", "before-commit"])
def test_killed_before_its_commit_a_denial_was_none_and_the_next_one_stands(cut: Door, point: str) -> None:
    assert cut.pre(bash(ELSEWHERE, "toolu_else"), DURABLE_TEST_CRASH=f"{point}:kill").code == KILLED
    assert ledger_view.steps(cut.state, tool_use_id="toolu_else") == []
    denied(cut.pre(bash(ELSEWHERE, "toolu_else")))
    assert_whole(cut.state)


@pytest.mark.parametrize("point", ["appended-run.strict", "appended-step.running", "before-commit", "after-commit"])
def test_killed_while_it_ends_it_ends_once(cut: Door, point: str) -> None:
    assert cut.pre(bash(TEST, "toolu_again")).permits
    say(cut, "happened", "toolu_pay")
    assert cut.pre(bash(ELSEWHERE, "toolu_else"), DURABLE_TEST_CRASH=f"{point}:kill").code == KILLED
    assert cut.pre(bash(ELSEWHERE, "toolu_next")).permits
    assert switched(cut) == [1, 0]
    assert_whole(cut.state)


def test_two_that_end_it_at_once_end_it_once(cut: Door, tmp_path: Path) -> None:
    assert cut.pre(bash(TEST, "toolu_again")).permits
    say(cut, "happened", "toolu_pay")
    held = tmp_path / "held"
    first = cut.start("pre_tool_use", bash(ELSEWHERE, "toolu_1"), DURABLE_TEST_CRASH=f"before-commit:hold={held}")
    first.wait_for(held)
    second = cut.start("pre_tool_use", bash(ELSEWHERE, "toolu_2"))
    held.unlink()
    assert first.finish().permits and second.finish().permits
    assert switched(cut) == [1, 0]


def test_of_two_at_once_the_repetition_counts_for_the_other_one_only_when_it_is_on_record(
    door: Door, tmp_path: Path
) -> None:
    left_behind(door, TEST, "toolu_test")
    turn_on(door)
    held = tmp_path / "held"
    other = door.start("pre_tool_use", bash(ELSEWHERE, "toolu_1"), DURABLE_TEST_CRASH=f"before-commit:hold={held}")
    other.wait_for(held)
    again = door.start("pre_tool_use", bash(TEST, "toolu_again"))
    held.unlink()
    denied(other.finish())
    assert again.finish().permits
    assert door.pre(bash(ELSEWHERE, "toolu_2")).permits
