"""Makes a copy of the state that hooks can go on writing to meanwhile. Whole, or not there at all.

What came first is copied first: a receipt that waits in the spool may be folded in while we copy, and is then in both,
which is harmless; the head is a lower bound, so one that is older than the ledger beside it fits.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil

from durable import crash
from durable.clock import now
from durable.errors import KeyFileError, LedgerBusy, LedgerError, UsageError
from durable.evidence.keeping.manifest import (
    LEDGER,
    NAME,
    SCHEMA,
    SIDE,
    added,
    described,
    is_backup,
    mark_of,
    read_manifest,
    text_of,
)
from durable.evidence.keeping.placing import PARTIAL, bring_back, drop, put_in_place
from durable.ledger import head, keys
from durable.ledger.database import check_version, connect_to_read, damage_remedy, database_in, translated
from durable.ledger.files import copy_synced, sync_dir, write_synced
from durable.ledger.statements import reading_statements
from durable.native import sqlite

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from durable.evidence.keeping.manifest import Manifest

SPOOL, IMPORTED, KEY = "spool", "imported", "key"
RETIRED = "key.retired-"
# The ledger is only read: where it's about room or writing, the copy has failed.
_WRITING = ("SQLITE_FULL", "SQLITE_IOERR_WRITE", "SQLITE_IOERR_FSYNC", "SQLITE_IOERR_TRUNCATE")
_OURS = frozenset((LEDGER, *SIDE, head.DIRECTORY, SPOOL, IMPORTED, KEY))


def make_backup(home: str, dest: str, with_key: bool = False) -> Manifest:
    """`dest` is free, an empty directory, or an earlier backup of the same ledger, which is replaced."""
    _check_place(home, dest)
    with _partial(dest) as place:
        if is_backup(dest):
            drop(dest)
        _copy_around(home, place)
        manifest = _copy_ledger(home, place) | {"with_key": with_key}
        if with_key:
            _copy_keys(home, place, manifest["key_id"])
        _check_target(dest, manifest["ledger_id"])
        manifest |= {"replaces": mark_of(dest) or None, "files": described(place)}
        crash.point("mid-backup")
        write_synced(f"{place}/{NAME}", text_of(manifest))
        _sync(place)
        crash.point("before-backup-rename")
        put_in_place(place, dest)
    return manifest


# ---- where to ---------------------------------------------------------------------------------


def _check_place(home: str, dest: str) -> None:
    above = os.path.dirname(dest)
    if not os.path.isdir(above):
        raise UsageError(f"there is no directory {above}", "make it, or name another place")
    real = os.path.join(os.path.realpath(above), os.path.basename(dest))
    if f"{real}/".startswith(f"{os.path.realpath(home)}/"):
        raise UsageError(f"{dest} lies in the state directory, and would be lost with it", "name another place")


def _check_target(dest: str, ledger_id: str) -> None:
    if not os.path.lexists(dest):
        return
    if os.path.islink(dest) or not os.path.isdir(dest) or (os.listdir(dest) and not is_backup(dest)):
        raise UsageError(f"{dest} is there already and is no backup", "name a place that is free")
    if not os.listdir(dest):
        return
    manifest = read_manifest(dest)
    if manifest["ledger_id"] != ledger_id:
        raise UsageError(f"{dest} is a backup of another ledger", "name a place that is free")
    # It would go with the earlier backup; and a key that somebody put there may be the only copy.
    foreign = added(dest)
    if foreign:
        raise UsageError(f"{dest} holds what is not ours ({foreign[0]})", "take it away")


@contextlib.contextmanager
def _partial(dest: str) -> Iterator[str]:
    """What a killed one has left is cleared away; of two at once the second is refused."""
    place = dest + PARTIAL
    with contextlib.suppress(FileExistsError):
        os.mkdir(place, 0o700)
    held = _hold(place)
    try:
        bring_back(dest)
        _clear(place)
        try:
            yield place
        finally:
            bring_back(dest)
            shutil.rmtree(place, ignore_errors=True)  # It is gone if it was put in place.
    finally:
        os.close(held)


def _hold(place: str) -> int:
    try:
        held = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        raise UsageError(f"{place} is in the way ({error.strerror})", "take it away") from None
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Whoever held it before us may have put it in place meanwhile.
        if not os.path.samestat(os.fstat(held), os.lstat(place)):
            raise BlockingIOError
    except OSError:
        os.close(held)
        raise LedgerBusy(f"another backup is being made at {place}", "wait for it to end") from None
    return held


def _clear(place: str) -> None:
    """The manifest goes first: what is half gone is no backup."""
    names = os.listdir(place)
    foreign = [name for name in names if name not in _OURS | {NAME} and not name.startswith(RETIRED)]
    if foreign:
        raise UsageError(f"{place} holds what is not ours ({foreign[0]})", "take it away")
    for name in sorted(names, key=lambda name: name != NAME):
        path = f"{place}/{name}"
        shutil.rmtree(path) if os.path.isdir(path) else os.unlink(path)


# ---- what -------------------------------------------------------------------------------------


def _copy_around(home: str, place: str) -> None:
    _copy_files(home, place, SPOOL, ".json")
    _copy_files(home, place, IMPORTED, "")
    if head.exists(home):
        os.mkdir(f"{place}/{head.DIRECTORY}", 0o700)
        copy_synced(head.path_in(home), head.path_in(place))


def _copy_files(home: str, place: str, room: str, ending: str) -> None:
    names = os.listdir(f"{home}/{room}") if os.path.isdir(f"{home}/{room}") else []
    wanted = [name for name in names if name.endswith(ending) and os.path.isfile(f"{home}/{room}/{name}")]
    if wanted:
        os.mkdir(f"{place}/{room}", 0o700)
    for name in wanted:
        with contextlib.suppress(FileNotFoundError):  # Folded in meanwhile: the ledger is copied after this.
            copy_synced(f"{home}/{room}/{name}", f"{place}/{room}/{name}")


def _copy_keys(home: str, place: str, wanted: str) -> None:
    """The one that the copy stands under, wherever a renewal has it now, and those that vouch for what is older."""
    write_synced(f"{place}/{KEY}", _key_of(home, wanted).text().encode() + b"\n")
    for path in keys.retired_paths(home):
        copy_synced(path, f"{place}/{os.path.basename(path)}")


def _key_of(home: str, wanted: str) -> keys.Key:
    try:
        return keys.key_ring(home, wanted).present
    except KeyFileError:  # It may have been renewed since the ledger was copied.
        retired = [key for key in keys.retired_keys(home) if key.key_id == wanted]
        if not retired:
            raise
        return retired[0]


def _copy_ledger(home: str, place: str) -> dict[str, Any]:
    """As it stands at one moment. A reader never checkpoints, and keeps nobody from writing."""
    path, copy, queries = database_in(home), f"{place}/{LEDGER}", reading_statements()
    write_synced(copy, b"")
    source = connect_to_read(path, 5.0)
    try:
        source.execute("BEGIN")
        check_version(source, path)
        meta = dict(source.execute(queries["meta"]).fetchall())
        last = source.execute(queries["last_event"]).fetchone()
        if last is None:
            raise LedgerError("the ledger holds no event at all", damage_remedy())
        crash.point("mid-copy")
        target = sqlite.connect(copy, isolation_level=None)
        try:
            source.backup(target)
        finally:
            target.close()
    except sqlite.Error as error:
        raise translated(error, copy if getattr(error, "sqlite_errorname", "") in _WRITING else path) from None
    finally:
        source.close()
    known = {"ledger_id": meta.get("ledger_id", ""), "key_id": meta.get("key_id", "")}
    return {"schema": SCHEMA, "made_at": now(), **known, "seq": last[0], "hash": last[1]}


def _sync(place: str) -> None:
    descriptor = os.open(f"{place}/{LEDGER}", os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    for folder, _, _ in os.walk(place):
        sync_dir(folder)
