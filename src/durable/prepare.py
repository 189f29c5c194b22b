"""Before the call: the row that must be on disk before anything may run."""

from __future__ import annotations

import os

from durable import crash
from durable.agents.registry import AGENTS
from durable.closing import closing
from durable.fingerprint import fingerprint, input_hash
from durable.join import join
from durable.native import dumps
from durable.policy.decide import DENY, PERMIT, Decision, decide
from durable.policy.policy import OBSERVE
from durable.reconcile import Reconciler

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from durable.event import Call, Event
    from durable.join import Seat
    from durable.ledger.transaction import Transaction
    from durable.policy.policy import Policy
    from durable.redact import Redactor
    from durable.step import Step

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # no i, l, o, u: an id is read aloud and typed


def prepare(
    tx: Transaction, event: Event, policy: Policy, redactor: Redactor, env: Mapping[str, str], elapsed_us: int
) -> tuple[Decision, Step | None]:
    """Decides about the call and writes it down; the caller commits. The step is None on a second start."""
    call = event.call
    assert call is not None
    seat = join(tx, event, env)
    hashed = input_hash(tx.key.fingerprint, call.input)
    if _started_twice(tx, event, seat, hashed):
        return Decision(PERMIT, "", ""), None
    Reconciler(tx, redactor).before_call(event)
    mark = fingerprint(tx.key.fingerprint, call.tool, call.input, event.cwd)
    scope = f"run:{seat.run_id}"
    twin = tx.step("twin_in_scope", fingerprint=mark, scope=scope)
    decision = decide(call, policy, twin)
    body = _call_fields(event, call, seat)
    body |= _identity(tx, decision, mark, scope, twin)
    body |= _decision_fields(decision, policy)
    body |= {"input_hash": hashed, "hook_us": elapsed_us, "flag": None}
    body |= _input_fields(tx, call, redactor)
    step = tx.prepare(new_step_id(), seat.run_id, body)
    crash.point("after-prepare")
    _answer(tx, step, decision, policy)
    return decision, step


def _started_twice(tx: Transaction, event: Event, seat: Seat, hashed: str) -> bool:
    """The client may start a hook twice for one call; a model may also reuse an id for another call.
    The same start has the same owner, agent, id and input, and nothing has come back for it yet."""
    call = event.call
    assert call is not None
    found = tx.step(
        "same_call_in_flight",
        session_id=event.session_id,
        tool_use_id=call.use_id,
        owner_id=seat.owner_id,
        agent_id=event.agent_id,
        input_hash=hashed,
    )
    return found is not None and found.status == "running"


def _answer(tx: Transaction, step: Step, decision: Decision, policy: Policy) -> None:
    if decision.verdict == DENY and policy.mode != OBSERVE:
        tx.close_step(step, closing("refused", "PreToolUse", error=tx.put(decision.reason.encode())))
    else:
        tx.mark_running(step)
    crash.point("after-answer")


def _call_fields(event: Event, call: Call, seat: Seat) -> dict[str, Any]:
    return {
        "session_id": event.session_id,
        "owner_id": seat.owner_id,
        "tool_use_id": call.use_id,
        "tool_name": call.tool,
        "agent_id": event.agent_id,
        "agent_type": event.agent_type,
        "cwd": event.cwd,
        "prompt_id": event.prompt_id,
        "permission_mode": event.permission_mode,
        "transcript_pos": _size(AGENTS[event.client].transcript_of(event.transcript_path, event.agent_id)),
    }


def _identity(tx: Transaction, decision: Decision, mark: str, scope: str, twin: Step | None) -> dict[str, Any]:
    freed = tx.one("attempts_that_freed", fingerprint=mark, scope=scope)
    attempt = 1 + (next(iter(freed.values())) if freed else 0)
    holder = tx.one("claim_holder", fingerprint=mark, scope=scope)
    nonce = f"{decision.why_again or decision.effect}-{_random(8)}" if twin is not None or holder is not None else None
    return {
        "fingerprint": mark,
        "scope": scope,
        "attempt": attempt,
        "nonce": nonce,
        "duplicate_of": None if twin is None else twin.step_id,
        "idempotency_key": "-".join(part for part in (mark, str(attempt), nonce) if part),
    }


def _decision_fields(decision: Decision, policy: Policy) -> dict[str, Any]:
    would = None
    if policy.mode == OBSERVE:
        would = decision.verdict + (f": {decision.reason}" if decision.reason else "")
    return {
        "effect": decision.effect,
        "rule": decision.rule,
        "policy": policy.digest,
        "mode": policy.mode,
        "would": would,
    }


def _input_fields(tx: Transaction, call: Call, redactor: Redactor) -> dict[str, Any]:
    """Redacted before it is stored. What was found is counted, never kept."""
    kept = redactor.value(call.input)
    return {
        "input": tx.put(dumps(kept).encode()),
        "redacted": dumps(redactor.found) if redactor.found else None,
    }


def new_step_id() -> str:
    return "s" + _random(11)


def _random(length: int) -> str:
    return "".join(_ALPHABET[byte & 31] for byte in os.urandom(length))


def _size(path: str) -> int:
    """Where the transcript ends now: this call's result can only be written behind that."""
    try:
        return os.stat(path).st_size if path else 0
    except OSError:
        return 0
