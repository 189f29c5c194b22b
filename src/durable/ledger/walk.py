"""Follows the chain of events and names the first thing that is wrong with each. Pure.

What can be said depends on the keys at hand. An event made under a key that is not at hand is
checked by its links alone; the next `key.renewed` under a key that is vouches for all before it.
"""

from __future__ import annotations

from durable.errors import InputError
from durable.ledger import chain
from durable.native import loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

# The events that say under which key they and their successors are made.
NAMES_KEY = {"ledger.created": "key_id", "key.renewed": "new_key_id"}


class Walk:
    """Starts before event `seq` + 1. In the middle of a ledger a run's first event is taken on trust."""

    __slots__ = ("_from_start", "_keys", "_runs", "hash", "key_id", "seq")

    def __init__(
        self, keys: Mapping[str, bytes], seq: int = 0, digest: str = chain.START, key_id: str | None = None
    ) -> None:
        self._keys = keys
        self._runs: dict[str, tuple[int, str]] = {}
        self._from_start = seq == 0
        self.seq = seq
        self.hash = digest
        self.key_id = key_id

    def take(self, row: Mapping[str, Any]) -> str:
        """What is wrong with this event, or nothing; the walk goes on from it in any case."""
        event = chain.event_of(row)
        fault = self._link_fault(event) or own_fault(event) or self._key_fault(event)
        self.seq, self.hash = event.seq, event.hash
        self._runs[event.run_id] = (event.run_seq, event.hash)
        return fault

    def _link_fault(self, event: chain.Event) -> str:
        if event.seq != self.seq + 1:
            return f"event {self.seq + 1} is missing" if event.seq > self.seq else f"event {event.seq} is out of order"
        if event.prev != self.hash:
            return f"event {event.seq} does not follow from the one before it"
        known = self._runs.get(event.run_id, (0, chain.START) if self._from_start else None)
        if known is not None and (event.run_seq, event.run_prev) != (known[0] + 1, known[1]):
            return f"event {event.seq} does not follow from the one before it in its run"
        return ""

    def _key_fault(self, event: chain.Event) -> str:
        if event.type in NAMES_KEY:
            self.key_id = _named_key(event)
        elif self.key_id is None:
            self.key_id = self._key_that_made(event)
        key = self._keys.get(self.key_id or "")
        if key is not None and event.mac != chain.event_mac(key, event.hash):
            return f"event {event.seq} was not made with the ledger's key"
        return ""

    def _key_that_made(self, event: chain.Event) -> str | None:
        """Where the event that names the key is lost, as after a salvage, the MAC itself tells which."""
        return next((name for name, key in self._keys.items() if event.mac == chain.event_mac(key, event.hash)), None)


class Walked:
    """How far the chain goes: the last event, and each fault on the way there."""

    __slots__ = ("faults", "hash", "key_id", "seq")

    def __init__(self, walk: Walk, faults: list[str]) -> None:
        self.seq = walk.seq
        self.hash = walk.hash
        self.key_id = walk.key_id
        self.faults = faults


def walked(walk: Walk, rows: Iterable[Mapping[str, Any]], ours: str) -> Walked:
    """`ours` is the id of the present key: the chain must end under it, else it is somebody else's."""
    faults = [fault for row in rows if (fault := walk.take(row))]
    if walk.key_id != ours:
        faults.append("the chain does not end under the present key")
    return Walked(walk, faults)


def own_fault(event: chain.Event) -> str:
    """What an event alone can show: whether its bytes are those that were hashed."""
    return "" if event.hash == chain.digest_of(event) else f"event {event.seq} was changed"


def _named_key(event: chain.Event) -> str | None:
    try:
        named: str = loads(event.body)[NAMES_KEY[event.type]]
    except (InputError, KeyError, TypeError):
        return None
    return named
