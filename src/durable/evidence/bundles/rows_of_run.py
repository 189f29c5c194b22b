"""What follows from the events of one run, and nothing else: its rows, its summary, the contents it names."""

from __future__ import annotations

from collections import Counter

from durable.errors import InputError
from durable.ledger.chain import START
from durable.native import loads
from durable.view import run_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from durable.ledger.reading import Reader

# The query for each table of which a run has rows. What the whole ledger shares (spooled, expired) is no part of a run.
TABLES = {
    "runs": "rows_of_runs",
    "sessions": "rows_of_sessions",
    "owners": "rows_of_owners",
    "steps": "rows_of_steps",
    "claims": "rows_of_claims",
    "grants": "rows_of_grants",
    "leases": "rows_of_leases",
    "jobs": "rows_of_jobs",
    "notes": "rows_of_notes",
    "messages": "rows_of_messages",
    "costs": "rows_of_costs",
}
# Where the body of an event names a content.
NAMING = ("input", "effective_input", "output", "error", "content")
# What may speak of a row that an event of another run has made: a session goes on in another run, and a permission
# of one run is used in the next.
ACROSS = frozenset(("session.ended", "owner.ended", "grant.used"))


def rows_of(replica: Reader) -> dict[str, list[dict[str, Any]]]:
    """`replica` holds the events of that run alone."""
    return {table: replica.all(query) for table, query in TABLES.items()}


def summary_of(replica: Reader, run_id: str, events: list[dict[str, Any]]) -> dict[str, Any]:
    row = next((row for row in replica.all("runs") if row["run_id"] == run_id), None)
    if row is None:
        return {}
    sessions = [one["session_id"] for one in replica.all("sessions_of_run", run_id=run_id)]
    brief = replica.one("run_in_brief", run_id=run_id) or {}
    by_status = Counter(step["status"] for step in replica.all("steps_of_run", run_id=run_id))
    return run_json(row, brief, sessions) | {
        "final": row["status"] != "open" and not row["open"],
        "steps_by_status": dict(by_status),
        "events": len(events),
        "last_hash": events[-1]["hash"] if events else START,
    }


def named_contents(events: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """Each content that an event names, with the number of the first that does."""
    found: dict[str, int] = {}
    for event in events:
        if event["type"].startswith(("step.", "job.")):
            for digest in _named_by(event["body"]):
                found.setdefault(digest, event["seq"])
    return found


def _named_by(text: str) -> list[str]:
    try:
        body = loads(text)
    except InputError:
        return []
    values = [body.get(name) for name in NAMING] if isinstance(body, dict) else []
    return [value for value in values if isinstance(value, str) and len(value) == len(START)]
