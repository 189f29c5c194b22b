"""Calls inside sub-agents, and the Agent call itself."""

from __future__ import annotations

import ledger_view

from .client import Client
from .scripted_model import bash, delegate, say


def test_calls_in_a_foreground_sub_agent_carry_its_id(guarded: Client) -> None:
    inside = [[bash(guarded.effect("inside"))], [say("over")]]
    guarded.run([[delegate("sub", run_in_background=False)]], sub=inside)
    assert guarded.effects == ["inside"]
    shell = ledger_view.step(guarded.state, tool_name="Bash")
    agent = ledger_view.step(guarded.state, tool_name="Agent")
    assert (shell["agent_type"], shell["status"]) == ("general-purpose", "succeeded")
    assert shell["agent_id"]
    assert (agent["agent_id"], agent["status"], agent["closed_by"]) == ("", "succeeded", "PostToolUse")


def test_an_agent_in_the_background_runs_until_it_stops(guarded: Client) -> None:
    gate = guarded.gate()
    inside = [[bash(gate.command(guarded.effect("inside")))], [say("over")]]
    running = guarded.start([[delegate("sub")], [say("launched")]], sub=inside)
    gate.wait_until_reached()
    guarded.model.wait_for_turn(1)
    launched = ledger_view.step(guarded.state, tool_name="Agent")
    shell = ledger_view.step(guarded.state, tool_name="Bash")
    gate.open()
    running.wait()
    stopped = ledger_view.step(guarded.state, tool_name="Agent")
    assert (launched["status"], stopped["status"]) == ("running", "succeeded")
    assert stopped["closed_by"] == "SubagentStop"
    assert shell["agent_id"] == launched["task_id"]
    assert guarded.effects == ["inside"]


def test_sub_agents_side_by_side_each_leave_their_rows(guarded: Client) -> None:
    turns = [[delegate("left"), delegate("right")], [say("launched")]]
    left = [[bash(guarded.effect("left"))], [say("over")]]
    right = [[bash(guarded.effect("right"))], [say("over")]]
    guarded.run(turns, left=left, right=right)
    assert sorted(guarded.effects) == ["left", "right"]
    assert {row["status"] for row in ledger_view.steps(guarded.state)} == {"succeeded"}
    agents = {row["agent_id"] for row in ledger_view.steps(guarded.state, tool_name="Bash")}
    assert len(agents) == len(guarded.effects)
