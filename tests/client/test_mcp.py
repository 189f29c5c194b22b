"""MCP tools with a side effect: an error says nothing about the effect."""

from __future__ import annotations

import pytest

import ledger_view

from .client import Client
from .scripted_model import call


def test_a_side_effect_has_its_row_and_receipt(guarded: Client) -> None:
    guarded.run([[call("mcp__lab__send", {"text": "sent"})]], args=guarded.lab())
    assert guarded.effects == ["sent"]
    row = ledger_view.step(guarded.state, tool_name="mcp__lab__send")
    assert row["status"] == "succeeded"
    assert row["input"] == {"text": "sent"}
    assert "send: sent" in str(row["output"])


@pytest.mark.parametrize("tool", ["fail", "die"])
def test_a_tool_that_breaks_after_its_effect_is_in_doubt(guarded: Client, tool: str) -> None:
    guarded.run([[call(f"mcp__lab__{tool}", {"text": "happened"})]], args=guarded.lab())
    assert guarded.effects == ["happened"]
    row = ledger_view.step(guarded.state, tool_name=f"mcp__lab__{tool}")
    assert (row["status"], row["closed_at"]) == ("in_doubt", None)
    assert row["error"]
