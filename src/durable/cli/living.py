"""Looks, at the moment of reading, whether the clients of unsettled steps and their processes live."""

from __future__ import annotations

from durable.clock import nanoseconds
from durable.orphans import orphans
from durable.owner import DEAD, UNKNOWN, from_row, liveness
from durable.redact import Redactor
from durable.step import could_run_since
from durable.view import Life, is_unsettled

TYPE_CHECKING = False
if TYPE_CHECKING:
    from durable.ledger.reading import Reader
    from durable.orphans import Orphans
    from durable.view import Row

NEVER = "~"  # later than any time


class Living:
    __slots__ = ("_empty_since", "_owners", "_reader", "_redactor")

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._redactor = Redactor()
        self._owners: dict[str, Row | None] = {}
        self._empty_since: dict[str, str] = {}

    def of(self, step: Row) -> Life | None:
        """None for a step that is settled: nothing that lives now could change what is recorded."""
        if not is_unsettled(step):
            return None
        row = self._owner(step["owner_id"])
        if row is None:
            return Life(UNKNOWN, "its client is not on record")
        verdict, reason = self.client(row)
        return self._with_processes(step, row, reason) if verdict == DEAD else Life(verdict, reason)

    def client(self, row: Row) -> tuple[str, str]:
        if row["ended_at"]:
            return DEAD, row["end_reason"]
        return liveness(from_row(row))

    def _with_processes(self, step: Row, row: Row, reason: str) -> Life:
        if not step["running_at"] or self._nothing_left(row, could_run_since(step)):
            return Life(DEAD, reason, known=True, ended_at=row["ended_at"])
        ended = nanoseconds(row["ended_at"]) if row["ended_at"] else None
        seen = self._orphans(row, could_run_since(step), ended)
        # A command line may hold what no ledger keeps.
        found = [(one.pid, self._redactor.text(one.command)) for one in seen.found]
        return Life(DEAD, reason, found, seen.known, seen.reason, row["ended_at"])

    def _nothing_left(self, row: Row, since: str) -> bool:
        """Nothing of this client's since its first step asked after: then nothing of its later steps either.
        A look at all processes takes long enough to be worth sparing for each of many steps."""
        owner_id = row["owner_id"]
        if owner_id not in self._empty_since:
            seen = self._orphans(row, since, None)
            self._empty_since[owner_id] = since if seen.known and not seen.found else NEVER
        return self._empty_since[owner_id] <= since

    def _orphans(self, row: Row, since: str, ended: int | None) -> Orphans:
        others = [from_row(other) for other in self._reader.all("owners_of_session", session_id=row["session_id"])]
        return orphans(from_row(row), nanoseconds(since), ended, others)

    def _owner(self, owner_id: str) -> Row | None:
        if owner_id not in self._owners:
            self._owners[owner_id] = self._reader.one("owner", owner_id=owner_id)
        return self._owners[owner_id]
