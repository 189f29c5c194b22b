"""The way out when head and ledger disagree: accept the ledger, or put a backup back.

Nothing is thrown away: the old head stays beside the new one, the old database beside the new one,
and the record says what was accepted, by whose reason.
"""

from __future__ import annotations

import os

from durable.errors import DurableError, LedgerError, TamperError, UsageError, VersionError
from durable.home import check_file
from durable.ledger import keys
from durable.ledger.acceptance import as_taken
from durable.ledger.create import build, write_first
from durable.ledger.database import (
    SIDE_FILES,
    check_version,
    connect,
    connect_to_read,
    is_emptied,
    present,
    streamed,
    translated,
)
from durable.ledger.files import copy_synced
from durable.ledger.rescue import UncheckedLedger, head_fields, trusted_head
from durable.ledger.sqlite import SqliteLedger
from durable.ledger.swap import archive_head, put_in_place
from durable.ledger.walk import Walk, walked
from durable.native import sqlite
from durable.redact import Redactor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from durable.ledger.head import Head
    from durable.ledger.walk import Walked

ACCEPTED, PUT_BACK, STARTED_OVER, UNCHANGED = "accepted", "put back", "started over", "unchanged"
_NAMED_FAULTS = 20


class Restored:
    """`seq` is where the ledger that was taken ended, `head` how far it had once got (if that is known)."""

    __slots__ = ("faults", "head", "how", "old_head", "old_ledger", "seq")

    def __init__(self, how: str, walk: Walked, head: Head | None, old_head: str, old_ledger: str) -> None:
        self.how = how
        self.seq = walk.seq
        self.faults = walk.faults
        self.head = head
        self.old_head = old_head
        self.old_ledger = old_ledger


def restore(home: str, file: str | None, reason: str) -> Restored:
    """Takes the present ledger, or `file` in its place, as the true one. Safe to run again after a crash."""
    if not reason.strip():
        raise UsageError("no reason was given", "say why with --reason TEXT: it stays in the record")
    sound = None if file else _if_sound(home)
    if sound is not None:
        return Restored(UNCHANGED, sound, None, "", "")
    ledger = _Restoring(home, file)
    try:
        with ledger.begin() as tx:
            walk = ledger.walked()
            tx.append("ledger.restored", "", "", _body(ledger, walk, reason))
            tx.commit()
    finally:
        ledger.close()
    return Restored(ledger.how, walk, ledger.head, ledger.old_head, ledger.old_ledger)


def _if_sound(home: str) -> Walked | None:
    """The chain of a ledger that hooks work with and in which a person has nothing left to accept."""
    ledger = _Trusted(home)
    try:
        with ledger.begin():
            walk = ledger.walked()
    except DurableError:
        return None
    finally:
        ledger.close()
    return walk if not walk.faults else None


class _Trusted(UncheckedLedger):
    """Not unchecked at all: it opens where a hook would, and can walk its chain."""

    _complete = SqliteLedger._complete
    _check_head = SqliteLedger._check_head


def _body(ledger: _Restoring, walk: Walked, reason: str) -> dict[str, Any]:
    return {
        "reason": Redactor().text(reason),
        "how": ledger.how,
        "head": head_fields(ledger.head),
        "ended_at": walk.seq,
        "faults": walk.faults[:_NAMED_FAULTS],
        "accepted": as_taken(walk.found),
    }


class _Restoring(UncheckedLedger):
    def __init__(self, home: str, file: str | None) -> None:
        super().__init__(home)
        self._file = file
        self.how = ACCEPTED
        self.head: Head | None = None
        self.old_head = self.old_ledger = ""

    def _open(self) -> None:
        self.head = trusted_head(self._home)
        if self._file is not None:
            self._put_back(self._file)
        self.old_head = archive_head(self._home)
        if self.old_head and (not present(self._path) or is_emptied(self._path)):
            self._start_over()
        super()._open()

    def _put_back(self, file: str) -> None:
        copy = self._path + ".restoring"
        _copy(file, copy)
        try:
            check_backup(copy, file, self._home, self._known_id())
            self.old_ledger = put_in_place(self._home, copy, "replaced")
        finally:
            _remove(copy)
        self.how = PUT_BACK

    def _known_id(self) -> str:
        if self.head is not None:
            return self.head.ledger_id
        try:
            return _meta(self._path).get("ledger_id", "") if present(self._path) else ""
        except LedgerError:
            return ""  # It is to be replaced because it can't be read.

    def _start_over(self) -> None:
        key = keys.read_key(self._home) if check_file(keys.path_in(self._home)) else keys.create_key(self._home)
        fresh = self._path + ".new"
        build(fresh, lambda connection: write_first(connection, key))
        put_in_place(self._home, fresh, "replaced")
        self.how = STARTED_OVER


def check_backup(copy: str, file: str, home: str, ledger_id: str) -> None:
    """Refuses what is no whole ledger, another ledger, or one whose key is not at hand."""
    try:
        meta = _meta(copy)
    except VersionError:
        raise
    except LedgerError:
        raise LedgerError(f"{file} is no ledger", "name a backup of this ledger") from None
    if ledger_id and meta.get("ledger_id") != ledger_id:
        raise TamperError(f"{file} is another ledger", "put back a backup of this one")
    _bring_key(home, meta.get("key_id", ""))
    faults = _chain_of(copy, home, meta.get("key_id", "")).faults
    if faults:
        raise TamperError(f"{file} is not whole: {faults[0]}", "put back another backup")


def _bring_key(home: str, wanted: str) -> None:
    """A backup from before a renewal needs the key of its time: it comes back as if newly renewed."""
    key = keys.read_key(home)
    if key.key_id == wanted:
        return
    for retired in keys.retired_keys(home):
        if retired.key_id == wanted:
            keys.retire(home, key)
            keys.write_fresh(home, retired)
            return
    raise keys.KeyMismatch(home)


def _chain_of(path: str, home: str, key_id: str) -> Walked:
    known = {key.key_id: key.chain for key in [keys.read_key(home), *keys.retired_keys(home)]}
    connection = connect(path, 1.0)
    try:
        cursor = connection.execute("SELECT * FROM events ORDER BY seq")
        return walked(Walk(known), streamed(cursor, path), key_id)
    except sqlite.Error as error:
        raise translated(error, path) from None
    finally:
        # Takes in a WAL that came along, so that one file remains.
        connection.close()


def _meta(path: str) -> dict[str, str]:
    connection = connect_to_read(path, 1.0)
    try:
        check_version(connection, path)
        return dict(connection.execute("SELECT name, value FROM meta").fetchall())
    except sqlite.Error as error:
        raise translated(error, path) from None
    finally:
        connection.close()


def _copy(file: str, path: str) -> None:
    _remove(path)
    try:
        copy_synced(file, path)
        if os.path.exists(file + "-wal"):
            copy_synced(file + "-wal", path + "-wal")
    except OSError as error:
        raise LedgerError(f"{file} can't be copied ({error.strerror})", "name a backup of ledger.db") from None


def _remove(path: str) -> None:
    for suffix in ("", *SIDE_FILES):
        if check_file(path + suffix):
            os.unlink(path + suffix)
