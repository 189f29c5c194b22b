"""A model that goes on after a cut may call again under the same id: the client's lines about the second call, which
stand in the same transcript, say nothing about the first."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

import ledger_view
from durable.clock import stamp

from .door import Answer, Door, FakeClient, bash, ran, recorded

PAY = "pay bob 5"
ID = "toolu_1"
DENIED = {
    "content": "PreToolUse:Bash hook error: no",
    "is_error": True,
    "permissionDecision": {
        "decision": "reject",
        "source": "hook",
        "reasonType": "hook",
        "reasonCode": "hook:PreToolUse",
    },
}


class Talk:
    """A session on a machine where a payment must happen once, and its transcript."""

    def __init__(self, door: Door) -> None:
        self.door = door
        self.path = door.root / "transcript.jsonl"
        self.path.touch()
        door.policy('[rules.pay]\nmatch = "Bash(pay *)"\neffect = "once"\n')

    def calls(self, client: FakeClient, command: str, use_id: str, prompt: str) -> Answer:
        return self.door.pre(self._about(bash(command, use_id), prompt), CLAUDE_PID=str(client.pid))

    def ran(self, client: FakeClient, command: str, use_id: str, prompt: str) -> None:
        self.door.post(self._about(ran(command, use_id), prompt), CLAUDE_PID=str(client.pid))

    def resumes(self, client: FakeClient) -> None:
        payload = self._about(recorded("SessionStart-resume", session_id=bash()["session_id"]), "p2")
        assert self.door.lifecycle(payload, CLAUDE_PID=str(client.pid)).code == 0

    def _about(self, payload: dict[str, Any], prompt: str) -> dict[str, Any]:
        return {**payload, "prompt_id": prompt, "transcript_path": str(self.path)}

    def line(self, use_id: str, **said: Any) -> None:
        beside = {name: said.pop(name) for name in ("permissionDecision",) if name in said}
        beside["timestamp"] = stamp(time.time_ns())
        result = {"type": "tool_result", "tool_use_id": use_id, **said}
        with self.path.open("a", encoding="utf-8") as transcript:
            transcript.write(json.dumps({"type": "user", "message": {"content": [result]}, **beside}) + "\n")

    def statuses(self, command: str) -> list[str]:
        return [row["status"] for row in ledger_view.steps(self.door.state) if row["input"]["command"] == command]


@pytest.fixture
def talk(door: Door) -> Talk:
    return Talk(door)


@pytest.fixture
def resumed() -> Iterator[FakeClient]:
    client = FakeClient()
    yield client
    client.kill()


@pytest.fixture
def cut_off(talk: Talk) -> None:
    client = FakeClient()
    assert talk.calls(client, PAY, ID, "p1").permits
    client.kill()


@pytest.mark.usefixtures("cut_off")
def test_the_denial_of_a_repeat_does_not_free_the_call_that_was_cut_off(talk: Talk, resumed: FakeClient) -> None:
    assert "cut off" in talk.calls(resumed, PAY, ID, "p2").told
    talk.line(ID, **DENIED)
    assert "cut off" in talk.calls(resumed, PAY, "toolu_2", "p2").told
    assert talk.statuses(PAY) == ["in_doubt", "refused", "refused"]


@pytest.mark.usefixtures("cut_off")
def test_nor_does_the_denial_of_a_repeat_that_has_no_row(talk: Talk, resumed: FakeClient) -> None:
    """A permission rule may refuse it before any hook, or the ledger be locked."""
    talk.resumes(resumed)
    talk.line(ID, **DENIED)
    assert "cut off" in talk.calls(resumed, PAY, "toolu_2", "p2").told
    assert talk.statuses(PAY) == ["in_doubt", "refused"]


@pytest.mark.usefixtures("cut_off")
def test_a_denial_from_before_the_cut_still_counts_when_it_is_found_after_it(talk: Talk, resumed: FakeClient) -> None:
    talk.line(ID, **DENIED)
    talk.resumes(resumed)
    assert talk.calls(resumed, PAY, "toolu_2", "p2").permits
    assert talk.statuses(PAY) == ["refused", "running"]


@pytest.mark.usefixtures("cut_off")
def test_the_success_of_another_call_is_no_receipt_of_the_one_that_was_cut_off(talk: Talk, resumed: FakeClient) -> None:
    assert talk.calls(resumed, "ls", ID, "p2").permits
    talk.ran(resumed, "ls", ID, "p2")
    talk.line(ID, content="a.txt")
    assert "cut off" in talk.calls(resumed, PAY, "toolu_2", "p2").told
    assert talk.statuses(PAY) == ["in_doubt", "refused"]


def test_of_two_calls_of_one_prompt_under_one_id_the_denial_of_one_does_not_free_the_other(
    talk: Talk, client: FakeClient, resumed: FakeClient
) -> None:
    assert talk.calls(client, "pay ann 7", "toolu_0", "p1").permits
    assert "in flight" in talk.calls(client, "pay ann 7", ID, "p1").told
    assert talk.calls(client, PAY, ID, "p1").permits
    talk.line(ID, **DENIED)
    assert talk.calls(client, "ls", "toolu_3", "p2").permits
    assert talk.statuses(PAY) == ["in_doubt"]
