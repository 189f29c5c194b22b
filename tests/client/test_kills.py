"""Sessions cut off in mid-call: what the client started may live on, and its row says so."""

from __future__ import annotations

import ledger_view

from .client import Client
from .scripted_model import bash, call, say
from .waiting import Gate

UNSETTLED = ("running", "in_doubt")
INTERRUPTED = "its outcome is unknown"


def slow(gate: Gate) -> dict:
    return call("mcp__lab__slow", {"text": "orphan", "gate": str(gate.path)})


def test_the_orphan_of_a_killed_session_finishes_and_its_row_stays_unsettled(guarded: Client) -> None:
    gate = guarded.gate()
    running = guarded.start([[bash(gate.command(guarded.effect("orphan")))]])
    gate.wait_until_reached()
    running.kill()
    assert ledger_view.step(guarded.state)["status"] == "running"
    guarded.run(prompt="go on", resume=running.session_id)
    beside_the_orphan = ledger_view.step(guarded.state)
    assert guarded.effects == []
    gate.open()
    guarded.wait_for_effect("orphan")
    guarded.run(prompt="once more", resume=running.session_id)
    after_the_orphan = ledger_view.step(guarded.state)
    assert beside_the_orphan["status"] in UNSETTLED
    assert after_the_orphan["status"] == "in_doubt"
    assert INTERRUPTED in guarded.model.last.told


def test_an_mcp_call_of_a_killed_session_completes_and_its_row_stays_unsettled(guarded: Client) -> None:
    gate = guarded.gate()
    running = guarded.start([[slow(gate)]], args=guarded.lab())
    gate.wait_until_reached()
    running.kill()
    gate.open()
    guarded.wait_for_effect("orphan")
    assert ledger_view.step(guarded.state)["status"] == "running"
    guarded.run(prompt="go on", resume=running.session_id, args=guarded.lab())
    assert ledger_view.step(guarded.state)["status"] == "in_doubt"


def test_a_background_command_outlives_the_killed_client_unsettled(guarded: Client) -> None:
    gate = guarded.gate()
    command = bash(gate.command(guarded.effect("orphan")), run_in_background=True)
    running = guarded.start([[command], [say("waiting")]])
    gate.wait_until_reached()
    guarded.model.wait_for_turn(1)
    running.kill()
    gate.open()
    guarded.wait_for_effect("orphan")
    assert ledger_view.step(guarded.state)["status"] == "running"
    guarded.run(prompt="go on", resume=running.session_id)
    assert ledger_view.step(guarded.state)["status"] == "in_doubt"


def test_an_interrupted_command_is_in_doubt_and_never_refused(guarded: Client) -> None:
    gate = guarded.gate()
    running = guarded.start([[bash(gate.command(guarded.effect("must not happen")))]])
    gate.wait_until_reached()
    running.interrupt()
    gate.open()
    assert ledger_view.step(guarded.state)["status"] in UNSETTLED
    guarded.run(prompt="go on", resume=running.session_id)
    row = ledger_view.step(guarded.state)
    assert (row["status"], row["closed_at"]) == ("in_doubt", None)
    assert guarded.effects == []


def test_work_done_before_the_kill_keeps_its_receipt(guarded: Client) -> None:
    gate = guarded.gate()
    turns = [[bash(guarded.effect("done"), "toolu_done")], [bash(gate.command("true"), "toolu_cut")]]
    running = guarded.start(turns)
    gate.wait_until_reached()
    running.kill()
    gate.open()
    guarded.run(prompt="go on", resume=running.session_id)
    assert ledger_view.step(guarded.state, tool_use_id="toolu_done")["status"] == "succeeded"
    assert ledger_view.step(guarded.state, tool_use_id="toolu_cut")["status"] == "in_doubt"
