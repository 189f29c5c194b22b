"""Do the latest events follow from one another, under the key? A quick look: `durable verify` looks at all of them."""

from __future__ import annotations

from durable.doctor.check import FAIL, PASS, WARN, Check
from durable.home import command
from durable.ledger import keys
from durable.ledger.walk import NAMES_KEY, Walk
from durable.native import loads
from durable.view import counted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from durable.ledger.keys import KeyRing
    from durable.ledger.walk import Fault

    Row = dict[str, Any]

_ACCEPTS = frozenset({"ledger.salvaged", "ledger.restored"})
_NAMED = 100


def chain_check(home: str, ring: KeyRing, before: Row | None, rows: list[Row]) -> Check:
    """`before` is the event before these, None if they are all there are."""
    at_hand = {key.key_id: key.chain for key in [*keys.retired_keys(home), *ring.all()]}
    walk = Walk(at_hand, before["seq"], before["hash"], _key_before(rows, ring)) if before else Walk(at_hand)
    faults: list[Fault] = []
    accepting: list[Row] = []
    unsealed = 0
    for row in rows:
        found = walk.judge(row)
        faults += found
        unsealed += walk.key_id not in at_hand
        if row["type"] in _ACCEPTS and walk.key_id in at_hand and not found:
            accepting.append(row)
    if faults:
        return _broken(faults, accepting)
    which = f"the last {len(rows):,} events" if before else f"all {counted(len(rows), 'event')}"
    return Check(PASS, "chain", f"{which} follow from one another, {_sealed(len(rows), unsealed)}")


def _sealed(events: int, unsealed: int) -> str:
    """Anyone can compute links: only a seal shows who made them."""
    if not unsealed:
        return "under the key"
    left = f"{events - unsealed:,} under a key at hand"
    return f"{left}; of {unsealed:,} before that only the links could be checked: their key is lost"


def _broken(faults: list[Fault], accepting: list[Row]) -> Check:
    """A fault that an event names was seen by a person then. Whether it still is as it was, verify says."""
    named = [(entry, row["seq"]) for row in accepting for entry in loads(row["body"]).get("accepted", ())]
    by = {fault: next((seq for entry, seq in named if _names(entry, fault)), 0) for fault in faults}
    new = [fault.says for fault in faults if not by[fault]]
    if new:
        remedy = f"see what was changed, then accept it: {command()} restore --reason TEXT; or put a backup back"
        return Check(FAIL, "chain", _said(new), remedy, seen=new[:_NAMED])
    old = [fault.says for fault in faults]
    sentence = f"{_said(old)}; with event {max(by.values())} a person took that as it stood"
    return Check(
        WARN, "chain", sentence, f"see whether it is still as it was then: {command()} verify", seen=old[:_NAMED]
    )


def _names(entry: Row, fault: Fault) -> bool:
    return bool(entry["code"] == fault.code and entry["event"] <= fault.first and fault.seq <= entry["to"])


def _said(faults: list[str]) -> str:
    return f"{faults[0]}, and {len(faults) - 1} more" if len(faults) > 1 else faults[0]


def _key_before(rows: list[dict[str, Any]], ring: KeyRing) -> str:
    """Under which key the first of these events was made: what the next renewal replaced."""
    for row in rows:
        if row["type"] in NAMES_KEY:
            return str(loads(row["body"]).get("old_key_id", ""))
    return ring.present.key_id
