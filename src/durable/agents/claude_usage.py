"""Tokens and costs from Claude Code's transcript. Each message's usage stands on every line of it, and counts once."""

from __future__ import annotations

from durable.clock import nanoseconds, stamp
from durable.errors import InputError
from durable.lean import os, stat
from durable.native import loads, sha256

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

FIELDS = {
    "input": "input_tokens",
    "output": "output_tokens",
    "cache_read": "cache_read_input_tokens",
    "cache_write": "cache_creation_input_tokens",
}
# The client's own words, where no model was asked: that a request failed, that it was interrupted.
SYNTHETIC = "<synthetic>"
# The last lines of a transcript: with the ids in them nobody guesses from a hash what they say.
_MARKED = 4096
_LONGEST = 200  # characters of an id or a model's name
_LARGEST = 10**15  # beyond it, and for what is no number at all, nothing is known


class Told:
    """What some lines say: `messages` by id, the last of the costs, from where to where they were read and whether
    that is the end. `mark` is that of `reached`."""

    __slots__ = ("cost", "mark", "messages", "reached", "start", "whole")

    def __init__(self, start: int, reached: int, mark: int, whole: bool) -> None:
        self.messages: dict[str, dict[str, Any]] = {}
        self.cost: dict[str, Any] | None = None
        self.start = start
        self.reached = reached
        self.mark = mark
        self.whole = whole

    def goes_beyond(self, offset: int) -> bool:
        return not self.start == self.reached == offset


def told_of_use(path: str, offset: int, mark: int, limit: int) -> Told:
    """Of about `limit` bytes from `offset` on, or from the start where `mark` is not that of `offset`: then it is
    another file. One that can't be read says nothing, and so does a line that can't. A line longer than `limit` is
    passed over: no message is."""
    try:
        data, told = _piece(path, offset, mark, limit)
    except (OSError, ValueError):
        return Told(offset, offset, mark, whole=True)
    for line in _entries(data):
        message = line.get("message")
        if line.get("type") == "cost-state":
            told.cost = _cost(line) or told.cost
        elif line.get("type") == "assistant" and isinstance(message, dict):
            _take(told.messages, message, line)
    return told


def transcripts(transcript_path: str) -> list[tuple[str, str]]:
    """The session's own and those of its sub-agents, each with the agent's id. No id is made up for an odd name."""
    found = [("", transcript_path)] if transcript_path else []
    for path in subagent_transcripts(transcript_path) if transcript_path else ():
        agent_id = path[path.rfind("/") + 1 :].removesuffix(".jsonl").removeprefix("agent-")
        if _plain(agent_id):
            found.append((agent_id, path))
    return found


def subagent_transcripts(transcript_path: str) -> list[str]:
    folder = f"{transcript_path.removesuffix('.jsonl')}/subagents"
    try:
        return sorted(f"{folder}/{name}" for name in os.listdir(folder) if name.endswith(".jsonl"))
    except (OSError, ValueError):
        return []


# ---- lines ------------------------------------------------------------------------------------


def _piece(path: str, offset: int, mark: int, limit: int) -> tuple[bytes, Told]:
    # Not blocking: a pipe in the file's place would hold a hook up until its deadline.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        state = os.fstat(descriptor)
        if not stat.S_ISREG(state.st_mode):
            raise ValueError("it is no regular file")
        start = offset if _mark(descriptor, offset) == mark else 0
        data = os.pread(descriptor, limit, start)
        end = data.rfind(b"\n") + 1
        reached = start + (end or (len(data) if len(data) == limit else 0))
        return data[:end], Told(start, reached, _mark(descriptor, reached), start + len(data) >= state.st_size)
    finally:
        os.close(descriptor)


def _mark(descriptor: int, offset: int) -> int:
    """Of what stands before `offset`: a copy of the file has the same there, another one has not."""
    first = max(offset - _MARKED, 0)
    return int(sha256(os.pread(descriptor, offset - first, first))[:15], 16)


def _entries(data: bytes) -> Iterable[dict[str, Any]]:
    from durable.agents.claude_transcript import COPIES

    for raw in data.split(b"\n"):
        # Most lines say nothing of use, and some of those are megabytes long: look before parsing.
        if raw.startswith(COPIES) or (b'"usage"' not in raw and b'"cost-state"' not in raw):
            continue
        try:
            line = loads(raw.decode())
        except (InputError, ValueError):
            continue
        if isinstance(line, dict):
            yield line


# ---- what a line says -------------------------------------------------------------------------


def _take(messages: dict[str, dict[str, Any]], message: dict[str, Any], line: dict[str, Any]) -> None:
    """Without an id nothing tells the lines of one message from those of the next: it counts nothing. The
    numbers grow while an answer comes in, and the last of its lines has them all."""
    message_id, model, usage = _plain(message.get("id")), _plain(message.get("model")), message.get("usage")
    if not message_id or model == SYNTHETIC or not isinstance(usage, dict):
        return
    said = {name: _number(usage, theirs) for name, theirs in FIELDS.items()}
    known = messages.setdefault(
        message_id, {"message_id": message_id, "model": model, "said_at": _moment(line.get("timestamp")), **said}
    )
    known.update({name: max(known[name], count) for name, count in said.items()})


def _cost(line: dict[str, Any]) -> dict[str, Any] | None:
    """The sum so far of a counter. A resumed session and a fork go on with it; `/clear` and `/branch` begin another."""
    dollars, counter = line.get("totalCostUSD"), line.get("startTime")
    if isinstance(dollars, bool) or not isinstance(dollars, int | float) or not 0 <= dollars < _LARGEST / 1_000_000:
        return None
    name = str(counter) if isinstance(counter, int) and abs(counter) < _LARGEST else ""
    partial = int(line.get("hasUnknownModelCost") is True)
    return {"micro_usd": round(dollars * 1_000_000), "counter": name, "partial": partial}


def _number(usage: dict[str, Any], name: str) -> int:
    value = usage.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < _LARGEST else 0


def _plain(text: object) -> str:
    """A name as a client or a provider gives it. Anything else is none: what is written here stays."""
    good = isinstance(text, str) and len(text) <= _LONGEST and text.isascii() and text.isprintable()
    return str(text) if good else ""


def _moment(text: object) -> str:
    try:
        return stamp(nanoseconds(text)) if isinstance(text, str) else ""
    except (ValueError, OverflowError, OSError):
        return ""
