"""A person at a terminal who presses Escape: no hook follows, the transcript tells the cases apart."""

from __future__ import annotations

from typing import Any

import ledger_view

from .client import Client
from .scripted_model import bash, call, say
from .terminal import Terminal
from .waiting import wait_for

QUESTION = "Do you want to proceed?"
INTERRUPTED = "Interrupted"


def next_prompt(terminal: Terminal) -> None:
    """Another turn, whose hooks are the first that can know how the call before it ended."""
    terminal.submit("what now")
    terminal.wait_for_text("the next answer")


def settled(guarded: Client) -> dict[str, Any]:
    """The answer stands on the screen before the hook that ends its turn has run."""
    wait_for(lambda: ledger_view.step(guarded.state)["status"] != "running", "the call to be settled")
    return ledger_view.step(guarded.state)


def test_escape_at_the_prompt_is_refused(guarded: Client, terminal: Terminal) -> None:
    terminal.start([[bash(guarded.effect("must not happen"))], [say("the next answer")]])
    terminal.submit("please go")
    terminal.wait_for_text(QUESTION)
    asked = ledger_view.step(guarded.state)
    terminal.press_until("Escape", seen=INTERRUPTED)
    next_prompt(terminal)
    row = settled(guarded)
    assert guarded.effects == []
    assert asked["status"] == "running"
    assert (row["status"], row["closed_by"]) == ("refused", "transcript")


def test_yes_at_the_prompt_runs_the_call(guarded: Client, terminal: Terminal) -> None:
    terminal.start([[bash(guarded.effect("allowed"))], [say("the next answer")]])
    terminal.submit("please go")
    terminal.wait_for_text(QUESTION)
    terminal.press_until("Enter", gone=QUESTION)
    terminal.wait_for_text("the next answer")
    assert guarded.effects == ["allowed"]
    assert settled(guarded)["status"] == "succeeded"


def test_escape_in_mid_command_is_in_doubt(guarded: Client, terminal: Terminal) -> None:
    gate = guarded.gate()
    turns = [[bash(gate.command(guarded.effect("must not happen")))], [say("the next answer")]]
    terminal.start(turns, permission_mode="bypassPermissions")
    terminal.submit("please go")
    gate.wait_until_reached()
    terminal.press_until("Escape", seen=INTERRUPTED)
    gate.open()
    next_prompt(terminal)
    row = settled(guarded)
    assert guarded.effects == []
    assert (row["status"], row["closed_at"]) == ("in_doubt", None)


def test_escape_in_mid_mcp_call_is_in_doubt_and_the_effect_happens(guarded: Client, terminal: Terminal) -> None:
    gate = guarded.gate()
    slow = call("mcp__lab__slow", {"text": "happened", "gate": str(gate.path)})
    terminal.start([[slow], [say("the next answer")]], permission_mode="bypassPermissions", args=guarded.lab())
    terminal.submit("please go")
    gate.wait_until_reached()
    terminal.press_until("Escape", seen=INTERRUPTED)
    gate.open()
    guarded.wait_for_effect("happened")
    next_prompt(terminal)
    row = settled(guarded)
    assert (row["status"], row["closed_at"]) == ("in_doubt", None)
