"""Runs the hook executables as the client does: `python3 -I -S`, an environment, JSON on stdin.

    door = Door(tmp_path)
    answer = door.pre(bash("echo hi"))
    assert (answer.code, answer.out, answer.err) == (0, "", "")

`payload` is a dict, or bytes that go to the hook as they stand. What a Door gets beyond its root is
the environment of every hook it runs; each run may add to it or take away (None).
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PAYLOADS = ROOT / "tests" / "fixtures" / "payloads"
PATIENCE_S = 30.0
NOBODY = 65534


@dataclass(frozen=True)
class Answer:
    code: int
    out: str
    err: str
    seconds: float

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def told(self) -> str:
        """What the model hears, if anything."""
        answer = self.json.get("hookSpecificOutput", {}) if self.out else {}
        return answer.get("additionalContext", answer.get("permissionDecisionReason", ""))

    @property
    def permits(self) -> bool:
        return (self.code, self.out, self.err) == (0, "", "")


class FakeClient:
    """A living process to be the client. It ends with us, whatever ends us: its stdin closes."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        self.pid = self._process.pid

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        assert self._process.stdin is not None
        self._process.stdin.close()


class Running:
    """A hook under way. Its input has been written; `finish` waits for its answer."""

    def __init__(self, process: subprocess.Popen[bytes], payload: bytes | None) -> None:
        self.process = process
        self._payload = payload
        self._started = time.monotonic()

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def wait_for(self, path: Path) -> None:
        """Until the hook has written `path`: a crash point with `hold=PATH` does."""
        until = time.monotonic() + PATIENCE_S
        while not path.exists():
            assert self.process.poll() is None, self.process.communicate()
            assert time.monotonic() < until, f"the hook never reached {path}"
            time.sleep(0.002)

    def finish(self) -> Answer:
        try:
            out, err = self.process.communicate(self._payload, timeout=PATIENCE_S)
        finally:
            self.process.kill()
        seconds = time.monotonic() - self._started
        return Answer(self.process.returncode, out.decode(), err.decode(), seconds)


class Door:
    """`root` holds a HOME and a state directory of its own."""

    def __init__(self, root: Path, *, checkout: Path = ROOT, python: str = sys.executable, **env: str) -> None:
        self.root = root
        self.home = root / "home"
        self.state = root / "state"
        self.config = self.home / ".config" / "durable"
        self.project = root / "project"
        self.checkout = checkout
        self.python = python
        self.user: int | None = None
        for folder in (self.home, self.project):
            folder.mkdir(parents=True, exist_ok=True)
        self.env = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "DURABLE_HOME": str(self.state),
            "CLAUDE_PROJECT_DIR": str(self.project),
            "CLAUDE_CODE_ENTRYPOINT": "sdk-cli",
            **env,
        }

    def pre(self, payload: Any = None, **env: str | None) -> Answer:
        return self.run("pre_tool_use", bash() if payload is None else payload, **env)

    def post(self, payload: Any = None, **env: str | None) -> Answer:
        return self.run("post_tool_use", ran() if payload is None else payload, **env)

    def lifecycle(self, payload: Any = None, **env: str | None) -> Answer:
        return self.run("lifecycle", recorded("SessionStart-startup") if payload is None else payload, **env)

    def run(self, door: str, payload: Any, **env: str | None) -> Answer:
        return self.start(door, payload, stdin=subprocess.PIPE, **env).finish()

    def start(self, door: str, payload: Any = b"", stdin: Any = None, **env: str | None) -> Running:
        """Under way, its input written and closed. With `stdin` that is what the hook reads instead."""
        data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        process = self._process(self.argv(door), env, subprocess.PIPE if stdin is None else stdin)
        if stdin is None:
            assert process.stdin is not None
            process.stdin.write(data)
            process.stdin.close()
            process.stdin = None
        return Running(process, data if stdin == subprocess.PIPE else None)

    def argv(self, door: str) -> list[str]:
        return [self.python, "-I", "-S", str(self.checkout / "hooks" / f"{door}.py")]

    def run_argv(self, argv: list[str], payload: Any = b"", **env: str | None) -> Answer:
        data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        return Running(self._process(argv, env, subprocess.PIPE), data).finish()

    def _process(self, argv: list[str], env: dict[str, str | None], stdin: Any) -> subprocess.Popen[bytes]:
        wanted = {**self.env, **env}
        return subprocess.Popen(
            argv,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={name: value for name, value in wanted.items() if value is not None},
            cwd=self.project,
            user=self.user,
        )

    def copy(self, root: Path) -> Door:
        """The same ledger and home under another root."""
        shutil.copytree(self.root, root, dirs_exist_ok=True)
        again = Door(root, checkout=self.checkout, python=self.python)
        again.env = {name: value.replace(str(self.root), str(root)) for name, value in self.env.items()}
        return again

    def spooled(self, room: Path | None = None) -> list[Path]:
        return sorted((room or self.state / "spool").glob("*.json"))

    def policy(self, text: str) -> None:
        self.config.mkdir(parents=True, exist_ok=True)
        (self.config / "policy.toml").write_text(text, encoding="utf-8")


# ---- payloads, from what the client was recorded to send ----------------------------------------


def recorded(name: str, **fields: Any) -> dict[str, Any]:
    payload: dict[str, Any] = json.loads((PAYLOADS / f"{name}.json").read_text(encoding="utf-8"))
    return {**payload, **fields}


def bash(command: str = "echo hi", use_id: str = "toolu_1", **fields: Any) -> dict[str, Any]:
    return recorded("PreToolUse-Bash", tool_input={"command": command}, tool_use_id=use_id, **fields)


def ran(command: str = "echo hi", use_id: str = "toolu_1", stdout: str = "hi", **fields: Any) -> dict[str, Any]:
    """The PostToolUse of the same call."""
    payload = recorded("PostToolUse-Bash", tool_input={"command": command}, tool_use_id=use_id, **fields)
    payload["tool_response"] = {**payload["tool_response"], "stdout": stdout}
    return payload


def failed(command: str = "echo hi", use_id: str = "toolu_1", **fields: Any) -> dict[str, Any]:
    """The PostToolUseFailure of the same call."""
    return recorded("PostToolUseFailure-Bash", tool_input={"command": command}, tool_use_id=use_id, **fields)
