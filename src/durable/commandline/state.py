"""What a shell knows while it goes through a line: its directory, its options, its variables."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from durable.commandline.nodes import Node


class State:
    """`later` marks every command after one that may end the shell."""

    __slots__ = ("before", "cwd", "errexit", "functions", "later", "pipefail", "stack", "variables")

    def __init__(self, cwd: str) -> None:
        self.cwd = cwd
        self.before = ""
        self.stack: list[str] = []
        self.errexit = False
        self.pipefail = False
        self.later = 0
        self.variables: dict[str, str] = {}
        self.functions: dict[str, Node] = {}

    def copy(self) -> State:
        """A subshell: what changes in it stays in it."""
        other = State(self.cwd)
        other.before = self.before
        other.stack = list(self.stack)
        other.errexit, other.pipefail = self.errexit, self.pipefail
        other.later = self.later
        other.variables = dict(self.variables)
        other.functions = dict(self.functions)
        return other

    def options(self, words: list[str], off_only: bool) -> None:
        """`set -euo pipefail` and the same words after `bash`."""
        for number, word in enumerate(words):
            if word[:1] not in ("-", "+") or word.startswith("--"):
                continue
            on = word[0] == "-"
            if on and off_only:
                continue
            if "e" in word[1:]:
                self.errexit = on
            if word.endswith("o") and number + 1 < len(words):
                self._named_option(words[number + 1], on)

    def _named_option(self, name: str, on: bool) -> None:
        if name == "errexit":
            self.errexit = on
        elif name == "pipefail":
            self.pipefail = on
