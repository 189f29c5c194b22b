"""What no hook closes is closed from the client's transcript: each recorded case, through the hooks.

A transcript is laid as it stood when the call began, the hook is run, the rest is written, and a
later hook of the session comes by.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

import ledger_view

from .door import PAYLOADS, Door, FakeClient, bash, ran, recorded

TRANSCRIPTS = PAYLOADS.parent / "transcripts"
LATER = {"prompt_id": "a-later-prompt", "prompt": "go on"}


class Session:
    """One recorded session, played to a Door."""

    def __init__(self, door: Door, name: str) -> None:
        self.door = door
        self.lines = (TRANSCRIPTS / f"{name}.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
        self.path = door.root / "transcript.jsonl"
        self.id = "session-of-" + name
        self.written = 0

    def about(self, payload: dict[str, Any], **fields: Any) -> dict[str, Any]:
        return {**payload, "session_id": self.id, "transcript_path": str(self.path), **fields}

    def write_up_to_call(self, use_id: str) -> dict[str, Any]:
        """Everything up to the line that asks for the call; returns the call."""
        for number, line in enumerate(self.lines):
            for block in blocks(line, "assistant"):
                if block.get("type") == "tool_use" and block["id"].endswith(use_id):
                    self.write(number + 1)
                    return block
        raise AssertionError(f"no call {use_id}")

    def write(self, number: int | None = None) -> None:
        until = len(self.lines) if number is None else max(number, self.written)
        self.written = until
        self.path.write_text("".join(self.lines[:until]), encoding="utf-8")

    def call(self, use_id: str, **fields: Any) -> None:
        block = self.write_up_to_call(use_id)
        payload = recorded(
            "PreToolUse-Bash", tool_name=block["name"], tool_input=block["input"], tool_use_id=block["id"]
        )
        assert self.door.pre(self.about(payload, **fields)).permits

    def next_prompt(self) -> None:
        assert self.door.lifecycle(self.about(recorded("UserPromptSubmit", **LATER))).code == 0

    def next_call(self) -> None:
        assert self.door.pre(self.about(bash("ls", "toolu_next"), prompt_id="a-later-prompt")).permits

    def end(self) -> None:
        assert self.door.lifecycle(self.about(recorded("SessionEnd-other"))).code == 0

    def row(self, use_id: str) -> dict[str, Any]:
        (row,) = [row for row in ledger_view.steps(self.door.state) if row["tool_use_id"].endswith(use_id)]
        return row


def blocks(line: str, kind: str) -> list[dict[str, Any]]:
    entry = json.loads(line)
    content = entry.get("message", {}).get("content", []) if entry.get("type") == kind else []
    return [block for block in content if isinstance(block, dict)]


CASES = [
    # transcript, call, status, and why
    ("interactive_1", "760090", "refused"),  # No at the prompt: toolDenialBeforeRun
    ("interactive_1", "760094", "succeeded"),  # Yes at the prompt
    ("interactive_1", "760102", "refused"),  # never begun: Escape in its sibling
    ("interactive_2", "902608", "in_doubt"),  # Escape in the middle of Bash: the same text, no proof
    ("interactive_2", "902612", "succeeded"),
    ("interactive_2", "902613", "in_doubt"),
    ("interactive_2", "902614", "refused"),
    ("denied_by_hook", "283656", "refused"),
    ("permission_denied", "104088", "refused"),
    ("sigint_mid_bash", "166143", "in_doubt"),
    ("killed_mid_bash", "181609", "in_doubt"),  # no result line at all
    ("mcp_calls", "093952", "succeeded"),
    ("mcp_calls", "093954", "in_doubt"),  # an MCP error: the effect may have happened
    ("mcp_calls", "093967", "in_doubt"),  # the server died in the middle
    ("parallel", "115305", "succeeded"),
    ("compacted", "977600", "succeeded"),
]


@pytest.mark.parametrize(("name", "use_id", "status"), CASES, ids=[f"{name}-{call}" for name, call, _ in CASES])
def test_a_call_of_a_later_prompt_settles_what_the_transcript_proves(
    door: Door, name: str, use_id: str, status: str
) -> None:
    session = Session(door, name)
    session.call(use_id)
    session.write()
    session.next_call()
    row = session.row(use_id)
    assert row["status"] == status
    assert row["closed_by"] == (None if status == "in_doubt" else "transcript")


@pytest.mark.parametrize(("name", "use_id", "status"), CASES[:6], ids=[f"{name}-{call}" for name, call, _ in CASES[:6]])
def test_the_end_of_the_session_settles_the_same(door: Door, name: str, use_id: str, status: str) -> None:
    session = Session(door, name)
    session.call(use_id)
    session.write()
    session.end()
    assert session.row(use_id)["status"] == status


def test_a_receipt_in_the_transcript_brings_its_output(door: Door) -> None:
    session = Session(door, "parallel")
    session.call("115308")
    session.write()
    session.next_prompt()
    assert session.row("115308")["output"]["stdout"] == "devbox"


def test_a_later_prompt_alone_settles_what_is_proved_and_concludes_nothing(door: Door) -> None:
    """A person may type while a call still runs."""
    refused, silent = Session(door, "interactive_1"), Session(door, "killed_mid_bash")
    for session, use_id in ((refused, "760090"), (silent, "181609")):
        session.path = door.root / f"{session.id}.jsonl"
        session.call(use_id)
        session.write()
        session.next_prompt()
    assert refused.row("760090")["status"] == "refused"
    assert silent.row("181609")["status"] == "running"


def test_a_call_of_the_same_prompt_proves_nothing(door: Door) -> None:
    session = Session(door, "killed_mid_bash")
    session.call("181609")
    session.write()
    assert door.pre(session.about(bash("ls", "toolu_next"))).permits
    assert session.row("181609")["status"] == "running"


def test_a_later_prompt_of_another_agent_proves_nothing(door: Door) -> None:
    session = Session(door, "killed_mid_bash")
    session.call("181609", agent_id="a1", agent_type="x")
    session.write()
    assert door.pre(session.about(bash("ls", "toolu_next"), prompt_id="a-later-prompt")).permits
    assert session.row("181609")["status"] == "running"


def test_a_result_that_is_written_late_is_found_by_the_next_hook(door: Door) -> None:
    """The batch comes before the client has written the line; it may only start the reading."""
    session = Session(door, "denied_by_hook")
    session.call("283656")
    call = {"tool_name": "Bash", "tool_input": {}, "tool_use_id": "toolu_01000000000247062039", "tool_response": "x"}
    call["tool_use_id"] = session.row("283656")["tool_use_id"]
    door.post(session.about(recorded("PostToolBatch-denied_by_hook", tool_calls=[call])))
    assert session.row("283656")["status"] == "running"
    session.write()
    assert door.pre(session.about(bash("ls", "toolu_next"))).permits
    assert session.row("283656")["status"] == "refused"


def test_a_call_in_doubt_is_settled_when_its_line_appears_after_the_end(door: Door) -> None:
    session = Session(door, "interactive_1")
    session.call("760094")
    session.end()
    assert session.row("760094")["status"] == "in_doubt"
    session.write()
    door.lifecycle(session.about(recorded("SessionStart-resume")))
    assert session.row("760094")["status"] == "succeeded"


def test_a_transcript_is_read_forward_and_not_again(door: Door) -> None:
    session = Session(door, "interactive_2")
    session.call("902608")
    session.write()
    session.next_prompt()
    ledger = ledger_view.connect(door.state)
    position = ledger.execute("SELECT position FROM cursors WHERE path = ?", (str(session.path),)).fetchone()[0]
    ledger.close()
    assert position == session.path.stat().st_size


def test_a_missing_transcript_stops_nothing(door: Door) -> None:
    session = Session(door, "interactive_2")
    session.call("902608")
    session.path.unlink()
    session.next_call()
    assert session.row("902608")["status"] == "in_doubt"


def test_a_line_from_before_a_call_says_nothing_about_it_even_under_its_id(door: Door) -> None:
    """Models use an id again. The worst answer would be `refused` for a call that ran."""
    session = Session(door, "interactive_1")
    session.path.write_text("", encoding="utf-8")
    older = session.about(bash("echo older", "toolu_older"))
    door.pre(older)  # unsettled, so that the reading begins before everything else
    again = session.about(bash("echo pay", "toolu_again"))
    door.pre(again)
    door.lifecycle(session.about(recorded("PermissionDenied-Bash-auto", tool_use_id="toolu_again")))
    result = {"type": "tool_result", "tool_use_id": "toolu_again", "content": "no", "is_error": True}
    line = {"type": "user", "message": {"content": [result]}, "toolDenialBeforeRun": True}
    session.path.write_text(json.dumps(line) + "\n", encoding="utf-8")
    door.pre(again)
    door.lifecycle(session.about(recorded("SessionStart-resume")))
    assert [row["status"] for row in ledger_view.steps(door.state)] == ["running", "refused", "running"]


def test_a_result_of_another_agents_call_under_the_same_id_settles_nothing(door: Door) -> None:
    session = Session(door, "denied_by_hook")
    session.write_up_to_call("283656")
    use_id = "toolu_01000000000246283656"
    door.pre(session.about(bash("make", use_id), agent_id="a1", agent_type="x"))
    door.pre(session.about(bash("make", "toolu_main")))
    session.write()
    door.lifecycle(session.about(recorded("SessionStart-resume")))
    assert {row["status"] for row in ledger_view.steps(door.state)} == {"running"}


def test_a_transcript_that_was_in_the_middle_of_a_line_is_read_to_its_end(door: Door) -> None:
    session = Session(door, "interactive_1")
    filler = json.dumps({"type": "system", "content": "x" * 2_000_000}) + "\n"
    session.path.write_text(filler * 4 + '{"type": "system", "con', encoding="utf-8")
    door.pre(session.about(bash("make", "toolu_1")))
    result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "made"}
    with session.path.open("a", encoding="utf-8") as transcript:
        transcript.write('tent": ""}\n' + json.dumps({"type": "user", "message": {"content": [result]}}) + "\n")
    session.next_prompt()
    assert session.row("toolu_1")["status"] == "succeeded"


# ---- background -------------------------------------------------------------------------------


def launched(door: Door, tool: str = "Bash", task: str = "b1") -> None:
    call = {"tool_use_id": "toolu_bg", "tool_name": tool}
    door.pre(bash("make &", "toolu_bg") | call)
    response = (
        {"stdout": "", "backgroundTaskId": task} if tool == "Bash" else {"status": "async_launched", "agentId": task}
    )
    door.post(ran("make &", "toolu_bg") | call | {"tool_response": response})


def notification(status: str, summary: str) -> dict[str, Any]:
    prompt = (
        "<task-notification>\n<task-id>b1</task-id>\n<tool-use-id>toolu_bg</tool-use-id>\n"
        f"<output-file>/tmp/b1.output</output-file>\n<status>{status}</status>\n<summary>{summary}</summary>\n</task-notification>"
    )
    return recorded("UserPromptSubmit-task_notification_bash", prompt=prompt, session_id=bash()["session_id"])


@pytest.mark.parametrize(
    ("said", "summary", "status"),
    [
        ("completed", "Background command done (exit code 0)", "succeeded"),
        ("failed", "Background command failed with exit code 2 (exit code 2)", "failed"),
        ("killed", "Background command was stopped", "in_doubt"),
    ],
)
def test_a_notification_closes_the_call_that_launched_it(door: Door, said: str, summary: str, status: str) -> None:
    launched(door)
    door.lifecycle(notification(said, summary))
    row = ledger_view.step(door.state)
    assert row["status"] == status
    assert row["closed_by"] == (None if status == "in_doubt" else "notification")


def test_words_that_look_like_a_notification_close_no_call_that_was_not_launched(door: Door) -> None:
    door.pre(bash("make", "toolu_bg"))
    door.lifecycle(notification("completed", "done (exit code 0)"))
    assert ledger_view.step(door.state)["status"] == "running"


def test_a_notification_of_another_task_closes_nothing(door: Door) -> None:
    launched(door, task="b2")
    door.lifecycle(notification("completed", "done (exit code 0)"))
    assert ledger_view.step(door.state)["status"] == "running"


def test_an_mcp_servers_answer_can_not_pass_for_a_launch(door: Door) -> None:
    tool = {"tool_name": "mcp__lab__send", "tool_input": {}, "tool_use_id": "toolu_mcp"}
    door.pre(bash() | tool)
    door.post(ran() | tool | {"tool_response": {"backgroundTaskId": "b1"}})
    row = ledger_view.step(door.state)
    assert (row["status"], row["task_id"]) == ("succeeded", None)


def test_a_person_who_quotes_a_notification_closes_nothing(door: Door) -> None:
    launched(door)
    quoted = notification("completed", "done (exit code 0)")
    door.lifecycle(quoted | {"prompt": "what is this? " + quoted["prompt"]})
    assert ledger_view.step(door.state)["status"] == "running"


def test_the_end_of_a_sub_agent_closes_the_call_that_launched_it(door: Door) -> None:
    launched(door, "Agent", "a2eacaabe73a23148")
    door.lifecycle(recorded("SubagentStop"))
    row = ledger_view.step(door.state)
    assert (row["status"], row["closed_by"], row["output"]) == ("succeeded", "SubagentStop", "sub finished")


def test_a_task_that_left_the_clients_list_without_a_result_is_in_doubt(door: Door) -> None:
    launched(door)
    still = [{"id": "b1", "type": "shell", "status": "running"}]
    door.lifecycle(recorded("Stop", background_tasks=still))
    assert ledger_view.step(door.state)["status"] == "running"
    door.lifecycle(recorded("Stop", background_tasks=[]))
    assert ledger_view.step(door.state)["status"] == "in_doubt"


def test_its_notification_still_settles_it_afterwards(door: Door) -> None:
    launched(door)
    door.lifecycle(recorded("Stop", background_tasks=[]))
    door.lifecycle(notification("completed", "done (exit code 0)"))
    assert ledger_view.step(door.state)["status"] == "succeeded"


def test_a_task_the_agent_stopped_is_in_doubt(door: Door) -> None:
    launched(door)
    stop = {"tool_name": "TaskStop", "tool_input": {"task_id": "b1"}, "tool_use_id": "toolu_stop"}
    door.pre(bash() | stop)
    door.post(ran() | stop | {"tool_response": {"message": "stopped"}})
    row = next(row for row in ledger_view.steps(door.state) if row["tool_use_id"] == "toolu_bg")
    assert (row["status"], row["doubt"]) == ("in_doubt", "the agent stopped it")


def test_a_later_prompt_of_another_process_in_the_session_proves_nothing(door: Door) -> None:
    """One session can be resumed in two terminals: what the one goes on to says nothing about the other's call."""
    second = FakeClient()
    try:
        assert door.pre(bash("make", "toolu_1")).permits
        assert door.pre(bash("ls", "toolu_2", prompt_id="a-later-prompt"), CLAUDE_PID=str(second.pid)).permits
    finally:
        second.kill()
    assert ledger_view.step(door.state, tool_use_id="toolu_1")["status"] == "running"


def test_a_launch_is_still_running_under_a_later_prompt(door: Door) -> None:
    launched(door)
    door.lifecycle(recorded("UserPromptSubmit", **LATER))
    assert ledger_view.step(door.state)["status"] == "running"


# ---- owners -----------------------------------------------------------------------------------


def test_a_dead_client_leaves_its_calls_in_doubt_for_whoever_comes_next(door: Door) -> None:
    client = FakeClient()
    door.pre(bash(), CLAUDE_PID=str(client.pid))
    client.kill()
    door.lifecycle(recorded("SessionStart-startup", session_id="another-session"))
    row = ledger_view.step(door.state)
    assert row["status"] == "in_doubt"
    assert "client is gone" in row["doubt"]


def test_a_living_client_keeps_its_calls_running_whatever_their_age(door: Door) -> None:
    door.pre(bash())
    door.lifecycle(recorded("SessionStart-startup", session_id="another-session"))
    assert ledger_view.step(door.state)["status"] == "running"


def test_a_client_that_can_not_be_judged_is_left_alone(door: Door) -> None:
    door.pre(bash(), CLAUDE_PID=None)
    door.lifecycle(recorded("SessionStart-startup", session_id="another-session"))
    assert ledger_view.step(door.state)["status"] == "running"


def test_a_resumed_session_does_not_bury_the_calls_of_its_new_client(door: Door) -> None:
    old, new = FakeClient(), FakeClient()
    try:
        door.pre(bash("sleep 1", "toolu_old"), CLAUDE_PID=str(old.pid))
        old.kill()
        door.pre(bash("sleep 2", "toolu_new"), CLAUDE_PID=str(new.pid))
        door.lifecycle(recorded("SessionStart-startup", session_id="another-session"))
    finally:
        new.kill()
    assert [row["status"] for row in ledger_view.steps(door.state)] == ["in_doubt", "running"]


def test_the_end_of_a_session_leaves_nothing_running(door: Door) -> None:
    door.pre(bash())
    door.lifecycle(recorded("SessionEnd-other"))
    row = ledger_view.step(door.state)
    assert (row["status"], row["doubt"]) == ("in_doubt", "the session ended (other) without its result")


def test_a_session_whose_calls_all_came_back_completes_its_run_and_a_new_call_reopens_it(door: Door) -> None:
    door.pre(bash())
    door.post(ran())
    door.lifecycle(recorded("SessionEnd-other"))
    assert runs(door) == [("completed", 1)]
    door.pre(bash("ls", "toolu_2"))
    assert runs(door) == [("open", 2)]


def runs(door: Door) -> list[tuple[str, int]]:
    ledger = ledger_view.connect(door.state)
    try:
        return [tuple(row) for row in ledger.execute("SELECT status, epoch FROM runs ORDER BY seq")]
    finally:
        ledger.close()


def test_a_fork_that_repeats_the_lines_of_its_parent_settles_nothing_of_it(door: Door, tmp_path: Path) -> None:
    """The new transcript carries the old ids under a new session."""
    session = Session(door, "interactive_1")
    session.call("760094")
    fork = tmp_path / "fork.jsonl"
    shutil.copy(TRANSCRIPTS / "interactive_1.jsonl", fork)
    start = recorded("SessionStart-fork", session_id="the-fork", transcript_path=str(fork))
    door.lifecycle(start)
    door.lifecycle(recorded("SessionEnd-other", session_id="the-fork", transcript_path=str(fork)))
    assert session.row("760094")["status"] == "running"
