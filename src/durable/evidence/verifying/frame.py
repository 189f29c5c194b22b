"""What the record stands in: the pages of its file, the schema with its guards, the legal moves, whose it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from durable.evidence.findings import FAIL, Finding
from durable.ledger.create import lay_schema
from durable.ledger.database import MAJOR, MINOR, schema_version
from durable.native import sqlite

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from durable.evidence.verifying.view import View

_PAGES_NAMED = 20
# Whose ledger it is; everything else in `meta` is the same in each.
_OWN = ("ledger_id", "key_id")


def page_faults(view: View) -> Iterator[Finding]:
    """SQLite's own look at each page, and at each index: a row that an index lacks is one that no look-up finds."""
    for (said,) in view.connection.execute(f"PRAGMA integrity_check({_PAGES_NAMED})"):
        if said != "ok":
            yield Finding(FAIL, "pages_damaged", f"the file is damaged: {said.strip().splitlines()[-1]}")


def frame_faults(view: View, ledger_id: str | None, key_id: str | None) -> Iterator[Finding]:
    """Against a schema just made, and against what the events say whose ledger this is."""
    fresh = sqlite.connect(":memory:", isolation_level=None)
    lay_schema(fresh)
    yield from _schema_faults(_schema(view, view.connection), _schema(view, fresh))
    if schema_version(view.connection) != (MAJOR, MINOR):
        yield Finding(
            FAIL, "schema_changed", "the schema's version is not the one of its tables", {"object": "version"}
        )
    moves = view.queries["moves"]
    yield from _move_faults(set(view.connection.execute(moves)), set(fresh.execute(moves)))
    meta = view.queries["meta"]
    expected = dict(fresh.execute(meta)) | {"ledger_id": ledger_id, "key_id": key_id}
    yield from _meta_faults(dict(view.connection.execute(meta)), expected)


def _schema(view: View, connection: sqlite.Connection) -> dict[tuple[str, str], Any]:
    found = connection.execute(view.queries["schema"]).fetchall()
    return {(kind, name): (table, sql) for kind, name, table, sql in found}


def _schema_faults(there: dict[tuple[str, str], Any], wanted: dict[tuple[str, str], Any]) -> Iterator[Finding]:
    for kind, name in sorted({*there, *wanted}, key=repr):
        if there.get((kind, name)) != wanted.get((kind, name)):
            how = _how((kind, name) in there, (kind, name) in wanted)
            where = {"object": name, "type": kind}
            yield Finding(FAIL, f"schema_{how}", f"the {kind} {name} of the schema {_SAYS[how]}", where)


def _move_faults(there: set[tuple[str, str]], wanted: set[tuple[str, str]]) -> Iterator[Finding]:
    for move in sorted(there ^ wanted, key=repr):
        how = _how(move in there, move in wanted)
        where = {"table": "moves", "row": {"status": move[0], "leads_to": move[1]}}
        yield Finding(FAIL, f"move_{how}", f"the move of a step from {move[0]} to {move[1]} {_SAYS[how]}", where)


def _meta_faults(there: dict[str, str], wanted: dict[str, str | None]) -> Iterator[Finding]:
    for name in sorted({*there, *wanted}, key=repr):
        unknown = name in _OWN and name in there and wanted[name] is None
        if unknown or there.get(name) == wanted.get(name):
            continue
        how = _how(name in there, name in wanted)
        where = {"table": "meta", "row": {"name": name}}
        yield Finding(FAIL, f"meta_{how}", f"what the ledger says of itself as {name!r} {_SAYS[how]}", where)


_SAYS = {"added": "is none of ours", "missing": "is missing", "changed": "is not what it should be"}


def _how(there: bool, wanted: bool) -> str:
    return "changed" if there and wanted else "added" if there else "missing"
