"""Brings a ledger's schema to the present one: under the lock, in one transaction with its record."""

from __future__ import annotations

from durable import crash
from durable.errors import LedgerError, VersionError
from durable.home import command
from durable.ledger.database import MAJOR, MINOR, schema_version
from durable.ledger.reading import Reader
from durable.ledger.sqlite import SqliteLedger
from durable.ledger.statements import migrations, split_script

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from durable.ledger.statements import Migration
    from durable.ledger.transaction import Transaction
    from durable.native import sqlite

PRESENT = (MAJOR, MINOR)


class Status:
    """`changed` were applied with another content than they have now, `unknown` are from a later durable."""

    __slots__ = ("applied", "changed", "pending", "unknown")

    def __init__(self, recorded: Mapping[str, str], steps: Sequence[Migration]) -> None:
        known = {step.record for step in steps}
        self.applied = [step.name for step in steps if recorded.get(step.record) == step.checksum]
        self.changed = [step.name for step in steps if recorded.get(step.record, step.checksum) != step.checksum]
        self.pending = [step.name for step in steps if step.record not in recorded]
        self.unknown = [name.split(" ", 1)[1] for name in recorded if name not in known]

    def check(self) -> None:
        if self.unknown:
            problem = f"the ledger was migrated by a later durable ({', '.join(self.unknown)})"
            raise VersionError(problem, "install that one or a later one")
        if self.changed:
            raise LedgerError(
                f"the migration {self.changed[0]} is not the one that was applied to this ledger",
                "install durable again from its release",
            )


def status(home: str, steps: Sequence[Migration] | None = None) -> Status:
    with _AnyVersionReader(home) as reader:
        meta = {row["name"]: row["value"] for row in reader.all("meta")}
    return Status(_recorded(meta), migrations() if steps is None else steps)


def migrate(home: str, steps: Sequence[Migration] | None = None, version: tuple[int, int] = PRESENT) -> list[str]:
    """Applies what is pending and returns its names. All of it happens, with its record, or nothing."""
    ledger = _OlderLedger(home)
    try:
        with ledger.begin() as tx:
            applied = bring_up(ledger, tx, steps, version)
            if applied:
                tx.commit()
    finally:
        ledger.close()
    return applied


def bring_up(
    ledger: SqliteLedger,
    tx: Transaction,
    steps: Sequence[Migration] | None = None,
    version: tuple[int, int] = PRESENT,
) -> list[str]:
    """Within a transaction: what is pending, and the event that records it. The caller commits."""
    steps = migrations() if steps is None else steps
    state = Status(_recorded({row["name"]: row["value"] for row in tx.all("meta")}), steps)
    state.check()
    for step in steps:
        if step.name in state.pending:
            _apply(ledger, step)
    if state.pending:
        ledger.execute(f"PRAGMA user_version = {version[0] * 1000 + version[1]}")
        body = {"migrations": state.pending, "schema": ".".join(map(str, version))}
        tx.append("ledger.migrated", "", "", body)
    return state.pending


def _apply(ledger: SqliteLedger, step: Migration) -> None:
    for statement in split_script(step.sql):
        ledger.execute(statement)
    crash.point("mid-migration")
    ledger.run("set_meta", {"name": step.record, "value": step.checksum})


def _recorded(meta: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in meta.items() if name.startswith("migration ")}


class _OlderLedger(SqliteLedger):
    """Also opens the schema of an earlier major version. `meta` and `events` are the same in all of them."""

    def _check_version(self, connection: sqlite.Connection) -> None:
        _not_newer(*schema_version(connection))

    def _bring_up(self, tx: Transaction) -> None:
        """Left to whoever asked for it: he may bring other migrations."""


class _AnyVersionReader(Reader):
    def _check_version(self) -> None:
        return None


def _not_newer(major: int, minor: int) -> None:
    if (major, minor) > PRESENT:
        raise VersionError(
            f"the ledger has schema {major}.{minor}, newer than this durable's {MAJOR}.{MINOR}",
            f"install the durable that wrote it; {command()} --version tells which this is",
        )
