"""Claude Code's transcript as a trace: every call, what became of it, and whether the file is whole.

Each line names the one it follows (`parentUuid`), and a result the line that asked for it: a line that was cut out or
moved leaves its follower pointing nowhere. What is cut off behind the last line leaves nothing that could show it.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from durable.agents.claude_transcript import COPIES, FAILED_TEXT, REFUSED, parse_result
from durable.agents.line_reader import whole_lines
from durable.errors import InputError
from durable.evidence.auditing.trace import NEVER_RAN, PERHAPS, RAN, Asked, Broken, Told, Typed
from durable.native import loads

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from durable.evidence.auditing.trace import Item

PIECE = 1_000_000  # bytes in memory at a time, or one line if that is longer
# The client checks a call before it asks its hooks, and says so in these words if it won't take it.
NOT_TAKEN = "<tool_use_error>"
SUFFIX = ".jsonl"
TYPED = "<bash-input>"
FOLLOWS = ("parentUuid", "sourceToolAssistantUUID")


class Trace:
    """Iterating reads the file once, forward. OSError or ValueError if it can't be read. `first_at` and `last_at`
    are the times of the lines read so far; `late`: it begins behind a compaction, as a fork's transcript may."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.first_at = ""
        self.last_at = ""
        self.late = False
        self._seen: set[int] = set()
        self._turn = 0

    def __iter__(self) -> Iterator[Item]:
        offset, at_end = 0, False
        while not at_end:
            lines, reached, at_end = whole_lines(self.path, offset, PIECE)
            for line in lines:
                yield from self._line(line)
            if reached < offset:
                yield Broken("it was rewritten while it was read", self.last_at)
                return
            offset = reached
        if os.stat(self.path).st_size > offset:
            yield Broken("its last line is unfinished", self.last_at)

    def _line(self, raw: bytes) -> Iterator[Item]:
        # They copy whole messages and say nothing new; one that swallowed another line still shows its field.
        if raw.startswith(COPIES) and b'"parentUuid"' not in raw:
            return
        try:
            line = loads(raw.decode("utf-8"))
        except (InputError, ValueError):
            yield Broken("a line of it can't be read", self.last_at)
            return
        if isinstance(line, dict):
            yield from self._whole(line)

    def _whole(self, line: dict[str, Any]) -> Iterator[Item]:
        at = _text(line.get("timestamp"))
        if at and "uuid" in line:
            self.first_at = min(self.first_at or at, at)
            self.last_at = max(self.last_at, at)
        if self._lacks(line, "logicalParentUuid") and not self._seen:
            self.late = True
        elif any(self._lacks(line, name) for name in FOLLOWS):
            yield Broken("a line of it is missing, or stands in another place than it was written", at)
        place = hash(line["uuid"]) if isinstance(line.get("uuid"), str) else 0
        if place:
            self._seen.add(place)
        yield from self._said(line, at, place)

    def _lacks(self, line: dict[str, Any], name: str) -> bool:
        before = line.get(name)
        return isinstance(before, str) and hash(before) not in self._seen

    def _said(self, line: dict[str, Any], at: str, place: int) -> Iterator[Item]:
        message = line.get("message")
        content = message.get("content") if isinstance(message, dict) else None
        blocks = [block for block in content if isinstance(block, dict)] if isinstance(content, list) else []
        if line.get("type") == "assistant":
            yield from (_asked(block, at, place, self._turn) for block in blocks if _is_call(block))
        elif line.get("type") == "user":
            results = [block for block in blocks if _is_result(block)]
            yield from (_told(line, block, len(results) == 1, at) for block in results)
            if not results and line.get("isMeta") is not True:
                self._turn += 1
                if isinstance(content, str) and content.startswith(TYPED):
                    yield Typed(at)


def sessions_in(folder: str) -> list[tuple[str, str]]:
    """Those whose transcripts lie there: id and transcript."""
    try:
        names = sorted(name for name in os.listdir(folder) if name.endswith(SUFFIX))
    except (OSError, ValueError):
        return []
    return [(name.removesuffix(SUFFIX), f"{folder}/{name}") for name in names]


def sessions_named(prefix: str) -> list[tuple[str, str]]:
    """The sessions of this machine whose id begins so, whoever has heard of them: id and transcript."""
    root = os.environ.get("CLAUDE_CONFIG_DIR") or os.path.expanduser("~/.claude")
    try:
        folders = sorted(os.listdir(f"{root}/projects"))
    except OSError:
        return []
    found = [one for folder in folders for one in sessions_in(f"{root}/projects/{folder}")]
    return [one for one in found if prefix and one[0].startswith(prefix)]


def _is_call(block: dict[str, Any]) -> bool:
    return block.get("type") == "tool_use" and isinstance(block.get("id"), str)


def _is_result(block: dict[str, Any]) -> bool:
    return block.get("type") == "tool_result" and isinstance(block.get("tool_use_id"), str)


def _asked(block: dict[str, Any], at: str, place: int, turn: int) -> Asked:
    return Asked(block["id"], _text(block.get("name")), block.get("input"), at, place, turn)


def _told(line: dict[str, Any], block: dict[str, Any], alone: bool, at: str) -> Told:
    outcome = parse_result(line, block, alone)
    response = line.get("toolUseResult") if alone else None
    agent = _text(response.get("agentId")) if isinstance(response, dict) else ""
    ran, why = _ran(line, outcome.kind, outcome.text, outcome.is_error, alone)
    return Told(
        outcome.tool_use_id, ran, why or outcome.evidence, outcome.is_error, block.get("content"), response, agent, at
    )


def _ran(line: dict[str, Any], kind: str, text: str, is_error: bool, alone: bool) -> tuple[str, str]:
    """The client's Yes stands in the line of whatever it let go, failed calls included, and in no other."""
    decision = line.get("permissionDecision") if alone else None
    if kind == REFUSED:
        return NEVER_RAN, ""
    if isinstance(decision, dict) and decision.get("decision") == "accept":
        return RAN, "permissionDecision"
    if not is_error:
        return RAN, ""
    if text.startswith(NOT_TAKEN):
        return NEVER_RAN, "it was not taken"
    return (RAN, "") if kind == FAILED_TEXT and text.startswith("Exit code ") else (PERHAPS, "")


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
