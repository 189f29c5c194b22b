"""What the models of a run were given and said, in tokens, and what their client says that it cost.

Read from the tables alone. What nobody knows is None, never 0: a run whose transcripts were not counted did not
come for free.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from durable.ledger.reading import Reader

    Row = dict[str, Any]

FIELDS = ("input", "output", "cache_read", "cache_write")


def tokens_of(reader: Reader, run_id: str) -> Row:
    """`messages` and the four FIELDS of the whole run; the same of each in `models` and, by sub-agent, `agents`."""
    types = {row["agent_id"]: row["agent_type"] or None for row in reader.all("agents_of_run", run_id=run_id)}
    return tokens(reader.all("tokens_of_run", run_id=run_id), types)


def tokens(rows: list[Row], types: dict[str, str | None]) -> Row:
    """`rows` are sums by `model` and `agent_id`; `types` says of what type an agent is."""
    models = [{"model": name or None, **summed(found)} for name, found in _by("model", rows)]
    agents = [
        {"agent_id": name or None, "agent_type": types.get(name), **summed(found)}
        for name, found in _by("agent_id", rows)
    ]
    return {**summed(rows), "models": models, "agents": agents}


def summed(rows: list[Row]) -> Row:
    """Every field, or None where there is no message."""
    said = {name: sum(row[name] for row in rows) if rows else None for name in FIELDS}
    return {"messages": sum(row["messages"] for row in rows), **said}


def cost_of(reader: Reader, run_id: str) -> Row:
    """`micro_usd`, millionths of a dollar, or None; `at_least`: the client knew not all of it, or a session said
    nothing; `stated` of `sessions` said something."""
    stated = reader.all("costs_of_run", run_id=run_id)
    return cost(stated, len(reader.all("sessions_of_run", run_id=run_id)))


def cost(stated: list[Row], sessions: int) -> Row:
    """`stated`: what each session says, with what the one it goes on from said under the same `counter` (`before`)."""
    found = sum(_of_counter(rows) for _, rows in _by("counter", stated)) if stated else None
    partial = any(row["partial"] for row in stated)
    at_least = bool(stated) and (partial or len(stated) < sessions)
    return {"micro_usd": found, "at_least": at_least, "stated": len(stated), "sessions": sessions}


def _of_counter(rows: list[Row]) -> int:
    """A fork states its parent's sum and its own: only what it adds counts. Of several whose common parent said
    nothing, nobody can tell what they share: the largest counts, and no more."""
    if not rows[0]["counter"]:
        return sum(int(row["micro_usd"]) for row in rows)
    added = sum(max(int(row["micro_usd"]) - int(row["before"]), 0) for row in rows if row["before"] is not None)
    return added + max((int(row["micro_usd"]) for row in rows if row["before"] is None), default=0)


def _by(name: str, rows: list[Row]) -> Iterable[tuple[str, list[Row]]]:
    """The largest first, where there are tokens."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row[name], []).append(row)
    return sorted(found.items(), key=lambda one: -sum(row.get("input", 0) + row.get("output", 0) for row in one[1]))
