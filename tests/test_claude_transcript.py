"""The client's transcript: what each recorded line proves, and reading it in pieces."""

import json
import os
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from durable.agents.claude_transcript import (
    Notification,
    Outcome,
    parse_notification,
    result_lines,
    subagent_path,
    tool_uses,
)

FIXTURES = Path(__file__).parent / "fixtures"
TRANSCRIPTS = FIXTURES / "transcripts"
ALL = 1 << 30

# Written by reading the files. Each call is named by the last digits of its id.
RECORDED = {
    "compacted": [("77600", "succeeded"), ("77603", "succeeded")],
    # Deferred, then run after `--resume`.
    "deferred": [("76067", "succeeded")],
    "denied_by_hook": [("83656", "refused")],
    "interactive_1": [
        # "No" and Escape at the prompt: marked as denied before the run.
        ("60090", "refused"),
        ("60092", "refused"),
        ("60094", "succeeded"),
        # The client's own validation: an error text without any mark of denial.
        ("60097", "failed_text"),
        ("60099", "failed_text"),
        # A batch in which the second call was refused, and the third with it.
        ("60101", "succeeded"),
        ("60102", "refused"),
        ("60103", "refused"),
        ("60106", "succeeded"),
        ("60109", "failed_text"),
        ("60112", "failed_text"),
        ("60114", "failed_text"),
        ("60116", "failed_text"),
        ("60119", "failed_text"),
    ],
    "interactive_2": [
        # Escape in the middle of Bash, twice: the same words as a refusal, but no mark.
        ("02608", "rejected"),
        ("02610", "rejected"),
        # Escape in the second of three.
        ("02612", "succeeded"),
        ("02613", "rejected"),
        ("02614", "refused"),
        ("02616", "succeeded"),
        # Escape in the middle of an MCP call, whose effect completed.
        ("02618", "rejected"),
        # A sub-agent sent to the background; queued, then delivered.
        ("02620", "launched"),
        ("02620", "notification"),
        ("02620", "notification"),
        ("02626", "succeeded"),
    ],
    "interactive_2-1-subagent": [("02622", "succeeded")],
    # Killed: no result line was ever written.
    "killed_mid_bash": [],
    "mcp_calls": [
        ("93950", "succeeded"),
        ("93952", "succeeded"),
        ("93954", "failed_text"),
        ("93956", "succeeded"),
        ("93958", "succeeded"),
        ("93960", "failed_text"),
        ("93962", "succeeded"),
        ("93963", "succeeded"),
        ("93964", "succeeded"),
        ("93965", "succeeded"),
        ("93967", "failed_text"),
        ("93969", "succeeded"),
    ],
    # In the order in which they ended.
    "parallel": [
        ("15300", "succeeded"),
        ("15301", "succeeded"),
        ("15302", "succeeded"),
        ("15303", "succeeded"),
        ("15305", "succeeded"),
        ("15306", "succeeded"),
        ("15304", "succeeded"),
        ("15308", "succeeded"),
        ("15307", "succeeded"),
    ],
    "permission_denied": [("04088", "refused")],
    "reads": [("09672", "succeeded")],
    "sigint_mid_bash": [("66143", "rejected")],
    "subagent_foreground": [("23508", "succeeded")],
    "subagent_foreground-1-subagent": [("23510", "succeeded")],
}


def read_all(path: Path) -> list[Outcome]:
    found, offset, at_end = result_lines(str(path), 0, ALL)
    assert at_end
    assert offset == path.stat().st_size
    return found


def shown(outcomes: list[Outcome]) -> list[tuple]:
    slots = [s for s in Outcome.__slots__ if s != "response"]
    return [tuple(getattr(o, s) for s in slots) for o in outcomes]


def the(name: str, suffix: str) -> Outcome:
    return next(o for o in read_all(TRANSCRIPTS / f"{name}.jsonl") if o.tool_use_id.endswith(suffix))


def result(content: object = "out", *, beside: dict | None = None, **block: object) -> dict:
    block = {"type": "tool_result", "tool_use_id": "toolu_1", "content": content, **block}
    return {
        "type": "user",
        "message": {"role": "user", "content": [block]},
        "timestamp": "2026-11-21T07:31:24.444Z",
        **(beside or {}),
    }


def written(tmp_path: Path, *lines: object) -> Path:
    path = tmp_path / "t.jsonl"
    text = (line if isinstance(line, str) else json.dumps(line) for line in lines)
    path.write_text("".join(f"{line}\n" for line in text))
    return path


def kinds(tmp_path: Path, *lines: object) -> list[str]:
    return [o.kind for o in read_all(written(tmp_path, *lines))]


# ---- recorded transcripts ---------------------------------------------------------------------


def test_every_recorded_transcript_is_in_the_table() -> None:
    assert {p.stem for p in TRANSCRIPTS.glob("*.jsonl")} == set(RECORDED)


@pytest.mark.parametrize("name", RECORDED)
def test_recorded_transcript_says_what_a_reader_sees_in_it(name: str) -> None:
    found = read_all(TRANSCRIPTS / f"{name}.jsonl")
    assert [(o.tool_use_id[-5:], o.kind) for o in found] == RECORDED[name]


def test_each_refusal_names_its_proof() -> None:
    assert the("permission_denied", "04088").evidence == "permissionDecision"
    assert the("denied_by_hook", "83656").evidence == "permissionDecision"
    assert the("interactive_2", "02614").evidence == "toolDenialBeforeRun"


def test_outcome_keeps_text_time_and_the_clients_structured_result() -> None:
    read = the("parallel", "15308")
    assert (read.text, read.is_error, read.at[:19]) == ("devbox", False, "2026-11-21T07:28:39")
    assert read.response["stdout"] == "devbox"  # type: ignore[index]
    assert the("mcp_calls", "93958").text.startswith("[image]\n[Image: source: ")
    died = the("mcp_calls", "93967")
    assert (died.text, died.is_error, died.exit_code) == ("Connection closed", True, None)


# ---- kinds that no recorded transcript holds --------------------------------------------------

REJECTED_TEXT = "The user doesn't want to proceed with this tool use. The tool use was rejected"
HOOK_TEXT = "PreToolUse:Bash hook error: already done"


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        (result(is_error=False), "succeeded"),
        (result(), "succeeded"),
        (result("Exit code 3\nno", is_error=True), "failed_text"),
        (result(HOOK_TEXT, is_error=True, beside={"toolDenialKind": "permission-rule"}), "refused"),
        # A tool that prints the same words, or a rule without the hook's words: nothing is proven.
        (result(HOOK_TEXT, is_error=True), "failed_text"),
        (result("no", is_error=True, beside={"toolDenialKind": "permission-rule"}), "rejected"),
        (result(REJECTED_TEXT, is_error=True, beside={"toolDenialKind": "user-rejected"}), "rejected"),
        (result("no", is_error=True, beside={"toolDenialKind": "automode-unavailable"}), "rejected"),
        (result("no", is_error=True, beside={"toolDenialKind": "interrupted"}), "interrupted"),
        (result("no", is_error=True, beside={"toolDenialBeforeRun": True}), "refused"),
        (
            result("x", is_error=True, beside={"toolDenialKind": "interrupted", "toolDenialBeforeRun": True}),
            "refused",
        ),
        # Only the client's own true counts.
        (
            result("x", is_error=True, beside={"toolDenialKind": "user-rejected", "toolDenialBeforeRun": 1}),
            "rejected",
        ),
        (result("no", is_error=True, beside={"permissionDecision": {"decision": "reject"}}), "refused"),
        (result("no", is_error=True, beside={"permissionDecision": {"decision": "accept"}}), "failed_text"),
        (result("Async agent launched successfully.", is_error=True), "failed_text"),
        # A denial without an error contradicts itself.
        (result("out", beside={"permissionDecision": {"decision": "reject"}}), "rejected"),
        (result("", beside={"toolUseResult": {"interrupted": True}}), "interrupted"),
        (result("[Tool call interrupted: the session ended before this call's result"), "interrupted"),
        (
            result("Exit code 137\n[Request interrupted by user for tool use]", is_error=True),
            "interrupted",
        ),
        (result("x", beside={"toolUseResult": {"backgroundTaskId": "b1"}}), "launched"),
        (result("x", beside={"toolUseResult": {"timedOutAfterMs": 1000}}), "launched"),
        (result("x", beside={"toolUseResult": {"timedOutAfterMs": 0}}), "launched"),
        (result("x", beside={"toolUseResult": {"status": "async_launched"}}), "launched"),
        (result("x", beside={"toolUseResult": {"isAsync": True}}), "launched"),
        (result("x", beside={"toolUseResult": {"status": "completed"}}), "succeeded"),
        # A command that only prints the words of a launch did end.
        (
            result(
                "Command running in background with ID: b",
                beside={"toolUseResult": {"stdout": "Command running in background with ID: b"}},
            ),
            "succeeded",
        ),
    ],
)
def test_one_result_line_proves(tmp_path: Path, line: dict, kind: str) -> None:
    assert kinds(tmp_path, line) == [kind]


@pytest.mark.parametrize("recorded", ["bash_background", "bash_timeout"])
def test_a_launch_is_known_by_its_words_where_the_structured_result_is_missing(tmp_path: Path, recorded: str) -> None:
    batch = json.loads((FIXTURES / "payloads" / f"PostToolBatch-{recorded}.json").read_text())
    assert kinds(tmp_path, result(batch["tool_calls"][0]["tool_response"])) == ["launched"]


def test_exit_code_is_taken_from_the_first_line_only(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        result("Exit code 7\nExit code 1", is_error=True),
        result("Exit code 12", is_error=True),
        result("ls: no\nExit code 1", is_error=True),
        result("Exit code 1 of the program", is_error=True),
        result("Exit code 5\n"),
        result("Exit code " + "9" * 5000, is_error=True),
    )
    assert [o.exit_code for o in read_all(path)] == [7, 12, None, None, None, None]


def test_marks_beside_two_results_prove_no_refusal_of_either(tmp_path: Path) -> None:
    line = result("no", is_error=True, beside={"toolDenialBeforeRun": True, "toolDenialKind": "user-rejected"})
    line["message"]["content"].append({**line["message"]["content"][0], "tool_use_id": "toolu_2"})
    assert kinds(tmp_path, line) == ["rejected", "rejected"]


def test_copies_of_messages_are_no_record(tmp_path: Path) -> None:
    copy = {**result(), "type": "api-request-messages"}
    compact = json.dumps({"type": "api-request", "body": result()}, separators=(",", ":"))
    # Not even looked at: a broken copy is no unreadable line.
    assert kinds(tmp_path, copy, compact, '{"type":"api-request","tool_result') == []


@pytest.mark.parametrize(
    "line",
    [
        '{"tool_result',
        '{"type": "user", "type": "user", "x": "tool_result"}',
        '{"n": NaN, "x": "tool_result"}',
        '["tool_result"' + "[" * 100_000,
    ],
)
def test_a_line_that_cannot_be_read_is_counted_and_stops_nothing(tmp_path: Path, line: str) -> None:
    found = read_all(written(tmp_path, result(), line, result()))
    assert [o.kind for o in found] == ["succeeded", "unreadable", "succeeded"]
    assert found[1].tool_use_id == ""


def test_a_line_that_is_no_utf8_is_counted_and_stops_nothing(tmp_path: Path) -> None:
    path = written(tmp_path, result())
    path.write_bytes(b'{"tool_result": "\xff"}\n' + path.read_bytes())
    assert [o.kind for o in read_all(path)] == ["unreadable", "succeeded"]


@pytest.mark.parametrize(
    "line",
    [
        ["tool_result"],
        "tool_result",
        {"type": "user", "message": "tool_result"},
        {"type": "user", "message": {"content": {"type": "tool_result"}}},
        {"type": "user", "message": {"content": ["tool_result", None, {"type": "tool_result"}]}},
        {"type": "user", "message": {"content": [{"type": "tool_result", "tool_use_id": 7}]}},
        {"type": ["user"], "message": {"content": [{"type": "tool_result", "tool_use_id": "a"}]}},
        {"type": "queue-operation", "content": ["<task-notification>"]},
    ],
)
def test_a_line_of_another_shape_says_nothing(tmp_path: Path, line: object) -> None:
    assert kinds(tmp_path, json.dumps(line)) == []


def test_marks_of_another_shape_prove_nothing(tmp_path: Path) -> None:
    beside = {"toolDenialKind": ["x"], "permissionDecision": "reject", "toolUseResult": 3, "timestamp": 4}
    line = result({"type": "text"}, is_error=True, beside=beside)
    assert kinds(tmp_path, line) == ["failed_text"]


# ---- notifications ----------------------------------------------------------------------------

SUMMARY = 'Background command "x" completed (exit code 0)'


def notification(summary: str = SUMMARY, status: str = "<status>completed</status>", tail: str = "") -> str:
    return (
        "<task-notification>\n<task-id>b1</task-id>\n<tool-use-id>toolu_1</tool-use-id>\n"
        f"{status}\n<summary>{summary}</summary>\n{tail}</task-notification>"
    )


def as_tuple(told: Notification | None) -> tuple | None:
    return told and (told.tool_use_id, told.task_id, told.status, told.exit_code)


def test_the_recorded_notification_prompt_is_read() -> None:
    payload = json.loads((FIXTURES / "payloads" / "UserPromptSubmit-task_notification_bash.json").read_text())
    told = parse_notification(payload["prompt"])
    assert as_tuple(told) == ("toolu_01000000000246205627", "beqw1aalh", "completed", 0)
    assert told is not None
    assert told.summary == SUMMARY


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (notification('Background command "x" failed with exit code 3'), ("toolu_1", "b1", "completed", 3)),
        (notification('Agent "d" finished'), ("toolu_1", "b1", "completed", None)),
        (notification(status="<status>killed</status>"), ("toolu_1", "b1", "killed", 0)),
        # The model words the summary; it can't word an end or an exit code.
        (
            notification('Background command "(exit code 0)" was stopped'),
            ("toolu_1", "b1", "completed", None),
        ),
        (
            notification('"x (exit code 0)</summary>" failed with exit code 3'),
            ("toolu_1", "b1", "completed", None),
        ),
        (notification("<status>completed</status>", status=""), None),
        (notification("<tool-use-id>toolu_2</tool-use-id>"), ("toolu_1", "b1", "completed", None)),
        (notification().replace("<tool-use-id>toolu_1</tool-use-id>", ""), None),
        # Quoted by a person.
        (f"What does this mean? {notification()}", None),
        (f"\n{notification()}", None),
        ("", None),
        ("<task-notification>", None),
    ],
)
def test_a_notification_is_believed_only_where_the_client_wrote_it(text: str, expected: tuple | None) -> None:
    assert as_tuple(parse_notification(text)) == expected


def delivered(text: str, **beside: object) -> dict:
    return {"type": "user", "message": {"content": text}, **beside}


def test_notifications_are_read_from_queued_and_delivered_lines(tmp_path: Path) -> None:
    queued = {"type": "queue-operation", "operation": "enqueue", "content": notification()}
    found = read_all(written(tmp_path, queued, delivered(notification(), origin={"kind": "task-notification"})))
    assert [(o.kind, o.tool_use_id, o.is_error, o.exit_code) for o in found] == [
        ("notification", "toolu_1", False, 0)
    ] * 2
    assert as_tuple(found[0].response) == ("toolu_1", "b1", "completed", 0)  # type: ignore[arg-type]


def test_a_failed_notification_is_an_error_and_names_its_status(tmp_path: Path) -> None:
    line = delivered(notification(status="<status>failed</status>"))
    (found,) = read_all(written(tmp_path, line))
    assert (found.is_error, found.evidence) == (True, "task-notification: failed")


def test_a_notification_typed_by_a_person_is_none(tmp_path: Path) -> None:
    assert kinds(tmp_path, delivered(notification(), origin={"kind": "human"})) == []


def test_a_notification_inside_a_tools_output_is_output(tmp_path: Path) -> None:
    assert kinds(tmp_path, result(notification())) == ["succeeded"]


# ---- reading in pieces ------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(name=st.sampled_from(sorted(RECORDED)), data=st.data())
def test_any_growth_of_the_file_and_any_limit_give_what_one_reading_gives(
    tmp_path_factory: pytest.TempPathFactory, name: str, data: st.DataObject
) -> None:
    whole = (TRANSCRIPTS / f"{name}.jsonl").read_bytes()
    cuts = [*sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=6))), len(whole)]
    limit = data.draw(st.sampled_from([1, 7, 512, 4096, ALL]))
    path, offset, found = tmp_path_factory.mktemp("grow") / "t.jsonl", 0, []
    for start, end in zip([0, *cuts], cuts, strict=False):
        with path.open("ab") as file:
            file.write(whole[start:end])
        at_end = False
        while not at_end:
            before = offset
            more, offset, at_end = result_lines(str(path), offset, limit)
            assert at_end or offset > before
            found += more
    assert offset == len(whole)
    assert shown(found) == shown(read_all(TRANSCRIPTS / f"{name}.jsonl"))


def test_an_unfinished_last_line_is_left_until_it_is_whole(tmp_path: Path) -> None:
    path = written(tmp_path, result(), result())
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    first, offset, at_end = result_lines(str(path), 0, ALL)
    assert (len(first), offset, at_end) == (1, len(whole) // 2, True)
    path.write_bytes(whole)
    second, offset, at_end = result_lines(str(path), offset, ALL)
    assert (len(second), offset, at_end) == (1, len(whole), True)


def test_a_reading_stops_near_its_limit_and_says_that_more_is_there(tmp_path: Path) -> None:
    path = written(tmp_path, *[result()] * 100)
    line = path.stat().st_size // 100
    found, offset, at_end = result_lines(str(path), 0, line * 10 + 5)
    assert (len(found), offset, at_end) == (10, line * 10, False)


def test_a_reading_without_room_still_goes_forward(tmp_path: Path) -> None:
    path = written(tmp_path, result(), result())
    assert result_lines(str(path), 0, 0)[1] == path.stat().st_size // 2


def test_a_line_longer_than_the_limit_is_read_whole(tmp_path: Path) -> None:
    path = written(tmp_path, result("x" * 5000), result())
    found, _, at_end = result_lines(str(path), 0, 10)
    assert (len(found[0].text), at_end) == (5000, False)


@pytest.mark.parametrize("offset", [100_000, 33])
def test_a_rewritten_file_is_read_from_its_start(tmp_path: Path, offset: int) -> None:
    path = written(tmp_path, result(), result())
    found, end, _ = result_lines(str(path), offset, ALL)
    assert (len(found), end) == (2, path.stat().st_size)


def test_a_missing_file_says_nothing_and_keeps_the_offset(tmp_path: Path) -> None:
    assert result_lines(str(tmp_path / "none.jsonl"), 40, ALL) == ([], 40, True)
    assert result_lines("", 0, ALL) == ([], 0, True)
    assert result_lines("/dev/null/none.jsonl", 7, ALL) == ([], 7, True)


def test_what_is_no_readable_file_is_counted_and_does_not_hold_the_hook_up(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in [str(tmp_path), str(tmp_path / "pipe"), "/dev/null", "a\0b"]:
        box: list = []
        reader = threading.Thread(target=lambda p=path, b=box: b.append(result_lines(p, 5, ALL)), daemon=True)
        reader.start()
        reader.join(10)
        assert box, f"reading {path!r} hangs"
        found, offset, at_end = box[0]
        assert ([o.kind for o in found], offset, at_end) == (["unreadable"], 5, True)


# ---- calls and paths --------------------------------------------------------------------------


def test_the_calls_of_a_transcript_are_listed_with_message_and_input() -> None:
    path = TRANSCRIPTS / "killed_mid_bash.jsonl"
    (call,), offset, at_end = tool_uses(str(path), 0, ALL)
    assert (call.tool_use_id[-5:], call.name, call.message_id) == ("81609", "Bash", "msg_0246181608")
    assert call.input["command"].startswith("echo start")  # type: ignore[index]
    assert (offset, at_end) == (path.stat().st_size, True)


def test_only_the_models_own_lines_are_calls(tmp_path: Path) -> None:
    line = {"message": {"id": "m", "content": [{"type": "tool_use", "id": "toolu_1", "name": "Bash"}]}}
    lines = [{"type": kind, **line} for kind in ("assistant", "progress", "api-request-messages")]
    assert len(tool_uses(str(written(tmp_path, *lines)), 0, ALL)[0]) == 1


def test_every_result_of_a_recorded_transcript_answers_one_of_its_calls() -> None:
    for path in TRANSCRIPTS.glob("*.jsonl"):
        asked = {u.tool_use_id for u in tool_uses(str(path), 0, ALL)[0]}
        assert {o.tool_use_id for o in read_all(path)} <= asked, path.name


def test_a_subagents_lines_stand_beside_its_parents() -> None:
    assert subagent_path("/h/p/abc.jsonl", "a8f8-4_d") == "/h/p/abc/subagents/agent-a8f8-4_d.jsonl"
    for agent_id in ["", "../../x", "a/b", "a.b", "a\0"]:
        assert subagent_path("/h/p/abc.jsonl", agent_id) == ""
