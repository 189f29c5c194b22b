"""Calls that the client itself did not let run, after our permit."""

from __future__ import annotations

import ledger_view

from .client import Client, add_hook
from .scripted_model import bash, call

REFUSING = {"permissions": {"deny": ["Bash(echo:*)"]}}


def test_a_call_that_needs_a_permission_nobody_can_give_is_refused(guarded: Client) -> None:
    guarded.run([[bash(guarded.effect("must not happen"))]], permission_mode="default")
    assert guarded.effects == []
    row = ledger_view.step(guarded.state)
    assert row["status"] == "refused"
    assert row["closed_by"] == "transcript"


def test_a_call_that_a_rule_forbids_is_refused(guarded: Client) -> None:
    guarded.run([[bash(guarded.effect("must not happen"))]], settings={**guarded.settings, **REFUSING})
    assert guarded.effects == []
    assert ledger_view.step(guarded.state)["status"] == "refused"


def test_a_call_that_another_hook_denies_is_refused(guarded: Client) -> None:
    settings = add_hook(guarded.settings, "PreToolUse", "echo not today >&2; exit 2")
    guarded.run([[bash(guarded.effect("must not happen"))]], settings=settings)
    assert guarded.effects == []
    assert ledger_view.step(guarded.state)["status"] == "refused"


def test_a_refused_call_does_not_close_its_sibling(guarded: Client) -> None:
    notes = guarded.project / "notes.txt"
    notes.write_text("hello", encoding="utf-8")
    both = [bash(guarded.effect("must not happen")), call("Read", {"file_path": str(notes)})]
    guarded.run([both], settings={**guarded.settings, **REFUSING})
    statuses = {row["tool_name"]: row["status"] for row in ledger_view.steps(guarded.state)}
    assert statuses == {"Bash": "refused", "Read": "succeeded"}
