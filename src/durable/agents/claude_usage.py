"""Tokens and costs from Claude Code's transcript. Each message's usage stands on every line of it, and counts once."""

from __future__ import annotations

from durable.clock import nanoseconds, stamp
from durable.errors import InputError
from durable.lean import os, stat
from durable.native import loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

# What was read from the cache is left out of a budget: it is the same context again in each turn.
COUNTED = ("input_tokens", "cache_creation_input_tokens", "output_tokens")
FIELDS = {
    "input": "input_tokens",
    "output": "output_tokens",
    "cache_read": "cache_read_input_tokens",
    "cache_write": "cache_creation_input_tokens",
}
# The client's own words, where no model was asked: that a request failed, that it was interrupted.
SYNTHETIC = "<synthetic>"
_MOST = 64_000_000  # bytes read in one go
_LONGEST = 200  # characters of an id or a model's name
_LARGEST = 10**15  # beyond it, and for what is no number at all, nothing is known


class Told:
    """What some lines say: `messages` by id, the last of the costs, how far they reach and whether to the end."""

    __slots__ = ("cost", "messages", "reached", "whole")

    def __init__(self, reached: int, whole: bool) -> None:
        self.messages: dict[str, dict[str, Any]] = {}
        self.cost: dict[str, Any] | None = None
        self.reached = reached
        self.whole = whole


def told_of_use(path: str, offset: int, limit: int) -> Told:
    """Of about `limit` bytes from `offset` on. A file that can't be read says nothing, and so does a line
    that can't. A line longer than `limit` is passed over: no message is."""
    try:
        data, told = _piece(path, offset, limit)
    except (OSError, ValueError):
        return Told(offset, whole=True)
    for line in _entries(data):
        message = line.get("message")
        if line.get("type") == "cost-state":
            told.cost = _cost(line) or told.cost
        elif line.get("type") == "assistant" and isinstance(message, dict):
            _take(told.messages, message, line)
    return told


def usage(path: str, offset: int, last_id: str) -> tuple[int, str, int]:
    """Tokens used from `offset` on, the id of the last message counted, and where to go on from."""
    from durable.agents.line_reader import whole_lines

    try:
        lines, reached, _ = whole_lines(path, offset, _MOST)
    except OSError:
        return 0, last_id, offset
    total = 0
    for line in _parsed(lines, (b'"usage"',)):
        message_id, used = _used(line)
        if message_id and message_id != last_id:
            total, last_id = total + used, message_id
    return total, last_id, reached


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


def _piece(path: str, offset: int, limit: int) -> tuple[bytes, Told]:
    """A file that ends before `offset` was rewritten, and is read from its start."""
    # Not blocking: a pipe in the file's place would hold a hook up until its deadline.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        state = os.fstat(descriptor)
        if not stat.S_ISREG(state.st_mode):
            raise ValueError("it is no regular file")
        start = offset if offset <= state.st_size else 0
        data = os.pread(descriptor, limit, start)
    finally:
        os.close(descriptor)
    end = data.rfind(b"\n") + 1
    reached = start + (end or (len(data) if len(data) == limit else 0))
    return data[:end], Told(reached, whole=start + len(data) >= state.st_size)


def _entries(data: bytes) -> Iterable[dict[str, Any]]:
    return _parsed(data.split(b"\n"), (b'"usage"', b'"cost-state"'))


def _parsed(lines: list[bytes], marks: tuple[bytes, ...]) -> Iterable[dict[str, Any]]:
    from durable.agents.claude_transcript import COPIES

    for raw in lines:
        # Most lines say nothing of use, and some of those are megabytes long: look before parsing.
        if raw.startswith(COPIES) or not any(mark in raw for mark in marks):
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


def _used(line: dict[str, Any]) -> tuple[str, int]:
    message = line.get("message") if line.get("type") == "assistant" else None
    if not isinstance(message, dict) or not isinstance(message.get("usage"), dict):
        return "", 0
    usage = message["usage"]
    return str(message.get("id") or ""), sum(_number(usage, name) for name in COUNTED)


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
