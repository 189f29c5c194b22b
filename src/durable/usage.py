"""What the models of a session were given and said, and what that cost: from the client's own record into ours, once.

It is told when a turn, a sub-agent or a session ends; before a call only where a budget of tokens has to know. Whatever
is wrong with a transcript costs its numbers, and no hook fails for it.
"""

from __future__ import annotations

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
        if left <= 0:
            return True
        # Not `left`: a line that does not fit into a piece is passed over, and what is left may be a few bytes.
        told = _one(tx, agent, (run_id, session_id, agent_id), path, limit)
        if told is not None:
            more |= not told.whole
            left -= told.reached - told.start
    return more


def is_behind(agent: Any, transcript: str, cursors: Mapping[str, int]) -> bool:
    """Whether counting would get further. A killed client may leave half a line, which never becomes whole."""
    paths = [path for _, path in agent.transcripts(transcript)]
    places = [(path, *(cursors.get(name, 0) for name in cursors_of(path))) for path in paths]
    return any(agent.told_of_use(*place, HOOK_BYTES).goes_beyond(place[1]) for place in places)


def cursors_of(path: str) -> tuple[str, str]:
    """How far it was counted, and the mark of that place. Their own: what was read for the ends of calls says
    nothing of what was counted."""
    return f"usage:{path}", f"usage:before:{path}"


def _one(tx: Transaction, agent: Any, whose: tuple[str, str, str], path: str, limit: int) -> Told | None:
    """None if what it says can't be recorded."""
    done: list[Told] = []

    def work() -> None:
        names = cursors_of(path)
        offset, mark = (_cursor(tx, name) for name in names)
        told = agent.told_of_use(path, offset, mark, limit)
        _record(tx, *whose, told)
        if told.goes_beyond(offset):
            for name, value in zip(names, (told.reached, told.mark), strict=True):
                tx.move_cursor(name, value)
        done.append(told)

    tx.attempt(work)
    return done[0] if done else None


def _cursor(tx: Transaction, name: str) -> int:
    cursor = tx.one("cursor", path=name)
    return cursor["position"] if cursor else 0


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
