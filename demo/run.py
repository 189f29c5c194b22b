"""`make demo`: the hooks at work in a scratch home, without an agent and without your settings.

It ends with an error if anything it shows is not so.
"""

from __future__ import annotations

import os
import select
import shutil
import subprocess
import sys
import tempfile
import uuid
from pathlib import Path

sys.stdout.reconfigure(line_buffering=True)  # in a pipe, too, our lines and those of the commands keep their order
AGENT = Path(__file__).with_name("agent.py")
DURABLE = Path(sys.executable).with_name("durable")
PERSONAL = ("DURABLE_", "XDG_", "CLAUDE", "ANTHROPIC_")
# Takes as long as the demo wants: it says that it has begun, and goes on when told to.
PLACE_ORDER = """#!/bin/sh
exec 3<> progress
echo begun >&3
read go < gate
echo "order 4711" >> orders.txt
echo ended >&3
"""
RULE = """[rules."place an order"]
match = "Bash(./place-order *)"
effect = "once"                  # must not happen twice
probe = "grep 4711 orders.txt"   # did it happen? exit 0: yes, and this is the receipt
"""
PATIENCE_S = 60


class Stage:
    """A home, a project and an environment that are thrown away afterwards."""

    def __init__(self, root: Path) -> None:
        self.home, self.project = root / "home", root / "shop"
        self.home.mkdir()
        self.project.mkdir()
        self.state = self.home / "state"
        kept = {name: value for name, value in os.environ.items() if not name.startswith(PERSONAL)}
        path = f"{DURABLE.parent}{os.pathsep}{os.environ['PATH']}"
        self.policy = self.home / "policy.toml"
        self.env = {
            **kept, "HOME": str(self.home), "DURABLE_HOME": str(self.state), "DURABLE_POLICY": str(self.policy),
            "PATH": path,
        }  # fmt: skip

    def durable(self, *words: str) -> None:
        print(f"\n$ durable {' '.join(words)}", flush=True)
        done = subprocess.run([DURABLE, *words], cwd=self.project, env=self.env, check=False)
        expect(done.returncode == 0, f"durable {words[0]} ended with {done.returncode}")

    def quietly(self, *words: str) -> subprocess.CompletedProcess[str]:
        command = [str(DURABLE), *words]
        return subprocess.run(command, cwd=self.project, env=self.env, capture_output=True, text=True, check=False)

    def session(self, session: str, source: str, *commands: str) -> subprocess.Popen[bytes]:
        words = [sys.executable, str(AGENT), session, source, *commands]
        return subprocess.Popen(words, cwd=self.project, env=self.env)


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="durable-demo-") as root:
        stage = Stage(Path(root))
        register(stage)
        first = str(uuid.uuid4())
        everyday(stage, first)
        cut_off(stage, first)
        broken(stage)
    print(f"""
This was a scratch home, which is gone again. For your own sessions:

    {DURABLE} init --user      shows what it adds to ~/.claude/settings.json, and asks
    {DURABLE} doctor           checks that a broken ledger really denies
    {DURABLE} uninit --user    takes it out again""")


def register(stage: Stage) -> None:
    heading("1. Register the hooks with the client (here: in a scratch home)")
    print("\n$ durable init --user --yes")
    done = stage.quietly("init", "--user", "--yes")
    diff = ("+", "-", "@", " ")
    print("\n".join(line for line in done.stdout.splitlines() if not line.startswith(diff)))
    expect(done.returncode == 0, done.stderr)
    print("\n  and one rule of your own, in policy.toml:\n")
    print("".join(f"  {line}\n" for line in RULE.splitlines()), end="")
    stage.policy.write_text(RULE, "utf-8")


def everyday(stage: Stage, session: str) -> None:
    heading("2. Two calls: each has its row before it runs, and its receipt after")
    finished = stage.session(session, "startup", "echo 3 items in the basket", "ls no-such-file").wait()
    expect(finished == 0, "the session failed")


def cut_off(stage: Stage, session: str) -> None:
    heading("3. kill -9 in the middle of an order: it is placed once")
    shop = stage.project
    (shop / "place-order").write_text(PLACE_ORDER, "utf-8")
    (shop / "place-order").chmod(0o755)
    (shop / "orders.txt").touch()
    for pipe in ("progress", "gate"):
        os.mkfifo(shop / pipe)
    progress = os.open(shop / "progress", os.O_RDWR)
    agent = stage.session(session, "resume", "./place-order")
    wait_for_news(progress, "the call did not begin")
    agent.kill()
    agent.wait()
    print(f"  kill -9 {agent.pid}: the client is dead. The command it started is not, and goes on.")
    stage.durable("show", session)
    print("\n  The session is resumed at once, and the agent tries again:")
    stage.session(session, "resume", "./place-order").wait()
    (shop / "gate").write_text("go\n", "utf-8")
    wait_for_news(progress, "the orphan did not end")
    expect((shop / "orders.txt").stat().st_size > 0, "the orphan did not finish")
    print("\n  The command has ended, and nobody got its result. The agent tries once more:")
    stage.session(session, "resume", "./place-order").wait()
    stage.durable("show", session)
    print("\n$ cat orders.txt")
    orders = (shop / "orders.txt").read_text("utf-8")
    print(orders, end="")
    expect(orders == "order 4711\n", "it was ordered twice")
    stage.durable("open")


def broken(stage: Stage) -> None:
    heading("4. Break the ledger: nothing runs that could not be recorded")
    aside = stage.state / "aside"
    aside.mkdir()
    for path in stage.state.glob("ledger.db*"):
        shutil.move(path, aside)
    print("  $ echo garbage > ledger.db")
    (stage.state / "ledger.db").write_text("garbage\n", "utf-8")
    stage.session(str(uuid.uuid4()), "startup", "touch must-not-exist").wait()
    expect(not (stage.project / "must-not-exist").exists(), "a call ran without a ledger")


def heading(text: str) -> None:
    print(f"\n── {text}", flush=True)


def wait_for_news(pipe: int, otherwise: str) -> None:
    ready, _, _ = select.select([pipe], [], [], PATIENCE_S)
    expect(bool(ready), otherwise)
    os.read(pipe, 100)


def expect(true: bool, problem: str) -> None:
    if not true:
        sys.exit(f"the demo failed: {problem}")


if __name__ == "__main__":
    main()
