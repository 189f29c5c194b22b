"""A ledger in memory, made anew from events: a run out of a bundle, or one as it stood earlier."""

from __future__ import annotations

from durable.ledger.chain import event_of
from durable.ledger.create import drop_lookups, lay_schema
from durable.ledger.reading import Reader
from durable.ledger.rebuild import Rebuild
from durable.ledger.statements import reading_statements
from durable.native import sqlite

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Any

# Contents are let go by the ledger, not by a run: its events alone would call them lost.
_CONTENTS = frozenset(("blob_up_to", "blobs_up_to", "contents", "let_go"))


class Replica(Reader):
    """Answers what a Reader does, from rows that follow from these events. `unprojected` numbers those from
    which none did. Contents come from `blobs`, or are looked up in `beside`."""

    __slots__ = ("_beside", "unprojected")

    def __init__(
        self,
        name: str,
        events: Iterable[Mapping[str, Any]],
        blobs: Iterable[tuple[str, bytes]] = (),
        beside: Reader | None = None,
    ) -> None:
        self.path = name
        self._beside = beside
        self._queries = reading_statements()
        self._connection = sqlite.connect(":memory:", isolation_level=None, check_same_thread=False)
        self._connection.execute("PRAGMA foreign_keys = OFF")  # A run may refer to another one's steps.
        lay_schema(self._connection)
        lookups = drop_lookups(self._connection)
        self._connection.execute("BEGIN")
        rebuild = Rebuild(self._connection)
        self.unprojected = [row["seq"] for row in events if not rebuild.take(event_of(row))]
        for digest, data in blobs:
            rebuild.put_blob(digest, data)
        for lookup in lookups:
            self._connection.execute(lookup)

    def refresh(self) -> None:
        """What was is not going to change."""

    def each(self, query: str, /, **params: Any) -> Iterator[dict[str, Any]]:
        if self._beside is not None and query in _CONTENTS:
            return self._beside.each(query, **params)
        return super().each(query, **params)

    def _fetch(self, query: str, params: dict[str, Any], most: int) -> list[dict[str, Any]]:
        if self._beside is not None and query in _CONTENTS:
            return self._beside._fetch(query, params, most)
        return super()._fetch(query, params, most)
