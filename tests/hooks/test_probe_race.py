"""What happens while a probe looks: "it did not happen" must have been true of all the time before."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import ledger_view

from .door import Door, FakeClient, bash, ran
from .test_once import PAY, cut_off, denied

# A process tells by its session whose it is: tests beside these would take it for theirs.
SESSION = "53535353-eeee-4eee-8eee-535353535353"
RULE = """
[rules.pay]
match = "Bash(pay *)"
settle = {settle}
probe = "test -e {done} && exit 0; touch {looked}; sleep 0.7; exit 1"
"""


def where(door: Door) -> dict[str, str]:
    return {"cwd": str(door.project), "session_id": SESSION}


@pytest.fixture
def done(door: Door, tmp_path: Path) -> Path:
    """Is there when the effect is. A probe finds nothing, and is slow to say so: until it has come about."""
    found = tmp_path / "done"
    door.policy(RULE.format(done=found, looked=tmp_path / "looked", settle=0))
    return found


@contextmanager
def an_orphan(done: Path) -> Iterator[None]:
    """It takes effect, and ends, when the probe has looked.."""
    script = (
        f"while test -e {done.parent}/wait; do test -e {done.parent}/looked && touch {done} && exit; sleep 0.01; done"
    )
    env = {**os.environ, "CLAUDE_CODE_SESSION_ID": SESSION}
    (done.parent / "wait").touch()
    # Through a shell that ends: init reaps it, and no zombie is left to be found.
    subprocess.run(["sh", "-c", f"({script}) >/dev/null 2>&1 &"], env=env, check=True)
    try:
        yield
    finally:
        (done.parent / "wait").unlink()


def test_an_orphan_that_acts_and_ends_while_the_probe_runs_is_not_missed(door: Door, done: Path) -> None:
    client = FakeClient()
    assert door.pre(bash(PAY, "toolu_1", **where(door)), CLAUDE_PID=str(client.pid)).permits
    with an_orphan(done):
        client.kill()
        said = denied(door.pre(bash(PAY, "toolu_2", **where(door))))
    assert "still runs" in said
    assert ledger_view.step(door.state, tool_use_id="toolu_1")["status"] == "in_doubt"
    assert "Already done" in denied(door.pre(bash(PAY, "toolu_3", **where(door))))


def test_a_probe_that_looked_before_the_time_was_over_is_not_believed_after_it(door: Door, done: Path) -> None:
    door.policy(RULE.format(done=done, looked=done.parent / "looked", settle=0.5))
    cut_off(door, **where(door))
    denied(door.pre(bash(PAY, "toolu_2", **where(door))))
    assert ledger_view.step(door.state, tool_use_id="toolu_1")["status"] == "in_doubt"


def test_where_the_line_hid_its_end_an_orphan_counts_as_well(door: Door, done: Path) -> None:
    client = FakeClient()
    line = f"{PAY} || true"
    assert door.pre(bash(line, "toolu_1", **where(door)), CLAUDE_PID=str(client.pid)).permits
    assert door.post(ran(line, "toolu_1", **where(door)), CLAUDE_PID=str(client.pid)).permits
    with an_orphan(done):
        assert "hides" in denied(door.pre(bash(line, "toolu_2", **where(door)), CLAUDE_PID=str(client.pid)))
    client.kill()
