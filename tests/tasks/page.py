"""A page of docs/tasks as a script: its commands in order, and the files that it has one write.

A block ```sh holds one command a line; a comment "exits with N" says that it does not end with 0. A block of
another kind is a file, whose name is the last thing in backquotes before it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

TASKS = Path(__file__).resolve().parents[2] / "docs" / "tasks"
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.M | re.S)
_EXIT = re.compile(r"#.*\bexits with (\d)")


@dataclass(frozen=True)
class Command:
    line: str
    code: int


@dataclass(frozen=True)
class File:
    path: str
    text: str


def parts(name: str) -> list[Command | File]:
    page = (TASKS / f"{name}.md").read_text("utf-8")
    found: list[Command | File] = []
    for block in _BLOCK.finditer(page):
        kind, text = block.groups()
        if kind == "sh":
            found += [_command(line) for line in text.splitlines() if line.strip()]
        else:
            found.append(File(re.findall(r"`([^`\n]+)`", page[: block.start()])[-1], text))
    return found


def _command(line: str) -> Command:
    said = _EXIT.search(line)
    return Command(line, int(said[1]) if said else 0)
