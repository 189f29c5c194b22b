"""Input that can't be understood: before the call a deny, after it a kept text, in between nothing."""

from __future__ import annotations

import json
import os
import subprocess
from typing import Any

import pytest

import ledger_view

from .door import Answer, Door, Running, bash, ran, recorded
from .judging import assert_denies, assert_lets_through_unrecorded, assert_tells_it_ran, statuses

SHORT = "0.6"


def without(payload: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in payload.items() if key != name}


def text(payload: Any, **replacing: str) -> bytes:
    """The payload as JSON text, with what no JSON writer would write put in for a marker."""
    written = json.dumps(payload)
    for marker, instead in replacing.items():
        assert f'"{marker}"' in written
        written = written.replace(f'"{marker}"', instead)
    return written.encode()


def with_input(value: Any) -> dict[str, Any]:
    return {**bash(), "tool_input": value}


WHOLE = json.dumps(bash()).encode()
NESTED = '{"command":' + "[" * 10_000 + "]" * 10_000 + "}"
FAULTS: dict[str, tuple[Any, str]] = {
    "empty": (b"", "empty"),
    "only blanks": (b" \n\t ", "empty"),
    "half a document": (WHOLE[: len(WHOLE) // 2], "JSON"),
    "one bracket": (b"{", "JSON"),
    "trailing garbage": (WHOLE + b"x", "goes on"),
    "two documents": (WHOLE + b"\n" + WHOLE, "goes on"),
    "a list": ([bash()], "list"),
    "a string": ("PreToolUse", "string"),
    "a number": (b"1", "number"),
    "null": (b"null", "null"),
    "tool_input a string": (with_input("rm"), "tool_input"),
    "tool_input a list": (with_input(["rm"]), "tool_input"),
    "tool_input null": (with_input(None), "tool_input"),
    "tool_input a number": (with_input(7), "tool_input"),
    "tool_input missing": (without(bash(), "tool_input"), "tool_input"),
    "NaN": (text(with_input({"n": "@"}), **{"@": "NaN"}), "NaN"),
    "Infinity": (text(with_input({"n": "@"}), **{"@": "Infinity"}), "Infinity"),
    "minus Infinity": (text(with_input({"n": "@"}), **{"@": "-Infinity"}), "Infinity"),
    "1e999": (text(with_input({"n": "@"}), **{"@": "1e999"}), "too large"),
    "an integer of 5,000 digits": (text(with_input({"n": "@"}), **{"@": "9" * 5000}), "JSON"),
    "duplicate keys": (b'{"session_id":"a",' + WHOLE[1:], "twice"),
    "duplicate keys inside": (text(with_input("@"), **{"@": '{"command":"a","command":"b"}'}), "twice"),
    "single quotes": (str(bash()).encode(), "JSON"),
    "a comment": (b"/* */" + WHOLE, "JSON"),
    "a line break in a string": (text(with_input({"c": "@"}), **{"@": '"a\nb"'}), "JSON"),
    "a bad escape": (text(with_input({"c": "@"}), **{"@": '"\\x41"'}), "JSON"),
    "half a unicode escape": (text(with_input({"c": "@"}), **{"@": '"\\u12"'}), "JSON"),
    "nested 10,000 deep": (text(with_input("@"), **{"@": NESTED}), "nested"),
    "lists nested 10,000 deep and never closed": (b"[" * 10_000, "nested"),
    "invalid UTF-8": (WHOLE.replace(b"echo hi", b"echo \xff"), "UTF-8"),
    "UTF-8 cut in a letter": (WHOLE.replace(b"echo hi", b"echo \xc3"), "UTF-8"),
    "a surrogate encoded in UTF-8": (WHOLE.replace(b"echo hi", b"echo \xed\xa0\x80"), "UTF-8"),
    "a byte order mark": (b"\xef\xbb\xbf" + WHOLE, "JSON"),
    "UTF-16": (json.dumps(bash()).encode("utf-16"), "UTF-8"),
    "UTF-16 without a mark": (json.dumps(bash()).encode("utf-16-le"), "JSON"),
    "NUL bytes": (b"\0" * 100, "JSON"),
    "a NUL in a string": (WHOLE.replace(b"echo hi", b"echo \0"), "JSON"),
    "a NUL after the document": (WHOLE + b"\0", "goes on"),
    "no event": (without(bash(), "hook_event_name"), "hook_event_name"),
    "an empty event": (bash(hook_event_name=""), "hook_event_name"),
    "an event that is a list": (bash(hook_event_name=["PreToolUse"]), "hook_event_name"),
    "another door's event": (ran(), "PostToolUse"),
    "an unknown event": (bash(hook_event_name="PreToolUsage"), "PreToolUsage"),
    "the event in small letters": (bash(hook_event_name="pretooluse"), "pretooluse"),
    "an event name of 100,000 letters": (bash(hook_event_name="x" * 100_000), "event"),
    "a session with a line break": (bash(session_id="a\nb"), "session_id"),
    "a transcript path that is a number": (bash(transcript_path=7), "transcript_path"),
    "a cwd that is a list": (bash(cwd=["/"]), "cwd"),
    "an agent that is an object": (bash(agent_id={}), "agent_id"),
}
BAD_IDS = {
    "missing": ...,
    "null": None,
    "empty": "",
    "a number": 7,
    "a list": ["x"],
    "with a line break": "a\nb",
    "with a NUL": "a\0b",
    "with a line separator": "a\u2028b",
    "with a terminal's escape": "a\x1b[2Jb",
    "too long": "x" * 257,
}
for field in ("session_id", "tool_use_id", "tool_name"):
    for kind, value in BAD_IDS.items():
        payload = without(bash(), field) if value is ... else bash() | {field: value}
        FAULTS[f"{field} {kind}"] = (payload, field)


@pytest.mark.parametrize("fault", FAULTS)
def test_input_that_cant_be_understood_denies_the_call(door: Door, fault: str) -> None:
    payload, word = FAULTS[fault]
    assert_denies(door.pre(payload), word)


@pytest.mark.parametrize("fault", ["half a document", "nested 10,000 deep", "invalid UTF-8", "tool_use_id missing"])
def test_after_the_call_the_text_is_kept_and_the_model_told(lived_in: Door, fault: str) -> None:
    payload, _ = FAULTS[fault]
    answer = lived_in.post(payload if isinstance(payload, bytes) else {**payload, "hook_event_name": "PostToolUse"})
    assert_tells_it_ran(answer)
    [path] = lived_in.spooled()
    assert str(path) in answer.told


FEW = ("empty", "half a document", "a list", "tool_input null", "nested 10,000 deep", "invalid UTF-8")


@pytest.mark.parametrize("fault", FEW)
def test_in_observe_mode_the_call_is_let_through_and_the_person_told(door: Door, fault: str) -> None:
    door.policy('mode = "observe"\n')
    assert_lets_through_unrecorded(door.pre(FAULTS[fault][0]))


@pytest.mark.parametrize("fault", FEW)
def test_between_calls_nobody_is_stopped(door: Door, fault: str) -> None:
    answer = door.lifecycle(FAULTS[fault][0])
    assert (answer.code, answer.err) == (0, "")
    assert not answer.out or "systemMessage" in answer.json


def test_a_fault_leaves_no_row(lived_in: Door) -> None:
    before = statuses(lived_in)
    assert_denies(lived_in.pre(FAULTS["tool_input a list"][0]))
    assert statuses(lived_in) == before


def test_a_secret_in_what_cant_be_understood_is_not_repeated(door: Door) -> None:
    token = "ghp_" + "a1B2" * 9
    answer = door.pre(bash(hook_event_name=f"export GITHUB_TOKEN={token}"))
    assert_denies(answer)
    assert token not in answer.err
    assert token not in (door.state / "hook.log").read_text() if door.state.exists() else True


# ---- streams ------------------------------------------------------------------------------------


def redirected(door: Door, redirection: str, payload: Any = None) -> Answer:
    line = " ".join(f"'{word}'" for word in door.argv("pre_tool_use"))
    return door.run_argv(["/bin/sh", "-c", f"exec {line} {redirection}"], bash() if payload is None else payload)


def test_a_closed_stdin_denies(door: Door) -> None:
    assert_denies(redirected(door, "<&-"), "input")


def test_a_stdin_that_cant_be_read_denies(door: Door) -> None:
    assert_denies(redirected(door, "0>/dev/null"), "input")


def test_a_deny_that_cant_be_printed_is_one_by_its_exit_code(door: Door) -> None:
    door.policy("mode = ")
    answer = redirected(door, ">&-")
    assert answer.code == 2
    assert answer.err.startswith("durable denied this call")


def test_with_stderr_closed_it_is_still_a_deny(door: Door) -> None:
    answer = redirected(door, "2>&-", b"{")
    assert (answer.code, answer.out, answer.err) == (2, "", "")


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_no_answer_ends_in_a_file_that_took_a_closed_streams_number(lived_in: Door, closed: str) -> None:
    lived_in.policy("mode = ")
    redirected(lived_in, closed)
    assert (lived_in.state / "locks" / "ledger.lock").read_bytes() == b""
    assert lived_in.copy(lived_in.root.parent / "other").lifecycle().code == 0
    (lived_in.config / "policy.toml").unlink()
    assert lived_in.pre(bash(use_id="toolu_next")).permits


def test_a_stdin_that_never_ends_is_denied_at_the_deadline(door: Door) -> None:
    reading, writing = os.pipe()
    try:
        os.write(writing, WHOLE)
        running = door.start("pre_tool_use", stdin=reading, DURABLE_DEADLINE_S=SHORT)
        assert_denies(running.finish(), "deadline", "input", within=float(SHORT))
    finally:
        os.close(reading)
        os.close(writing)


def test_observe_mode_is_known_even_if_the_input_never_ends(door: Door) -> None:
    door.policy('mode = "observe"\n')
    reading, writing = os.pipe()
    try:
        answer = door.start("pre_tool_use", stdin=reading, DURABLE_DEADLINE_S=SHORT).finish()
    finally:
        os.close(reading)
        os.close(writing)
    assert_lets_through_unrecorded(answer)


def test_after_the_call_what_came_before_the_deadline_is_kept(lived_in: Door) -> None:
    reading, writing = os.pipe()
    try:
        os.write(writing, json.dumps(ran()).encode()[:-1])
        answer = lived_in.start("post_tool_use", stdin=reading, DURABLE_DEADLINE_S=SHORT).finish()
    finally:
        os.close(reading)
        os.close(writing)
    assert_tells_it_ran(answer)
    [path] = lived_in.spooled()
    assert "toolu_1" in path.read_text()


def test_a_flood_of_input_is_denied_before_memory_runs_out(door: Door) -> None:
    flood = subprocess.Popen(["yes"], stdout=subprocess.PIPE)
    try:
        assert_denies(door.start("pre_tool_use", stdin=flood.stdout).finish(), "larger than")
    finally:
        flood.kill()
        flood.wait()
        assert flood.stdout is not None
        flood.stdout.close()


# ---- strange, but whole -------------------------------------------------------------------------


def test_ten_megabytes_of_input_are_recorded(door: Door) -> None:
    command = "echo " + "lorem ipsum " * 850_000
    assert door.pre(bash(command)).permits
    assert_recorded(door, {"command": command})


def test_lone_surrogates_are_recorded_escaped(door: Door) -> None:
    assert door.pre(text(bash("@"), **{"@": '"echo \\ud800"'})).permits
    assert_recorded(door, {"command": "echo \ud800"})


def test_a_lone_surrogate_in_a_path_is_no_reason_to_deny(door: Door) -> None:
    assert door.pre(bash(cwd="/home/\udcff")).permits


def test_an_escaped_nul_in_an_argument_is_recorded(door: Door) -> None:
    assert door.pre(bash("printf '\0'")).permits
    assert_recorded(door, {"command": "printf '\0'"})


def test_input_nested_deeper_than_the_stack_is_denied_not_crashed_on(door: Door) -> None:
    for depth in (200, 900, 3_000):
        nested = '{"command":' + "[" * depth + "]" * depth + "}"
        answer = door.pre(text(with_input("@"), **{"@": nested}))
        if not answer.permits:
            assert_denies(answer, "nested too deeply")


def test_a_receipt_nested_deeper_than_the_stack_is_kept(lived_in: Door) -> None:
    for depth in (200, 900, 3_000):
        nested = "[" * depth + "]" * depth
        answer = lived_in.post(text({**ran("echo second", "toolu_second"), "tool_response": "@"}, **{"@": nested}))
        assert answer.permits or lived_in.spooled()
        if not answer.permits:
            assert_tells_it_ran(answer)


def assert_recorded(door: Door, given: dict[str, Any]) -> None:
    assert ledger_view.step(door.state)["input"] == given


def test_the_faults_are_faults_because_the_whole_payload_is_permitted(door: Door) -> None:
    assert door.pre(WHOLE).permits
    assert door.lifecycle(recorded("SessionStart-startup")).code == 0
    assert isinstance(door.start("pre_tool_use", bash(use_id="toolu_2")), Running)
