"""A shop whose client is cut off in the middle of a payment, and the ways in which somebody goes on after that.

The payment itself counts its effects, in a file of its own. Only the first one stops at the gate: one that is made
again is seen at once.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ledger_view

from .client import REPOSITORY, TIMEOUT_S, Client, add_hook, guarded_settings
from .scripted_model import Block, ScriptedModel, ToolResult, Turn, bash, call, delegate, say
from .waiting import PATIENCE_S, Gate, wait_for

PAY = "pay bob 5"
CUT = "toolu_cut"
INSIDE = "toolu_inside"
RULES = '[rules.pay]\nmatch = ["Bash(pay *)", "mcp__lab__slow", "mcp__lab__send"]\neffect = "once"\n'
GO_ON = ("--yes", "--wait", "0")
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
        self._script("claude", self._headless())
        return subprocess.Popen(
            [sys.executable, "-m", "durable", *words], cwd=self.project,
            env=self.environment(PYTHONPATH=str(REPOSITORY / "src")), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def kill_resumed(self, begun: subprocess.Popen[str]) -> None:
        """kill -9 of the client that `durable resume` has started, and of nobody else."""
        ledger = ledger_view.connect(self.state)
        (pid,) = ledger.execute("SELECT pid FROM owners ORDER BY seen_at DESC LIMIT 1").fetchone()
        ledger.close()
        os.kill(pid, signal.SIGKILL)
        begun.communicate(timeout=TIMEOUT_S)

    def _headless(self) -> str:
        """The client as these tests start it, for whoever starts `claude` with nothing but a session."""
        settings = str(self.write_settings(self.settings))
        words = [
            str(self.binary),
            "--settings",
            settings,
            "--permission-mode",
            "bypassPermissions",
            "--output-format",
            "json",
            *self.args,
        ]
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


class Cut:
    """Where a session was cut off: its run, and the step that it left behind."""

    def __init__(self, shop: Shop, session_id: str) -> None:
        self.shop = shop
        self.run_id = session_id
        left = ledger_view.step(shop.state, tool_use_id=CUT)
        self.step_id = left["step_id"]
        self.in_doubt = left["status"] != "succeeded"


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


# ---- the cuts ---------------------------------------------------------------------------------------


def in_bash(shop: Shop, lives: bool, **more: Any) -> Cut:
    gate = shop.hold()
    shop.plays([[bash(PAY, CUT, **more)], [say("it goes on")]])
    running = shop.start()
    gate.wait_until_reached()
    if more.get("run_in_background"):
        shop.model.wait_for_turn(1)
    running.kill()
    return _left(shop, running.session_id, gate, lives)


def in_a_sub_agent(shop: Shop) -> Cut:
    gate = shop.hold()
    shop.plays([[delegate("sub", run_in_background=False)]], sub=[[bash(PAY, CUT)]])
    running = shop.start()
    gate.wait_until_reached()
    running.kill()
    return _left(shop, running.session_id, gate, lives=False)


def in_an_mcp_call(shop: Shop) -> Cut:
    shop.args = shop.lab()
    shop.plays([[order(shop, CUT)]])
    running = shop.start()
    shop.pay_gate.wait_until_reached()
    running.kill()
    return Cut(shop, running.session_id)


def between_two_tools(shop: Shop) -> Cut:
    played = shop.plays([[bash(PAY, CUT)]], pauses_at=1)
    running = shop.start()
    shop.model.wait_for_turn(1)
    running.kill()
    played.speak.set()
    return Cut(shop, running.session_id)


def in_our_hook(shop: Shop, point: str) -> str:
    """At a point of the hook before the payment; the hook then goes on without its client. Gives the session."""
    held = shop.root / "held"
    played = shop.plays([[bash(PAY, CUT)]], pauses_at=0)
    running = shop.start(env={"DURABLE_TEST_CRASH": f"{point}:hold={held}"})

    def heard() -> bool:
        held.unlink(missing_ok=True)  # The hooks before the first request have that point as well.
        return bool(shop.model.requests)

    wait_for(heard, "the first request")
    played.speak.set()
    wait_for(held.exists, f"the hook at {point}")
    running.kill()
    held.unlink()
    shop.wait_for_quiet(running.session_id)
    return running.session_id


def behind_our_hook(shop: Shop) -> Cut:
    """It has permitted the payment; another one has not."""
    gate = shop.gate()
    settings = add_hook(shop.settings, "PreToolUse", gate.command("true"))
    shop.plays([[bash(PAY, CUT)]])
    running = shop.start(settings=settings)
    gate.wait_until_reached()
    wait_for(lambda: [row for row in ledger_view.steps(shop.state) if row["status"] == "running"], "our permit")
    running.kill()
    gate.open()
    shop.wait_for_quiet(running.session_id)
    return Cut(shop, running.session_id)


def _left(shop: Shop, session_id: str, gate: Gate, lives: bool) -> Cut:
    if not lives:
        gate.open()
        shop.wait_for_quiet(session_id)
    return Cut(shop, session_id)


CUTS = {
    "bash-orphan-lives": lambda shop: in_bash(shop, lives=True),
    "bash-orphan-gone": lambda shop: in_bash(shop, lives=False),
    "mcp-call": in_an_mcp_call,
    "between-two-tools": between_two_tools,
    "sub-agent": in_a_sub_agent,
    "background": lambda shop: in_bash(shop, lives=True, run_in_background=True),
}


# ---- the model repeats --------------------------------------------------------------------------------


def order(shop: Shop, use_id: str, **more: str) -> Block:
    return call("mcp__lab__slow", {"text": "paid bob 5", "gate": str(shop.pay_gate.path), **more}, use_id)


def same_words(cut: Cut) -> list[Block]:
    """The model may use the old id again, and a description is no part of a call."""
    if cut.shop.args:
        return [order(cut.shop, CUT), order(cut.shop, "toolu_again")]
    described = bash(PAY, "toolu_described", description="try the payment again", timeout=60_000)
    return [bash(PAY, CUT), bash(PAY, "toolu_again"), described, bash(PAY, "toolu_later", run_in_background=True)]


def other_names(cut: Cut) -> list[Block]:
    """Another text, and provably the same call."""
    shop = cut.shop
    if shop.args:
        given = order(shop, "")["input"]
        return [call("mcp__lab__slow", dict(reversed(given.items())), "toolu_reordered")]
    lines = {
        "path": f"{shop.bin}/{PAY}",
        "cd": f"cd {shop.project} && {PAY}",
        "quotes": "true; pay 'bob'  \"5\" || echo no",
        "shell": f"sh -c '{PAY}'",
    }
    return [bash(line, f"toolu_{name}") for name, line in lines.items()]


def new_words(cut: Cut) -> list[Block]:
    """What only a person knows to be the same call."""
    if cut.shop.args:
        return [order(cut.shop, "toolu_more", key="1"), order(cut.shop, "toolu_text", text="paid  bob 5")]
    return [bash("pay --to=bob 5", "toolu_options"), bash(f"cd sub && {PAY}", "toolu_elsewhere")]


def repeated(cut: Cut, calls: Sequence[Block], way: Any) -> dict[str, ToolResult]:
    """What the model hears, by the id of each call, when it makes them that way; a sub-agent makes the last again."""
    inside = [[{**calls[-1], "id": INSIDE}]]
    part = delegate("again", run_in_background=False)
    cut.shop.plays([*([block] for block in calls), [part]], again=inside)
    way(cut.shop, cut.run_id)
    return cut.shop.heard()


# ---- the ways on ----------------------------------------------------------------------------------------


def by_durable_resume(shop: Shop, session_id: str) -> None:
    done = shop.durable("resume", "--run-id", session_id, *GO_ON)
    assert '"is_error":false' in done.stdout, (done.stdout, done.stderr)


def by_having_it_replayed(shop: Shop, session_id: str) -> None:
    """Whoever has all executed again that can be has nothing executed that may have happened."""
    done = shop.durable("resume", "--run-id", session_id, "--replay", "--prompt", "go on", *GO_ON)
    assert '"is_error":false' in done.stdout, (done.stdout, done.stderr)


def by_the_clients_own_resume(shop: Shop, session_id: str) -> None:
    _ended_well(shop, prompt="go on", resume=session_id)


def by_a_fresh_session(shop: Shop, session_id: str) -> None:
    _ended_well(shop, prompt="go")


def _ended_well(shop: Shop, **how: Any) -> None:
    session = shop.start(**how).wait()
    assert not json.loads(session.stdout)["is_error"], session.stdout


WAYS = {
    "durable-resume": by_durable_resume,
    "claude-resume": by_the_clients_own_resume,
    "fresh": by_a_fresh_session,
}
