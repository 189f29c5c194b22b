"""What a backup holds, file by file. It is written last: a directory without one was never finished.

Of the standard library alone: `durable restore` reads it from a checkout as well.
"""

from __future__ import annotations

import hashlib
import os

from durable.errors import LedgerError, UsageError
from durable.ledger.database import SIDE_FILES
from durable.native import dumps, loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    Manifest = dict[str, Any]

SCHEMA = "durable.backup.v1"
FAMILY = "durable.backup."
NAME = "manifest.json"
# The manifest of one that is being cleared away: no backup any more, and ours still.
GOING = "manifest.going"
LEDGER = "ledger.db"
SIDE = tuple(LEDGER + suffix for suffix in SIDE_FILES)
_LARGEST = 50_000_000
_NEEDED = {"made_at": str, "ledger_id": str, "key_id": str, "seq": int, "hash": str, "with_key": bool, "files": list}


def is_backup(place: str) -> bool:
    return os.path.isfile(f"{place}/{NAME}")


def mark_of(place: str) -> str:
    """What tells this backup from every other, also while it is cleared away; "" where there is none."""
    for name in (NAME, GOING):
        if os.path.isfile(f"{place}/{name}"):
            return digest_of_file(f"{place}/{name}")
    return ""


def read_manifest(place: str, name: str = NAME) -> Manifest:
    """LedgerError for what is no manifest of ours."""
    try:
        with open(f"{place}/{name}", "rb") as file:
            found = loads(file.read(_LARGEST).decode())
    except (FileNotFoundError, NotADirectoryError):
        raise LedgerError(f"{place} is no backup, or one that was cut off: it has no {NAME}", "make it again") from None
    except OSError as error:
        raise LedgerError(f"{place}/{NAME} can't be read ({error.strerror})", "restore your access to it") from None
    except (ValueError, UsageError, LedgerError):
        found = None
    return _checked(found, place)


def _checked(found: Any, place: str) -> Manifest:
    schema = found.get("schema") if isinstance(found, dict) else None
    if isinstance(schema, str) and schema.startswith(FAMILY) and schema != SCHEMA:
        raise LedgerError(f"{place} is a backup of another version ({schema})", "use the durable that made it")
    fits = schema == SCHEMA and all(isinstance(found.get(name), kind) for name, kind in _NEEDED.items())
    if not fits or not all(_is_entry(one) for one in found["files"]):
        raise LedgerError(f"{place}/{NAME} is damaged", "take another backup")
    manifest: Manifest = found
    return manifest


def _is_entry(one: Any) -> bool:
    if not isinstance(one, dict) or not isinstance(one.get("path"), str) or not isinstance(one.get("bytes"), int):
        return False
    inside = not one["path"].startswith("/") and ".." not in one["path"].split("/")
    return inside and isinstance(one.get("sha256"), str)


def described(place: str) -> list[dict[str, Any]]:
    """Every file in it, in a settled order."""
    return [
        {"path": name, "bytes": os.path.getsize(f"{place}/{name}"), "sha256": digest_of_file(f"{place}/{name}")}
        for name in sorted(names_in(place))
    ]


def names_in(place: str) -> Iterator[str]:
    for folder, _, names in os.walk(place):
        for name in names:
            yield os.path.relpath(f"{folder}/{name}", place)


def added(place: str, name: str = NAME) -> list[str]:
    """What is in it and was not when it was made."""
    listed = {one["path"] for one in read_manifest(place, name)["files"]}
    return sorted({*names_in(place)} - listed - {name, *SIDE})


def ledger_in(place: str) -> str:
    """The ledger of a backup that is whole."""
    manifest = read_manifest(place)
    faults = missing(place, manifest)
    if faults:
        raise LedgerError(f"the backup {place} is not whole: {faults[0]}", "take another backup")
    return f"{place}/{LEDGER}"


def text_of(manifest: Manifest) -> bytes:
    return dumps(manifest).encode() + b"\n"


def missing(place: str, manifest: Manifest) -> list[str]:
    """What of it is not there as it was written, each in a sentence."""
    faults = [fault for one in manifest["files"] if (fault := _fault(f"{place}/{one['path']}", one))]
    listed = any(one["path"] == LEDGER for one in manifest["files"])
    return faults if listed else [f"its manifest lists no {LEDGER}", *faults]


def _fault(path: str, one: dict[str, Any]) -> str:
    try:
        if os.path.getsize(path) != one["bytes"]:
            return f"{one['path']} has {os.path.getsize(path)} bytes, and had {one['bytes']}"
        return "" if digest_of_file(path) == one["sha256"] else f"{one['path']} was changed"
    except FileNotFoundError:
        return f"{one['path']} is missing"
    except OSError as error:
        return f"{one['path']} can't be read ({error.strerror})"


def digest_of_file(path: str) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
