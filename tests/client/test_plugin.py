"""The repository as a plugin: loaded from its folder, and installed from a folder marketplace."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import ledger_view

from .client import REPOSITORY, Client
from .scripted_model import bash

PLUGIN = (".claude-plugin", "hooks", "src", "bin")


@pytest.fixture
def marketplace(tmp_path: Path) -> Path:
    """A copy of what the plugin ships: it must need nothing else of the repository."""
    market = tmp_path / "market"
    for part in PLUGIN:
        shutil.copytree(REPOSITORY / part, market / part, ignore=shutil.ignore_patterns("__pycache__"))
    return market


def assert_guarded(client: Client, *args: str) -> None:
    session = client.run([[bash(client.effect("one"))]], args=args)
    row = ledger_view.step(client.state)
    assert (row["tool_name"], row["status"]) == ("Bash", "succeeded")
    assert row["session_id"] == session.session_id
    assert client.effects == ["one"]


def test_the_repository_is_a_valid_plugin(client: Client) -> None:
    checked = client.cli("plugin", "validate", str(REPOSITORY))
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "PreToolUse" in checked.stdout


def test_the_checkout_guards_a_session_as_a_plugin(client: Client) -> None:
    assert_guarded(client, "--plugin-dir", str(REPOSITORY))


def test_the_plugin_installed_from_a_folder_guards_every_session(client: Client, marketplace: Path) -> None:
    for command in (("marketplace", "add", str(marketplace)), ("install", "durable@durable")):
        done = client.cli("plugin", *command)
        assert done.returncode == 0, done.stdout + done.stderr
    assert_guarded(client)


def test_the_plugin_blocks_when_its_ledger_is_broken(client: Client) -> None:
    client.state.mkdir(mode=0o700)
    (client.state / "ledger.db").mkdir()
    plugin = ("--plugin-dir", str(REPOSITORY))
    client.run([[bash(client.effect("must not happen"), "toolu_blocked")]], args=plugin)
    assert client.effects == []
    assert client.model.last.result_of("toolu_blocked").is_error


def test_settings_and_plugin_together_write_one_row_per_call(guarded: Client) -> None:
    assert_guarded(guarded, "--plugin-dir", str(REPOSITORY))
