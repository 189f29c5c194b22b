"""What every part of the reader of a command line stands on: a text, a place in it, and the work left."""

from __future__ import annotations

from durable.commandline.nodes import Unclear

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Self

    from durable.commandline.nodes import Budget, Redirect, Sequence, Simple

DEEPEST = 24
WORD_ENDS = frozenset(" \t\n;&|<>()")


class Reader:
    """Reads `text` from `at` on. What it can't read raises Unclear.

    `assigned` counts how often the line gives each variable a value, "*" stands for any of them.
    """

    def __init__(self, text: str, budget: Budget, depth: int) -> None:
        self.text = text
        self.length = len(text)
        self.at = 0
        self.depth = depth
        self.budget = budget
        self.pending: list[Redirect] = []
        self.assigned: dict[str, int] = {}
        self.simples: list[Simple] = []

    def sequence(self, ends: tuple[str, ...]) -> Sequence:
        raise NotImplementedError

    def assign(self, name: str) -> None:
        self.assigned[name] = self.assigned.get(name, 0) + 1

    def deeper(self) -> None:
        self.depth += 1
        if self.depth > DEEPEST:
            raise Unclear

    def nested(self, text: str) -> Self:
        """A scanner for a text inside this one; what it finds counts for both."""
        inner = type(self)(text, self.budget, self.depth)
        inner.deeper()
        inner.assigned = self.assigned
        inner.simples = self.simples
        return inner
