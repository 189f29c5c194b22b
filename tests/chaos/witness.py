"""Counts effects outside of everything under test: each is a line that a process of its own appends to a file."""

from __future__ import annotations

import subprocess
from collections import Counter
from pathlib import Path

_EFFECT = 'printf "%s\\n" "$1" >> "$2"'


class Witness:
    def __init__(self, path: Path) -> None:
        self.path = path
        path.touch()

    def effect(self, command: str, session: str) -> None:
        subprocess.run(["sh", "-c", _EFFECT, "effect", command, self.path], env=_of(session), check=True)

    def slow_effect(self, command: str, session: str) -> SlowEffect:
        return SlowEffect(self.path, command, session)

    def counted(self) -> Counter[str]:
        return Counter(self.path.read_text(encoding="utf-8").splitlines())


class SlowEffect:
    """A tool that is under way, and outlives whoever started it: its effect comes when it is told to go on."""

    def __init__(self, path: Path, command: str, session: str) -> None:
        argv = ["sh", "-c", f"read -r wait; {_EFFECT}", "effect", command, str(path)]
        self._process = subprocess.Popen(argv, stdin=subprocess.PIPE, env=_of(session))

    def go_on(self) -> None:
        self._process.communicate(b"\n")

    def die(self) -> None:
        self._process.kill()
        self._process.communicate()


def _of(session: str) -> dict[str, str]:
    """The client's children carry its session's id, by which an orphan is known."""
    return {"PATH": "/usr/bin:/bin", "CLAUDE_CODE_SESSION_ID": session}
