"""A clean session of the real client: every invariant holds, and none of them is left out."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from .client import Client
from .scripted_model import bash, call, say

SRC = Path(__file__).resolve().parents[2] / "src"


def test_of_a_clean_session_every_invariant_holds(guarded: Client) -> None:
    notes = guarded.project / "notes.txt"
    session = guarded.run(
        [
            [bash("echo one"), bash("echo two")],
            [call("Write", {"file_path": str(notes), "content": "written"})],
            [call("Read", {"file_path": str(notes)})],
            [say("all done")],
        ]
    )
    command = [sys.executable, "-m", "durable", "check", session.session_id, "--json"]
    env = guarded.environment(PYTHONPATH=str(SRC))
    done = subprocess.run(command, env=env, cwd=guarded.project, capture_output=True, text=True, timeout=60)
    data = json.loads(done.stdout)["data"]
    assert {one["name"]: (one["verdict"], one["findings"]) for one in data["invariants"]} == {
        one["name"]: ("PASS", []) for one in data["invariants"]
    }
    assert (done.returncode, data["verdict"], done.stderr) == (0, "PASS", "")
