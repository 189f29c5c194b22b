"""Puts a backup back: its ledger by the way that any copy takes, and what waited or was kept beside it then.

Of the standard library alone: `bin/durable restore` does it from a checkout.
"""

from __future__ import annotations

import os

from durable.evidence.keeping.manifest import ledger_in
from durable.home import secure_dir
from durable.ledger import keys, restore
from durable.ledger.files import sync_dir, write_new

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
    done = restore.restore(home, file, reason)
    for room in _ROOMS:
        _bring_room(f"{place}/{room}", f"{home}/{room}")
    return done


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
