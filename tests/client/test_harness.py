"""The harness itself, shown with a hook that only records: the client is real and isolated."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from .client import Client, add_hook
from .scripted_model import bash, call, delegate, say
from .terminal import Terminal

RECORDER = Path(__file__).with_name("recording_hook.py")
EVENTS = (
    "SessionStart", "UserPromptSubmit", "PreToolUse", "PostToolUse", "PostToolUseFailure", "PostToolBatch",
    "PermissionRequest", "SubagentStart", "SubagentStop", "Stop", "SessionEnd",
)  # fmt: skip


@pytest.fixture
def recorded(client: Client) -> Client:
    command = f'RECORD="{client.root}/record.jsonl" {sys.executable} -I -S "{RECORDER}"'
    for event in EVENTS:
        client.settings = add_hook(client.settings, event, command)
    return client


def events(client: Client) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (client.root / "record.jsonl").read_text().splitlines()]


def names(client: Client) -> list[str]:
    return [event["hook_event_name"] for event in events(client)]


def test_a_session_runs_its_tools_and_fires_the_hooks(recorded: Client) -> None:
    session = recorded.run([[bash(recorded.effect("one"))], [say("all done")]])
    assert session.returncode == 0
    assert session.result["result"] == "all done"
    assert session.result["session_id"] == session.session_id
    assert session.effects == ["one"]
    around = ["PreToolUse", "PostToolUse", "PostToolBatch"]
    assert names(recorded) == ["SessionStart", "UserPromptSubmit", *around, "Stop", "SessionEnd"]


def test_the_model_is_told_what_a_tool_printed(recorded: Client) -> None:
    session = recorded.run([[bash("echo from the tool")]])
    assert [result.text for result in session.client.model.last.tool_results] == ["from the tool"]


def test_a_resumed_session_goes_on_with_the_next_turn(recorded: Client) -> None:
    first = recorded.run([[bash(recorded.effect("one"))], [say("so far")], [bash(recorded.effect("two"))]])
    recorded.run(prompt="go on", resume=first.session_id)
    assert recorded.effects == ["one", "two"]


def test_a_sub_agent_follows_its_own_script(recorded: Client) -> None:
    recorded.run([[delegate("sub", run_in_background=False)]], sub=[[bash(recorded.effect("by-sub"))]])
    assert recorded.effects == ["by-sub"]
    before = [event for event in events(recorded) if event["hook_event_name"] == "PreToolUse"]
    inside = [event for event in before if "agent_id" in event]
    assert [event["tool_name"] for event in inside] == ["Bash"]


def test_the_lab_server_leaves_its_effects(recorded: Client) -> None:
    turns = [[call(f"mcp__lab__{tool}", {"text": tool})] for tool in ("send", "fail", "die")]
    recorded.run(turns, args=recorded.lab())
    assert recorded.effects == ["send", "fail", "die"]
    assert names(recorded).count("PostToolUseFailure") == 2


def test_a_killed_session_leaves_its_tool_running(recorded: Client) -> None:
    gate = recorded.gate()
    running = recorded.start([[bash(gate.command(recorded.effect("orphan")))]])
    gate.wait_until_reached()
    assert running.kill().returncode == -9
    assert recorded.effects == []
    gate.open()
    recorded.wait_for_effect("orphan")


def test_a_terminal_session_can_be_typed_into(recorded: Client, terminal: Terminal) -> None:
    turns = [[bash(recorded.effect("one"))], [say("the model has answered")]]
    terminal.start(turns, permission_mode="bypassPermissions")
    terminal.submit("please go")
    terminal.wait_for_text("the model has answered")
    assert recorded.effects == ["one"]
