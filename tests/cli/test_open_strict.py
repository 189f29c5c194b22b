"""`open` shows a run that strict mode has brought to a person."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from durable.ledger.sqlite import SqliteLedger
from durable.recovery import strict
from hooks.door import Door, FakeClient, bash, recorded

SESSION = bash()["session_id"]
TEST = "npm test"


@pytest.fixture
def door(tmp_path: Path) -> Door:
    door = Door(tmp_path)
    client = FakeClient()
    assert door.pre(bash(TEST, "toolu_test"), CLAUDE_PID=str(client.pid)).permits
    client.kill()
    assert door.lifecycle(recorded("SessionStart-resume", session_id=SESSION)).code == 0
    ledger = SqliteLedger(str(door.state))
    with ledger.begin() as tx:
        strict.turn_on(tx, SESSION)
        tx.commit()
    ledger.close()
    return door


def try_others(door: Door, times: int) -> None:
    for number in range(times):
        assert "deny" in door.pre(bash("touch built", f"toolu_{number}")).out


def opened(door: Door, *words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "durable", "open", *words],
        env={**door.env, "PYTHONPATH": os.pathsep.join(sys.path)}, cwd=door.project, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    return done.stdout


def strict_items(door: Door) -> list[dict[str, Any]]:
    return [item for item in json.loads(opened(door, "--json"))["data"]["items"] if item["kind"] == "strict"]


def test_it_is_shown_once_it_is_a_persons_and_with_what_helps(door: Door) -> None:
    try_others(door, strict.MOST - 1)
    assert strict_items(door) == []
    try_others(door, strict.MOST)
    (item,) = strict_items(door)
    assert "1 interrupted call first" in item["why"] and "--no-strict" in item["help"] and item["step"] is None
    assert "Strict: the run waits for a person" in opened(door)


def test_it_is_gone_when_nothing_interrupted_is_left(door: Door) -> None:
    try_others(door, strict.MOST)
    assert len(strict_items(door)) == 1
    assert door.pre(bash(TEST, "toolu_again")).permits
    assert strict_items(door) == []
