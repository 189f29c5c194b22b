"""One person's machine for jobs: a home, a directory to work in, effects that no ledger counts.

shop.job(step("a", "echo a >> effects"), …); shop.run(); shop.start() … shop.resume("R")
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import ledger_view

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 30.0


def step(name: str, command: str, **more: Any) -> dict[str, Any]:
    return {"id": name, "tool": "Bash", "input": {"command": command}, **more}


def wait_for(met: Any, what: str) -> None:
    until = time.monotonic() + PATIENCE_S
    while not met():
        assert time.monotonic() < until, f"never: {what}"
        time.sleep(0.005)


class Done:
    def __init__(self, process: subprocess.CompletedProcess[str]) -> None:
        self.code, self.out, self.err = process.returncode, process.stdout, process.stderr

    @property
    def last(self) -> Any:
        """The data of the last line that a live verb printed."""
        return json.loads(self.out.splitlines()[-1])["data"]

    def standing(self) -> dict[str, str]:
        return {one["id"]: one["standing"] for one in self.last["steps"]}


class Workshop:
    def __init__(self, root: Path) -> None:
        # Another test's run of this name, at the same time, would be taken for this one's.
        self.run_id = f"R{os.urandom(4).hex()}"
        self.root, self.home, self.state, self.cwd = root, root / "home", root / "state", root / "work"
        for folder in (self.home, self.cwd):
            folder.mkdir()
        self.env = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "DURABLE_HOME": str(self.state),
            "PYTHONPATH": str(ROOT / "src"),
            "TZ": "UTC",
        }
        self.started: list[subprocess.Popen[str]] = []

    # ---- jobs ---------------------------------------------------------------------------------

    def job(self, *steps: dict[str, Any], name: str = "demo", file: str = "job.json") -> Path:
        path = self.cwd / file
        path.write_text(json.dumps({"name": name, "steps": list(steps)}), encoding="utf-8")
        return path

    def policy(self, text: str) -> None:
        folder = self.home / ".config" / "durable"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "policy.toml").write_text(text, encoding="utf-8")

    def durable(self, *words: str, **env: str) -> Done:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "durable", *words], env=self.env | env, cwd=self.cwd,
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        return Done(done)

    def run(self, *words: str, **env: str) -> Done:
        return self.durable("run", "job.json", "--run-id", self.run_id, "--json", *words, **env)

    def resume(self, *words: str, **env: str) -> Done:
        return self.durable("resume", "--run-id", self.run_id, "--json", *words, **env)

    def start(self, *words: str, **env: str) -> subprocess.Popen[str]:
        """Under way, in a process group of its own. Without words: the job's run."""
        argv = [sys.executable, "-P", "-m", "durable", *(words or ("run", "job.json", "--run-id", self.run_id))]
        process = subprocess.Popen(
            argv, env=self.env | env, cwd=self.cwd, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        )  # fmt: skip
        self.started.append(process)
        return process

    def close(self) -> None:
        for process in self.started:
            process.kill()
            process.wait()
            for pipe in (process.stdout, process.stderr):
                if pipe is not None:
                    pipe.close()  # What it left behind may hold the other end for as long as it likes.

    # ---- what came of it ----------------------------------------------------------------------

    @property
    def effects(self) -> list[str]:
        path = self.cwd / "effects"
        return path.read_text(encoding="utf-8").splitlines() if path.exists() else []

    def wait_for_effect(self, text: str) -> None:
        wait_for(lambda: text in self.effects, f"the effect {text!r}")

    def steps(self, name: str) -> list[dict[str, Any]]:
        return [row for row in ledger_view.steps(self.state) if row["tool_use_id"] == name]

    def step(self, name: str) -> dict[str, Any]:
        return self.steps(name)[-1]

    def run_row(self) -> dict[str, Any]:
        return self.rows("SELECT * FROM runs WHERE run_id = ?", self.run_id)[0]

    def rows(self, sql: str, *values: Any) -> list[dict[str, Any]]:
        ledger = ledger_view.connect(self.state)
        try:
            return [dict(row) for row in ledger.execute(sql, values)]
        finally:
            ledger.close()

    def events(self, kind: str) -> list[dict[str, Any]]:
        return [json.loads(row["body"]) for row in self.rows("SELECT body FROM events WHERE type = ?", kind)]


def kill(process: subprocess.Popen[str], number: int = signal.SIGKILL) -> None:
    process.send_signal(number)
    process.wait(timeout=PATIENCE_S)
