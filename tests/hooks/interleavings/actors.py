"""Who acts in a plan: a process that outlives its client, and a call with its answer."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

from . import rules
from .book import EITHER, FREE, HELD, Client, Made


class Orphan:
    """A process of a tool that outlives its client. It ends with us, whatever ends us: its stdin closes."""

    def __init__(self, session: str) -> None:
        self._process = subprocess.Popen(
            ["cat"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, env={"CLAUDE_CODE_SESSION_ID": session}
        )

    def end(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


class Call:
    """One of a line's `call`s: who makes it, what it is, and how it was answered."""

    def __init__(self, words: str, client_of: Callable[[str], Client]) -> None:
        client, self.agent, self.line, self.use_id, *more = words.split(",")
        self.client = client_of(client)
        self.twice = "twice" in more
        self.says_no = "no" in more
        self.standing: dict[str, tuple[str, str]] = {}
        self.claims = rules.claims_of(self.line)
        self.in_flight = False
        self.verdict = ""
        self.told = ""

    @property
    def held(self) -> str:
        return max((found for found, _ in self.standing.values()), key=(FREE, EITHER, HELD).index, default=FREE)

    def starts(self, made: Made) -> bool:
        """The same start once more, as the client may do: it is no other call."""
        return (made.client, made.agent, made.use_id, made.line, made.prompt) == self.start

    @property
    def start(self) -> tuple[Client, str, str, str, int]:
        return self.client, self.agent, self.use_id, self.line, self.client.prompt_of(self.agent)

    def __str__(self) -> str:
        return f"{self.line} as {self.use_id} of {self.client.name}/{self.agent}"
