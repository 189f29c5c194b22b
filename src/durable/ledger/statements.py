"""Reads the .sql files: named statements (`-- name: x` opens one), and scripts of several.

In the files of sql/reading a name that begins with `$` is a phrase; where it stands in a later statement of the
same file, its words stand.
"""

from __future__ import annotations

from durable.lean import os
from durable.native import sha256, sqlite

_SQL = os.path.join(os.path.dirname(__file__), "sql")
_MARK = "-- name: "


def named_statements(file: str) -> dict[str, str]:
    with open(os.path.join(_SQL, file), encoding="utf-8") as source:
        parts = source.read().split(_MARK)[1:]
    found = {}
    for part in parts:
        name, _, sql = part.partition("\n")
        found[name.strip()] = sql
    return found


def reading_statements() -> dict[str, str]:
    found: dict[str, str] = {}
    for file in sorted(os.listdir(os.path.join(_SQL, "reading"))):
        found |= _spelt_out(named_statements(os.path.join("reading", file)))
    return found


def _spelt_out(statements: dict[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    phrases: dict[str, str] = {}
    for name, sql in statements.items():
        for phrase, words in phrases.items():
            sql = sql.replace(phrase, words)
        if name.startswith("$"):
            phrases[name] = sql.partition("\n\n")[0].rstrip()
        else:
            found[name] = sql
    return found


class Migration:
    """One step from an empty database to the present schema."""

    __slots__ = ("checksum", "name", "sql")

    def __init__(self, name: str, sql: str) -> None:
        self.name = name
        self.sql = sql
        self.checksum = sha256(sql.encode())

    @property
    def record(self) -> str:
        """The name under which `meta` keeps the checksum."""
        return f"migration {self.name}"


def migrations() -> list[Migration]:
    folder = os.path.join(_SQL, "migrations")
    return [_migration(folder, file) for file in sorted(os.listdir(folder)) if file.endswith(".sql")]


def _migration(folder: str, file: str) -> Migration:
    with open(os.path.join(folder, file), encoding="utf-8") as source:
        return Migration(file.removesuffix(".sql"), source.read())


def split_script(script: str) -> list[str]:
    """Its statements one by one: `executescript` would commit the transaction that it runs in."""
    found, part = [], ""
    for line in script.splitlines(keepends=True):
        part += line
        if line.rstrip().endswith(";") and sqlite.complete_statement(part):
            found.append(part)
            part = ""
    return found
