"""What a new step's row holds, part by part. Each part is a dict of columns."""

from __future__ import annotations

import os

from durable.agents.registry import AGENTS
from durable.native import dumps
from durable.policy.policy import OBSERVE
from durable.step import UNPREPARED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from durable.event import Call, Event
    from durable.join import Seat
    from durable.ledger.transaction import Transaction
    from durable.policy.decide import Decision
    from durable.policy.policy import Policy
    from durable.redact import Redactor
    from durable.step import Step

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # no i, l, o, u: an id is read aloud and typed


def of_call(event: Event, call: Call, seat: Seat) -> dict[str, Any]:
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
        "transcript_pos": transcript_end(event),
    }


def of_input(tx: Transaction, call: Call, hashed: str, redactor: Redactor) -> dict[str, Any]:
    """Redacted before it is stored. What was found is counted, never kept."""
    kept = redactor.value(call.input)
    found = dumps(redactor.found) if redactor.found else None
    return {"input": tx.put(dumps(kept).encode()), "input_hash": hashed, "redacted": found}


def of_decision(decision: Decision, policy: Policy) -> dict[str, Any]:
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


def of_claim(tx: Transaction, mark: str, scope: str, decision: Decision, twin: Step | None) -> dict[str, Any]:
    """The first claim of a fingerprint goes without a nonce; an allowed duplicate's nonce says why."""
    freed = tx.one("attempts_that_freed", fingerprint=mark, scope=scope)
    attempt = 1 + (freed["freed"] if freed else 0)
    nonce = None if twin is None else f"{decision.why_again}-{random_text(8)}"
    return {
        "fingerprint": mark,
        "scope": scope,
        "attempt": attempt,
        "nonce": nonce,
        "duplicate_of": None if twin is None else twin.step_id,
        "idempotency_key": "-".join(part for part in (mark, str(attempt), nonce) if part),
    }


def of_unprepared_claim(mark: str, scope: str) -> dict[str, Any]:
    """It ran without asking, so it may not take a claim from one that asked."""
    nonce = f"{UNPREPARED}-{random_text(8)}"
    return {
        "fingerprint": mark,
        "scope": scope,
        "attempt": 1,
        "nonce": nonce,
        "duplicate_of": None,
        "idempotency_key": f"{mark}-1-{nonce}",
    }


def new_step_id() -> str:
    return "s" + random_text(11)


def random_text(length: int) -> str:
    return "".join(_ALPHABET[byte & 31] for byte in os.urandom(length))


def transcript_end(event: Event) -> int:
    """Where it ends now: this call's result can only be written behind that."""
    path = AGENTS[event.client].transcript_of(event.transcript_path, event.agent_id)
    try:
        return os.stat(path).st_size if path else 0
    except OSError:
        return 0
