"""`durable off`: a person lifts enforcement for a stated time.

A marker in the user's config directory, which needs no ledger and no key, so that it works when
both are broken. Every hook looks here before anything else. Once its time is over, the next hook
puts it on record and takes it away.
"""

from __future__ import annotations

from durable.clock import nanoseconds, now, stamp
from durable.errors import DurableError, HomeError
from durable.home import check_file, config_dir, is_within, secure_dir
from durable.lean import os
from durable.ledger.files import write_new

try:
    from durable.native import dumps, loads
except ImportError:
    # A Python without SQLite can run no hook, and then this is the only way to get on.
    from json import dumps, loads  # type: ignore[assignment]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from durable.ledger.transaction import Transaction
    from durable.redact import Redactor

_FIELDS = ("by", "id", "reason", "since", "until")
_LARGEST = 100_000
LONGEST_DAYS = 7
LONGEST_S = LONGEST_DAYS * 86_400


class Marker:
    """`earlier` holds the spans before this one that no hook has put on record yet."""

    __slots__ = ("earlier", "fields", "path")

    def __init__(self, path: str, fields: dict[str, Any], earlier: list[dict[str, Any]]) -> None:
        self.path = path
        self.fields = fields
        self.earlier = earlier

    def active(self) -> bool:
        return bool(self.fields["since"] <= now() < self.fields["until"])

    def over(self) -> list[dict[str, Any]]:
        """The spans that can be put on record, oldest first."""
        return [span for span in (*self.earlier, self.fields) if span["until"] <= now()]


def read_marker(env: Mapping[str, str]) -> Marker | None:
    """The marker, active or over. One that can't be trusted is none: enforcement stays."""
    try:
        path = f"{config_dir(env)}/off.json"
        if not check_file(path) or is_within(path, env.get("CLAUDE_PROJECT_DIR") or os.getcwd()):
            return None
        with open(path, encoding="utf-8") as file:
            fields = loads(file.read(_LARGEST))
    except (DurableError, OSError, ValueError):
        return None
    earlier = fields.pop("earlier", []) if isinstance(fields, dict) else None
    if not isinstance(earlier, list) or not all(_is_span(span) for span in (fields, *earlier)):
        return None
    return Marker(path, fields, earlier)


def _is_span(fields: object) -> bool:
    if not isinstance(fields, dict) or not all(isinstance(fields.get(name), str) for name in _FIELDS):
        return False
    if not (fields["id"].isalnum() and _is_stamp(fields["since"]) and _is_stamp(fields["until"])):
        return False
    return nanoseconds(fields["until"]) - nanoseconds(fields["since"]) <= LONGEST_S * 1_000_000_000


def _is_stamp(text: str) -> bool:
    """Times are compared as text, and anything that sorts late would never be over."""
    try:
        return stamp(nanoseconds(text)) == text
    except (ValueError, OverflowError):
        return False


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
    before = read_marker(env)
    earlier = [] if before is None else [*before.earlier, _cut(before.fields, fields["since"])]
    return _written(Marker(f"{folder}/off.json", fields, earlier))


def _cut(span: dict[str, Any], at: str) -> dict[str, Any]:
    return {**span, "until": min(span["until"], at)}


def restore(marker: Marker) -> Marker:
    """Ends the time early. The marker stays until a hook has put it on record."""
    if marker.active():
        marker.fields["until"] = now()
        _written(marker)
    return marker


def record(tx: Transaction, marker: Marker, redactor: Redactor) -> None:
    """Puts on record what is over; each span once, whatever is killed before `remove`."""
    for span in marker.over():
        name = f"off-{span['id']}"
        if tx.one("was_spooled", name=name) is None:
            body = {field: redactor.text(span[field]) for field in _FIELDS if field != "id"}
            tx.append("enforcement.off", "", span["id"], body)
            tx.append("spool.folded", "", name, {"why": "enforcement was off"})


def remove(marker: Marker, env: Mapping[str, str]) -> None:
    """Takes the marker away once it is over, unless a person has set another one meanwhile."""
    found = read_marker(env)
    if found is None or found.fields != marker.fields or found.fields["until"] > now():
        return
    try:
        os.unlink(marker.path)
    except OSError:
        return  # It is on record; the next hook tries again.


def _written(marker: Marker) -> Marker:
    try:
        write_new(marker.path, dumps({**marker.fields, "earlier": marker.earlier}).encode())
    except OSError as error:
        raise HomeError(f"{marker.path} can't be written ({error.strerror})", "restore your access to it") from None
    return marker
