"""What a new step's row holds, part by part. Each part is a dict of columns."""

from __future__ import annotations

from durable.agents.registry import AGENTS
from durable.lean import os
from durable.native import dumps
from durable.policy.decide import MAY_RUN
from durable.policy.policy import OBSERVE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from durable.event import Call, Event
    from durable.join import Seat
    from durable.ledger.transaction import Transaction
    from durable.policy.claimed import Claimed
    from durable.policy.decide import Decision
    from durable.policy.policy import Policy
    from durable.redact import Redactor

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


def of_decision(decision: Decision, policy: Policy, redactor: Redactor) -> dict[str, Any]:
    would = None
    if policy.mode == OBSERVE:
        would = decision.verdict + (f": {redactor.text(decision.reason)}" if decision.reason else "")
    return {
        "effect": decision.effect,
        "rule": decision.rule,
        "policy": policy.digest,
        "mode": policy.mode,
        "would": would,
        "verdict": decision.code or decision.verdict,
        "evidence": "sealed" if decision.sealed else None,
    }


def of_claims(tx: Transaction, claims: list[Claimed], decision: Decision, project: str) -> dict[str, Any]:
    """The first claim of a fingerprint goes without a nonce; an allowed duplicate's nonce says why."""
    listed = [
        _claim(claimed, _nonce(claimed, why, decision), project)
        for claimed, why in zip(claims, decision.whys, strict=True)
        if not claimed.repeated
    ]
    first, nonce = claims[0], listed[0]["nonce"]
    freed = tx.one("attempts_that_freed", fingerprint=first.fingerprint, scope=first.scope)
    attempt = 1 + (freed["freed"] if freed else 0)
    twin = decision.twin or first.holder
    return {
        "fingerprint": first.fingerprint,
        "attempt": attempt,
        "nonce": nonce,
        "duplicate_of": None if twin is None else twin.step_id,
        "idempotency_key": "-".join(part for part in (first.fingerprint, str(attempt), nonce) if part),
        "claims": listed,
    }


def _nonce(claimed: Claimed, why: str, decision: Decision) -> str | None:
    if decision.verdict not in MAY_RUN:
        # It holds nothing: what it would have claimed is kept for the person who may yet allow it.
        return f"{decision.code}-{random_text(8)}"
    if claimed.holder is None and why in ("", claimed.effect):
        return None
    return f"{why or decision.code}-{random_text(8)}"


def _claim(claimed: Claimed, nonce: str | None, project: str) -> dict[str, Any]:
    claim = claimed.claim
    return {
        "scope": claimed.scope,
        "fingerprint": claimed.fingerprint,
        "nonce": nonce,
        "project": project,
        "rule": claim.rule.name if claim is not None else "",
        "words": claim.words if claim is not None else "",
        "exit_hidden": int(claim is not None and claim.exit_hidden),
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
