"""Strict mode: what a run was cut off in comes first, and until each such call is settled no other one runs.

turn_on ─▶ on ─┬─▶ other calls are denied ─▶ nothing is left ─▶ off, by the next hook
               └─▶ MOST of them were denied ─▶ still on: a person settles what is left, or turns it off

Nothing but looking, planning and the interrupted calls themselves goes by; these are decided like any call.
"""

from __future__ import annotations

from durable.fingerprint import input_hash
from durable.policy.decide import DENY, Answer
from durable.step import IN_DOUBT, READ, RUNNING

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from durable.event import Call, Event
    from durable.ledger.transaction import Transaction
    from durable.policy.claimed import Claimed
    from durable.policy.ruling import Ruling
    from durable.redact import Redactor
    from durable.step import Step

MOST = 5
SHOWN = 5
# The client's own books: nothing outside of it changes.
PLANNING = frozenset(("EnterPlanMode", "ExitPlanMode", "TaskCreate", "TaskUpdate", "TodoWrite"))


def turn_on(tx: Transaction, run_id: str) -> None:
    """What the run has begun until now counts. On again it counts anew, and so do the denials."""
    turn_off(tx, run_id, "it is turned on anew")
    tx.append("run.strict", run_id, run_id, {"on": 1})


def turn_off(tx: Transaction, run_id: str, why: str) -> None:
    run = tx.one("run", run_id=run_id)
    if run is not None and run["strict"]:
        tx.append("run.strict", run_id, run_id, {"on": 0, "why": why})


def held_back(
    tx: Transaction, run: dict[str, Any], event: Event, ruling: Ruling, claims: list[Claimed], redactor: Redactor
) -> Answer | None:
    """The deny, if the call has to wait. Turns strict mode off where nothing is left to wait for."""
    left = _left(tx, run, redactor)
    if not left:
        turn_off(tx, run["run_id"], "no interrupted call is left")
        return None
    cut_off = [step for step in left if step.status == IN_DOUBT]
    assert event.call is not None
    if not cut_off or _is_free(event.call, event.cwd, ruling) or _is_one_of(tx, cut_off, event.call, claims):
        return None
    return _denied(tx, run, cut_off)


def waits_for_a_person(denied: int) -> bool:
    return denied >= MOST


def _left(tx: Transaction, run: dict[str, Any], redactor: Redactor) -> list[Step]:
    """What still runs is waited for: it may yet turn out to be cut off."""
    left = tx.steps("strict_left", run_id=run["run_id"], strict=run["strict"])
    if all(step.status != RUNNING for step in left):
        return left
    from durable.reconcile import Reconciler

    Reconciler(tx, redactor).dead_owners()
    return tx.steps("strict_left", run_id=run["run_id"], strict=run["strict"])


# ---- what goes by -------------------------------------------------------------------------------


def _is_free(call: Call, cwd: str, ruling: Ruling) -> bool:
    if ruling.claims:
        return False
    if ruling.effect == READ or call.tool in PLANNING:
        return True
    line = call.input.get("command") if call.tool == "Bash" else None
    if not isinstance(line, str):
        return False
    from durable.policy.looking import only_looks

    return only_looks(line, cwd)


def _is_one_of(tx: Transaction, cut_off: list[Step], call: Call, claims: list[Claimed]) -> bool:
    """By its input as well: the directory it stood in may be out of reach, the rules may have changed since."""
    hashed = input_hash(tx.key.fingerprint, call.input)
    if any((step.tool_name, step.input_hash) == (call.tool, hashed) for step in cut_off):
        return True
    ids = {step.step_id for step in cut_off}
    return all(_has_claim(tx, ids, claimed) for claimed in claims)


def _has_claim(tx: Transaction, ids: set[str], claimed: Claimed) -> bool:
    return any(row["step_id"] in ids for row in tx.all("claims_of_mark", fingerprint=claimed.fingerprint))


# ---- what does not ------------------------------------------------------------------------------


def _denied(tx: Transaction, run: dict[str, Any], cut_off: list[Step]) -> Answer:
    from durable.brief.title import title_of
    from durable.policy import reasons

    counted = tx.one("strict_denials", run_id=run["run_id"], strict=run["strict"])
    denied: int = counted["denied"] if counted else 0
    listed = [(step, title_of(tx, step)) for step in cut_off[:SHOWN]]
    more = len(cut_off) - len(listed)
    if waits_for_a_person(denied):
        return Answer(DENY, "strict_stop", reasons.strict_stop(listed, more, run["run_id"], denied))
    return Answer(DENY, "strict", reasons.strict(listed, more, run["run_id"]))
