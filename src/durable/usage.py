"""What the models of a session were given and said, and what that cost: from the client's own record into ours, once.

It is told when a turn, a sub-agent or a session ends, never before or after a call. Nothing hangs on it: whatever
is wrong with a transcript costs its numbers, and no hook fails for it.
"""

from __future__ import annotations

from durable.lean import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from durable.agents.claude_usage import Told
    from durable.ledger.transaction import Transaction

# Having read so much, a hook begins no other transcript; the next one goes on from there.
HOOK_BYTES = 4_000_000
# An event is read and hashed whole, each time that somebody looks at it.
AT_ONCE = 200
FIELDS = ("input", "output", "cache_read", "cache_write")


def count(tx: Transaction, agent: Any, run_id: str, session_id: str, transcript: str, limit: int = HOOK_BYTES) -> bool:
    """Records what the session's transcripts say that was not recorded yet; whether there is more to read.
    Once for a message, whichever transcript repeats it, and again if its numbers have grown."""
    left, more = limit, False
    for agent_id, path in agent.transcripts(transcript):
        start = position(tx, path)
        if not _has_news(path, start):
            continue
        if left <= 0:
            return True
        # Not `left`: a line that does not fit into a piece is passed over, and what is left may be a few bytes.
        reached, whole = _one(tx, agent, (run_id, session_id, agent_id), path, start, limit)
        more |= not whole
        left -= max(reached - start, 1)
    return more


def position(tx: Transaction, path: str) -> int:
    cursor = tx.one("cursor", path=cursor_of(path))
    return cursor["position"] if cursor else 0


def cursor_of(path: str) -> str:
    """Its own: what was read for the ends of calls says nothing of what was counted."""
    return f"usage:{path}"


def is_behind(agent: Any, transcript: str, positions: Mapping[str, int]) -> bool:
    """Whether counting would get further. A killed client may leave half a line, which never becomes whole."""
    starts = [(path, positions.get(cursor_of(path), 0)) for _, path in agent.transcripts(transcript)]
    return any(_has_news(*one) and agent.told_of_use(*one, HOOK_BYTES).reached != one[1] for one in starts)


def _has_news(path: str, start: int) -> bool:
    """A file that has become shorter was rewritten."""
    try:
        return os.stat(path).st_size != start
    except (OSError, ValueError):
        return False


def _one(
    tx: Transaction, agent: Any, whose: tuple[str, str, str], path: str, start: int, limit: int
) -> tuple[int, bool]:
    ends = [(start, True)]

    def work() -> None:
        told = agent.told_of_use(path, start, limit)
        _record(tx, *whose, told)
        if told.reached != start:
            tx.move_cursor(cursor_of(path), told.reached)
        ends.append((told.reached, told.whole))

    tx.attempt(work)
    return ends[-1]


def _record(tx: Transaction, run_id: str, session_id: str, agent_id: str, told: Told) -> None:
    whose = {"session_id": session_id, "agent_id": agent_id}
    news = [
        {**said, **whose, "said_at": said["said_at"] or tx.at} for said in told.messages.values() if _is_news(tx, said)
    ]
    for first in range(0, len(news), AT_ONCE):
        tx.append("usage.counted", run_id, session_id, {"messages": news[first : first + AT_ONCE]})
    if told.cost is not None and told.cost != tx.one("cost_of_session", session_id=session_id):
        tx.append("cost.stated", run_id, session_id, told.cost)


def _is_news(tx: Transaction, said: dict[str, Any]) -> bool:
    known = tx.one("message", message_id=said["message_id"])
    return known is None or any(said[name] > known[name] for name in FIELDS)
