"""Puts a backup back: its ledger by the way that any copy takes, and what waited or was kept beside it then.

Of the standard library alone: `bin/durable restore` does it from a checkout.
"""

from __future__ import annotations

import os

from durable.errors import KeyFileError
from durable.evidence.keeping.manifest import ledger_in, read_manifest
from durable.home import check_file, secure_dir
from durable.ledger import head, keys, restore
from durable.ledger.files import sync_dir, write_new
from durable.ledger.lock import Lock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from durable.ledger.restore import Restored

_ROOMS = ("spool", "imported")


def put_back(home: str, place: str, reason: str) -> Restored:
    """Refuses a backup that is not whole. Safe to run again after a crash."""
    file = ledger_in(place)
    secure_dir(home)
    for name in sorted(os.listdir(place)):
        if name == keys.NAME or name.startswith(f"{keys.NAME}.retired-"):
            _bring(f"{place}/{name}", f"{home}/{name}")
    settle_key(home, read_manifest(place)["key_id"])
    done = restore.restore(home, file, reason)
    for room in _ROOMS:
        _bring_room(f"{place}/{room}", f"{home}/{room}")
    return done


def settle_key(home: str, wanted: str) -> None:
    """Ends a renewal that stopped after the ledger had taken its key: the next hook would, and may never come. That key
    is the one of every copy made since."""
    if not check_file(keys.fresh_path_in(home)):
        return
    secure_dir(f"{home}/{head.DIRECTORY}")
    with Lock(home, 5.0):
        try:
            ring = keys.key_ring(home, wanted)
        except KeyFileError:
            return  # It is another copy's: who puts this one back says what is missing.
        if not ring.settled:
            keys.settle_renewal(home)


def _bring_room(there: str, here: str) -> None:
    """A receipt that waited then and is on record since is known by its name, and not taken twice."""
    if not os.path.isdir(there):
        return
    secure_dir(here)
    for name in sorted(os.listdir(there)):
        _bring(f"{there}/{name}", f"{here}/{name}")
    sync_dir(here)


def _bring(source: str, path: str) -> None:
    if os.path.lexists(path):
        return
    with open(source, "rb") as file:
        write_new(path, file.read())
