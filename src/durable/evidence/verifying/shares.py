"""A long chain checked by several processes at once, each its stretch, joined where they meet.

Only good news counts here: if a stretch has any fault, or two do not meet, the whole is walked once more by one
alone, who names what is wrong as in any other ledger.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from itertools import pairwise
from typing import TYPE_CHECKING

from durable.errors import DurableError, InputError
from durable.evidence.verifying.events import LAST, Events
from durable.evidence.verifying.view import FAILURES, View
from durable.ledger.chain import START
from durable.ledger.walk import NAMES_KEY
from durable.native import loads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import Any

    from durable.evidence.verifying.events import Stretch

SHARED_FROM = 40_000  # events; below that starting a process takes longer than it saves
MOST = 4
_SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
_START = f"import sys; sys.path.append({_SOURCE!r}); from durable.evidence.verifying.shares import work; work()"


def walked(view: View, keys: Mapping[str, bytes], last: int, told: Callable[[int], None], end: int = LAST) -> Events:
    """Every event there is up to the number `end`, as `Events.take_all` leaves it. `last` is the last one to expect."""
    count = min(os.cpu_count() or 1, MOST)
    if last >= SHARED_FROM and count > 1 and sys.executable:
        try:
            joined = _joined(view, keys, _stretches(view, last, end, count), told)
        except (OSError, ValueError, TypeError, *FAILURES):
            joined = None  # Walked alone, it will be named if it is a fault of the ledger.
        if joined is not None:
            return joined
    alone = Events(view, keys, (0, START, None, end))
    alone.take_all(told)
    return alone


def _stretches(view: View, last: int, end: int, count: int) -> list[Stretch]:
    """The first one has no end of its own to begin behind: whatever lies before event 1 belongs to it."""
    ends = [last * number // count for number in range(1, count)] + [end]
    found: list[Stretch] = [(0, START, None, ends[0])]
    for before, until in pairwise(ends):
        (event,) = view.dicts("event_at", seq=before)
        found.append((before, event["hash"], key_at(view, before), until))
    return found


def key_at(view: View, seq: int) -> str | None:
    """Under which key the events behind this one are made."""
    named = [(kind, body) for number, kind, body in view.ask("events_naming_keys") if number <= seq]
    try:
        return str(loads(named[-1][1])[NAMES_KEY[named[-1][0]]]) if named else None
    except (InputError, KeyError, TypeError):
        return None


def _joined(
    view: View, keys: Mapping[str, bytes], stretches: Sequence[Stretch], told: Callable[[int], None]
) -> Events | None:
    helpers = [_Helper(view.path, keys, stretch) for stretch in stretches[1:]]
    try:
        first = Events(view, keys, stretches[0])
        first.take_all(lambda done: told(done * len(stretches)))
        parts = [helper.found() for helper in helpers]
    finally:
        for helper in helpers:
            helper.end()
    sound = not first.found.faults and all(_join(first, part) for part in parts)
    return first if sound else None


def _join(first: Events, part: dict[str, Any]) -> bool:
    """Adds what the next stretch came to. False if it does not go on from here."""
    walk, found = first.walk, first.found
    if part["faults"] or (part["from_hash"], part["from_key"]) != (walk.hash, walk.key_id):
        return False
    for run_id, (run_seq, run_prev) in part["begun"].items():
        known = walk.runs.get(run_id, (0, START))
        if (run_seq, run_prev) != (known[0] + 1, known[1]):
            return False
    walk.runs.update({run_id: (run_seq, digest) for run_id, (run_seq, digest) in part["runs"].items()})
    walk.seq, walk.hash, walk.key_id = part["seq"], part["hash"], part["key_id"]
    found.events += part["events"]
    found.sealed += part["sealed"]
    found.unsealed += part["unsealed"]
    found.accepting += part["accepting"]
    return True


class _Helper:
    """A process of its own. SQLite's locks do not survive a fork, so it begins from nothing."""

    def __init__(self, path: str, keys: Mapping[str, bytes], stretch: Stretch) -> None:
        command = [sys.executable, "-I", "-S", "-c", _START]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._process.stdin is not None
        # On its stdin: a command line can be read by everybody.
        task = {"path": path, "stretch": stretch, "keys": {name: key.hex() for name, key in keys.items()}}
        with self._process.stdin as pipe:
            pipe.write(json.dumps(task).encode())

    def found(self) -> dict[str, Any]:
        """ValueError if it came to no end."""
        assert self._process.stdout is not None
        answer: dict[str, Any] = json.loads(self._process.stdout.read())
        return answer

    def end(self) -> None:
        self._process.kill()
        self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()


def work() -> None:
    """What a helper does. It sees a later moment than its parent, but of a stretch that is no longer written to."""
    task = json.loads(sys.stdin.buffer.read())
    keys = {name: bytes.fromhex(key) for name, key in task["keys"].items()}
    try:
        with View(task["path"]) as view:
            events = Events(view, keys, tuple(task["stretch"]))
            events.take_all(lambda done: None)
    except (DurableError, *FAILURES):
        return
    json.dump(dict(_account(events, task["stretch"])), sys.stdout)


def _account(events: Events, stretch: Stretch) -> Iterator[tuple[str, Any]]:
    walk, found = events.walk, events.found
    yield from (("from_hash", stretch[1]), ("from_key", stretch[2]), ("faults", len(found.faults)))
    yield from (("seq", walk.seq), ("hash", walk.hash), ("key_id", walk.key_id))
    yield from (("begun", events.begun), ("runs", walk.runs))
    yield from (
        ("events", found.events),
        ("sealed", found.sealed),
        ("unsealed", found.unsealed),
        ("accepting", found.accepting),
    )
