"""Bash calls that outlive their own Post: launched in the background, or over their timeout."""

from __future__ import annotations

import pytest

import ledger_view

from .client import Client
from .scripted_model import bash, say

ONE_SECOND = 1000


@pytest.mark.parametrize("how", [{"run_in_background": True}, {"timeout": ONE_SECOND}], ids=["sent", "late"])
def test_a_command_that_goes_on_is_running_until_its_notification(guarded: Client, how: dict) -> None:
    gate = guarded.gate()
    running = guarded.start([[bash(gate.command(guarded.effect("late")), **how)], [say("waiting")]])
    gate.wait_until_reached()
    guarded.model.wait_for_turn(1)
    going_on = ledger_view.step(guarded.state)
    gate.open()
    running.wait()
    ended = ledger_view.step(guarded.state)
    assert guarded.effects == ["late"]
    assert (going_on["status"], bool(going_on["task_id"])) == ("running", True)
    assert (ended["status"], ended["closed_by"]) == ("succeeded", "notification")


def test_a_background_command_that_fails_is_no_success(guarded: Client) -> None:
    guarded.run([[bash("sleep 0.2; exit 3", run_in_background=True)], [say("waiting")]])
    row = ledger_view.step(guarded.state)
    assert (row["status"], row["closed_by"]) == ("failed", "notification")


def test_a_command_that_the_client_killed_at_its_timeout_is_in_doubt(guarded: Client) -> None:
    """The client kills a command that begins with sleep; others it moves to the background."""
    guarded.run([[bash(f"sleep 20; {guarded.effect('late')}", timeout=ONE_SECOND)]])
    assert "timed out" in guarded.model.last.tool_results[-1].text
    assert guarded.effects == []
    assert ledger_view.step(guarded.state)["status"] == "in_doubt"
