"""One machine with its clients, a witness beside it, and the commands that somebody wants to happen exactly once."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import ledger_view
from hooks.door import ROOT, Door

from .client import Client
from .disk import Tree, write_tree
from .judge import judge
from .witness import Witness

# `pay` can't be looked up; `book` can, and its probe strikes down the hook that asked it once there is a `strike`.
# Each has a key: without one a call would be held back for another in doubt, as if it were that in other words.
RULES = """
[rules.pay]
match = "Bash(pay *)"
effect = "once"
scope = "project"
key = ["--to"]
[rules.book]
match = "Bash(book *)"
effect = "once"
scope = "project"
key = ["--to"]
settle = 0
probe = "exec {probe}"
"""
PROBE = """#!/bin/sh
step=$(cat)
if signal=$(cat {root}/strike 2>/dev/null); then rm {root}/strike; kill -s "$signal" $PPID; fi
while read -r command; do
    case $step in *"$command"*) echo found; exit 0;; esac
done < {root}/witness || exit 2
exit 1
"""


class World:
    def __init__(self, root: Path, checkout: Path) -> None:
        self.root = root
        self.door = Door(root / "machine", checkout=checkout)
        self.witness = Witness(root / "witness")
        self.asked: list[str] = []
        self.clients: list[Client] = []
        self.ended: list[int] = []  # how the commands that somebody ran ended
        probe = root / "probe"
        probe.write_text(PROBE.format(root=root))
        probe.chmod(0o755)
        self.door.policy(RULES.format(probe=probe))

    def client(self, run: str = "the-run") -> Client:
        # Orphans are known by the session's name, and every world runs on one machine.
        session = f"{self.root.name}-{len(self.clients)}"
        self.clients.append(Client(self.door, self.witness, session, run))
        return self.clients[-1]

    def want(self, command: str) -> str:
        self.asked.append(command)
        return command

    def lose_power(self, left: Tree) -> None:
        """The witness is elsewhere: what it saw stays seen."""
        self.kill_clients()
        write_tree(self.door.root, left)

    def kill_clients(self) -> None:
        for client in self.clients:
            client.kill()

    def saw_a_hook_killed(self) -> bool:
        return any(answer.code == -9 for client in self.clients for answer in client.answers)

    def go_on(self, times: int = 2) -> str:
        """Everybody is dead, and new sessions repeat all of it, undisturbed. Then: the verdict."""
        for _ in range(times):
            self.kill_clients()
            client = self.client()
            client.starts("resume")
            for number, command in enumerate(dict.fromkeys(self.asked)):
                client.call(command, f"toolu_{client.session}_{number}")
        self.kill_clients()
        return self.verdict()

    def verdict(self) -> str:
        return judge(self.witness.counted(), ledger_view.steps(self.door.state), self.asked)


@contextmanager
def a_world(checkout: Path = ROOT) -> Iterator[World]:
    """In memory where there is room: what is on disk after a power cut is told by what was asked of the kernel."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(prefix="chaos-", dir=memory if memory.is_dir() else None) as root:
        world = World(Path(root), checkout)
        try:
            yield world
        finally:
            world.kill_clients()
