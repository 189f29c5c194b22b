"""A run as it stood earlier: what had happened by then, and nothing that is known only now."""

import json
import os
import re

import pytest
from cli_machine import ROOT, SESSION

OTHER = "22222222-bbbb-4bbb-8bbb-222222222222"


def events(machine, kind, session=SESSION):
    from durable.ledger.reading import Reader

    with Reader(str(machine.state)) as reader:
        return [event for event in reader.all("events_of_run", run_id=session) if event["type"] == kind]


def at(machine, moment, *words):
    return machine.json("show", SESSION, "--at", str(moment), *words)


@pytest.fixture
def two(machine):
    """The first call succeeded, the second is in doubt; another run began afterwards."""
    machine.ran("Read", file_path="/a")
    use_id = machine.before("mcp__lab__touch", to="bob")
    machine.permitted(use_id, effect="once")
    machine.kill_client()
    machine.cli("reconcile")
    machine.client = machine.new_client()
    machine.ran("Read", file_path="/b", session=OTHER)
    return machine


def test_each_event_shows_the_run_as_it_stood_after_it(two):
    first = events(two, "step.prepared")[0]["seq"]
    assert [step["status"] for step in at(two, first)["steps"]] == ["prepared"]
    assert [step["status"] for step in at(two, first + 1)["steps"]] == ["running"]
    assert [step["status"] for step in at(two, first + 2)["steps"]] == ["succeeded"]
    assert [step["status"] for step in at(two, first + 3)["steps"]] == ["succeeded", "prepared"]


def test_after_its_last_event_the_run_is_as_it_stands(two):
    last = events(two, "step.in_doubt")[-1]["seq"]
    then, now = at(two, last), two.json("show", SESSION)
    assert then.pop("as_of")["seq"] == last
    for step in [*then["steps"], *now["steps"]]:
        step.pop("liveness")
    assert then == now


def test_the_first_line_says_which_moment_it_is(two):
    prepared = events(two, "step.prepared")[0]
    screen = two.said("show", SESSION, "--at", str(prepared["seq"]))
    day, clock = prepared["at"][:10], prepared["at"][11:19]
    line = f"as it was after event {prepared['seq']} (step.prepared), {day} {clock} UTC"
    assert screen.splitlines()[0] == line
    latest = events(two, "step.prepared", OTHER)[0]["seq"]
    assert two.said("show", SESSION, "--at", str(latest)).startswith(f"as it was at event {latest}: after event ")


def test_a_time_is_the_state_after_all_that_had_happened_by_then(two):
    succeeded = events(two, "step.succeeded")[0]
    data = at(two, succeeded["at"])
    assert data["as_of"] == {name: succeeded[name] for name in ("seq", "type", "at")}
    assert [step["status"] for step in data["steps"]] == ["succeeded"]


def test_what_lives_now_is_not_shown_for_the_past(two):
    running = events(two, "step.running")[1]["seq"]
    use = two.said("show", SESSION, "--at", str(running))
    assert "client gone" not in use and "running" in use
    assert all(step["liveness"] is None for step in at(two, running)["steps"])
    assert any(step["liveness"] for step in two.json("show", SESSION)["steps"])


def test_a_doubt_of_then_is_told_as_the_record_has_it(two):
    doubt = events(two, "step.in_doubt")[-1]
    screen = two.said("show", SESSION, "--at", str(doubt["seq"]))
    assert "Not settled" in screen and json.loads(doubt["body"])["doubt"] in screen


def test_the_filters_go_on_working(two):
    last = events(two, "step.in_doubt")[-1]["seq"]
    assert [step["tool_name"] for step in at(two, last, "--tool", "Re*")["steps"]] == ["Read"]
    assert {step["status"] for step in at(two, last, "--status", "in_doubt")["steps"]} == {"in_doubt"}
    assert at(two, last, "--since", "2099-01-01")["steps"] == []


def test_inputs_of_then_are_shown(two):
    first = events(two, "step.prepared")[0]["seq"]
    assert at(two, first)["steps"][0]["input"] == {"file_path": "/a"}


@pytest.mark.parametrize(
    ("moment", "said"),
    [
        ("1", "run 11111111 had not begun at event 1; its events are 2 ("),
        ("999999999999999999999", "there is no event 999999999999999999999 yet: the last one is "),
        ("2020-01-01", "run 11111111 had not begun at 2020-01-01 00:00:00 UTC; its events are 2 ("),
        ("2099-01-01T12:00", "2099-01-01T12:00 has not come yet; its events are 2 ("),
        ("yesterday", "'yesterday' is no moment; give the number of an event, or a time as 2026-01-31T12:00"),
    ],
)
def test_a_moment_that_the_run_does_not_have_is_one_sentence(two, moment, said):
    done = two.cli("show", SESSION, "--at", moment)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"durable: {said}") and done.stderr.count("\n") == 1


def test_a_bundle_is_shown_like_a_run_without_any_word_of_what_lives_here(two):
    bundle = str(two.root / "run.json")
    assert two.cli("export", SESSION, "-o", bundle).returncode == 0
    shown, here = two.json("show", bundle), two.json("show", SESSION)
    assert [step["liveness"] for step in shown["steps"]] == [None] * len(shown["steps"])
    for step in here["steps"]:
        step["liveness"] = None
    assert shown == here
    first = events(two, "step.prepared")[0]["seq"]
    assert [step["status"] for step in two.json("show", bundle, "--at", str(first))["steps"]] == ["prepared"]
    os.rename(two.state, two.root / "away")
    assert two.json("show", bundle) == shown


def test_how_long_a_call_had_run_is_counted_to_that_moment(machine):
    """The bundle is of an earlier day."""
    kept = ROOT / "tests" / "golden" / "plain.json"
    running = next(event for event in json.loads(kept.read_text())["events"] if event["type"] == "step.running")
    screen = machine.said("show", str(kept), "--at", str(running["seq"]))
    assert re.search(r"  running +0 s$", screen, re.M)
