"""What an ordinary hook loads: each module more is time that every tool call of a session pays for."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest

from .door import Door, bash, ran, recorded

HEAVY = {"os", "re", "json", "durable.shell", "durable.policy.match", "durable.policy.compiler"}
EVENTS = {
    "pre_tool_use": [bash("ls", "toolu_1"), bash("ls -l", "toolu_2")],
    "post_tool_use": [ran("echo second", "toolu_second"), recorded("PostToolBatch-denied_by_hook")],
    "lifecycle": [recorded("UserPromptSubmit"), recorded("Stop")],
}


def loaded(door: Door, script: str, payload: dict[str, Any]) -> set[str]:
    start, path = door.argv(script)[:-1], door.argv(script)[-1]
    done = subprocess.run(
        [*start, "-X", "importtime", path], env=door.env, input=json.dumps(payload), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if "|" in line}


@pytest.mark.parametrize("script", EVENTS)
def test_an_ordinary_hook_does_without_what_costs_much(lived_in: Door, script: str) -> None:
    for payload in EVENTS[script]:
        found = loaded(lived_in, script, payload)
        assert "durable.hook" in found
        assert found & HEAVY == set()
