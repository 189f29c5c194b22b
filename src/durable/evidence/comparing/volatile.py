"""What of a recorded value says nothing about what was done: the run's own ids, times, spans, where the project lies.

From what a call was given only the run's own ids and its place are taken: a date or a number there is what
somebody meant. What came back is full of times that nobody meant.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    # A text without the first of the three is none that the pattern finds anything in: most are long, and have none.
    Patterns = list[tuple[str, re.Pattern[str], str]]

# Fields of the client's own results that are another value each time. In what a call was given, by a server's tool for
# one, a field of that name says what to act on: of those only the run's own ids go.
FIELDS = frozenset(
    (
        "agentId", "backgroundTaskId", "bash_id", "canContinueAgent", "canReadOutputFile", "durationMs",
        "durationSeconds", "harnessSectionHash", "outputFile", "resolvedModel", "session_id", "shell_id", "taskId",
        "task_id", "totalDurationMs", "totalTokens", "usage",
    )
)  # fmt: skip
_SHORTEST_ID = 6
_WORD = re.compile(r"\w{6,}")
_UUID = r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"
_CALL = r"\btoolu_\w+"
_TIME = r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:Z|[+-]\d\d:?\d\d)?"
_CLOCK = r"\b\d\d:\d\d:\d\d(?:[.,]\d+)?\b"
_SPAN = r"\b\d+(?:\.\d+)?\s?(?:µs|us|ms|s|secs?|seconds?|mins?|minutes?)\b"
_BACK = [("-", re.compile(_UUID), "(id)"), ("toolu_", re.compile(_CALL), "(id)"), ("-", re.compile(_TIME), "(time)"),
         (":", re.compile(_CLOCK), "(time)"), ("", re.compile(_SPAN), "(span)")]  # fmt: skip


class Volatile:
    """Of one run: its project's directory and the ids that it was given."""

    __slots__ = ("_own", "_words")

    def __init__(self, project: str, ids: Iterable[str]) -> None:
        long = {one for one in ids if len(one) >= _SHORTEST_ID}
        self._words = {one for one in long if _WORD.fullmatch(one)}
        own = _own(project.rstrip("/"), long - self._words)
        self._own = [(needle, re.compile(pattern), word) for needle, pattern, word in own]

    def given(self, value: Any) -> Any:
        """What a call was given, without them."""
        return self._within(value, self._own, frozenset())

    def returned(self, value: Any) -> Any:
        """What came back, without them and without any time, span or id."""
        return self._within(value, [*self._own, *_BACK], FIELDS)

    def _within(self, value: Any, patterns: Patterns, fields: frozenset[str]) -> Any:
        if isinstance(value, str):
            return self._cleared(value, patterns)
        if isinstance(value, list):
            return [self._within(item, patterns, fields) for item in value]
        if isinstance(value, dict):
            kept = {name: item for name, item in value.items() if name not in fields}
            return {self._cleared(name, patterns): self._within(item, patterns, fields) for name, item in kept.items()}
        return value

    def _cleared(self, text: str, patterns: Patterns) -> str:
        """A run has thousands of ids: one pattern of them all would take longer to make than all else."""
        for needle, pattern, word in patterns:
            if needle in text:
                text = pattern.sub(word, text)
        if self._words.isdisjoint(_WORD.findall(text)):
            return text
        return _WORD.sub(lambda found: "(id)" if found[0] in self._words else found[0], text)


def _own(project: str, ids: set[str]) -> Iterable[tuple[str, str, str]]:
    """The client calls its folder for a project after the path, each / a dash."""
    if project:
        folder = re.sub(r"[^A-Za-z0-9]", "-", project)
        yield project, rf"(?<![\w.~-]){re.escape(project)}(?![\w-]|\.\w)", "."
        yield folder, rf"{re.escape(folder)}(?![\w-]|\.\w)", "(project)"
    if ids:
        longest_first = sorted(map(re.escape, ids), key=len, reverse=True)
        yield "", rf"(?<!\w)(?:{'|'.join(longest_first)})(?!\w)", "(id)"
