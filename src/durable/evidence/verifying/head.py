"""The head, and the keys that vouch for it: how far the record had got when it was last written."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from durable.errors import DurableError, InputError
from durable.evidence.findings import FAIL, UNKNOWN, WARN, Finding
from durable.home import check_file
from durable.ledger import head, keys
from durable.ledger.chain import head_mac
from durable.ledger.reading import Reader
from durable.native import loads
from durable.view import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from durable.ledger.keys import Key

MISSING, NOT_OURS, OF_ANOTHER = "head_missing", "head_not_ours", "head_of_another"
AHEAD, DIFFERS = "head_ahead", "head_differs"


class Stated:
    """What the head says. `why` is empty if one of our keys vouches for it."""

    __slots__ = ("hash", "ledger_id", "mac", "problem", "seq")

    def __init__(self, home: str) -> None:
        self.seq, self.hash, self.ledger_id, self.mac, self.problem = 0, "", "", "", ""
        if not head.exists(home):
            self.problem = MISSING
            return
        try:
            with open(head.path_in(home), "rb") as file:
                fields = loads(file.read(1000).decode())
            self.ledger_id, self.seq = str(fields["ledger"]), int(fields["seq"])
            self.hash, self.mac = str(fields["hash"]), str(fields["mac"])
        except (OSError, InputError, ValueError, TypeError, KeyError):
            self.problem = NOT_OURS

    def is_of(self, known: Mapping[str, bytes]) -> bool:
        return any(self.mac == head_mac(key, self.ledger_id, self.seq, self.hash) for key in known.values())


def head_faults(
    stated: Stated, known: Mapping[str, bytes], ledger_id: str, last: int, hash_at: Callable[[int], str | None]
) -> Iterator[Finding]:
    """`stated` was read before the ledger was looked at: a hook that writes between leaves it behind, never ahead."""
    if stated.problem == MISSING:
        yield Finding(FAIL, MISSING, "the head is missing: nothing says how far the ledger had got")
    elif stated.problem or (known and not stated.is_of(known)):
        yield Finding(FAIL, NOT_OURS, "the head is damaged, or was not made with the ledger's key")
    elif stated.ledger_id != ledger_id:
        yield Finding(FAIL, OF_ANOTHER, "the head belongs to another ledger")
    elif stated.seq > last:
        says = (
            f"the ledger ends at event {last:,} but had reached {stated.seq:,}: it was cut, or an older copy put back"
        )
        yield Finding(FAIL, AHEAD, says, {"event": stated.seq, "last": last})
    elif hash_at(stated.seq) != stated.hash:
        says = f"event {stated.seq:,} is not the one that the head names: another ledger was put in its place"
        yield Finding(FAIL, DIFFERS, says, {"event": stated.seq})


def keys_of(home: str) -> list[Key]:
    """The one that the ledger stands under comes first, unless it was replaced. None if there is no such directory."""
    if not os.path.isdir(home):
        return []
    # A renewal may go on meanwhile: in this order none is missed on its way from one name to the next.
    present = _present(home)
    retired = _keys(keys.retired_paths(home))
    wanted = _stands_under(home) if len(present) > 1 else ""
    return sorted(present, key=lambda key: key.key_id != wanted) + retired


def present_keys(home: str) -> frozenset[str]:
    """The ids of those that a ledger may stand under: others may have one that was replaced."""
    return frozenset(key.key_id for key in _present(home))


def _present(home: str) -> list[Key]:
    return _keys(path for path in (keys.fresh_path_in(home), keys.path_in(home)) if check_file(path))


def _keys(paths: Iterable[str]) -> list[Key]:
    """A damaged key vouches for nothing; that the right one is not at hand is said."""
    found = []
    for path in paths:
        with suppress(DurableError):
            found.append(keys.read_key_file(path))
    return found


def _stands_under(home: str) -> str:
    """A renewal that was killed leaves a key that the ledger has taken, or one that it never will."""
    try:
        with Reader(home) as reader:
            return next((str(row["value"]) for row in reader.all("meta") if row["name"] == "key_id"), "")
    except DurableError:
        return ""


def key_faults(
    wanted: str, named: str | None, known: Mapping[str, bytes], present: frozenset[str], unsealed: int
) -> Iterator[Finding]:
    """`wanted` is the key that the ledger says it is written with, `named` the one that its events end under. `present`
    are those that were not replaced by another, as of before and after the look at the ledger."""
    if wanted not in known or not present:
        says = f"the key {wanted} is not at hand: who wrote the record can't be told"
        yield Finding(UNKNOWN, "key_not_at_hand", says, {"key": wanted})
        return
    if wanted not in present:
        says = f"the ledger goes on under the key {wanted}, which was replaced: it was written, or put back, by others"
        yield Finding(FAIL, "key_differs", says, {"key": wanted})
    elif named != wanted:
        yield Finding(FAIL, "key_differs", "the events do not end under the ledger's present key", {"key": wanted})
    if unsealed:
        says = (
            f"{counted(unsealed, 'event')} were made under a key that is lost: what a later key vouches for"
            " is what stood there when it took over"
        )
        yield Finding(WARN, "key_lost", says, {"events": unsealed})
