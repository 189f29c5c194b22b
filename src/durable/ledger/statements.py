"""Reads a file of named statements: `-- name: x` opens one, the rest is its SQL."""

from __future__ import annotations

import os

_SQL = os.path.join(os.path.dirname(os.path.abspath(__file__)), "sql")
_MARK = "-- name: "


def named_statements(file: str) -> dict[str, str]:
    with open(os.path.join(_SQL, file), encoding="utf-8") as source:
        parts = source.read().split(_MARK)[1:]
    found = {}
    for part in parts:
        name, _, sql = part.partition("\n")
        found[name.strip()] = sql
    return found


def migrations() -> list[tuple[str, str]]:
    """(name, SQL) of each step from an empty database to the present schema, in order."""
    folder = os.path.join(_SQL, "migrations")
    found = []
    for name in sorted(os.listdir(folder)):
        if name.endswith(".sql"):
            with open(os.path.join(folder, name), encoding="utf-8") as source:
                found.append((name.removesuffix(".sql"), source.read()))
    return found
