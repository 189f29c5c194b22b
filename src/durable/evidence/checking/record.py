"""One run as the invariants look at it: read once, whole, in the order of its events."""

from __future__ import annotations

from typing import TYPE_CHECKING

from durable.errors import DurableError
from durable.ledger.replica import Replica
from durable.native import loads

if TYPE_CHECKING:
    from typing import Any

    from durable.ledger.reading import Reader
    from durable.view import Row

OF_A_STEP = "step."


class Told:
    """An event: what it said, and of what. `body` is None where it can't be read. Of most nobody asks for it, and it is
    read when somebody does."""

    __slots__ = ("_text", "at", "run_seq", "seq", "subject", "type")

    def __init__(self, row: Row) -> None:
        self.seq: int = row["seq"]
        self.run_seq: int = row["run_seq"]
        self.type: str = row["type"]
        self.subject: str = row["subject"]
        self.at: str = row["at"]
        self._text: str = row["body"]

    @property
    def body(self) -> dict[str, Any] | None:
        try:
            body = loads(self._text)
        except DurableError:
            return None
        return body if isinstance(body, dict) else None

    def said(self, name: str) -> Any:
        return (self.body or {}).get(name)


class Record:
    """`alone`: there is only this run to look at, so that what it names of another can't be looked up."""

    def __init__(self, reader: Reader, run_id: str) -> None:
        self.reader = reader
        self.run_id = run_id
        self.alone = isinstance(reader, Replica)
        self.run: Row | None = reader.one("run", run_id=run_id)
        self.steps = reader.all("steps_of_run", run_id=run_id)
        self.sessions = reader.all("sessions_of_run", run_id=run_id)
        self.owners = reader.all("owners_of_run", run_id=run_id)
        self.events = [Told(row) for row in reader.each("events_of_run", run_id=run_id)]
        self.stories = self._stories()

    def _stories(self) -> dict[str, list[Told]]:
        """The events of each step, by its id."""
        found: dict[str, list[Told]] = {}
        for event in self.events:
            if event.type.startswith(OF_A_STEP):
                found.setdefault(event.subject, []).append(event)
        return found

    def story(self, step: Row) -> list[Told]:
        return self.stories.get(step["step_id"], [])

    def said_of(self, step: Row, kind: str) -> bool:
        """Whether an event of this type speaks of the step; a person's word is no event of the step's own."""
        return any(event.type == kind and event.subject == step["step_id"] for event in self.events)
