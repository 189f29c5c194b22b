"""Cuts the power after every single operation of the hooks that ran, and looks at what is left.

record = Record(door)                         what lies on the machine's disk is taken to be synced
record.run("pre_tool_use", payload, ROW)      runs under strace; what has a row once the hook has answered
faults(record)                                wherever the power goes: what does not hold
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import ledger_view
from conformance.sqlite_backend import Sqlite
from durable.errors import DurableError
from durable.ledger.head import read_head
from durable.ledger.keys import read_key
from durable.ledger.sqlite import SqliteLedger
from hooks.door import Answer, Door
from ledger.whole import assert_sound, events_of, faults_of

from .disk import Disk, Tree, outcomes, tree_of, write_tree
from .trace import Op, read_trace, under_trace

ROW, RECEIPT = "a row", "a receipt"
HOLDS = {ROW: ("running", "succeeded"), RECEIPT: ("succeeded",)}
_projected: dict[str, Any] = {}  # by the hash of the last event, which stands for all of them


class Record:
    def __init__(self, door: Door) -> None:
        self.door = door
        self.before = tree_of(door.root)
        self.heard: list[tuple[Op, dict[str, str]]] = []  # each with all that is promised once it is done
        self.promised: dict[str, str] = {}

    def run(self, name: str, payload: dict[str, Any], promise: str = "", **env: str) -> Answer:
        """`promise` is what the call has for certain once the hook has said so, or has left saying nothing."""
        promises = {payload["tool_use_id"]: promise} if promise else {}
        return self.run_argv(self.door.argv(name), payload, promises, **env)

    def run_argv(
        self, argv: list[str], payload: Any = b"", promises: dict[str, str] | None = None, **env: str
    ) -> Answer:
        log = Path(f"{self.door.root}.trace")
        answer = self.door.run_argv([*under_trace(log), *argv], payload, **env)
        for op in read_trace(log):
            self.promised |= (promises or {}) if op.what == "say" else {}
            self.heard.append((op, dict(self.promised)))
        self.promised |= (promises or {}) if answer.code == 0 else {}
        self.heard.append((Op("say", ""), dict(self.promised)))
        return answer


def cuts(record: Record, seed: int = 0, torn: int = 2, since: int = 0) -> Iterator[tuple[str, Tree, dict[str, str]]]:
    """Where the power goes, what is left, and what was promised by then; what was left before is left out.

    A row of writes is looked at once, after its last: of all of them any part may be left.
    """
    write_tree(record.door.root, record.before)
    disk = Disk(record.door.root)
    seen = set()
    for number, (op, promised) in enumerate(record.heard):
        followed = disk.follow(op)
        if number < since or (op.what != "say" and (not followed or _goes_on_filling(record, number))):
            continue
        for name, tree in outcomes(disk, seed, torn).items():
            key = hash((tuple(tree.items()), tuple(promised.items())))
            if key not in seen:
                seen.add(key)
                yield f"{name}, after operation {number}, {op.what} {op.path} {op.to}", tree, promised


def _goes_on_filling(record: Record, number: int) -> bool:
    coming = [op for op, _ in record.heard[number + 1 : number + 2]]
    return any(op.what == "fill" and op.path.startswith(f"{record.door.root}/") for op in coming)


def faults(
    record: Record, torn: int = 2, since: int = 0, put_right: Callable[[Door], None] = lambda door: None
) -> list[str]:
    """The power goes after the operation number `since` or any later one. `put_right` ends the trouble that the hooks
    met, before anybody looks."""
    found = []
    for where, tree, promised in cuts(record, 0, torn, since):
        write_tree(record.door.root, tree)
        put_right(record.door)
        fault = fault_of(record.door, promised)
        if fault:
            found.append(f"{where}: {fault}")
    return found


def fault_of(door: Door, promised: dict[str, str]) -> str:
    """After the power came back: what the next process to write finds wrong, or what is missing."""
    state = door.state
    waiting = {_spooled(path) for path in door.root.rglob("spool/*.json")}
    try:
        ledger = SqliteLedger(str(state))
        with ledger.begin() as tx:
            tx.commit()
        ledger.close()
        _assert_whole(state)
    except (DurableError, AssertionError) as error:
        return f"{type(error).__name__}: {error}"
    rows = {row["tool_use_id"]: row["status"] for row in ledger_view.steps(state)}
    lost = [
        f"{use_id} was promised {promise}, and is {rows.get(use_id, 'nowhere')}"
        for use_id, promise in promised.items()
        if rows.get(use_id) not in HOLDS[promise] and use_id not in waiting
    ]
    return "; ".join(lost)


def _assert_whole(state: Path) -> None:
    """As `assert_whole` has it, at a third of the time: each chain of events is projected anew only once."""
    events = events_of(state)
    assert faults_of(state) == []
    known, _ = read_head(str(state), [read_key(str(state))])
    last = events[-1]
    assert (known.seq, known.hash) == (last["seq"], last["hash"])
    if last["hash"] not in _projected:
        _projected[last["hash"]] = Sqlite(state).rebuilt(events)
    assert Sqlite(state).tables() == _projected[last["hash"]]
    assert_sound(state)


def _spooled(path: Path) -> str:
    """Whose receipt it is; what isn't whole is nobody's."""
    try:
        return str(json.loads(json.loads(path.read_text())["body"])["payload"]["tool_use_id"])
    except (ValueError, KeyError):
        return ""
