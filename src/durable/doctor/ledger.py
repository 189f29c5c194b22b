"""The real ledger, read only: is it whole, is it the one that its key and its head speak of?"""

from __future__ import annotations

import time

from durable.doctor.chain import chain_check
from durable.doctor.check import FAIL, PASS, UNKNOWN, Check, of_error, repair_remedy
from durable.errors import DurableError, LedgerError, TamperError
from durable.home import command
from durable.ledger import head, keys
from durable.ledger.database import (
    check_version,
    connect_to_read,
    damage_remedy,
    database_in,
    present,
    schema_version,
    streamed,
    translated,
)
from durable.ledger.rescue import trusted_head
from durable.ledger.statements import named_statements, reading_statements
from durable.native import sha256, sqlite
from durable.view import counted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from durable.ledger.head import Head
    from durable.ledger.keys import KeyRing

QUICK_CHECK_S = 5.0
RECENT_EVENTS = 5000
_OPERATIONS = 100_000  # of SQLite's machine between two looks at the clock; some milliseconds


def ledger_checks(home: str) -> Iterator[Check]:
    path = database_in(home)
    if not present(path):
        yield _absent(home, path)
        return
    # Before the ledger: a hook may write between the two, and the head must never seem ahead for that.
    known = trusted_head(home)
    with LedgerFile(path) as file:
        yield from _file_checks(file)
        ring = _ring(home, file.meta())
        if isinstance(ring, DurableError):
            yield of_error("key", ring)
            return
        yield Check(PASS, "key", f"{ring.present.key_id} is the one this ledger was written with")
        yield from _chain_checks(home, file, ring, known)


def _absent(home: str, path: str) -> Check:
    if head.exists(home):
        remedy = f"put the ledger back, or start over: {command()} restore --reason TEXT"
        return Check(FAIL, "ledger", f"{path} is gone, but its head is still there: every call is denied", remedy)
    return Check(PASS, "ledger", "there is none yet; the first hook makes it")


class LedgerFile:
    """One view of the database: all that is asked is answered from the same moment."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._queries = {**named_statements("queries.sql"), **reading_statements()}
        self.connection = connect_to_read(path, 2.0)

    def __enter__(self) -> LedgerFile:
        try:
            self.connection.execute("BEGIN")
            self.last = self.one("last_event")
        except BaseException:
            self.connection.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    def one(self, query: str, **params: Any) -> dict[str, Any] | None:
        return next(self.each(query, **params), None)

    def each(self, query: str, **params: Any) -> Iterator[dict[str, Any]]:
        return streamed(self._execute(self._queries[query], params), self.path)

    def meta(self) -> dict[str, str]:
        return {row["name"]: row["value"] for row in self.each("meta")}

    def first_fault(self, pragma: str, seconds: float | None) -> str | None:
        """SQLite's own check: a fault, nothing, or None where the time did not suffice."""
        until = None if seconds is None else time.monotonic() + seconds
        self.connection.set_progress_handler(lambda: until is not None and time.monotonic() > until, _OPERATIONS)
        try:
            said: str = self.connection.execute(f"PRAGMA {pragma}(1)").fetchone()[0]
        except sqlite.Error as error:
            if getattr(error, "sqlite_errorname", "") == "SQLITE_INTERRUPT":
                return None
            raise translated(error, self.path) from None
        finally:
            self.connection.set_progress_handler(None, 0)
        return "" if said == "ok" else said.strip().splitlines()[-1]

    def changed_content(self, seconds: float | None) -> str | None:
        """An input or output that no longer has its hash, none, or None where the time did not suffice."""
        until = None if seconds is None else time.monotonic() + seconds
        for row in self.each("contents"):
            if not isinstance(row["bytes"], bytes) or sha256(row["bytes"]) != row["digest"]:
                step = self.one("steps_with_content", digest=row["digest"])
                whose = f"of step {step['step_id']}" if step else "of no step"
                return f"an input or output {whose} was changed after it was recorded"
            if until is not None and time.monotonic() > until:
                return None
        return ""

    def _execute(self, sql: str, params: dict[str, Any]) -> sqlite.Cursor:
        try:
            return self.connection.execute(sql, params)
        except sqlite.Error as error:
            raise translated(error, self.path) from None


def _file_checks(file: LedgerFile) -> Iterator[Check]:
    check_version(file.connection, file.path)
    version = ".".join(str(part) for part in schema_version(file.connection))
    fault = file.first_fault("quick_check", QUICK_CHECK_S)
    if fault is None:
        sentence = f"{file.path} is too large to be checked page by page in {QUICK_CHECK_S:g} s"
        yield Check(UNKNOWN, "ledger", sentence, "have SQLite check it at leisure: PRAGMA integrity_check")
    elif fault:
        yield Check(FAIL, "ledger", f"{file.path} is damaged ({fault})", repair_remedy())
    else:
        seq = file.last["seq"] if file.last else 0
        yield Check(PASS, "ledger", f"{counted(seq, 'event')}, schema {version}, no damaged page")
        yield _contents(file)


def _contents(file: LedgerFile) -> Check:
    found = file.changed_content(QUICK_CHECK_S)
    if found is None:
        sentence = f"not all inputs and outputs could be compared with their hashes in {QUICK_CHECK_S:g} s"
        return Check(UNKNOWN, "contents", sentence, f"compare the rest at leisure: {command()} doctor --repair")
    if found:
        return Check(FAIL, "contents", found, repair_remedy())
    return Check(PASS, "contents", "every input and output on record has its hash")


def _ring(home: str, meta: dict[str, str]) -> KeyRing | DurableError:
    try:
        return keys.key_ring(home, meta.get("key_id", ""))
    except DurableError as error:
        return error


# ---- the chain ----------------------------------------------------------------------------------


def _chain_checks(home: str, file: LedgerFile, ring: KeyRing, known: Head | None) -> Iterator[Check]:
    last = file.last
    if last is None:
        yield Check(FAIL, "chain", "the ledger holds no event at all", repair_remedy())
        return
    start = max(last["seq"] - RECENT_EVENTS, 0)
    rows = list(file.each("events_after", seq=max(start - 1, 0), most=-1))
    yield chain_check(home, ring, rows.pop(0) if start else None, rows)
    yield _head(home, file, known, last["seq"])


def _head(home: str, file: LedgerFile, known: Head | None, last: int) -> Check:
    if known is None:
        there = "is damaged or not of this key" if head.exists(home) else "is missing"
        return Check(FAIL, "head", f"the head {head.path_in(home)} {there}: every call is denied", head.remedy())
    row = file.one("event_hash", seq=known.seq)
    try:
        head.check_against(known, file.meta().get("ledger_id", ""), last, row["hash"] if row else None)
    except TamperError as error:
        return of_error("head", error)
    behind = f", {last - known.seq} behind: the next write heals that" if known.seq < last else ""
    return Check(PASS, "head", f"it names event {known.seq:,}{behind}")


def damage(home: str) -> str:
    """What is wrong with the database as a file, looked at in full; empty where it is sound or not there.

    Events that were changed and a head that does not fit are no damage: a person has to judge them.
    """
    if not present(database_in(home)):
        return ""
    try:
        with LedgerFile(database_in(home)) as file:
            check_version(file.connection, file.path)
            return file.first_fault("integrity_check", None) or file.changed_content(None) or ""
    except LedgerError as error:
        if error.remedy != damage_remedy():
            raise
        return error.problem
