"""What persons took as it stood, by events under the key: the faults and losses that these name, and no others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from durable.ledger.acceptance import as_taken
from durable.native import loads

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from durable.evidence.verifying.events import Walked
    from durable.evidence.verifying.view import View
    from durable.ledger.walk import Fault

_ACCEPTING = frozenset(("ledger.restored", "ledger.salvaged"))


def accepts(event: Mapping[str, Any]) -> bool:
    """Whether it may name something that was taken as it stood."""
    return event["type"] in _ACCEPTING


def accepted_in(view: View, found: Walked) -> Accepted:
    rows = [row for seq in found.accepting for row in view.dicts("event_at", seq=seq)]
    return Accepted(found.faults, rows)


class Accepted:
    """`events` are genuine. Those of an earlier durable name nothing that could be told from what came later: they
    accept nothing."""

    def __init__(self, faults: Iterable[Fault] = (), events: Iterable[Mapping[str, Any]] = ()) -> None:
        self._of: dict[str, list[Fault]] = {}
        self._contents: dict[str, int] = {}
        for fault in faults:
            self._of.setdefault(fault.code, []).append(fault)
        self._otherwise: dict[tuple[str, int], int] = {}
        taken: dict[Fault, int] = {}
        for event in events:
            said = loads(event["body"])
            for entry in said.get("accepted", ()):
                here = self._named_by(entry)
                if as_taken(here) == [entry]:
                    taken |= dict.fromkeys(here, event["seq"])
                else:
                    self._otherwise |= {(fault.code, fault.at): event["seq"] for fault in here}
            self._contents |= dict.fromkeys(said.get("lost_contents", ()), event["seq"])
        self._at = self._by_event(taken)

    def _named_by(self, entry: Mapping[str, Any]) -> list[Fault]:
        of_code = self._of.get(entry["code"], ())
        return [fault for fault in of_code if entry["event"] <= fault.first and fault.seq <= entry["to"]]

    def _by_event(self, taken: Mapping[Fault, int]) -> dict[int, int]:
        """One fault that was not taken leaves none at the same event that was."""
        found: dict[int, int] = {}
        for fault in (fault for faults in self._of.values() for fault in faults):
            by = taken.get(fault, 0)
            found[fault.at] = min(by, found.get(fault.at, by))
        return found

    def at(self, seq: int) -> int:
        """The event by which all that is wrong at this one was taken; 0 if there is none."""
        return self._at.get(seq, 0)

    def behind(self, seq: int) -> int:
        """The same for what follows, at this event, from faults of the chain up to it; 0 unless all of them were taken:
        then the events are those that were taken, and what follows from them is as well."""
        if not all(self._at.values()):
            return 0
        return max((by for at, by in self._at.items() if at <= seq), default=0)

    def missing(self) -> int:
        """The same for all that is missing between the events."""
        return min((self.at(fault.at) for fault in self._of.get("event_missing", ())), default=0)

    def content(self, digest: str, last: int) -> int:
        """The same for a content that is gone, and that no event behind it names: `last` is the last one that does."""
        by = self._contents.get(digest, 0)
        return by if last < by else 0

    def otherwise(self, fault: Fault) -> int:
        """The event that names this fault, but found something else there then."""
        return 0 if self.at(fault.at) else self._otherwise.get((fault.code, fault.at), 0)
