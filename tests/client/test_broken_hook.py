"""A hook that can't do its work at all: each of the two guards round it blocks the call alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from .client import Client
from .scripted_model import bash

BLOCKED = "toolu_blocked"
OLD_CLIENTS_GUARD = " || exit 2"


def both_guards(handler: dict[str, Any]) -> None:
    assert handler["onFailure"] == "block"
    assert handler["command"].endswith(OLD_CLIENTS_GUARD)


def without_on_failure(handler: dict[str, Any]) -> None:
    del handler["onFailure"]


def without_exit_2(handler: dict[str, Any]) -> None:
    handler["command"] = handler["command"].removesuffix(OLD_CLIENTS_GUARD)


def unguarded(handler: dict[str, Any]) -> None:
    without_on_failure(handler)
    without_exit_2(handler)


def run_with_python_that(does: str, client: Client, change: Callable[[dict[str, Any]], None]) -> None:
    """One session in which PreToolUse finds a `python3` that only does this."""
    stub = client.root / "python3"
    stub.write_text(f"#!/bin/sh\n{does}\n", encoding="utf-8")
    stub.chmod(0o755)
    settings = json.loads(json.dumps(client.settings))
    (handler,) = settings["hooks"]["PreToolUse"][0]["hooks"]
    change(handler)
    handler["command"] = handler["command"].replace("python3", f'"{stub}"', 1)
    client.run([[bash(client.effect("ran"), BLOCKED)]], settings=settings)


@pytest.mark.parametrize("change", [both_guards, without_on_failure, without_exit_2])
@pytest.mark.parametrize("does", ["exit 1", "kill -9 $$"])
def test_a_call_is_blocked_when_its_hook_fails(
    guarded: Client, does: str, change: Callable[[dict[str, Any]], None]
) -> None:
    run_with_python_that(does, guarded, change)
    assert guarded.effects == []
    assert guarded.model.last.result_of(BLOCKED).is_error


def test_without_both_guards_the_client_runs_the_call(guarded: Client) -> None:
    run_with_python_that("exit 1", guarded, unguarded)
    assert guarded.effects == ["ran"]
