"""The key in a person's hands: taken out, put back, renewed.

What renewing means. Chain and spool get a new key; fingerprints keep theirs, for without it no call
of before would be known again and each could happen twice. From the event `key.renewed` on, made
under the new key, a holder of the old one can forge nothing; what came before is vouched for by that
event, whose hash covers it all. The old key is kept as key.retired-ID to check the older MACs.
A key that is lost takes its fingerprints along: the record says so.
"""

from __future__ import annotations

import os

from durable import crash
from durable.errors import KeyFileError, LedgerError, UsageError
from durable.home import check_file, secure_dir
from durable.ledger import head, keys
from durable.ledger.database import check_version, connect_to_read, database_in, present
from durable.ledger.keys import Key, KeyRing
from durable.ledger.lock import Lock
from durable.ledger.rescue import UncheckedLedger
from durable.ledger.sqlite import SqliteLedger
from durable.native import sqlite
from durable.redact import Redactor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_FOLDING_S = 60.0


def export(home: str) -> str:
    return keys.read_key(home).text()


def import_(home: str, text: str) -> str:
    """Puts the key back and returns its id. Refuses a key that this ledger was not written with."""
    key = keys.parse_key(text.encode("ascii", "replace"))
    secure_dir(home)
    with Lock(home, 5.0):
        _check_fits(home, key)
        _keep_other(home, key)
        keys.write_key(keys.path_in(home), key)
    return key.key_id


def renew(home: str, reason: str, lost: bool = False, env: Mapping[str, str] = os.environ) -> tuple[str, str]:
    """Returns the ids of the old and the new key. With `lost`, for a ledger whose key is gone for good."""
    if not reason.strip():
        raise UsageError("no reason was given", "say why with --reason TEXT: it stays in the record")
    if not lost:
        _fold_in_spool(home, env)
    ledger = _KeylessLedger(home) if lost else SqliteLedger(home)
    try:
        with ledger.begin() as tx:
            if not ledger.ring.settled:
                # An earlier renewal stopped halfway: its key must not be overwritten by the next one.
                keys.settle_renewal(home)
            former = None if lost else ledger.key
            ring = KeyRing(keys.new_key(former), former, settled=False)
            _keep_other(home, ring.present)
            keys.write_fresh(home, ring.present)
            crash.point("after-fresh-key")
            old_id = _take(ledger, ring)
            tx.key = ring.present
            said = Redactor().text(reason)
            body = {"reason": said, "old_key_id": old_id, "new_key_id": ring.present.key_id, "lost": lost}
            tx.append("key.renewed", "", "", body)
            tx.commit()
    finally:
        ledger.close()
    return old_id, ring.present.key_id


def _take(ledger: SqliteLedger, ring: KeyRing) -> str:
    old_id = next(row["value"] for row in ledger.all("meta", {}) if row["name"] == "key_id")
    ledger.use(ring)
    ledger.run("set_meta", {"name": "key_id", "value": ring.present.key_id})
    return str(old_id)


def _fold_in_spool(home: str, env: Mapping[str, str]) -> None:
    """What waits there is signed with the old key: later nobody could tell it from a forgery."""
    from durable.fold import Fold
    from durable.waiting import waiting

    while True:
        if not waiting(home, env):
            return
        ledger, fold = SqliteLedger(home), Fold(home, env, _FOLDING_S)
        try:
            with ledger.begin() as tx:
                before = tx.seq
                fold.into(tx, Redactor())
                folded = tx.seq > before
                tx.commit()
        finally:
            ledger.close()
        fold.sweep()
        if not folded:
            return


class _KeylessLedger(UncheckedLedger):
    def _find_keys(self, wanted: str) -> KeyRing:
        try:
            keys.key_ring(self._home, wanted)
        except KeyFileError:
            return KeyRing(keys.new_key())  # Stands in until the renewal has made the true one.
        raise UsageError("the key is not lost", "renew it without --lost")


def _keep_other(home: str, key: Key) -> None:
    """A key file that is about to be replaced may be worth something elsewhere."""
    if not check_file(keys.path_in(home)):
        return
    try:
        there = keys.read_key(home)
    except KeyFileError:
        os.replace(keys.path_in(home), keys.path_in(home) + ".damaged")
        return
    if there.key_id != key.key_id:
        keys.retire(home, there)


def _check_fits(home: str, key: Key) -> None:
    try:
        wanted = _wanted(database_in(home)) if present(database_in(home)) else ""
    except LedgerError:
        wanted = ""  # The head can still tell.
    if wanted and wanted != key.key_id:
        raise KeyFileError(f"this is the key {key.key_id}, but the ledger was written with {wanted}", "find that one")
    if not wanted and head.exists(home):
        head.read_head(home, [key])


def _wanted(path: str) -> str:
    connection = connect_to_read(path, 1.0)
    try:
        check_version(connection, path)
        row = connection.execute("SELECT value FROM meta WHERE name = 'key_id'").fetchone()
    except sqlite.Error:
        return ""
    finally:
        connection.close()
    return str(row[0]) if row else ""
