"""A ledger that can't be trusted: no effect, and the model hears why."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

import ledger_view

from .client import Client, guarded_settings
from .scripted_model import ScriptedModel, bash

BLOCKED = "toolu_blocked"
STREAM = ("--output-format", "stream-json", "--verbose")


def remove_ledger(state: Path) -> None:
    for path in state.glob("ledger.db*"):
        path.unlink()


def garbage(state: Path) -> None:
    remove_ledger(state)
    (state / "ledger.db").write_bytes(b"this is no database\n" * 1000)


def put_back(state: Path) -> None:
    """The ledger as it was before the last session: the head knows more."""
    remove_ledger(state)
    (state / "earlier.db").rename(state / "ledger.db")


def key_missing(state: Path) -> None:
    (state / "key").unlink()


def directory(state: Path) -> None:
    remove_ledger(state)
    (state / "ledger.db").mkdir()


def keep_a_copy(state: Path, copy: Path) -> None:
    ledger = ledger_view.connect(state)
    kept = sqlite3.connect(copy)
    ledger.backup(kept)
    kept.close()
    ledger.close()


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory, binary: Path) -> Path:
    """The state after two sessions, with a copy of the ledger from between them."""
    with ScriptedModel() as model:
        client = Client(tmp_path_factory.mktemp("past"), binary, model)
        client.settings = guarded_settings()
        client.run([[bash("echo first")]])
        keep_a_copy(client.state, client.root / "earlier.db")
        client.run([[bash("echo second")]])
    (client.root / "earlier.db").rename(client.state / "earlier.db")
    return client.state


@pytest.fixture
def lived_in(guarded: Client, past: Path) -> Client:
    shutil.copytree(past, guarded.state)
    return guarded


def test_a_copy_of_the_state_is_sound_until_it_is_damaged(lived_in: Client) -> None:
    lived_in.run([[bash(lived_in.effect("ran"))]])
    assert lived_in.effects == ["ran"]


@pytest.mark.parametrize(
    ("damage", "named"),
    [(garbage, "ledger.db"), (put_back, "ledger"), (key_missing, "key"), (directory, "ledger.db")],
)
def test_nothing_runs_on_a_broken_ledger_and_the_model_is_told_why(
    lived_in: Client, damage: Callable[[Path], None], named: str
) -> None:
    damage(lived_in.state)
    lived_in.run([[bash(lived_in.effect("must not happen"), BLOCKED)]])
    assert lived_in.effects == []
    told = lived_in.model.last.result_of(BLOCKED)
    assert told.is_error
    assert "durable" in told.text
    assert named in told.text
    assert "Traceback" not in told.text


def test_a_call_that_ran_while_its_ledger_broke_is_spooled_and_folded_in_later(guarded: Client) -> None:
    ledger, away = guarded.state / "ledger.db", guarded.root / "away"
    breaking = f'mv "{ledger}" "{away}"; mkdir "{ledger}"'
    # A line that names the ledger would be denied.
    (guarded.project / "break.sh").write_text(breaking, encoding="utf-8")
    guarded.run([[bash(f"{guarded.effect('ran')}; sh break.sh", "toolu_ran")]])
    assert guarded.effects == ["ran"]
    assert [path for path in (guarded.state / "spool").iterdir() if path.is_file()]
    assert "this call DID run" in guarded.model.last.told
    ledger.rmdir()
    away.rename(ledger)
    guarded.run([[bash("echo next")]])
    assert ledger_view.step(guarded.state, tool_use_id="toolu_ran")["status"] == "succeeded"


@pytest.fixture
def observing(guarded: Client) -> Client:
    config = guarded.home / ".config" / "durable"
    config.mkdir(parents=True)
    (config / "policy.toml").write_text('mode = "observe"\n', encoding="utf-8")
    return guarded


def test_in_observe_mode_the_call_runs_and_the_person_hears_it_went_unrecorded(observing: Client) -> None:
    observing.state.mkdir(mode=0o700)
    directory(observing.state)
    session = observing.run([[bash(observing.effect("ran"))]], args=STREAM)
    assert observing.effects == ["ran"]
    said = [event["content"] for event in session.stream if event.get("subtype") == "informational"]
    assert any("PreToolUse" in text and "durable" in text for text in said), said


def test_in_observe_mode_a_healthy_ledger_still_records(observing: Client) -> None:
    observing.run([[bash(observing.effect("ran"))]])
    row = ledger_view.step(observing.state)
    assert (row["mode"], row["status"]) == ("observe", "succeeded")
