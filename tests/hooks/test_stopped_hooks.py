"""Deadline, signal, kill or accident at every point of a write: no permit without a row, no row
left as permitted without a permit, no receipt lost or taken twice."""

from __future__ import annotations

import json
import signal
import sqlite3
import time
from pathlib import Path

import pytest

import ledger_view

from .conftest import FakeClient
from .door import Answer, Door, bash, ran
from .judging import assert_denies, assert_tells_it_ran, statuses

CREATING = ["before-creation", "after-key", "before-ledger-rename", "after-ledger-rename", "before-head-rename"]
JOINING = ["appended-run.opened", "appended-session.joined", "appended-owner.seen"]
PREPARING = [
    "appended-step.prepared",
    "after-prepare",
    "appended-step.running",
    "after-permit",
    "before-commit",
    "after-commit",
    "before-head-rename",
    "after-head",
    "before-answer",
]
AFTER_THE_COMMIT = ("after-commit", "before-head-rename", "after-head", "before-answer", "answered")
CLOSING = ["appended-step.succeeded", "before-commit", "after-commit", "before-head-rename", "after-head"]
SIGNALS = [signal.SIGTERM, signal.SIGINT, signal.SIGHUP]
CALL = bash("echo third", "toolu_third")
RECEIPT = ran("echo second", "toolu_second")


def held(door: Door, script: str, payload: dict, point: str, **env: str):
    """A hook that stands at a crash point, and the file whose removal lets it go on."""
    gate = door.root / "gate"
    running = door.start(script, payload, DURABLE_TEST_CRASH=f"{point}:hold={gate}", **env)
    running.wait_for(gate)
    return running, gate


def assert_nothing_stays_permitted(door: Door, use_id: str) -> None:
    """Every running row of the call has its note; the next hook takes it in and closes the row."""
    if (door.state / "heads" / "ledger").exists():
        rows = ledger_view.steps(door.state, tool_use_id=use_id, status="running")
        assert {row["step_id"] for row in rows} <= {noted(path)["step_id"] for path in door.spooled()}
    assert door.pre(bash("echo next", "toolu_next")).permits
    assert statuses(door).get(use_id, "refused") == "refused"
    assert door.spooled() == []


def noted(path: Path) -> dict:
    body = json.loads(json.loads(path.read_text())["body"])
    assert body["kind"] == "not answered"
    return body


def closings(door: Door, use_id: str) -> list[str]:
    [row] = ledger_view.steps(door.state, tool_use_id=use_id)
    ledger = ledger_view.connect(door.state)
    kinds = ledger.execute("SELECT type FROM events WHERE subject = ? ORDER BY seq", [row["step_id"]]).fetchall()
    ledger.close()
    return [kind for (kind,) in kinds][2:]


# ---- before the call ----------------------------------------------------------------------------


@pytest.mark.parametrize("action", ["raise", "term"])
@pytest.mark.parametrize("point", CREATING + JOINING + PREPARING)
def test_an_accident_or_a_signal_denies(door: Door, point: str, action: str) -> None:
    assert_denies(door.pre(CALL, DURABLE_TEST_CRASH=f"{point}:{action}"))
    assert_nothing_stays_permitted(door, "toolu_third")


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("point", ["after-prepare", "before-commit", "after-commit", "before-answer"])
def test_a_signal_from_outside_denies(lived_in: Door, point: str, number: signal.Signals) -> None:
    running, gate = held(lived_in, "pre_tool_use", CALL, point)
    running.send(number)
    answer = running.finish()
    assert_denies(answer, f"signal {number.value}")
    gate.unlink(missing_ok=True)
    assert_nothing_stays_permitted(lived_in, "toolu_third")


@pytest.mark.parametrize("point", ["after-prepare", "after-commit", "before-answer"])
def test_the_deadline_denies(lived_in: Door, point: str) -> None:
    running, gate = held(lived_in, "pre_tool_use", CALL, point, DURABLE_DEADLINE_S="1")
    assert_denies(running.finish(), "deadline", within=1.0)
    gate.unlink()
    assert_nothing_stays_permitted(lived_in, "toolu_third")


@pytest.mark.parametrize("point", ["after-prepare", "before-commit", "before-answer"])
def test_a_permit_is_not_given_to_a_client_that_died_meanwhile(lived_in: Door, point: str) -> None:
    client = FakeClient()
    running, gate = held(lived_in, "pre_tool_use", CALL, point, CLAUDE_PID=str(client.pid))
    client.kill()
    gate.unlink()
    answer = running.finish()
    if point == "before-commit":
        assert answer.code in (0, 2)  # The check has been passed; the next one stands before the answer.
    assert_denies(answer, "client")
    assert_nothing_stays_permitted(lived_in, "toolu_third")


@pytest.mark.parametrize("point", CREATING + JOINING + PREPARING)
def test_killed_anywhere_the_next_call_goes_on(door: Door, point: str) -> None:
    assert door.pre(CALL, DURABLE_TEST_CRASH=f"{point}:kill").code == -signal.SIGKILL
    assert door.pre(bash("echo next", "toolu_next")).permits
    expected = {"toolu_next": "running"}
    if point in AFTER_THE_COMMIT and door.state.exists() and "toolu_third" in statuses(door):
        expected["toolu_third"] = "running"
    assert statuses(door) == expected
    ledger = sqlite3.connect(door.state / "ledger.db")
    assert ledger.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    ledger.close()


def test_a_permit_stands_once_it_is_given(lived_in: Door) -> None:
    """Signals no longer count then: a deny after a permit would be a lie in the record."""
    running, gate = held(lived_in, "pre_tool_use", CALL, "answered")
    running.send(signal.SIGTERM)
    gate.unlink()
    assert running.finish().permits
    assert lived_in.spooled() == []
    assert statuses(lived_in)["toolu_third"] == "running"


def test_a_note_counts_only_while_no_result_is_known(lived_in: Door) -> None:
    assert_denies(lived_in.pre(CALL, DURABLE_TEST_CRASH="after-commit:raise"))
    [note] = lived_in.spooled()
    away = note.rename(lived_in.root / note.name)
    assert lived_in.post(ran("echo third", "toolu_third")).permits
    away.rename(note)
    assert lived_in.pre(bash("echo next", "toolu_next")).permits
    assert closings(lived_in, "toolu_third") == ["step.succeeded"]
    assert lived_in.spooled() == []


def test_a_second_start_of_the_same_call_that_fails_takes_nothing_back(lived_in: Door) -> None:
    assert lived_in.pre(CALL).permits
    assert_denies(lived_in.pre(CALL, DURABLE_TEST_CRASH="before-answer:raise"))
    assert lived_in.spooled() == []
    assert statuses(lived_in)["toolu_third"] == "running"


def test_a_second_start_meets_no_row_whose_permit_was_never_given_however_much_is_spooled(lived_in: Door) -> None:
    """The hook that starts again has time to fold one receipt; the note was written after them all."""
    for number in range(3):
        assert lived_in.pre(bash(use_id=f"toolu_{number}")).permits
    for number in range(3):
        assert_tells_it_ran(lived_in.post(ran(use_id=f"toolu_{number}"), DURABLE_TEST_CRASH="before-commit:raise"))
    away = [path.rename(lived_in.root / path.name) for path in lived_in.spooled()]
    assert_denies(lived_in.pre(CALL, DURABLE_TEST_CRASH="before-answer:term"))
    for path in away:
        path.rename(lived_in.state / "spool" / path.name)
    running, gate = held(lived_in, "pre_tool_use", CALL, "mid-fold", DURABLE_DEADLINE_S="3")
    time.sleep(1.6)
    gate.unlink()
    running.wait_for(gate)  # at the one receipt
    gate.unlink()
    assert running.finish().permits
    assert lived_in.pre(bash("echo next", "toolu_next")).permits
    rows = ledger_view.steps(lived_in.state, tool_use_id="toolu_third")
    assert [row["status"] for row in rows] == ["refused", "running"]


def test_a_second_start_that_was_permitted_is_not_taken_back_by_the_first(lived_in: Door) -> None:
    running, gate = held(lived_in, "pre_tool_use", CALL, "before-answer")
    assert lived_in.pre(CALL).permits
    running.send(signal.SIGTERM)
    assert_denies(running.finish(), "signal")
    gate.unlink()
    assert len(lived_in.spooled()) == 1
    assert lived_in.pre(CALL).permits
    assert lived_in.post(ran("echo third", "toolu_third")).permits
    assert closings(lived_in, "toolu_third") == ["step.succeeded"]
    assert lived_in.spooled() == []


def test_nor_by_a_note_that_lay_where_the_second_start_did_not_look(lived_in: Door) -> None:
    assert_denies(lived_in.pre(CALL, DURABLE_TEST_CRASH="before-answer:term"))
    [note] = lived_in.spooled()
    away = note.rename(lived_in.root / note.name)
    assert lived_in.pre(CALL).permits
    away.rename(note)
    assert lived_in.pre(bash("echo next", "toolu_next")).permits
    assert statuses(lived_in)["toolu_third"] == "running"
    assert lived_in.spooled() == []


def test_in_observe_mode_a_row_that_stands_is_not_called_unrecorded(lived_in: Door) -> None:
    lived_in.policy('mode = "observe"\n')
    assert lived_in.pre(CALL, DURABLE_TEST_CRASH="before-answer:term").permits
    assert statuses(lived_in)["toolu_third"] == "running"


def test_nor_is_one_whose_commit_was_cut_short(lived_in: Door) -> None:
    lived_in.policy('mode = "observe"\n')
    answer = lived_in.pre(CALL, DURABLE_TEST_CRASH="after-commit:term")
    assert "may have gone unrecorded" in answer.json["systemMessage"]
    assert statuses(lived_in)["toolu_third"] == "running"


# ---- after the call -----------------------------------------------------------------------------


@pytest.mark.parametrize("action", ["raise", "term"])
@pytest.mark.parametrize("point", CLOSING)
def test_a_receipt_survives_an_accident_or_a_signal(lived_in: Door, point: str, action: str) -> None:
    answer = lived_in.post(RECEIPT, DURABLE_TEST_CRASH=f"{point}:{action}")
    assert_tells_it_ran(answer)
    assert lived_in.pre(bash("echo next", "toolu_next")).permits
    assert statuses(lived_in)["toolu_second"] == "succeeded"
    assert lived_in.spooled() == []
    assert not [row for row in ledger_view.steps(lived_in.state) if row["flag"]]


@pytest.mark.parametrize("point", CLOSING)
def test_a_receipt_is_not_taken_twice_where_the_accident_came_after_the_commit(lived_in: Door, point: str) -> None:
    lived_in.post(RECEIPT, DURABLE_TEST_CRASH=f"{point}:raise")
    assert lived_in.pre(bash("echo next", "toolu_next")).permits
    assert closings(lived_in, "toolu_second") == ["step.succeeded"]


def test_a_receipt_that_stands_is_no_reason_to_alarm_the_model(lived_in: Door) -> None:
    assert lived_in.post(RECEIPT, DURABLE_TEST_CRASH="before-answer:term").permits
    assert lived_in.spooled() == []


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("point", CLOSING[:2])
def test_a_receipt_survives_a_signal_from_outside(lived_in: Door, point: str, number: signal.Signals) -> None:
    running, gate = held(lived_in, "post_tool_use", RECEIPT, point)
    running.send(number)
    assert_tells_it_ran(running.finish())
    gate.unlink()
    assert lived_in.pre(bash("echo next", "toolu_next")).permits
    assert closings(lived_in, "toolu_second") == ["step.succeeded"]


@pytest.mark.parametrize("point", ["before-spool", "mid-spool"])
@pytest.mark.parametrize("action", ["raise", "kill"])
def test_an_accident_on_the_way_to_the_spool_breaks_nothing_else(lived_in: Door, point: str, action: str) -> None:
    from .test_state_faults import garbage

    ledger = (lived_in.state / "ledger.db").read_bytes(), (lived_in.state / "ledger.db-wal").read_bytes()
    garbage(lived_in)
    answer = lived_in.post(RECEIPT, DURABLE_TEST_CRASH=f"{point}:{action}")
    if action == "raise":
        assert_tells_it_ran(answer)
        assert "could not be kept" in answer.told
    (lived_in.state / "ledger.db").write_bytes(ledger[0])
    (lived_in.state / "ledger.db-wal").write_bytes(ledger[1])
    assert lived_in.pre(bash("echo next", "toolu_next")).permits
    assert statuses(lived_in)["toolu_second"] == "running"


# ---- between calls ------------------------------------------------------------------------------


@pytest.mark.parametrize("action", ["raise", "term"])
@pytest.mark.parametrize("point", [*JOINING, "before-commit", "after-commit", "after-head", "before-answer"])
def test_between_calls_an_accident_stops_nobody(door: Door, point: str, action: str) -> None:
    answer = door.lifecycle(DURABLE_TEST_CRASH=f"{point}:{action}")
    assert (answer.code, answer.err) == (0, "")
    assert not answer.out or list(answer.json) == ["systemMessage"]


# ---- folding ------------------------------------------------------------------------------------


@pytest.mark.parametrize("action", ["kill", "raise", "term"])
@pytest.mark.parametrize("point", ["mid-fold", "before-commit", "after-commit", "after-head", "before-answer"])
def test_a_spooled_receipt_is_taken_in_once_whatever_befalls_the_hook_that_does(
    lived_in: Door, point: str, action: str
) -> None:
    spool_a_receipt(lived_in)
    lived_in.pre(CALL, DURABLE_TEST_CRASH=f"{point}:{action}")
    assert lived_in.pre(bash("echo next", "toolu_next")).permits
    assert lived_in.spooled() == []
    assert closings(lived_in, "toolu_second") == ["step.succeeded"]
    assert ledger_view.step(lived_in.state, tool_use_id="toolu_second")["closed_by"] == "spool"


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_while_a_receipt_is_taken_in_is_not_held_against_the_receipt(
    lived_in: Door, number: signal.Signals
) -> None:
    spool_a_receipt(lived_in)
    running, gate = held(lived_in, "pre_tool_use", CALL, "appended-step.succeeded")
    running.send(number)
    assert_denies(running.finish(), f"signal {number.value}")
    gate.unlink()
    assert len(lived_in.spooled()) == 1
    assert lived_in.pre(bash("echo next", "toolu_next")).permits
    assert closings(lived_in, "toolu_second") == ["step.succeeded"]


def spool_a_receipt(door: Door) -> Answer:
    answer = door.post(RECEIPT, DURABLE_TEST_CRASH="before-commit:raise")
    assert_tells_it_ran(answer)
    return answer
