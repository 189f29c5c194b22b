"""From when to when, and where: what the verbs that count are told to count."""

from __future__ import annotations

import os

from durable.cli.options import value
from durable.cli.when import since_stamp
from durable.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# Behind every time that the ledger writes.
EVER = "~"
FROM = value("--from", "TIME", "Only since: 30m, 2h, 7d, or a date like 2026-01-31 (its local midnight).", name="begin")
TO = value("--to", "TIME", "Only before this time; a date is its local midnight, so that day is left out.", name="end")
WORKSPACE = value("--workspace", "DIR", "Only runs of this project directory and of those in it; . is this one.")


def span(begin: str, end: str, workspace: str) -> dict[str, Any]:
    """As parameters of the queries. UsageError if nothing can lie between the two."""
    earliest, latest = since_stamp(begin), since_stamp(end) or EVER
    if earliest >= latest:
        raise UsageError(f"nothing lies between {begin} and {end}", "give --from the earlier and --to the later time")
    return {"earliest": earliest, "latest": latest, "workspace": directory(workspace)}


def directory(text: str) -> str:
    found = os.path.expanduser(text)
    return (os.path.abspath(found) if found else "").rstrip("/")


def described(chosen: dict[str, Any]) -> dict[str, Any]:
    """The same in JSON."""
    latest = chosen["latest"] if chosen["latest"] != EVER else None
    return {"from": chosen["earliest"] or None, "to": latest, "workspace": chosen["workspace"] or None}
