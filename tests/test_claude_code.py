"""Every recorded payload becomes an Event; nothing else does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from durable import event as ev
from durable.agents import claude_code
from durable.agents.claude_code import KINDS, parse, render_deny, render_permit, render_told
from durable.errors import InputError

PAYLOADS = Path(__file__).parent / "fixtures" / "payloads"
OF_THIS_CLIENT = sorted(
    path.name for path in PAYLOADS.glob("*.json") if not path.name.startswith(("codex-", "gemini-"))
)
PRE = json.loads((PAYLOADS / "PreToolUse-Bash.json").read_text())


def door_of(name: str) -> str:
    return next((door for door, names in claude_code.DOORS.items() if names and name in names), "lifecycle")


def changed(**fields: Any) -> str:
    return json.dumps({name: value for name, value in {**PRE, **fields}.items() if value is not ...})


@pytest.mark.parametrize("name", OF_THIS_CLIENT)
def test_every_recorded_payload_is_read(name: str) -> None:
    payload = json.loads((PAYLOADS / name).read_text())
    event = parse(json.dumps(payload), door_of(payload["hook_event_name"]), {})
    assert event.session_id == payload["session_id"]
    assert event.kind == KINDS.get(payload["hook_event_name"], ev.OTHER)
    if "tool_use_id" in payload and event.call:
        assert (event.call.use_id, event.call.input) == (payload["tool_use_id"], payload["tool_input"])


def test_the_environment_says_who_asks() -> None:
    env = {
        "CLAUDE_PID": "4711",
        "CLAUDE_PROJECT_DIR": "/p",
        "CLAUDE_CODE_SESSION_ATTENDED": "1",
        "DURABLE_RUN_ID": "r1",
    }
    event = parse(changed(), "pre_tool_use", env)
    assert (event.client_pid, event.project, event.attended, event.run_id) == (4711, "/p", True, "r1")


@pytest.mark.parametrize("pid", ["", "abc", "-1", "1" * 12, "٣"])
def test_a_pid_that_is_none_is_not_known(pid: str) -> None:
    assert parse(changed(), "pre_tool_use", {"CLAUDE_PID": pid}).client_pid is None


@pytest.mark.parametrize(
    "fields",
    [
        {"tool_input": "ls"}, {"tool_input": None}, {"tool_input": []}, {"tool_input": ...},
        {"session_id": ""}, {"session_id": ...}, {"session_id": 3}, {"session_id": "a\nb"}, {"session_id": "x" * 300},
        {"tool_use_id": ""}, {"tool_use_id": ...}, {"tool_name": ""}, {"tool_name": ...}, {"tool_name": "a\tb"},
        {"hook_event_name": "PostToolUse"}, {"hook_event_name": ...}, {"hook_event_name": "Nonsense"},
        {"cwd": 3}, {"agent_id": ["a"]},
    ],
)  # fmt: skip
def test_a_payload_that_is_none_is_an_input_error(fields: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        parse(changed(**fields), "pre_tool_use", {})


def test_a_run_id_that_is_none_is_refused_with_its_remedy() -> None:
    with pytest.raises(InputError) as refused:
        parse(changed(), "pre_tool_use", {"DURABLE_RUN_ID": "a\nb"})
    assert "unset it" in refused.value.remedy


@pytest.mark.parametrize("text", ["[]", "3", '"x"', "null", "true"])
def test_only_an_object_is_a_payload(text: str) -> None:
    with pytest.raises(InputError):
        parse(text, "pre_tool_use", {})


def test_half_a_surrogate_pair_stays_escaped() -> None:
    assert parse(changed(cwd="/a\ud800"), "pre_tool_use", {}).cwd == "/a\\ud800"


def test_a_permit_says_nothing_and_so_leaves_the_clients_own_check_in_force() -> None:
    assert render_permit() == ""


def test_a_deny_is_the_json_that_the_client_reads() -> None:
    said = json.loads(render_deny('no "thanks"'))["hookSpecificOutput"]
    assert said == {
        "hookEventName": "PreToolUse",
        "permissionDecision": "deny",
        "permissionDecisionReason": 'no "thanks"',
    }
    told = json.loads(render_told("PostToolUse", "to the model", "to the person"))
    assert told["systemMessage"] == "to the person"
