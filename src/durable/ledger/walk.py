"""Follows the chain of events and names the first thing that is wrong with each. Pure.

What can be said depends on the keys at hand. An event made under a key that is not at hand is
checked by its links alone; the next `key.renewed` under a key that is vouches for all before it.
"""

from __future__ import annotations

from durable.errors import InputError
from durable.ledger import chain
from durable.native import loads, sha256

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

# The events that say under which key they and their successors are made.
NAMES_KEY = {"ledger.created": "key_id", "key.renewed": "new_key_id"}
MISSING, MISPLACED, CHANGED = "event_missing", "event_order", "event_changed"
UNLINKED, UNLINKED_IN_RUN, UNSEALED = "event_link", "event_run_link", "event_not_ours"


class Fault:
    """`code` stays the same whatever the sentence says. `first` is before `seq` where events between are gone. `found`
    is the hash of what stood there, and behind what: another fault at the same event has another one."""

    __slots__ = ("code", "first", "found", "says", "seq")

    def __init__(self, code: str, seq: int, says: str, first: int | None = None) -> None:
        self.code = code
        self.seq = seq
        self.first = seq if first is None else first
        self.says = says
        self.found = ""

    @property
    def at(self) -> int:
        """The event that shows it: what is missing shows in the next one there is."""
        return self.seq + 1 if self.code == MISSING else self.seq


class Walk:
    """Starts before event `seq` + 1. In the middle of a ledger a run's first event is taken on trust.

    `runs` holds the last event of each run, as (run_seq, hash).
    """

    __slots__ = ("_from_start", "_keys", "hash", "key_id", "runs", "seq")

    def __init__(
        self, keys: Mapping[str, bytes], seq: int = 0, digest: str = chain.START, key_id: str | None = None
    ) -> None:
        self._keys = keys
        self.runs: dict[str, tuple[int, str]] = {}
        self._from_start = seq == 0
        self.seq = seq
        self.hash = digest
        self.key_id = key_id

    def judge(self, row: Mapping[str, Any]) -> list[Fault]:
        """What is wrong with this event; the walk goes on from it in any case."""
        event = chain.event_of(row)
        faults = self._faults(event)
        if faults:
            found = self._found(event)
            for fault in faults:
                fault.found = found
        self.seq, self.hash = event.seq, event.hash
        self.runs[event.run_id] = (event.run_seq, event.hash)
        if any(fault.code in (MISSING, CHANGED) for fault in faults):
            self.key_id = None  # What is gone may have named another key: from here the MACs tell which.
        return faults

    def _faults(self, event: chain.Event) -> list[Fault]:
        """None hides another that somebody else could have made: a change is not all that there is to say of an event
        before which others are missing."""
        own, link = _own_fault(event), self._link_fault(event)
        if own or (link and link.code == MISSING):
            return [fault for fault in (own, link) if fault and fault.code in (CHANGED, MISSING)]
        return [fault for fault in (link, self._key_fault(event)) if fault]

    def _found(self, event: chain.Event) -> str:
        behind = self.seq, self.hash, self.runs.get(event.run_id)
        return sha256(ascii((behind, sorted(event.columns().items()))).encode())

    def _link_fault(self, event: chain.Event) -> Fault | None:
        seq, known = event.seq, self.runs.get(event.run_id, (0, chain.START) if self._from_start else None)
        if seq <= self.seq:
            return Fault(MISPLACED, seq, f"event {seq} is out of order")
        if seq > self.seq + 1:
            return Fault(MISSING, seq - 1, _missing(self.seq + 1, seq - 1), self.seq + 1)
        if event.prev != self.hash:
            return Fault(UNLINKED, seq, f"event {seq} does not follow from the one before it")
        if known is not None and (event.run_seq, event.run_prev) != (after(known[0]), known[1]):
            return Fault(UNLINKED_IN_RUN, seq, f"event {seq} does not follow from the one before it in its run")
        return None

    def _key_fault(self, event: chain.Event) -> Fault | None:
        if event.type in NAMES_KEY:
            self.key_id = _named_key(event)
        elif self.key_id is None:
            self.key_id = self._key_that_made(event)
        key = self._keys.get(self.key_id or "")
        if key is not None and event.mac != chain.event_mac(key, event.hash):
            return Fault(UNSEALED, event.seq, f"event {event.seq} was not made with the ledger's key")
        return None

    def _key_that_made(self, event: chain.Event) -> str | None:
        """Where the event that names the key is lost, as after a salvage, the MAC itself tells which."""
        return next((name for name, key in self._keys.items() if event.mac == chain.event_mac(key, event.hash)), None)


class Walked:
    """How far the chain goes: the last event, and each fault on the way there, in words and as it was `found`."""

    __slots__ = ("faults", "found", "hash", "key_id", "seq")

    def __init__(self, walk: Walk, found: list[Fault]) -> None:
        self.seq = walk.seq
        self.hash = walk.hash
        self.key_id = walk.key_id
        self.faults = [fault.says for fault in found]
        self.found = found


def walked(walk: Walk, rows: Iterable[Mapping[str, Any]], ours: str) -> Walked:
    """`ours` is the id of the present key: the chain must end under it, else it is somebody else's."""
    found = Walked(walk, [fault for row in rows for fault in walk.judge(row)])
    if found.key_id != ours:
        found.faults.append("the chain does not end under the present key")
    return found


def own_fault(event: chain.Event) -> str:
    """What an event alone can show: whether its bytes are those that were hashed."""
    fault = _own_fault(event)
    return fault.says if fault else ""


def _own_fault(event: chain.Event) -> Fault | None:
    try:
        same = event.hash == chain.digest_of(event)
    except TypeError:
        same = False  # A field that came back as bytes has no place in what is hashed.
    return None if same else Fault(CHANGED, event.seq, f"event {event.seq} was changed")


def _missing(first: int, last: int) -> str:
    return f"event {first} is missing" if first == last else f"events {first} to {last} are missing"


def after(run_seq: Any) -> int | None:
    """The number of the next event in the run. A changed event may have left anything there."""
    return run_seq + 1 if isinstance(run_seq, int) else None


def _named_key(event: chain.Event) -> str | None:
    try:
        named: str = loads(event.body)[NAMES_KEY[event.type]]
    except (InputError, KeyError, TypeError):
        return None
    return named
