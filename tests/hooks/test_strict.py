"""Strict mode, through the real executables: what a run was cut off in comes first."""

from __future__ import annotations

import pytest

import ledger_view

from .door import Door, FakeClient, bash, ran, recorded
from .strictly import ELSEWHERE, TEST, cut_off_twice, is_on, left_behind, say, start, switched, turn_on, verdict
from .test_once import OTHER, PAY, RULES, denied


@pytest.fixture
def door(door: Door) -> Door:
    door.policy(RULES)
    return door


@pytest.fixture
def cut(door: Door) -> Door:
    return cut_off_twice(door)


# ---- what waits, and what need not ----------------------------------------------------------------


def test_any_other_call_waits_until_the_interrupted_ones_are_settled(cut: Door) -> None:
    reason = denied(cut.pre(bash(ELSEWHERE, "toolu_else")))
    first, second = (ledger_view.step(cut.state, tool_use_id=name)["step_id"] for name in ("toolu_test", "toolu_pay"))
    assert reason.index(f"step {first}, Bash `{TEST}`") < reason.index(f"step {second}, Bash `{PAY}`")
    assert f"durable happened {second}" in reason and f"durable happened {first}" not in reason
    assert verdict(cut, "toolu_else") == ("refused", "strict")


def test_the_interrupted_call_is_made_again_and_decided_like_any(cut: Door) -> None:
    assert cut.pre(bash(TEST, "toolu_again")).permits
    assert "nobody knows" in denied(cut.pre(bash(PAY, "toolu_pay_again")))
    assert verdict(cut, "toolu_pay_again") == ("refused", "in_doubt")


def test_it_may_be_described_in_other_words(cut: Door) -> None:
    again = bash(TEST, "toolu_again")
    again["tool_input"] |= {"description": "The tests, once more", "timeout": 1000}
    assert cut.pre(again).permits


def test_when_nothing_is_left_it_ends_by_itself_and_once(cut: Door) -> None:
    assert cut.pre(bash(TEST, "toolu_again")).permits
    denied(cut.pre(bash(ELSEWHERE, "toolu_early")))
    say(cut, "happened", "toolu_pay")
    assert cut.pre(bash(ELSEWHERE, "toolu_else")).permits
    assert cut.pre(bash(ELSEWHERE, "toolu_more")).permits
    assert switched(cut) == [1, 0] and not is_on(cut)


def test_the_call_that_finds_nothing_left_runs_itself(door: Door) -> None:
    left_behind(door, PAY, "toolu_pay")
    turn_on(door)
    say(door, "not-happened", "toolu_pay")
    assert door.pre(bash(PAY, "toolu_again")).permits
    assert not is_on(door)


LOOKS = [
    "ls -la",
    "git status && git log --oneline | head -3",
    "gh pr list --head x 2>/dev/null",
    "cd sub && cat a.txt 2>&1",
    "find . -name '*.py'",
    "git --no-pager log -3",
    "durable step s1",
    "kubectl get pods -n x",
    "cd elsewhere",
]
ACTS = [
    "rm a",
    "ls > a",
    "cat a >> b",
    "ls; rm a",
    "ls $(rm a)",
    "find . -delete",
    "find . -name x -exec rm {} +",
    "gh pr merge 3",
    "gh api x --method POST",
    "git commit -m status",
    "git push",
    "sort -o a a",
    "durable resolve s1 --happened",
    "kubectl delete pod get",
    "X=1 ls",
    "# nothing",
    "ls; cat 'unclosed",
]


@pytest.mark.parametrize("line", LOOKS)
def test_a_line_that_only_looks_goes_by(cut: Door, line: str) -> None:
    assert cut.pre(bash(line, "toolu_look")).permits


@pytest.mark.parametrize("line", ACTS)
def test_a_line_that_does_more_than_look_waits(cut: Door, line: str) -> None:
    denied(cut.pre(bash(line, "toolu_act")))


@pytest.mark.parametrize(
    ("tool", "given"),
    [
        ("Read", {"file_path": "/w/a"}),
        ("Grep", {"pattern": "x"}),
        ("WebFetch", {"url": "https://example.org"}),
        ("AskUserQuestion", {"questions": []}),
        ("TodoWrite", {"todos": []}),
        ("ExitPlanMode", {"plan": "x"}),
    ],
)
def test_looking_asking_and_planning_go_by(cut: Door, tool: str, given: dict[str, object]) -> None:
    assert cut.pre(recorded("PreToolUse-Bash", tool_name=tool, tool_input=given, tool_use_id="toolu_x")).permits


@pytest.mark.parametrize("tool", ["Agent", "Skill", "KillShell", "mcp__tracker__list", "Write"])
def test_every_other_tool_waits(cut: Door, tool: str) -> None:
    denied(cut.pre(recorded("PreToolUse-Bash", tool_name=tool, tool_input={"x": "1"}, tool_use_id="toolu_x")))


def test_a_look_that_a_rule_holds_to_once_waits(cut: Door) -> None:
    cut.policy(RULES + '[rules.bell]\nmatch = ["Bash(echo *)", "TodoWrite"]\neffect = "once"\n')
    denied(cut.pre(bash("echo bell", "toolu_bell")))
    denied(cut.pre(recorded("PreToolUse-Bash", tool_name="TodoWrite", tool_input={}, tool_use_id="toolu_todo")))


def test_a_sub_agent_waits_as_well(cut: Door) -> None:
    denied(cut.pre(bash(ELSEWHERE, "toolu_else", agent_id="a1", agent_type="general")))


def test_another_run_does_not_wait(cut: Door) -> None:
    assert cut.pre(bash(ELSEWHERE, "toolu_else", session_id=OTHER)).permits


def test_a_run_that_is_not_strict_does_not_wait(door: Door) -> None:
    left_behind(door, TEST, "toolu_test")
    assert door.pre(bash(ELSEWHERE, "toolu_else")).permits
    assert switched(door) == []


def test_only_the_interrupted_one_of_a_line_goes_by(cut: Door) -> None:
    assert "comes first" in denied(cut.pre(bash(f"{PAY}; pay --to eve 1", "toolu_both")))
    assert "comes first" in denied(cut.pre(bash("pay --to eve 1", "toolu_eve")))


# ---- which calls count -----------------------------------------------------------------------------


def test_what_was_read_when_it_was_cut_off_is_nobodys_concern(door: Door) -> None:
    client = FakeClient()
    read = recorded("PreToolUse-Bash", tool_name="Read", tool_input={"file_path": "/a"}, tool_use_id="toolu_read")
    assert door.pre(read, CLAUDE_PID=str(client.pid)).permits
    client.kill()
    start(door)
    turn_on(door)
    assert door.pre(bash(ELSEWHERE, "toolu_else")).permits
    assert switched(door) == [1, 0]


def test_what_was_repeated_before_it_was_turned_on_is_not_asked_for_again(door: Door) -> None:
    left_behind(door, TEST, "toolu_test")
    assert door.pre(bash(TEST, "toolu_again")).permits
    assert door.post(ran(TEST, "toolu_again")).permits
    turn_on(door)
    assert door.pre(bash(ELSEWHERE, "toolu_else")).permits


def test_a_refused_repetition_was_none(cut: Door) -> None:
    cut.policy(RULES + '[rules.no]\nmatch = "Bash(npm *)"\ngate = "deny"\n')
    assert "forbids" in denied(cut.pre(bash(TEST, "toolu_no")))
    cut.policy(RULES)
    assert TEST in denied(cut.pre(bash(ELSEWHERE, "toolu_else")))


def test_a_repetition_that_waits_for_approval_is_none_yet(door: Door) -> None:
    left_behind(door, TEST, "toolu_test")
    turn_on(door)
    door.policy('[rules.test]\nmatch = "Bash(npm *)"\ngate = "ask"\n')
    assert door.pre(bash(TEST, "toolu_again")).json["hookSpecificOutput"]["permissionDecision"] == "defer"
    assert TEST in denied(door.pre(bash(ELSEWHERE, "toolu_else")))


def test_what_is_cut_off_later_waits_for_the_next_time(door: Door) -> None:
    left_behind(door, TEST, "toolu_test")
    turn_on(door)
    left_behind(door, TEST, "toolu_again")
    assert door.pre(bash(ELSEWHERE, "toolu_else")).permits
    assert switched(door) == [1, 0]


def test_turned_on_again_it_counts_that_too(door: Door) -> None:
    left_behind(door, TEST, "toolu_test")
    turn_on(door)
    left_behind(door, TEST, "toolu_again")
    turn_on(door)
    assert switched(door) == [1, 0, 1]
    denied(door.pre(bash(ELSEWHERE, "toolu_else")))


def test_in_a_directory_out_of_reach_the_same_input_is_the_same_call(door: Door) -> None:
    left_behind(door, TEST, "toolu_test", cwd="/gone")
    turn_on(door)
    denied(door.pre(bash(ELSEWHERE, "toolu_early")))
    assert door.pre(bash(TEST, "toolu_again")).permits
    assert door.pre(bash(ELSEWHERE, "toolu_else")).permits


def test_the_same_words_elsewhere_before_were_another_call(door: Door) -> None:
    left_behind(door, TEST, "toolu_test", cwd="/gone")
    assert door.pre(bash(TEST, "toolu_other")).permits
    turn_on(door)
    denied(door.pre(bash(ELSEWHERE, "toolu_else")))


def test_a_rule_that_came_later_leaves_the_call_the_same(door: Door) -> None:
    left_behind(door, TEST, "toolu_test")
    turn_on(door)
    door.policy(RULES + '[rules.test]\nmatch = "Bash(npm test)"\neffect = "once"\n')
    assert door.pre(bash(TEST, "toolu_again")).permits


def test_a_person_who_lets_it_run_once_more_has_settled_enough(door: Door) -> None:
    left_behind(door, PAY, "toolu_pay")
    turn_on(door)
    say(door, "allow", "toolu_pay")
    assert door.pre(bash(PAY, "toolu_again")).permits
    denied(door.pre(bash(ELSEWHERE, "toolu_early")))
    assert door.post(ran(PAY, "toolu_again")).permits
    assert door.pre(bash(ELSEWHERE, "toolu_else")).permits
