"""Strict mode, through the real executables: what a run was cut off in comes first."""

from __future__ import annotations

from pathlib import Path

import pytest

import ledger_view
from durable import strict
from durable.ledger.sqlite import SqliteLedger
from ledger.whole import assert_whole, bodies

from .door import Answer, Door, FakeClient, bash, ran, recorded
from .test_once import OTHER, PAY, RULES, cut_off, denied

SESSION = bash()["session_id"]
TEST = "npm test"
ELSEWHERE = "touch built"
KILLED = -9


@pytest.fixture
def door(door: Door) -> Door:
    door.policy(RULES)
    return door


def left_behind(door: Door, command: str, use_id: str, **fields: object) -> str:
    """In doubt, and its run reconciled: as resume leaves it."""
    cut_off(door, use_id, command, **fields)
    start(door)
    step = ledger_view.step(door.state, tool_use_id=use_id)
    assert step["status"] == "in_doubt", step
    return str(step["step_id"])


def start(door: Door) -> None:
    assert door.lifecycle(recorded("SessionStart-resume", session_id=SESSION)).code == 0


def turn_on(door: Door, run_id: str = SESSION) -> None:
    _in_ledger(door, lambda tx: strict.turn_on(tx, run_id))


def turn_off(door: Door, run_id: str = SESSION) -> None:
    _in_ledger(door, lambda tx: strict.turn_off(tx, run_id, "a person wants it so"))


def _in_ledger(door: Door, work: object) -> None:
    ledger = SqliteLedger(str(door.state))
    try:
        with ledger.begin() as tx:
            work(tx)  # type: ignore[operator]
            tx.commit()
    finally:
        ledger.close()


def is_on(door: Door, run_id: str = SESSION) -> bool:
    ledger = ledger_view.connect(door.state)
    try:
        return bool(ledger.execute("SELECT strict FROM runs WHERE run_id = ?", (run_id,)).fetchone()[0])
    finally:
        ledger.close()


def switched(door: Door) -> list[int]:
    return [body["on"] for body in bodies(door.state, "run.strict")]


def verdict(door: Door, use_id: str) -> tuple[str, str]:
    step = ledger_view.step(door.state, tool_use_id=use_id)
    return step["status"], step["verdict"]


@pytest.fixture
def cut(door: Door) -> Door:
    """Cut off in a test run and in a payment, and strict."""
    left_behind(door, TEST, "toolu_test")
    left_behind(door, PAY, "toolu_pay")
    turn_on(door)
    return door


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


def test_when_nothing_is_left_it_ends_by_itself_and_once(cut: Door) -> None:
    assert cut.pre(bash(TEST, "toolu_again")).permits
    denied(cut.pre(bash(ELSEWHERE, "toolu_early")))
    settle(cut, "toolu_pay")
    assert cut.pre(bash(ELSEWHERE, "toolu_else")).permits
    assert cut.pre(bash(ELSEWHERE, "toolu_more")).permits
    assert switched(cut) == [1, 0] and not is_on(cut)


def settle(door: Door, use_id: str, says: str = "happened") -> None:
    step = ledger_view.step(door.state, tool_use_id=use_id)["step_id"]
    attended = {"CLAUDE_CODE_SESSION_ATTENDED": "1", "CLAUDE_CODE_ENTRYPOINT": "cli"}
    event = recorded("UserPromptSubmit", prompt=f"durable {says} {step}", session_id=SESSION)
    assert door.lifecycle(event, **attended).json["decision"] == "block"


def test_the_call_that_finds_nothing_left_runs_itself(door: Door) -> None:
    left_behind(door, PAY, "toolu_pay")
    turn_on(door)
    settle(door, "toolu_pay", "not-happened")
    assert door.pre(bash(PAY, "toolu_again")).permits
    assert not is_on(door)


LOOKS = [
    "ls -la",
    "git status && git log --oneline | head -3",
    "gh pr list --head x 2>/dev/null",
    "cd sub && cat a.txt 2>&1",
    "find . -name '*.py'",
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
    "ls 'unclosed",
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
    step = left_behind(door, PAY, "toolu_pay")
    turn_on(door)
    attended = {"CLAUDE_CODE_SESSION_ATTENDED": "1", "CLAUDE_CODE_ENTRYPOINT": "cli"}
    event = recorded("UserPromptSubmit", prompt=f"durable allow {step}", session_id=SESSION)
    assert door.lifecycle(event, **attended).json["decision"] == "block"
    assert door.pre(bash(PAY, "toolu_again")).permits
    denied(door.pre(bash(ELSEWHERE, "toolu_early")))
    assert door.post(ran(PAY, "toolu_again")).permits
    assert door.pre(bash(ELSEWHERE, "toolu_else")).permits


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
    assert "Stop now" in denied(cut.pre(bash(ELSEWHERE, "toolu_after")))
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
    assert cut.pre(bash(ELSEWHERE, "toolu_else")).permits
    assert ledger_view.step(cut.state, tool_use_id="toolu_else")["would"].startswith("deny: This run was cut off")


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
    settle(cut, "toolu_pay")
    assert cut.pre(bash(ELSEWHERE, "toolu_else"), DURABLE_TEST_CRASH=f"{point}:kill").code == KILLED
    assert cut.pre(bash(ELSEWHERE, "toolu_next")).permits
    assert switched(cut) == [1, 0]
    assert_whole(cut.state)


def test_two_that_end_it_at_once_end_it_once(cut: Door, tmp_path: Path) -> None:
    assert cut.pre(bash(TEST, "toolu_again")).permits
    settle(cut, "toolu_pay")
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
