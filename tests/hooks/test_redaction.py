"""No secret at rest: whatever a hook is told, no file of ours holds it afterwards."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import ledger_view

from .door import Door, bash, failed, ran, recorded

# Put together here, so that no scanner of repositories takes them for somebody's.
TOKEN = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
PASSWORD = "correct-horse-battery"
AWS = "AKIA" + "IOSFODNN7EXAMPLZ"
SECRETS = (TOKEN, PASSWORD, AWS)
CARRIER = f"curl -H 'Authorization: Bearer {TOKEN}' postgresql://me:{PASSWORD}@db/x {AWS}"


def files_holding(root: Path, secret: str) -> list[str]:
    found = [path for path in root.rglob("*") if path.is_file() and secret.encode() in path.read_bytes()]
    return [str(path.relative_to(root)) for path in found]


def nothing_is_kept(door: Door) -> None:
    assert (door.state / "ledger.db-wal").exists(), "the WAL must be among the files searched"
    for secret in SECRETS:
        assert files_holding(door.root, secret) == []


EVENTS: list[tuple[str, str, dict[str, Any]]] = [
    ("pre_tool_use", "a command", bash(CARRIER)),
    ("pre_tool_use", "a description", bash("ls") | {"tool_input": {"command": "ls", "description": CARRIER}}),
    (
        "pre_tool_use",
        "a file's content",
        recorded("PreToolUse-Write", tool_input={"file_path": "/x", "content": CARRIER}),
    ),
    (
        "pre_tool_use",
        "an argument that names itself",
        recorded(
            "PreToolUse-mcp__lab__send", tool_input={"password": PASSWORD, "nested": [{"api_key": TOKEN, "aws": AWS}]}
        ),
    ),
    ("post_tool_use", "an output", ran(stdout=CARRIER)),
    ("post_tool_use", "a rewritten input", ran(CARRIER)),
    ("post_tool_use", "an error", failed(error=f"Exit code 1\n{CARRIER}")),
    ("lifecycle", "a prompt", recorded("UserPromptSubmit", prompt=CARRIER)),
    ("lifecycle", "a sub-agent's last words", recorded("SubagentStop", last_assistant_message=CARRIER)),
    ("lifecycle", "the end of a turn", recorded("Stop", last_assistant_message=CARRIER)),
    ("lifecycle", "a failed turn", recorded("StopFailure", error=CARRIER)),
    (
        "lifecycle",
        "the reason of a denial",
        recorded("PermissionDenied-Bash-auto", reason=CARRIER, session_id=bash()["session_id"], tool_use_id="toolu_1"),
    ),
    ("lifecycle", "the end of a session", recorded("SessionEnd-other", reason=CARRIER)),
    ("lifecycle", "a permission asked", recorded("PermissionRequest-Bash-permdenied", tool_input={"command": CARRIER})),
]


@pytest.mark.parametrize(
    ("hook", "payload"), [(hook, payload) for hook, _, payload in EVENTS], ids=[e[1] for e in EVENTS]
)
def test_what_a_hook_is_told_leaves_no_secret_in_any_file(door: Door, hook: str, payload: dict[str, Any]) -> None:
    door.pre(bash("echo first"))
    assert door.run(hook, payload).code == 0
    nothing_is_kept(door)


def test_the_last_words_of_a_background_agent_are_a_receipt_without_secrets(door: Door) -> None:
    door.pre()
    door.post(ran() | {"tool_response": {"status": "async_launched", "agentId": "a2eacaabe73a23148"}})
    door.lifecycle(recorded("SubagentStop", last_assistant_message=CARRIER))
    assert ledger_view.step(door.state)["status"] == "succeeded"
    nothing_is_kept(door)


def test_what_a_background_task_printed_is_a_receipt_without_secrets(door: Door) -> None:
    door.pre()
    door.post(ran() | {"tool_response": {"stdout": "", "backgroundTaskId": "b1"}})
    asking = {"tool_name": "TaskOutput", "tool_input": {"task_id": "b1"}, "tool_use_id": "toolu_ask"}
    door.pre(bash() | asking)
    told = {"task": {"status": "completed", "exitCode": 0, "output": CARRIER}}
    door.post(ran() | asking | {"tool_response": told})
    assert [row["status"] for row in ledger_view.steps(door.state)] == ["succeeded", "succeeded"]
    nothing_is_kept(door)


def test_input_that_could_not_be_read_is_spooled_without_its_secrets(door: Door) -> None:
    door.pre()
    door.post(b'{"tool_response": "' + CARRIER.encode())
    assert door.spooled()
    nothing_is_kept(door)


@pytest.mark.parametrize(
    "payload", [ran(CARRIER, stdout=CARRIER), failed(CARRIER, error=CARRIER)], ids=["receipt", "failure"]
)
def test_a_spooled_receipt_holds_no_secret_either(door: Door, payload: dict[str, Any]) -> None:
    door.pre(bash(CARRIER))
    (door.state / "heads" / "ledger").rename(door.state / "heads" / "away")
    door.post(payload)
    assert door.spooled()
    nothing_is_kept(door)


def test_neither_does_the_log_of_a_denied_call(door: Door) -> None:
    door.pre(bash("echo first"))
    answer = door.pre(bash() | {"hook_event_name": TOKEN})
    assert answer.code == 2 and TOKEN not in answer.err
    assert (door.state / "hook.log").exists()
    nothing_is_kept(door)


def test_a_secret_that_the_transcript_brings_is_taken_out_too(door: Door) -> None:
    transcript = door.root / "t.jsonl"
    transcript.write_text("", encoding="utf-8")
    door.pre(bash(transcript_path=str(transcript)))
    result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": CARRIER}
    line = {"type": "user", "message": {"content": [result]}, "toolUseResult": {"stdout": CARRIER}}
    transcript.write_text(json.dumps(line) + "\n", encoding="utf-8")
    door.lifecycle(recorded("UserPromptSubmit", prompt_id="later", transcript_path=str(transcript)))
    assert ledger_view.step(door.state)["status"] == "succeeded"
    transcript.unlink()
    nothing_is_kept(door)


def test_the_row_says_what_was_found_and_keeps_what_stood_beside_it(door: Door) -> None:
    door.pre(bash(f"deploy --region eu-1 --token {TOKEN} --now"))
    row = ledger_view.step(door.state)
    assert row["input"]["command"].startswith("deploy --region eu-1 --token [redacted:")
    assert row["input"]["command"].endswith("] --now")
    assert row["redacted"]


def test_a_redacted_call_is_still_known_as_the_same_call(door: Door) -> None:
    for number in range(2):
        door.pre(bash(CARRIER, f"toolu_{number}"))
    door.pre(bash(CARRIER.replace(TOKEN, TOKEN[::-1]), "toolu_3"))
    first, second, third = ledger_view.steps(door.state)
    assert second["duplicate_of"] == first["step_id"]
    assert third["fingerprint"] != first["fingerprint"]


def test_a_users_own_pattern_is_taken_out(door: Door) -> None:
    door.policy('[redact]\npatterns = ["corp-[0-9]{6}"]\n')
    door.pre(bash("echo corp-123456 done"))
    assert ledger_view.step(door.state)["input"]["command"] == "echo [redacted:custom] done"
    assert files_holding(door.state, "corp-123456") == []


def test_redaction_can_be_switched_off_by_the_user(door: Door) -> None:
    door.policy("[redact]\nenabled = false\n")
    door.pre(bash(CARRIER))
    assert ledger_view.step(door.state)["input"]["command"] == CARRIER


def test_but_not_by_the_project(door: Door) -> None:
    place = door.project / ".durable" / "policy.toml"
    place.parent.mkdir()
    place.write_text("[redact]\nenabled = false\n", encoding="utf-8")
    door.pre(bash(CARRIER))
    nothing_is_kept(door)
