"""`durable off`: a person lifts enforcement for a stated time.

A marker in the user's config directory, which needs no ledger and no key, so that it works when
both are broken. Every hook looks here before anything else. Once its time is over, the next hook
folds it into the record and takes it away.
"""

from __future__ import annotations

import os

from durable.clock import now, stamp
from durable.errors import DurableError, HomeError
from durable.home import check_file, config_dir, secure_dir
from durable.ledger.files import write_new
from durable.native import dumps, loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_FIELDS = ("by", "id", "reason", "since", "until")


class Marker:
    __slots__ = ("fields", "path")

    def __init__(self, path: str, fields: dict[str, Any]) -> None:
        self.path = path
        self.fields = fields

    def active(self) -> bool:
        return bool(self.fields["since"] <= now() < self.fields["until"])


def read_marker(env: Mapping[str, str]) -> Marker | None:
    """The marker, active or over. One that can't be trusted is none: enforcement stays."""
    try:
        path = f"{config_dir(env)}/off.json"
        if not check_file(path):
            return None
        with open(path, encoding="utf-8") as file:
            fields = loads(file.read(10_000))
    except (DurableError, OSError, ValueError):
        return None
    if not isinstance(fields, dict) or not all(isinstance(fields.get(name), str) for name in _FIELDS):
        return None
    return Marker(path, fields)


def lift(env: Mapping[str, str], seconds: float, reason: str, by: str, started_ns: int) -> Marker:
    folder = config_dir(env)
    secure_dir(folder)
    fields = {
        "by": by,
        "id": os.urandom(6).hex(),
        "reason": reason,
        "since": stamp(started_ns),
        "until": stamp(started_ns + int(seconds * 1_000_000_000)),
    }
    return _written(Marker(f"{folder}/off.json", fields))


def restore(marker: Marker) -> Marker:
    """Ends the time early. The marker stays until a hook has put it on record."""
    if marker.active():
        marker.fields["until"] = now()
        _written(marker)
    return marker


def _written(marker: Marker) -> Marker:
    try:
        write_new(marker.path, dumps(marker.fields).encode())
    except OSError as error:
        raise HomeError(f"{marker.path} can't be written ({error.strerror})", "restore your access to it") from None
    return marker
