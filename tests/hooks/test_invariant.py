"""Prepared before execute, through the real executables: one row a call, and what each row says."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

import ledger_view

from .door import Door, FakeClient, bash, failed, ran, recorded


def test_a_permitted_call_has_a_running_row_and_the_hook_says_nothing(door: Door) -> None:
    assert door.pre(bash("echo hi", "toolu_1")).permits
    row = ledger_view.step(door.state)
    assert (row["status"], row["tool_use_id"], row["input"]) == ("running", "toolu_1", {"command": "echo hi"})
    assert row["prepared_at"] and row["running_at"] and row["closed_at"] is None
    assert row["hook_us"] > 0


def test_the_receipt_closes_the_row(door: Door) -> None:
    door.pre(bash())
    assert door.post(ran(stdout="out")).permits
    row = ledger_view.step(door.state)
    assert (row["status"], row["closed_by"], row["output"]["stdout"]) == ("succeeded", "PostToolUse", "out")
    assert row["duration_ms"] == 40


def test_a_failure_closes_the_row_as_failed_with_its_code(door: Door) -> None:
    door.pre(bash())
    door.post(failed(error="Exit code 3\nbad"))
    row = ledger_view.step(door.state)
    assert (row["status"], row["exit_code"], row["error"]) == ("failed", 3, "Exit code 3\nbad")


def test_a_hook_started_twice_for_one_call_changes_nothing_and_answers_the_same(door: Door) -> None:
    first, second = door.pre(bash()), door.pre(bash())
    assert first.permits and second.permits
    assert len(ledger_view.steps(door.state)) == 1


def test_two_starts_at_once_for_one_call_make_one_row(door: Door) -> None:
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: door.pre(bash()), range(6)))
    assert all(answer.permits for answer in answers)
    assert len(ledger_view.steps(door.state)) == 1


@pytest.mark.parametrize("between", ["receipt", "failure", "batch"])
def test_an_id_that_is_used_again_after_its_call_came_back_is_a_new_call(door: Door, between: str) -> None:
    door.pre(bash())
    if between == "receipt":
        door.post(ran())
    elif between == "failure":
        door.post(failed())
    else:
        call = {
            "tool_name": "Bash",
            "tool_input": {"command": "echo hi"},
            "tool_use_id": "toolu_1",
            "tool_response": "hi",
        }
        door.post(recorded("PostToolBatch", tool_calls=[call]))
    door.pre(bash())
    assert len(ledger_view.steps(door.state)) == 2


def test_an_id_with_another_input_is_a_new_call(door: Door) -> None:
    door.pre(bash("echo one"))
    door.pre(bash("echo two"))
    assert [row["input"]["command"] for row in ledger_view.steps(door.state)] == ["echo one", "echo two"]


def test_the_same_call_of_a_later_prompt_is_a_new_call(door: Door) -> None:
    door.pre(bash())
    assert door.pre(bash(prompt_id="a-later-prompt")).permits
    assert [row["status"] for row in ledger_view.steps(door.state)] == ["in_doubt", "running"]


def test_parallel_calls_under_one_id_keep_their_own_receipts(door: Door) -> None:
    for word in ("one", "two"):
        door.pre(bash(f"echo {word}"))
    for word in ("one", "two"):
        door.post(ran(f"echo {word}", stdout=word))
    rows = ledger_view.steps(door.state)
    assert [(row["output"]["stdout"], row["effective_input"]) for row in rows] == [("one", None), ("two", None)]


def test_a_receipt_that_comes_twice_is_not_taken_for_another_calls_under_the_same_id(door: Door) -> None:
    door.pre(bash("echo one"))
    door.post(ran("echo one"))
    door.pre(bash("echo two"))
    door.post(ran("echo one"))
    assert [row["status"] for row in ledger_view.steps(door.state)] == ["succeeded", "running"]


def test_a_batch_speaks_of_the_call_with_its_own_input_under_an_id_that_is_used_twice(door: Door) -> None:
    door.pre(bash("echo one"))
    door.pre(bash("echo two"))
    door.post(ran("echo two"))
    call = {"tool_name": "Bash", "tool_input": {"command": "echo two"}, "tool_use_id": "toolu_1", "tool_response": ""}
    door.post(recorded("PostToolBatch", tool_calls=[call]))
    assert ledger_view.steps(door.state)[0]["returned_at"] is None


@pytest.mark.parametrize("duration", [10**30, -5, 2**63])
def test_a_duration_that_is_none_costs_no_receipt(door: Door, duration: int) -> None:
    door.pre(bash())
    door.post(ran() | {"duration_ms": duration})
    row = ledger_view.step(door.state)
    assert (row["status"], row["duration_ms"]) == ("succeeded", None)


def test_an_id_from_another_agent_or_client_is_a_new_call(door: Door) -> None:
    other = FakeClient()
    try:
        door.pre(bash())
        door.pre(bash(agent_id="a1", agent_type="general-purpose"))
        door.pre(bash(), CLAUDE_PID=str(other.pid))
    finally:
        other.kill()
    assert [row["agent_id"] for row in ledger_view.steps(door.state)] == ["", "a1", ""]


def test_a_duplicate_has_a_nonce_that_says_why_and_a_link_to_its_twin(door: Door) -> None:
    for number in range(3):
        door.pre(bash("make", f"toolu_{number}"))
        door.post(ran("make", f"toolu_{number}"))
    first, second, third = ledger_view.steps(door.state)
    assert (first["nonce"], first["duplicate_of"]) == (None, None)
    assert second["nonce"].startswith("repeatable-") and third["nonce"].startswith("repeatable-")
    assert (second["duplicate_of"], third["duplicate_of"]) == (first["step_id"], second["step_id"])
    assert len({row["idempotency_key"] for row in (first, second, third)}) == 3
    assert {row["fingerprint"] for row in (second, third)} == {first["fingerprint"]}


def test_a_repeated_look_up_says_that_it_is_one(door: Door) -> None:
    for number in range(2):
        door.pre(recorded("PreToolUse-Read", tool_use_id=f"toolu_{number}"))
    _, second = ledger_view.steps(door.state)
    assert second["effect"] == "read" and second["nonce"].startswith("read-")


def test_parallel_twins_are_all_permitted_and_exactly_one_holds_the_claim(door: Door) -> None:
    door.lifecycle()
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: door.pre(bash("make", f"toolu_{n}")), range(8)))
    assert all(answer.permits for answer in answers)
    rows = ledger_view.steps(door.state)
    assert len(rows) == 8
    assert [row["nonce"] for row in rows].count(None) == 1
    assert len({row["idempotency_key"] for row in rows}) == 8


def test_after_a_failure_the_next_call_is_the_second_attempt_without_a_nonce(door: Door) -> None:
    door.pre(bash("make", "toolu_1"))
    door.post(failed("make", "toolu_1"))
    door.pre(bash("make", "toolu_2"))
    first, second = ledger_view.steps(door.state)
    assert (first["attempt"], second["attempt"]) == (1, 2)
    assert second["nonce"] is None
    assert first["status"] == "failed"


def test_another_run_knows_nothing_of_this_ones_calls(door: Door) -> None:
    door.pre(bash("make", "toolu_1"))
    door.pre(bash("make", "toolu_2"), DURABLE_RUN_ID="nightly")
    first, second = ledger_view.steps(door.state)
    assert second["run_id"] == "nightly" != first["run_id"]
    assert second["duplicate_of"] is None


def test_what_another_hook_rewrote_is_kept_beside_what_was_asked(door: Door) -> None:
    door.pre(bash("echo asked"))
    door.post(ran("echo rewritten"))
    row = ledger_view.step(door.state)
    assert (row["input"], row["effective_input"]) == ({"command": "echo asked"}, {"command": "echo rewritten"})


def test_an_input_that_nobody_rewrote_is_kept_once(door: Door) -> None:
    door.pre(bash())
    door.post(ran())
    assert ledger_view.step(door.state)["effective_input"] is None


def test_a_call_that_no_row_announced_is_recorded_as_unprepared(door: Door) -> None:
    door.lifecycle()
    assert door.post(ran()).permits
    row = ledger_view.step(door.state)
    assert (row["flag"], row["status"], row["prepared_at"]) == ("unprepared", "succeeded", None)


def test_a_late_receipt_of_a_call_thought_refused_makes_it_succeeded(door: Door) -> None:
    door.pre(bash())
    door.lifecycle(recorded("PermissionDenied-Bash-auto", tool_use_id="toolu_1", session_id=bash()["session_id"]))
    assert ledger_view.step(door.state)["status"] == "refused"
    door.post(ran())
    assert ledger_view.step(door.state)["status"] == "succeeded"


@pytest.mark.parametrize(
    ("response", "task"),
    [
        ({"status": "async_launched", "agentId": "task"}, "task"),
        ({"stdout": "", "backgroundTaskId": "task"}, "task"),
        ({"stdout": "", "timedOutAfterMs": 1000, "backgroundTaskId": "task"}, "task"),
    ],
)
def test_a_launch_in_the_background_is_no_receipt(door: Door, response: dict[str, object], task: str) -> None:
    door.pre(bash())
    door.post(ran() | {"tool_response": response})
    row = ledger_view.step(door.state)
    assert (row["status"], row["task_id"], row["closed_at"]) == ("running", task, None)


def test_a_hook_whose_client_is_gone_gives_no_permit(door: Door) -> None:
    gone = FakeClient()
    gone.kill()
    answer = door.pre(bash(), CLAUDE_PID=str(gone.pid))
    assert answer.code == 2 and "is gone" in answer.err
    assert not (door.state / "ledger.db").exists() or ledger_view.steps(door.state) == []
