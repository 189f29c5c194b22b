"""Observe mode on a ledger that can't be written: the call runs, and its row says so once there is one."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import ledger_view

from .door import Door, bash, ran
from .judging import assert_denies, assert_lets_through_unrecorded, assert_tells_it_ran, statuses
from .test_stopped_hooks import CALL

OBSERVING = 'mode = "observe"\n'


@pytest.fixture
def observing(lived_in: Door) -> Door:
    lived_in.policy(OBSERVING)
    return lived_in


def head_gone(door: Door) -> None:
    (door.state / "heads").rename(door.root / "heads")


def head_back(door: Door) -> None:
    (door.root / "heads").rename(door.state / "heads")


def row_of(door: Door, use_id: str) -> dict:
    return ledger_view.step(door.state, tool_use_id=use_id)


def assert_says_it_was_let_through(row: dict) -> None:
    assert (row["flag"], row["mode"], row["prepared_at"]) == ("unprepared", "observe", None)
    assert row["would"].startswith("deny: ")


def test_a_receipt_that_waited_as_well_finds_a_row_that_says_so(observing: Door) -> None:
    head_gone(observing)
    assert_lets_through_unrecorded(observing.pre(bash("echo third", "toolu_third")))
    assert_tells_it_ran(observing.post(ran("echo third", "toolu_third")))
    head_back(observing)
    assert observing.pre(bash("echo next", "toolu_next")).permits
    row = row_of(observing, "toolu_third")
    assert_says_it_was_let_through(row)
    assert (row["status"], row["closed_by"]) == ("succeeded", "spool")
    assert "restore" in row["would"]
    assert observing.spooled() == []


def test_so_does_one_that_comes_when_the_ledger_is_whole_again(observing: Door) -> None:
    head_gone(observing)
    observing.pre(bash("echo third", "toolu_third"))
    head_back(observing)
    assert observing.post(ran("echo third", "toolu_third")).permits
    row = row_of(observing, "toolu_third")
    assert_says_it_was_let_through(row)
    assert (row["status"], row["closed_by"]) == ("succeeded", "PostToolUse")


def test_one_without_a_receipt_is_running_until_something_says_how_it_ended(observing: Door) -> None:
    head_gone(observing)
    observing.pre(bash("echo third", "toolu_third"))
    head_back(observing)
    assert observing.pre(bash("echo next", "toolu_next")).permits
    assert_says_it_was_let_through(row_of(observing, "toolu_third"))
    assert statuses(observing)["toolu_third"] == "running"


def test_a_hook_that_was_started_twice_leaves_one_row(observing: Door) -> None:
    head_gone(observing)
    for _ in range(2):
        observing.pre(bash("echo third", "toolu_third"))
    head_back(observing)
    assert observing.pre(bash("echo next", "toolu_next")).permits
    assert_says_it_was_let_through(row_of(observing, "toolu_third"))


def test_what_comes_too_late_makes_no_second_row_beside_the_receipts(observing: Door) -> None:
    head_gone(observing)
    observing.pre(bash("echo third", "toolu_third"))
    [note] = observing.spooled()
    note.rename(observing.root / note.name)
    head_back(observing)
    assert observing.post(ran("echo third", "toolu_third")).permits
    (observing.root / note.name).rename(note)
    assert observing.pre(bash("echo next", "toolu_next")).permits
    row = row_of(observing, "toolu_third")
    assert (row["flag"], row["mode"], row["would"]) == ("unprepared", "observe", None)


def test_one_whose_commit_was_cut_short_keeps_its_own_row(observing: Door) -> None:
    observing.pre(CALL, DURABLE_TEST_CRASH="after-commit:term")
    [note] = observing.spooled()
    away = note.rename(observing.root / note.name)
    assert observing.post(ran("echo third", "toolu_third")).permits
    away.rename(note)
    assert observing.pre(bash("echo next", "toolu_next")).permits
    row = row_of(observing, "toolu_third")
    assert (row["flag"], row["status"]) == (None, "succeeded")
    assert observing.spooled() == []


def test_the_files_of_two_places_are_taken_in_as_they_were_written(observing: Door) -> None:
    """The first finds no room beside the ledger, the second does."""
    head_gone(observing)
    shutil.rmtree(observing.state / "spool")
    (observing.state / "spool").touch()
    observing.pre(bash("echo third", "toolu_third"))
    (observing.state / "spool").unlink()
    observing.post(ran("echo third", "toolu_third"))
    head_back(observing)
    assert [len(observing.spooled(room / "spool")) for room in (observing.config, observing.state)] == [1, 1]
    assert observing.pre(bash("echo next", "toolu_next")).permits
    assert_says_it_was_let_through(row_of(observing, "toolu_third"))


def test_a_receipt_that_nothing_came_before_says_the_mode_and_does_not_guess(observing: Door) -> None:
    assert observing.post(ran("echo sly", "toolu_sly")).permits
    row = row_of(observing, "toolu_sly")
    assert (row["flag"], row["mode"], row["would"]) == ("unprepared", "observe", None)


def test_the_mode_is_that_of_the_hook_that_wrote_the_file(observing: Door) -> None:
    head_gone(observing)
    observing.post(ran("echo sly", "toolu_sly"))
    head_back(observing)
    observing.policy("")
    assert observing.pre(bash("echo next", "toolu_next")).permits
    assert row_of(observing, "toolu_sly")["mode"] == "observe"


def test_the_waiting_file_holds_no_secret(observing: Door) -> None:
    token = "ghp_" + "a1B2" * 9
    head_gone(observing)
    observing.pre(bash(f"curl -H 'Authorization: token {token}' x", "toolu_third"))
    [path] = observing.spooled()
    assert token not in path.read_text()
    assert "[redacted:" in path.read_text()


def test_the_result_is_found_in_the_transcript_though_the_row_is_younger(observing: Door, tmp_path: Path) -> None:
    transcript = tmp_path / "transcript.jsonl"
    transcript.write_text("")
    head_gone(observing)
    observing.pre(bash("echo third", "toolu_third", transcript_path=str(transcript)))
    transcript.write_text('{"type": "user"}\n' * 10)
    head_back(observing)
    assert observing.pre(bash("echo next", "toolu_next")).permits
    assert row_of(observing, "toolu_third")["transcript_pos"] == 0


def test_a_policy_that_breaks_ends_observe_mode(observing: Door) -> None:
    assert observing.pre(bash("echo third", "toolu_third")).permits
    observing.policy('mode = "obs\n')
    answer = observing.pre(bash("echo fourth", "toolu_fourth"))
    assert answer.json["hookSpecificOutput"]["permissionDecision"] == "deny"
    row = row_of(observing, "toolu_fourth")
    assert (row["status"], row["mode"], row["would"]) == ("refused", "enforce", None)
    head_gone(observing)
    assert_denies(observing.pre(bash("echo fifth", "toolu_fifth")))


def test_so_does_one_that_can_no_longer_be_read(observing: Door) -> None:
    assert observing.pre(bash("echo third", "toolu_third")).permits
    (observing.config / "policy.toml").unlink()
    (observing.config / "policy.toml").mkdir()
    answer = observing.pre(bash("echo fourth", "toolu_fourth"))
    assert answer.json["hookSpecificOutput"]["permissionDecision"] == "deny"
    assert row_of(observing, "toolu_fourth")["mode"] == "enforce"


def test_patterns_that_break_stay_in_force_as_they_last_were(lived_in: Door) -> None:
    lived_in.policy('[redact]\npatterns = ["corp-[0-9]+"]\n')
    assert lived_in.pre(bash("echo corp-12 end", "toolu_third")).permits
    for broken in ('[redact]\npatterns = ["corp-[0-9"]\n', "[redact]\npatterns = 7\n", "[redact\n"):
        lived_in.policy(broken)
        use_id = f"toolu_{len(broken)}"
        lived_in.pre(bash("echo corp-12 end", use_id))
        assert row_of(lived_in, use_id)["input"]["command"] == "echo [redacted:custom] end"
    lived_in.post(ran("echo second", "toolu_second", stdout="see corp-77"))
    assert row_of(lived_in, "toolu_second")["output"]["stdout"] == "see [redacted:custom]"
    files = [path for path in lived_in.state.rglob("*") if path.is_file()]
    assert [path for path in files if b"corp-12" in path.read_bytes() or b"corp-77" in path.read_bytes()] == []
