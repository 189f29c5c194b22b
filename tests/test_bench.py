"""The benchmarks still run. How fast anything is, no test says."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

BENCH = Path(__file__).resolve().parents[1] / "bench"


def ran(script: str, *words: str) -> str:
    command = [sys.executable, str(BENCH / script), *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_hook_start_measures_every_contender_under_both_conditions() -> None:
    found = json.loads(ran("hook_start.py", "--pairs", "1", "--past", "1", "--json"))
    short, long = (found[condition]["wal_bytes"] for condition in ("empty WAL", "WAL near its checkpoint"))
    assert short == 0 < long
    for condition in found.values():
        hooks = condition["hooks"]
        assert {"floor", "PreToolUse", "PreToolUse, 200 rules", "naive PreToolUse", "one whole call"} <= set(hooks)
        assert hooks["one whole call"]["wall_ms_median"] > hooks["PreToolUse"]["wall_ms_median"]


def test_breakdown_follows_the_hook_from_its_first_line_to_its_answer() -> None:
    table = ran("breakdown.py", "--runs", "1", "--past", "1")
    for part in ("the interpreter", "import durable.hook", "prepared row", "COMMIT", "answer printed", "all of them"):
        assert part in table


def test_checkpoint_compares_the_thresholds_it_is_given() -> None:
    table = ran("checkpoint.py", "--past", "2", "--thresholds", "64", "--page-sizes", "1024")
    assert "after 2 calls" in table and "64 KiB" in table


def test_concurrency_loses_nothing() -> None:
    assert "0 failures" in ran("concurrency.py", "--clients", "2", "--calls", "2")


def test_read_measures_verbs_beside_the_version_on_a_ledger_that_it_writes() -> None:
    found = json.loads(ran("read.py", "--calls", "30", "--rounds", "1", "--json", "runs", "terminal: show RUN"))
    assert set(found) == {'python -c "import typer"', "--version", "runs", "terminal: show RUN"}
    assert found["--version"]["cpu_ratio"] == 1 and all(one["peak_mb"] > 5 for one in found.values())
