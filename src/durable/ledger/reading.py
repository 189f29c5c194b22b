"""The ledger as a reader sees it: one consistent view, nothing written, no checkpoint."""

from __future__ import annotations

from durable.errors import LedgerError, VersionError
from durable.home import command
from durable.ledger.database import (
    FAILED,
    MINOR,
    as_dicts,
    check_version,
    connect_to_read,
    database_in,
    present,
    schema_version,
    streamed,
    translated,
)
from durable.ledger.statements import reading_statements

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType
    from typing import Any


class Reader:
    """Reads by the named queries of sql/reading.

    Order: all answers come from one moment, that of the first of them, until `refresh`.
    Waiting: readers and writers don't wait for each other.
    Refusal: a LedgerError or HomeError that names the remedy, if there is no ledger, it can't be read,
    or it has another major version. Neither chain nor head is checked here.
    """

    __slots__ = ("_connection", "_queries", "path")

    def __init__(self, home: str, busy_s: float = 5.0) -> None:
        self.path = database_in(home)
        if not present(self.path):
            raise LedgerError(f"there is no ledger at {self.path}", f"the first hook makes one: {command()} init")
        self._queries = reading_statements()
        self._connection = connect_to_read(self.path, busy_s)
        try:
            self.refresh()
            self._check_version()
        except BaseException as error:
            self._connection.close()
            if isinstance(error, FAILED):
                raise translated(error, self.path) from None
            raise

    def __enter__(self) -> Reader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._connection.close()

    def refresh(self) -> None:
        """From here on everything that has been committed by now is seen. A view that is kept keeps
        the WAL from starting over, so a live display refreshes each time."""
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")
        self._connection.execute("BEGIN")

    def one(self, query: str, /, **params: Any) -> dict[str, Any] | None:
        """The first row, or None."""
        found = self._fetch(query, params, 1)
        return found[0] if found else None

    def all(self, query: str, /, **params: Any) -> list[dict[str, Any]]:
        """Every row, in the query's order."""
        return self._fetch(query, params, -1)

    def each(self, query: str, /, **params: Any) -> Iterator[dict[str, Any]]:
        """Every row, one at a time: for what may be longer than memory."""
        try:
            cursor = self._connection.execute(self._queries[query], params)
        except FAILED as error:
            raise translated(error, self.path) from None
        return streamed(cursor, self.path)

    def _check_version(self) -> None:
        check_version(self._connection, self.path)
        if schema_version(self._connection)[1] < MINOR:
            raise VersionError("the ledger was written by an earlier durable", f"bring it up: {command()} migrate")

    def _fetch(self, query: str, params: dict[str, Any], most: int) -> list[dict[str, Any]]:
        try:
            cursor = self._connection.execute(self._queries[query], params)
            rows = cursor.fetchall() if most < 0 else cursor.fetchmany(most)
            return as_dicts(cursor, rows)
        except FAILED as error:
            raise translated(error, self.path) from None
