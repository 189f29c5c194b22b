"""A shop: a machine of the real client with something to pay that counts its own payments, in a file of its own.

Only the first one stops at the gate: one that is made again is seen at once.
"""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ledger_view

from .client import REPOSITORY, TIMEOUT_S, Client, guarded_settings
from .scripted_model import ScriptedModel, ToolResult, Turn, say
from .waiting import PATIENCE_S, Gate, wait_for

RULES = '[rules.pay]\nmatch = ["Bash(pay *)", "mcp__lab__slow", "mcp__lab__send"]\neffect = "once"\n'
WORLD = ("home", "state")
LONGEST_S = 600  # that a payment waits at its gate: longer than all the ways on from one cut take together


class Onwards(Sequence[Turn]):
    """Turns from wherever the conversation stands. Before the one numbered `pauses_at` the model waits for `speak`."""

    def __init__(self, turns: Sequence[Turn], pauses_at: int = -1) -> None:
        self.turns = list(turns)
        self.pauses_at = pauses_at
        self.first: int | None = None
        self.speak = threading.Event()

    def __len__(self) -> int:
        return sys.maxsize

    def __getitem__(self, turn: Any) -> Any:
        self.first = turn if self.first is None else self.first
        at = turn - self.first
        if at == self.pauses_at:
            self.speak.wait(PATIENCE_S)
        return self.turns[at] if at < len(self.turns) else [say("done")]


class Shop(Client):
    """A machine with something to pay, a rule that it is paid once, and `claude` on the path of `durable resume`."""

    def __init__(self, root: Path, binary: Path, model: ScriptedModel) -> None:
        super().__init__(root, binary, model)
        self.settings = guarded_settings()
        self.bin = root / "bin"
        self.first_one = root / "the-first-one"
        self.begun: list[subprocess.Popen[str]] = []
        for folder in (self.bin, self.project / "sub", self.home / ".config" / "durable"):
            folder.mkdir(parents=True)
        (self.home / ".config" / "durable" / "policy.toml").write_text(RULES, encoding="utf-8")
        self._script("pay", f'{self._waits()}; echo "paid $*" >> "$LAB_EFFECTS"; echo "receipt 77 for $*"')

    def environment(self, **more: str) -> dict[str, str]:
        env = super().environment(**more)
        return {**env, "PATH": f"{self.bin}:{env['PATH']}"}

    def hold(self) -> Gate:
        """The next payment stops before its effect, and only that one."""
        self.pay_gate.path.with_suffix(".open").unlink(missing_ok=True)
        self.first_one.touch()
        return self.pay_gate

    def _waits(self) -> str:
        self.pay_gate = self.gate()
        taken = f"{shlex.quote(str(self.first_one))}"
        gate = shlex.quote(str(self.pay_gate.path))
        wait = f"for i in $(seq {LONGEST_S * 20}); do [ -e {gate}.open ] && break; sleep 0.05; done"
        return f"if mv {taken} {taken}.$$ 2>/dev/null; then touch {gate}.reached; {wait}; fi"

    def _script(self, name: str, line: str) -> None:
        path = self.bin / name
        path.write_text(f"#!/bin/sh\n{line}\n", encoding="utf-8")
        path.chmod(0o755)

    # ---- going on ---------------------------------------------------------------------------------

    def plays(self, turns: Sequence[Turn], pauses_at: int = -1, **subagents: Sequence[Turn]) -> Onwards:
        """The model's part from here on."""
        self.model.requests.clear()
        main = Onwards(turns, pauses_at)
        self.model.scripts = {"main": main, **{name: Onwards(script) for name, script in subagents.items()}}
        return main

    def heard(self) -> dict[str, ToolResult]:
        """By the id of each call, since the model began this part."""
        return {result.tool_use_id: result for request in self.model.requests for result in request.tool_results}

    def durable(self, *words: str) -> subprocess.CompletedProcess[str]:
        """As a person beside the agent types it."""
        begun = self.begins(*words)
        out, err = begun.communicate(timeout=TIMEOUT_S)
        return subprocess.CompletedProcess(words, begun.returncode, out, err)

    def begins(self, *words: str) -> subprocess.Popen[str]:
        """The client that it becomes keeps its process id."""
        self._script("claude", self._headless())
        begun = subprocess.Popen(
            [sys.executable, "-m", "durable", *words], cwd=self.project,
            env=self.environment(PYTHONPATH=str(REPOSITORY / "src")), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.begun.append(begun)
        return begun

    def close(self) -> None:
        super().close()
        for begun in self.begun:
            kill(begun)

    def _headless(self) -> str:
        """The client as these tests start it, for whoever starts `claude` with nothing but a session."""
        settings = str(self.write_settings(self.settings))
        how = ("--permission-mode", "bypassPermissions", "--output-format", "json")
        words = [str(self.binary), "--settings", settings, *how, *self.args]
        prompt = 'case " $* " in *" -p "*) ;; *) set -- -p "go on" "$@";; esac'
        return f'{prompt}\nexec {shlex.join(words)} "$@"'

    def step(self, step_id: str) -> dict[str, Any]:
        return ledger_view.step(self.state, step_id=step_id)

    # ---- one cut, many ways on ----------------------------------------------------------------------

    def keep(self) -> None:
        for name in WORLD:
            _copy(self.root / name, self.root / "kept" / name)

    def put_back(self) -> None:
        for name in WORLD:
            _copy(self.root / "kept" / name, self.root / name)

    def processes(self, session_id: str) -> list[int]:
        """What the client of that session started and what outlived it."""
        mark = f"CLAUDE_CODE_SESSION_ID={session_id}".encode()
        return [int(path.parent.name) for path in Path("/proc").glob("[0-9]*/environ") if mark in _environment(path)]

    def wait_for_quiet(self, session_id: str) -> None:
        wait_for(lambda: not self.processes(session_id), "the end of what outlived the client")


def kill(begun: subprocess.Popen[str]) -> None:
    """With -9, and what it has become."""
    begun.kill()
    begun.communicate(timeout=TIMEOUT_S)


def _copy(source: Path, target: Path) -> None:
    if target.is_dir():
        shutil.rmtree(target)
    target.unlink(missing_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, symlinks=True)
    elif source.exists():
        shutil.copy2(source, target)


def _environment(path: Path) -> list[bytes]:
    try:
        return path.read_bytes().split(b"\0")
    except OSError:
        return []
