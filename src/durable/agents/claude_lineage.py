"""What Claude Code lets one know about the session that a fork goes on from. Loaded only for such a session."""

from __future__ import annotations

from durable.agents.claude_transcript import uses_at_end
from durable.errors import InputError
from durable.event import Call
from durable.lean import os
from durable.native import loads
from durable.owner import is_our_proc, read_bytes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

RESUME = ("--resume", "-r")
MOST_NOTED = 1_000_000


def forked_from(env: Mapping[str, str]) -> list[str]:
    """At its start a fork has no transcript yet, and at a terminal not even at its first call. How the
    client was started names the parent; `/fork` starts nothing, and notes it in the new session's folder."""
    return [name for name in (_noted(env.get("CLAUDE_JOB_DIR", "")), *_on_command_line(env)) if name]


def _on_command_line(env: Mapping[str, str]) -> list[str]:
    pid = env.get("CLAUDE_PID", "")
    if not (pid.isascii() and pid.isdigit() and is_our_proc()):
        return []
    words = read_bytes(f"/proc/{pid}/cmdline").decode("utf-8", "replace").split("\0")
    if "--fork-session" not in words:
        return []
    behind = [words[at + 1] for at, word in enumerate(words[:-1]) if word in RESUME]
    return behind + [word.partition("=")[2] for word in words if word.startswith("--resume=")]


def _noted(folder: str) -> str:
    if not folder:
        return ""
    try:
        said = loads(_start_of(f"{folder}/state.json").decode("utf-8"))
    except (OSError, ValueError, InputError):
        return ""
    parent = said.get("forkParentSessionId") if isinstance(said, dict) else None
    return parent if isinstance(parent, str) else ""


def _start_of(path: str) -> bytes:
    # Not blocking: a pipe in the file's place would hold the hook up until its deadline.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        return os.read(descriptor, MOST_NOTED)
    finally:
        os.close(descriptor)


def calls_at_end(path: str, most: int) -> list[Call]:
    """The calls that the transcript's last `most` bytes ask for; none if it can't be read."""
    return [Call(use.tool_use_id, use.name, use.input) for use in uses_at_end(path, most)]
