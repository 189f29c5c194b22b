"""A session guarded by settings.example.json: every call has its row, before its effect."""

from __future__ import annotations

import json
import sys
from datetime import datetime
from pathlib import Path

import ledger_view

from .client import Client, add_hook
from .scripted_model import bash, call, say

VIEW = Path(ledger_view.__file__)
READERS = 3


def looks_at_itself(client: Client, tool_use_id: str) -> str:
    """A command that prints the row of the very call that runs it. A line that names the ledger is denied."""
    look = client.project / "look"
    look.write_text(f'#!/bin/sh\nexec "{sys.executable}" -I -S "{VIEW}" "{client.state}" "$1"\n', encoding="utf-8")
    look.chmod(0o755)
    return f"./look {tool_use_id}"


def moment(stamp: str) -> float:
    return datetime.fromisoformat(stamp).timestamp()


def test_every_call_of_a_session_ends_as_a_succeeded_row(guarded: Client) -> None:
    notes = guarded.project / "notes.txt"
    session = guarded.run(
        [
            [bash(guarded.effect("one"))],
            [call("Write", {"file_path": str(notes), "content": "written"})],
            [call("Read", {"file_path": str(notes)})],
            [say("all done")],
        ]
    )
    assert session.result["result"] == "all done"
    rows = ledger_view.steps(guarded.state)
    assert [row["tool_name"] for row in rows] == ["Bash", "Write", "Read"]
    assert {(row["status"], row["closed_by"]) for row in rows} == {("succeeded", "PostToolUse")}
    assert {row["session_id"] for row in rows} == {session.session_id}
    assert [row["effect"] for row in rows] == ["repeatable", "repeatable", "read"]


def test_input_and_output_of_a_call_stand_in_its_row(guarded: Client) -> None:
    guarded.run([[bash("echo from the tool")]])
    row = ledger_view.step(guarded.state)
    assert row["input"]["command"] == "echo from the tool"
    assert row["output"]["stdout"] == "from the tool"


def test_a_command_finds_its_own_row_running(guarded: Client) -> None:
    guarded.run([[bash(looks_at_itself(guarded, "toolu_self"), "toolu_self")]])
    seen = json.loads(guarded.model.last.result_of("toolu_self").text)
    assert seen["status"] == "running"
    assert seen["prepared_at"] <= seen["running_at"]
    assert seen["closed_at"] is None


def test_the_row_is_older_than_the_file_that_the_call_wrote(guarded: Client) -> None:
    notes = guarded.project / "notes.txt"
    guarded.run([[call("Write", {"file_path": str(notes), "content": "written"})]])
    row = ledger_view.step(guarded.state)
    written = notes.stat().st_mtime
    assert moment(row["prepared_at"]) < written < moment(row["closed_at"])


def test_a_failing_command_is_failed_with_its_words(guarded: Client) -> None:
    guarded.run([[bash("echo went wrong; exit 3")]])
    row = ledger_view.step(guarded.state)
    assert (row["status"], row["closed_by"]) == ("failed", "PostToolUseFailure")
    assert "went wrong" in row["error"]


def test_parallel_calls_each_have_their_own_row(guarded: Client) -> None:
    notes = [guarded.project / f"{number}.txt" for number in range(READERS)]
    for path in notes:
        path.write_text("hello", encoding="utf-8")
    reads = [call("Read", {"file_path": str(path)}) for path in notes]
    shells = [bash(guarded.effect("one")), bash(guarded.effect("two"))]
    info = call("mcp__lab__info", {"text": "looking"})
    guarded.run([[*shells, *reads, info]], args=guarded.lab())
    rows = ledger_view.steps(guarded.state)
    assert sorted(row["tool_name"] for row in rows) == ["Bash"] * 2 + ["Read"] * READERS + ["mcp__lab__info"]
    assert {row["status"] for row in rows} == {"succeeded"}
    assert len({row["tool_use_id"] for row in rows}) == len(rows)


def test_equal_parallel_calls_are_two_rows_linked_to_each_other(guarded: Client) -> None:
    guarded.run([[bash(guarded.effect("twin")), bash(guarded.effect("twin"))]])
    assert guarded.effects == ["twin", "twin"]
    first, second = ledger_view.steps(guarded.state)
    assert second["duplicate_of"] == first["step_id"]
    assert second["nonce"]
    assert first["idempotency_key"] != second["idempotency_key"]


def test_an_id_that_the_model_uses_twice_has_two_rows(guarded: Client) -> None:
    guarded.run([[bash(guarded.effect("a"), "toolu_again")], [bash(guarded.effect("b"), "toolu_again")]])
    assert guarded.effects == ["a", "b"]
    rows = ledger_view.steps(guarded.state, tool_use_id="toolu_again")
    assert [row["status"] for row in rows] == ["succeeded", "succeeded"]
    assert ["echo a" in rows[0]["input"]["command"], "echo b" in rows[1]["input"]["command"]] == [True, True]


def test_the_same_call_under_the_same_id_is_still_a_new_row_after_its_end(guarded: Client) -> None:
    guarded.run([[bash(guarded.effect("a"), "toolu_again")], [bash(guarded.effect("a"), "toolu_again")]])
    assert guarded.effects == ["a", "a"]
    assert len(ledger_view.steps(guarded.state, status="succeeded")) == len(guarded.effects)


def test_an_input_that_another_hook_rewrote_is_kept_beside_the_original(guarded: Client) -> None:
    rewritten = {"command": guarded.effect("rewritten")}
    decision = {"hookEventName": "PreToolUse", "permissionDecision": "allow", "updatedInput": rewritten}
    answer = guarded.root / "answer.json"
    answer.write_text(json.dumps({"hookSpecificOutput": decision}), encoding="utf-8")
    settings = add_hook(guarded.settings, "PreToolUse", f'cat "{answer}"')
    guarded.run([[bash(guarded.effect("original"))]], settings=settings)
    assert guarded.effects == ["rewritten"]
    row = ledger_view.step(guarded.state)
    assert row["input"]["command"] == guarded.effect("original")
    assert row["effective_input"]["command"] == guarded.effect("rewritten")


def test_a_resumed_session_goes_on_in_the_same_run(guarded: Client) -> None:
    first = guarded.run([[bash(guarded.effect("one"))], [say("so far")], [bash(guarded.effect("two"))]])
    guarded.run(prompt="go on", resume=first.session_id)
    assert guarded.effects == ["one", "two"]
    rows = ledger_view.steps(guarded.state)
    assert [row["status"] for row in rows] == ["succeeded", "succeeded"]
    assert len({row["run_id"] for row in rows}) == 1
