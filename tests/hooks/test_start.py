"""What an ordinary hook loads: each module more is time that every tool call of a session pays for."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from durable.ordinary import MODULES

from .door import ROOT, Door, bash, ran, recorded

HEAVY = {"os", "re", "json", "durable.shell", "durable.policy.match", "durable.policy.compiler"}
ALWAYS = {"durable", "durable.door", "durable.quick_import", "durable.lean", "durable.bundle"}
TO_BUNDLE = {"durable.bundling", "durable.ordinary"}
EVENTS = {
    "pre_tool_use": [bash("ls", "toolu_1"), bash("ls -l", "toolu_2", session_id="another-one")],
    "post_tool_use": [ran("echo third", "toolu_third"), recorded("PostToolBatch-denied_by_hook")],
    "lifecycle": [recorded("UserPromptSubmit"), recorded("Stop")],
}


@pytest.fixture
def checkout(lived_in: Door, tmp_path: Path) -> Door:
    """Hooks that nobody has started yet: nothing is compiled, nothing bundled."""
    ignore = shutil.ignore_patterns("__pycache__")
    for folder in ("hooks", "src"):
        shutil.copytree(ROOT / folder, tmp_path / "checkout" / folder, ignore=ignore)
    assert lived_in.post(ran("echo second", "toolu_second")).permits
    assert lived_in.pre(bash("echo third", "toolu_third")).permits
    lived_in.checkout = tmp_path / "checkout"
    return lived_in


def ready(door: Door, script: str) -> None:
    """A call is under way only where its result is the event."""
    if script != "post_tool_use":
        assert door.post(ran("echo third", "toolu_third")).permits


def loaded(door: Door, script: str, payload: dict[str, Any]) -> set[str]:
    start, path = door.argv(script)[:-1], door.argv(script)[-1]
    done = subprocess.run(
        [*start, "-X", "importtime", path], env=door.env, input=json.dumps(payload), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if "|" in line}


@pytest.mark.parametrize("script", EVENTS)
def test_an_ordinary_hook_loads_what_is_listed_and_nothing_that_costs_much(checkout: Door, script: str) -> None:
    door = checkout
    ready(door, script)
    found: set[str] = set()
    for payload in EVENTS[script]:
        for bundle in door.checkout.rglob("*.bundle"):
            bundle.unlink()
        found |= loaded(door, script, payload)
    assert found & HEAVY == set()
    ours = {name for name in found if name.startswith("durable")}
    assert ours == {*ALWAYS, *TO_BUNDLE, *MODULES[script]}


@pytest.mark.parametrize("script", EVENTS)
def test_from_its_second_start_on_it_looks_for_no_module(checkout: Door, script: str) -> None:
    ready(checkout, script)
    first, second = EVENTS[script]
    loaded(checkout, script, first)
    assert {name for name in loaded(checkout, script, second) if name.startswith("durable")} == ALWAYS


def test_a_package_that_nobody_may_write_into_works_as_well(checkout: Door) -> None:
    caches = checkout.checkout / "src/durable/__pycache__"
    caches.write_text("a file in the directory's place")
    assert checkout.pre(bash("ls", "toolu_1")).permits
    assert checkout.pre(bash("ls", "toolu_2")).permits
