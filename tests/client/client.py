"""The real client, headless, in a world of its own: scratch home, fake key, scripted model."""

from __future__ import annotations

import importlib.util
import itertools
import json
import os
import re
import signal
import subprocess
import sys
import uuid
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from .scripted_model import Request, ScriptedModel, Turn
from .waiting import Gate, wait_for

REPOSITORY = Path(__file__).resolve().parents[2]
LAB_SERVER = Path(__file__).with_name("lab_mcp.py")
PLACEHOLDER = "/path/to/durable"
FAKE_KEY = "sk-ant-fake-key-of-the-tests-0123456789"
TIMEOUT_S = 60
_numbers = itertools.count(1)


def find_binary() -> Path | None:
    """The client inside the wheel of claude-agent-sdk, found without importing it (that is slow)."""
    spec = importlib.util.find_spec("claude_agent_sdk")
    if spec is None or spec.origin is None:
        return None
    binary = Path(spec.origin).parent / "_bundled" / "claude"
    return binary if binary.exists() else None


def guarded_settings() -> dict[str, Any]:
    """The settings a person copies from the repository, with its place filled in."""
    text = (REPOSITORY / "settings.example.json").read_text(encoding="utf-8")
    return json.loads(text.replace(PLACEHOLDER, str(REPOSITORY)))


def add_hook(settings: dict[str, Any], event: str, command: str) -> dict[str, Any]:
    """The settings with one more handler for every call of `event`."""
    group = {"matcher": "*", "hooks": [{"type": "command", "command": command}]}
    hooks = settings.get("hooks", {})
    return {**settings, "hooks": {**hooks, event: [*hooks.get(event, []), group]}}


class Client:
    """One person's machine: a home, a project, a state directory and a model.

    Several sessions may run on it one after the other, or be resumed.
    """

    def __init__(self, root: Path, binary: Path, model: ScriptedModel) -> None:
        self.root, self.binary, self.model = root, binary, model
        self.home = root / "home"
        self.project = root / "project"
        self.state = root / "state"
        self.effects_file = root / "effects.txt"
        self.settings: dict[str, Any] = {}
        self.args: tuple[str, ...] = ()
        self.gates: list[Gate] = []
        self.started: list[Running] = []
        for directory in (self.home, self.project):
            directory.mkdir()

    @property
    def effects(self) -> list[str]:
        if not self.effects_file.exists():
            return []
        return self.effects_file.read_text(encoding="utf-8").splitlines()

    def effect(self, text: str) -> str:
        """A shell command that leaves `text` as an effect."""
        return f'echo {text} >> "{self.effects_file}"'

    def wait_for_effect(self, text: str) -> None:
        wait_for(lambda: text in self.effects, f"the effect {text!r}")

    def gate(self) -> Gate:
        gate = Gate(self.root / f"gate-{next(_numbers)}")
        self.gates.append(gate)
        return gate

    def environment(self, **more: str) -> dict[str, str]:
        """All that the client gets to see: nothing of the environment the tests run in."""
        path = [str(Path(sys.executable).parent), *os.environ["PATH"].split(os.pathsep)]
        return {
            "PATH": os.pathsep.join(path),
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            "IS_SANDBOX": "1",
            "ANTHROPIC_BASE_URL": self.model.url,
            "ANTHROPIC_API_KEY": FAKE_KEY,
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "CLAUDE_CODE_TMPDIR": str(self.root),
            "DURABLE_HOME": str(self.state),
            "LAB_EFFECTS": str(self.effects_file),
            **more,
        }

    def lab(self) -> tuple[str, ...]:
        """Arguments that give the session the tests' own MCP server."""
        server = {"command": sys.executable, "args": ["-I", "-S", str(LAB_SERVER)]}
        return ("--strict-mcp-config", "--mcp-config", json.dumps({"mcpServers": {"lab": server}}))

    def write_settings(self, settings: dict[str, Any]) -> Path:
        path = self.root / f"settings-{next(_numbers)}.json"
        path.write_text(json.dumps(settings), encoding="utf-8")
        return path

    def start(
        self,
        turns: Sequence[Turn] = (),
        *,
        settings: dict[str, Any] | None = None,
        prompt: str = "go",
        args: Sequence[str] = (),
        env: dict[str, str] | None = None,
        permission_mode: str = "bypassPermissions",
        resume: str = "",
        **subagents: Sequence[Turn],
    ) -> Running:
        """Starts a session; `subagents` are scripts named by `SCRIPT:name` in an Agent's prompt."""
        if turns:
            self.model.scripts["main"] = list(turns)
        self.model.scripts.update({name: list(script) for name, script in subagents.items()})
        session_id = resume or str(uuid.uuid4())
        command = [
            str(self.binary), "-p", prompt, "--output-format", "json",
            "--settings", str(self.write_settings(self.settings if settings is None else settings)),
            "--permission-mode", permission_mode,
            *(("--resume", resume) if resume else ("--session-id", session_id)),
            *self.args, *args,
        ]  # fmt: skip
        running = Running(self, command, self.environment(**(env or {})), session_id)
        self.started.append(running)
        return running

    def run(self, turns: Sequence[Turn] = (), **how: Any) -> Session:
        """Starts a session and waits for its end. Arguments as for `start`."""
        return self.start(turns, **how).wait()

    def cli(self, *args: str) -> subprocess.CompletedProcess[str]:
        """A command of the client that is no session, such as `plugin install`."""
        return subprocess.run(
            [str(self.binary), *args], cwd=self.project, env=self.environment(), stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=TIMEOUT_S, check=False,
        )  # fmt: skip

    def transcript_path(self, session_id: str) -> Path:
        folder = re.sub(r"[^A-Za-z0-9]", "-", str(self.project.resolve()))
        return self.home / ".claude" / "projects" / folder / f"{session_id}.jsonl"

    def close(self) -> None:
        """Lets held tools finish, and ends what a failing test left running."""
        for gate in self.gates:
            gate.open()
        for running in self.started:
            running.kill()


class Running:
    """A session under way. It has a process group of its own, like one started from a shell."""

    def __init__(self, client: Client, command: list[str], env: dict[str, str], session_id: str) -> None:
        self.client, self.session_id = client, session_id
        self.output = client.root / f"output-{next(_numbers)}"
        with open(f"{self.output}.out", "wb") as out, open(f"{self.output}.err", "wb") as err:
            self.process = subprocess.Popen(
                command, cwd=client.project, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                start_new_session=True,
            )  # fmt: skip

    def wait(self) -> Session:
        self.process.wait(timeout=TIMEOUT_S)
        return Session(self)

    def kill(self) -> Session:
        """kill -9 of the client alone: what it started is not told."""
        if self.process.poll() is None:
            self.process.kill()
        return self.wait()

    def interrupt(self) -> Session:
        self.process.send_signal(signal.SIGINT)
        return self.wait()


class Session:
    """What a finished session left behind."""

    def __init__(self, running: Running) -> None:
        self.client, self.session_id = running.client, running.session_id
        self.returncode = running.process.returncode
        self.stdout = Path(f"{running.output}.out").read_text(encoding="utf-8")
        self.stderr = Path(f"{running.output}.err").read_text(encoding="utf-8")

    @cached_property
    def result(self) -> dict[str, Any]:
        return json.loads(self.stdout)

    @property
    def stream(self) -> list[dict[str, Any]]:
        """What it printed, under `--output-format stream-json --verbose`."""
        return [json.loads(line) for line in self.stdout.splitlines()]

    @property
    def requests(self) -> list[Request]:
        return self.client.model.requests

    @property
    def told(self) -> str:
        """Every text that the model had been given by the end."""
        return self.client.model.last.told

    @property
    def effects(self) -> list[str]:
        return self.client.effects

    @property
    def transcript(self) -> list[dict[str, Any]]:
        path = self.client.transcript_path(self.session_id)
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
