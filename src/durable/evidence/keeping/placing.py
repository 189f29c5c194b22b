"""How a backup takes the place of an earlier one, and what is done if somebody dies on the way.

    DEST.partial   where it is made; its manifest, which comes last, says which one it takes the place of
    DEST.before    that one, from the first of two renames until it is cleared away

Anybody may have a directory of the second name, a copy of a backup above all. It is ours where the one that took its
place says so, and nothing else is touched.

Of the standard library alone.
"""

from __future__ import annotations

import os
import shutil

from durable import crash
from durable.errors import LedgerError, UsageError
from durable.evidence.keeping.manifest import (
    GOING,
    NAME,
    added,
    is_backup,
    mark_of,
    read_manifest,
)
from durable.ledger.files import sync_dir

PARTIAL, BEFORE = ".partial", ".before"


def put_in_place(place: str, dest: str) -> None:
    replaces = is_backup(dest)
    try:
        if replaces:
            os.rename(dest, dest + BEFORE)
            crash.point("mid-backup-swap")
        os.rename(place, dest)
    except OSError as error:
        raise LedgerError(f"the backup can't be put at {dest} ({error.strerror})", "name another place") from None
    sync_dir(os.path.dirname(dest))
    crash.point("before-backup-drop")
    if replaces:
        drop(dest)


def bring_back(dest: str) -> None:
    """Between the two renames the earlier backup is the only one there is."""
    if not os.path.lexists(dest) and is_backup(dest + BEFORE) and is_left(dest):
        os.rename(dest + BEFORE, dest)


def is_left(dest: str) -> bool:
    """Whether DEST.before is what a backup to DEST has taken the place of, or was about to."""
    mark = "" if os.path.islink(dest + BEFORE) else mark_of(dest + BEFORE)
    return bool(mark) and mark in (_replaced_by(dest), _replaced_by(dest + PARTIAL))


def _replaced_by(place: str) -> object:
    try:
        return read_manifest(place).get("replaces")
    except LedgerError:
        return None


def drop(dest: str) -> None:
    """What DEST has taken the place of. Somebody may have died just before, or in the middle of it."""
    place = dest + BEFORE
    if not os.path.lexists(place):
        return
    _check_ours(dest, place)
    if os.path.isfile(f"{place}/{NAME}"):
        os.rename(f"{place}/{NAME}", f"{place}/{GOING}")  # What is half gone is no backup.
        crash.point("mid-backup-drop")
    for name in sorted(os.listdir(place), key=lambda name: name == GOING):
        path = f"{place}/{name}"
        shutil.rmtree(path) if os.path.isdir(path) else os.unlink(path)
    os.rmdir(place)


def _check_ours(dest: str, place: str) -> None:
    if os.path.isdir(place) and not os.path.islink(place) and not os.listdir(place):
        return
    if not is_left(dest):
        raise UsageError(f"{place} is in the way, and no backup has left it there", "move it elsewhere")
    foreign = added(place, GOING if os.path.isfile(f"{place}/{GOING}") else NAME)
    if foreign:
        raise UsageError(f"{place} holds what is not ours ({foreign[0]})", "take it away")
