"""The ledger's file as it stood at one moment, read as it is stored, however it was stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

from durable.ledger.database import as_dict, check_version, connect_to_read, translated
from durable.ledger.statements import reading_statements
from durable.native import sqlite

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType
    from typing import Any


# What reading a changed file can end in: SQLite's own errors, and texts (even those of its errors) that are none.
FAILURES = (sqlite.Error, UnicodeError, OverflowError)


class View:
    """One consistent view, held until it is closed. Writes nothing, never checkpoints."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.queries = reading_statements()
        self.connection = connect_to_read(path, 5.0)

    def __enter__(self) -> View:
        try:
            self.connection.execute("BEGIN")
            check_version(self.connection, self.path)
            self.connection.execute(self.queries["meta"]).fetchall()  # The view begins with what is read first.
        except FAILURES as error:
            self.close()
            raise translated(error, self.path) from None
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self.connection.close()

    def ask(self, query: str, **params: Any) -> sqlite.Cursor:
        """A named query's rows as they come. What can't be decoded is the caller's to deal with."""
        return self.connection.execute(self.queries[query], params)

    def dicts(self, query: str, **params: Any) -> Iterator[dict[str, Any]]:
        cursor = self.ask(query, **params)
        return (as_dict(cursor, row) for row in cursor)

    def leniently(self) -> Lenient:
        """Within it text that is no UTF-8 comes back too, as something that no text of ours is equal to."""
        return Lenient(self.connection)


class Lenient:
    def __init__(self, connection: sqlite.Connection) -> None:
        self._connection = connection

    def __enter__(self) -> None:
        self._connection.text_factory = lambda data: data.decode("utf-8", "surrogateescape")

    def __exit__(self, *_: object) -> None:
        self._connection.text_factory = str
