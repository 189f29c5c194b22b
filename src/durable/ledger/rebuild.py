"""Rows from events: replays a record into an empty schema, through the same projection that wrote it."""

from __future__ import annotations

from durable.errors import InputError
from durable.ledger.chain import START, Event
from durable.ledger.projection import statements
from durable.ledger.statements import named_statements
from durable.native import loads, sqlite

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# Every table whose rows follow from events, wholly.
PROJECTED = (
    "runs", "sessions", "owners", "steps", "claims", "grants", "leases", "jobs", "notes", "messages", "costs",
    "expired", "spooled",
)  # fmt: skip


class Rebuild:
    """Keeps events as they are. References may dangle: what they point to can be lost."""

    def __init__(self, connection: sqlite.Connection) -> None:
        self._connection = connection
        self._sql = named_statements("queries.sql")

    def take(self, event: Event) -> bool:
        """Adds the event and its rows. False if the rows did not follow; the event is there in any case."""
        self._run("append_event", event.columns())
        try:
            return self.project(event, loads(event.body))
        except InputError:
            return False

    def project(self, event: Event, body: dict[str, Any]) -> bool:
        """Its rows alone."""
        try:
            changes = [self._run(name, params) for name, params in statements(event, body)]
        except (sqlite.Error, KeyError):
            return False
        return not changes or changes[0] == 1

    def put_blob(self, digest: str, data: bytes) -> None:
        self._run("put_blob", {"digest": digest, "bytes": data})

    def lost_contents(self) -> list[str]:
        """The contents that an event names, that were not let go, and that are not there."""
        return [row[0] for row in self._connection.execute(self._sql["lost_contents"])]

    def last_of(self, run_id: str) -> tuple[int, str]:
        row = self._connection.execute(self._sql["last_event_of_run"], {"run_id": run_id}).fetchone()
        return (row[0], row[1]) if row else (0, START)

    def _run(self, name: str, params: dict[str, Any]) -> int:
        return self._connection.execute(self._sql[name], params).rowcount
