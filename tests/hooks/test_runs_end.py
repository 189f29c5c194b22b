"""How a run ends when a person ended it first."""

from __future__ import annotations

import os
import subprocess

import ledger_view

from .door import ROOT, Door, bash, recorded


def test_the_end_of_a_session_is_recorded_in_a_cancelled_run_too(door: Door) -> None:
    session = bash()["session_id"]
    door.pre(bash("sleep 9", "toolu_1"))
    done = subprocess.run(
        [door.python, "-m", "durable", "cancel", session],
        env={**os.environ, **door.env, "PYTHONPATH": str(ROOT / "src")}, capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done
    door.lifecycle(recorded("SessionEnd-other", session_id=session))
    assert not (door.state / "hook.log").exists()
    assert ledger_view.step(door.state)["status"] == "in_doubt"
    with ledger_view.connect(door.state) as ledger:
        assert ledger.execute("SELECT status FROM runs").fetchone()["status"] == "cancelled"
        assert ledger.execute("SELECT ended_at FROM owners").fetchone()["ended_at"]
