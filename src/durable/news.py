"""What a transaction has to tell to whoever a `[[notify]]` of the policy names. Gathered only if there is one."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from durable.ledger.transaction import Transaction
    from durable.prepare import Prepared
    from durable.redact import Redactor

_ENDINGS = {"step.succeeded": "succeeded", "step.failed": "failed", "step.in_doubt": "in_doubt"}
_ANSWERS = {"deny": "denied", "ask": "ask", "defer": "defer", "replay": "duplicate"}


def endings(tx: Transaction) -> list[dict[str, Any]]:
    """The steps that came to an end, or into doubt, in this transaction."""
    return [_news(tx, _ENDINGS[kind], subject, "") for kind, subject in tx.appended if kind in _ENDINGS]


def answer(tx: Transaction, prepared: Prepared, redactor: Redactor) -> list[dict[str, Any]]:
    decision, step = prepared.decision, prepared.step
    event = "duplicate" if decision.code == "duplicate" else _ANSWERS.get(decision.verdict, "")
    if step is None or not event or decision.verdict == "permit":
        return []
    return [_news(tx, event, step.step_id, redactor.text(decision.reason))]


def _news(tx: Transaction, event: str, step_id: str, reason: str) -> dict[str, Any]:
    step = tx.one("step", step_id=step_id) or {}
    named = {name: step.get(name) for name in ("run_id", "step_id", "tool_name", "rule", "verdict")}
    return {"event": event, "at": tx.at, **named, "reason": reason}
