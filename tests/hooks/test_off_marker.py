"""`durable off`: silence for a stated time, whatever is broken; then enforcement, and the record."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from durable import switch
from durable.clock import now

from .door import ROOT, Answer, Door, bash, ran, recorded
from .judging import assert_denies, statuses
from .test_spool import events, next_call
from .test_state_faults import FAULTS, FEW, garbage

TOKEN = "ghp_" + "a1B2" * 9
HOUR_NS = 3_600_000_000_000


def lift(door: Door, seconds: float = 3600, reason: str = "repair", since_ns: int | None = None) -> Path:
    started = time.time_ns() if since_ns is None else since_ns
    return Path(switch.lift(door.env, seconds, reason, "me", started).path)


def lift_and_let_pass(door: Door, **fields: str) -> Path:
    """A marker of an hour that ended an hour ago."""
    return lift(door, since_ns=time.time_ns() - 2 * HOUR_NS, **fields)


def written(door: Door, **fields: object) -> Path:
    """A marker as anyone could write it."""
    path = lift(door)
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))
    return path


# ---- in force -----------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", FEW)
def test_while_it_lasts_every_hook_is_silent_whatever_is_broken(lived_in: Door, fault: str) -> None:
    FAULTS[fault][0](lived_in)
    lift(lived_in)
    assert lived_in.pre(bash(use_id="toolu_next")).permits
    assert lived_in.post(ran(use_id="toolu_next")).permits
    assert lived_in.lifecycle().permits


def test_while_it_lasts_nothing_is_written(lived_in: Door) -> None:
    before = statuses(lived_in)
    lift(lived_in)
    for answer in (lived_in.pre(bash(use_id="toolu_next")), lived_in.pre(b"{"), lived_in.post(b"")):
        assert answer.permits
    assert statuses(lived_in) == before
    assert lived_in.spooled() == []


def test_it_needs_no_state_at_all(door: Door) -> None:
    lift(door)
    assert door.pre().permits
    assert not door.state.exists()


def test_once_it_is_over_calls_are_denied_again(lived_in: Door) -> None:
    lift_and_let_pass(lived_in)
    garbage(lived_in)
    assert_denies(lived_in.pre(bash(use_id="toolu_next")))


def test_before_its_time_it_does_not_count(lived_in: Door) -> None:
    path = lift(lived_in, since_ns=time.time_ns() + HOUR_NS)
    next_call(lived_in)
    assert "toolu_next" in statuses(lived_in)
    assert path.exists()


UNTRUSTED = {
    "empty": "",
    "garbage": "off",
    "a list": "[]",
    "a number": "7",
    "without an end": json.dumps({"by": "me", "id": "x", "reason": "", "since": "2020-01-01T00:00:00.000000Z"}),
    "nested": "[" * 10_000,
}
FIELDS = {
    "an end that sorts late": {"until": "zzzz"},
    "an end in no calendar": {"until": "2999-99-99T99:99:99.000000Z"},
    "an end that is a number": {"until": 1e12},
    "an id with a line break": {"id": "a\nb"},
    "an id that is empty": {"id": ""},
    "an end further away than durable off allows": {"until": "2999-01-01T00:00:00.000000Z"},
    "an earlier one that is none": {"earlier": [7]},
    "earlier ones that are none": {"earlier": 7},
}


@pytest.mark.parametrize("kind", [*UNTRUSTED, *FIELDS])
def test_a_marker_that_cant_be_understood_is_none(lived_in: Door, kind: str) -> None:
    path = written(lived_in, **FIELDS.get(kind, {}))
    if kind in UNTRUSTED:
        path.write_text(UNTRUSTED[kind])
    next_call(lived_in)
    assert "toolu_next" in statuses(lived_in)


@pytest.mark.parametrize("kind", ["a link", "a folder", "a fifo"])
def test_a_marker_that_is_no_plain_file_is_none(lived_in: Door, kind: str) -> None:
    path = lift(lived_in)
    away = path.rename(lived_in.root / "away")
    {"a link": lambda: path.symlink_to(away), "a folder": path.mkdir, "a fifo": lambda: os.mkfifo(path)}[kind]()
    next_call(lived_in)
    assert "toolu_next" in statuses(lived_in)


@pytest.mark.parametrize("project", ["named", "where the client is"])
def test_a_marker_that_a_project_brought_along_is_none(lived_in: Door, project: str) -> None:
    lived_in.env["XDG_CONFIG_HOME"] = str(lived_in.project / "config")
    lift(lived_in)
    assert switch.read_marker(lived_in.env) is None
    named = lived_in.env["CLAUDE_PROJECT_DIR"] if project == "named" else None
    garbage(lived_in)
    assert_denies(lived_in.pre(bash(use_id="toolu_next"), CLAUDE_PROJECT_DIR=named))


# ---- on record ----------------------------------------------------------------------------------


def test_once_it_is_over_the_next_hook_records_it_and_takes_the_marker_away(lived_in: Door) -> None:
    path = lift_and_let_pass(lived_in, reason=f"the token is {TOKEN}")
    span = json.loads(path.read_text())
    next_call(lived_in)
    [event] = events(lived_in, "enforcement.off")
    assert event["subject"] == span["id"]
    assert (event["since"], event["until"], event["by"]) == (span["since"], span["until"], "me")
    assert event["reason"].startswith("the token is")
    assert TOKEN not in event["reason"]
    assert not path.exists()


@pytest.mark.parametrize("script", ["post_tool_use", "lifecycle"])
def test_any_hook_records_it(lived_in: Door, script: str) -> None:
    path = lift_and_let_pass(lived_in)
    payload = ran("echo second", "toolu_second") if script == "post_tool_use" else recorded("UserPromptSubmit")
    assert lived_in.run(script, payload).permits
    assert len(events(lived_in, "enforcement.off")) == 1
    assert not path.exists()


@pytest.mark.parametrize("action", ["kill", "raise", "term"])
@pytest.mark.parametrize("point", ["appended-enforcement.off", "before-commit", "after-commit", "after-head"])
def test_it_is_recorded_once_whatever_befalls_the_hook_that_does(lived_in: Door, point: str, action: str) -> None:
    path = lift_and_let_pass(lived_in)
    assert lived_in.pre(bash(use_id="toolu_stopped"), DURABLE_TEST_CRASH=f"{point}:{action}").code != 0
    assert path.exists()
    next_call(lived_in)
    assert len(events(lived_in, "enforcement.off")) == 1
    assert not path.exists()
    next_call(lived_in, "toolu_again")
    assert len(events(lived_in, "enforcement.off")) == 1


def test_ended_early_it_is_recorded_with_its_real_end(lived_in: Door) -> None:
    lift(lived_in)
    assert lived_in.pre(bash(use_id="toolu_unrecorded")).permits
    marker = switch.read_marker(lived_in.env)
    assert marker is not None
    switch.restore(marker)
    next_call(lived_in)
    [event] = events(lived_in, "enforcement.off")
    assert event["until"] <= now()
    assert set(statuses(lived_in)) == {"toolu_first", "toolu_second", "toolu_next"}


def test_lifted_again_before_any_hook_came_both_times_are_recorded(lived_in: Door) -> None:
    lift_and_let_pass(lived_in, reason="first")
    path = lift(lived_in, seconds=1, reason="second", since_ns=time.time_ns() - HOUR_NS)
    next_call(lived_in)
    assert [event["reason"] for event in events(lived_in, "enforcement.off")] == ["first", "second"]
    assert not path.exists()


def test_lifted_again_while_it_lasts_the_first_ends_where_the_second_begins(lived_in: Door) -> None:
    lift(lived_in, reason="first", since_ns=time.time_ns() - HOUR_NS // 2)
    lift(lived_in, reason="second")
    assert lived_in.pre(bash(use_id="toolu_unrecorded")).permits
    marker = switch.read_marker(lived_in.env)
    assert marker is not None
    switch.restore(marker)
    next_call(lived_in)
    first, second = events(lived_in, "enforcement.off")
    assert (first["reason"], second["reason"]) == ("first", "second")
    assert first["until"] == second["since"]


def test_a_marker_set_while_a_hook_records_the_last_one_stays(lived_in: Door) -> None:
    lift_and_let_pass(lived_in)
    old = switch.read_marker(lived_in.env)
    assert old is not None
    path = lift(lived_in, reason="again")
    switch.remove(old, lived_in.env)
    assert path.exists()


def test_a_receipt_of_a_call_made_meanwhile_is_flagged(lived_in: Door) -> None:
    """It ran without a row, and the record says so, and why."""
    path = lift(lived_in)
    assert lived_in.pre(bash("echo unrecorded", "toolu_unrecorded")).permits
    path.unlink()
    assert lived_in.post(ran("echo unrecorded", "toolu_unrecorded")).permits
    assert statuses(lived_in)["toolu_unrecorded"] == "succeeded"


# ---- the command --------------------------------------------------------------------------------


def off(door: Door, *words: str) -> Answer:
    return door.run_argv(["/usr/bin/env", "-i", f"HOME={door.home}", str(ROOT / "bin" / "durable"), *words])


def test_the_command_works_from_a_checkout_with_nothing_installed_and_nothing_working(lived_in: Door) -> None:
    garbage(lived_in)
    (lived_in.state / "key").unlink()
    assert_denies(lived_in.pre())
    assert off(lived_in, "off", "--for", "1h", "--reason", f"x {TOKEN}").code == 0
    assert TOKEN not in (lived_in.config / "off.json").read_text()
    assert lived_in.pre().permits
    assert off(lived_in, "on").code == 0
    assert_denies(lived_in.pre())
