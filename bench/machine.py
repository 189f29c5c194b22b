"""A session for the benchmarks: payloads in the client's form, and hooks started as processes of their own."""

import json
import os
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
BENCH = ROOT / "bench"
LEAN = (sys.executable, "-I", "-S")
OUTPUT = "collected 12 items\n\ntests/test_basket.py ............\n\n12 passed in 0.31s\n"

RULE = '[rules."rule {at}"]\nmatch = "{match}"\neffect = "once"\nscope = "project"\nttl = "7d"\n'
MATCHES = ("Bash(tool{at} deploy *)", "mcp__server{at}__send", "Edit(src/part{at}/**)", "mcp__wide{at}__*")


class Took(NamedTuple):
    wall_ms: float
    cpu_ms: float


def script(name: str) -> list[str]:
    return [*LEAN, str(ROOT / "hooks" / name)]


class Session:
    """One call after the other of one session; its state lies in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "state"
        self.policy = folder / "policy.toml"
        self.calls = 0
        self.env = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "DURABLE_HOME": str(self.home),
            "CLAUDE_PID": str(os.getpid()),
            "CLAUDE_PROJECT_DIR": "/home/someone/project",
        }

    def take_rules(self, count: int) -> None:
        """A policy for the calls that are `ruled`, compiled as it would be by the first of them."""
        self.policy.write_text("".join(RULE.format(at=at, match=MATCHES[at % 4].format(at=at)) for at in range(count)))
        self.calls += 1
        self.run(script("pre_tool_use.py"), self.payload("PreToolUse"), ruled=True)

    def run(self, command: list[str], payload: str = "", ruled: bool = False) -> Took:
        """User and system time are the child's alone, as the kernel counted them."""
        text = payload.encode()
        env = self.env | ({"DURABLE_POLICY": str(self.policy)} if ruled else {})
        began = time.perf_counter()
        process = subprocess.Popen(
            command, env=env, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        assert process.stdin is not None and process.stderr is not None
        process.stdin.write(text)
        process.stdin.close()
        said = process.stderr.read()
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        process.stderr.close()
        if process.returncode:
            raise SystemExit(f"{command[-1]} ended with {process.returncode}: {said.decode()}")
        return Took(wall * 1000, (used.ru_utime + used.ru_stime) * 1000)

    def call(self) -> None:
        """One whole call, for the ledger to have a past."""
        self.calls += 1
        self.run(script("pre_tool_use.py"), self.payload("PreToolUse"))
        self.run(script("post_tool_use.py"), self.payload("PostToolUse"))

    def payload(self, event: str) -> str:
        fields = {
            "session_id": "06331239-e3ef-4abe-8f7e-dcb6cfd501d7",
            "transcript_path": "",
            "cwd": "/home/someone/project",
            "prompt_id": "4b36a3c0-2ad0-437d-ad04-dbc528700f90",
            "permission_mode": "default",
            "hook_event_name": event,
        }
        return json.dumps(fields | self._of(event))

    def _of(self, event: str) -> dict[str, object]:
        call = {
            "tool_name": "Bash",
            "tool_use_id": f"toolu_{self.calls:020d}",
            "tool_input": {"command": f"pytest -q tests/test_basket.py -k case_{self.calls}", "description": "Run it"},
        }
        response = {"stdout": OUTPUT, "stderr": "", "interrupted": False, "isImage": False}
        if event == "PostToolUse":
            return call | {"tool_response": response, "duration_ms": 312}
        if event == "PostToolBatch":
            return {"tool_calls": [call | {"tool_response": OUTPUT}]}
        return {"prompt": "go on"} if event == "UserPromptSubmit" else dict(call)

    def wal_bytes(self) -> int:
        path = self.home / "ledger.db-wal"
        return path.stat().st_size if path.exists() else 0

    def empty_wal(self) -> None:
        ledger = sqlite3.connect(self.home / "ledger.db")
        ledger.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        ledger.close()
