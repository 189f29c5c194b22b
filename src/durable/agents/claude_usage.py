"""Tokens from Claude Code's transcript. Each message's usage stands on every line of it, and counts once."""

from __future__ import annotations

import os

from durable.agents.claude_transcript import COPIES
from durable.agents.line_reader import whole_lines
from durable.errors import InputError
from durable.native import loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# What was read from the cache is left out: it is the same context again in each turn.
COUNTED = ("input_tokens", "cache_creation_input_tokens", "output_tokens")
_MOST = 64_000_000  # bytes read in one go


def usage(path: str, offset: int, last_id: str) -> tuple[int, str, int]:
    """Tokens used from `offset` on, the id of the last message counted, and where to go on from."""
    try:
        lines, reached, _ = whole_lines(path, offset, _MOST)
    except OSError:
        return 0, last_id, offset
    total = 0
    for raw in lines:
        if raw.startswith(COPIES) or b'"usage"' not in raw:
            continue
        message_id, used = _message(raw)
        if message_id and message_id != last_id:
            total, last_id = total + used, message_id
    return total, last_id, reached


def subagent_transcripts(transcript_path: str) -> list[str]:
    folder = f"{transcript_path.removesuffix('.jsonl')}/subagents"
    try:
        return sorted(f"{folder}/{name}" for name in os.listdir(folder) if name.endswith(".jsonl"))
    except OSError:
        return []


def _message(raw: bytes) -> tuple[str, int]:
    try:
        line = loads(raw.decode())
    except (InputError, ValueError):
        return "", 0
    message = line.get("message") if isinstance(line, dict) and line.get("type") == "assistant" else None
    if not isinstance(message, dict) or not isinstance(message.get("usage"), dict):
        return "", 0
    usage = message["usage"]
    return str(message.get("id") or ""), sum(_number(usage, name) for name in COUNTED)


def _number(usage: dict[str, Any], name: str) -> int:
    value = usage.get(name)
    return value if isinstance(value, int) and value > 0 else 0
