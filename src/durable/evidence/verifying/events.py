"""Every event against its hash, its neighbours and its seal, a million of them in flat memory.

SQLite itself writes down what was hashed: for plain ASCII its JSON is ours, byte for byte. Whatever comes out
otherwise (a quote in a name that it spells differently, a field of another kind, an event that was changed) is
judged once more by `ledger/walk.py`, exactly. So the short way can only ever save work: it accepts an event if
the very bytes that were hashed are there, begin with the predecessors that they must have, and bear the seal.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from durable.evidence.verifying.acceptance import accepts
from durable.evidence.verifying.seal import Seal
from durable.evidence.verifying.view import FAILURES
from durable.ledger.chain import START
from durable.ledger.walk import CHANGED, Fault, Walk, after

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from durable.evidence.verifying.view import View

    # Number, hash and key of the event before; number of the last one to take.
    Stretch = tuple[int, str, str | None, int]

KEPT = 1000  # faults that are named; more are counted
_AT_ONCE = 1000
_FIRST, LAST = -(2**63), 2**63 - 1  # An event put before the first one has a number too.
_NEW = (0, START)


class Walked:
    """`sealed` were made under a key at hand, `unsealed` under one that is not. Those in `accepting`
    are genuine, and may say what a person took as it stood."""

    def __init__(self) -> None:
        self.events = self.sealed = self.unsealed = self.more_faults = 0
        self.faults: list[Fault] = []
        self.accepting: list[int] = []

    def note(self, *faults: Fault) -> None:
        kept = faults[: max(KEPT - len(self.faults), 0)]
        self.faults += kept
        self.more_faults += len(faults) - len(kept)


class Events:
    """All of them, or a stretch. In a stretch a run's first event is taken on trust: `begun` keeps how it is linked."""

    def __init__(self, view: View, keys: Mapping[str, bytes], stretch: Stretch | None = None) -> None:
        seq, digest, key_id, self._last = stretch or (0, START, None, LAST)
        self.walk = Walk(keys, seq, digest, key_id)
        self.found = Walked()
        self.begun: dict[str, tuple[int, str]] = {}
        self._first = seq + 1 if seq else _FIRST
        self._view = view
        self._seals = {key_id: Seal(key) for key_id, key in keys.items()}

    def take_all(self, told: Callable[[int], None]) -> Walked:
        position: int | None = self._first
        while position is not None:
            told(max(position, 0))
            position = self._take(position)
        return self.found

    def _take(self, first: int) -> int | None:
        """Some events from the number `first` on. Where the next ones begin, None behind the last."""
        try:
            rows = self._view.ask("events_to_hash", first=first, last=self._last, most=_AT_ONCE).fetchall()
        except FAILURES:
            return self._take_exactly(first)
        done = self._take_fast(rows)
        while done < len(rows):
            self._judge(rows[done][0])
            done += 1 + self._take_fast(rows[done + 1 :])
        return _behind(rows[-1][0], first) if len(rows) == _AT_ONCE else None

    def _take_fast(self, rows: Sequence[tuple[Any, ...]]) -> int:
        """How many of them, from the first on, are beyond doubt."""
        walk, found = self.walk, self.found
        seal = self._seals.get(walk.key_id or "")
        if walk.key_id is None:
            return 0
        runs, seq, last, done = walk.runs, walk.seq, walk.hash, 0
        for number, run_id, hashed, digest, mac in rows:
            run_seq, run_last = runs.get(run_id, _NEW)
            begins = f'[{seq + 1},"{last}","{run_id}",{after(run_seq)},"{run_last}","'.encode("utf-8", "replace")
            if not run_id or not hashed.startswith(begins) or sha256(hashed).hexdigest() != digest:
                break
            if seal is not None and seal.of(digest) != mac:
                break
            seq, last = number, digest
            runs[run_id] = (run_seq + 1, digest)
            done += 1
        walk.seq, walk.hash = seq, last
        found.events += done
        found.sealed += done if seal is not None else 0
        found.unsealed += done if seal is None else 0
        return done

    def _take_exactly(self, first: int) -> int | None:
        """Where SQLite can't write down what it holds: a field that is no text, or none that can be read."""
        with self._view.leniently():
            rows = list(self._view.dicts("events_from", first=first, last=self._last, most=_AT_ONCE))
        for row in rows:
            self._judge_row(row)
        return _behind(rows[-1]["seq"], first) if len(rows) == _AT_ONCE else None

    def _judge(self, seq: int) -> None:
        with self._view.leniently():
            row = next(self._view.dicts("events_from", first=seq, last=seq, most=1), None)
        if row is None:
            # In a damaged page: what a look along all events comes upon, no look for its number finds.
            self.found.note(Fault(CHANGED, seq, f"event {seq} was changed"))
        else:
            self._judge_row(row)

    def _judge_row(self, row: Mapping[str, Any]) -> None:
        if row["run_id"] not in self.walk.runs:
            self.begun[row["run_id"]] = (row["run_seq"], row["run_prev"])
        faults = self.walk.judge(row)
        self.found.events += 1
        self.found.sealed += self.walk.key_id in self._seals
        if faults:
            self.found.note(*faults)
        elif self.walk.key_id not in self._seals:
            self.found.unsealed += 1
        elif accepts(row):
            self.found.accepting.append(row["seq"])


def _behind(seq: int, first: int) -> int:
    """Always further on, even where a damaged page has its events in no order."""
    return max(seq, first) + 1
