"""What the hook would answer now: the real thing, in a transaction that is never committed."""

from __future__ import annotations

from durable.ledger.sqlite import SqliteLedger
from durable.prepare import Preparation
from durable.protection.tampering import tampers
from durable.redact import Redactor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from durable.event import Event
    from durable.policy.decide import Decision
    from durable.policy.policy import Policy


def rehearse(home: str, event: Event, policy: Policy, env: Mapping[str, str]) -> Decision:
    assert event.call is not None
    ledger = SqliteLedger(home)
    try:
        with ledger.begin() as tx:
            preparation = Preparation(tx, event, policy, Redactor.of(policy), env, {})
            return preparation.prepare(0, tampers(event.call, event.cwd, home, env, event.project)).decision
    finally:
        ledger.close()
