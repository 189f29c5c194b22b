"""The claims of a call by their fingerprints, and who holds each in its scope."""

from __future__ import annotations

from durable.fingerprint import fingerprint, of_claim
from durable.policy.claimed import Claimed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from durable.event import Event
    from durable.ledger.transaction import Transaction
    from durable.policy.rule import Rule
    from durable.policy.ruling import Ruling


def marks(key: bytes, event: Event, run_id: str, ruling: Ruling) -> list[Claimed]:
    """A call that no rule holds to once has one claim all the same: that is how its twins are found."""
    call = event.call
    assert call is not None
    if not ruling.claims:
        mark = fingerprint(key, call.tool, call.input, event.cwd)
        return [Claimed(ruling.effect, mark, f"run:{run_id}")]
    found: list[Claimed] = []
    for claim in ruling.claims:
        mark = of_claim(key, call.tool, claim.place, claim.parts)
        claimed = Claimed(ruling.effect, mark, _scope(claim.rule, event.project, run_id), claim)
        claimed.repeated = any(other.fingerprint == mark for other in found)
        found.append(claimed)
    return found


def add_holders(tx: Transaction, claims: list[Claimed], except_id: str) -> None:
    for claimed in claims:
        found = tx.step("twin_in_scope", fingerprint=claimed.fingerprint, scope=claimed.scope)
        claimed.holder = None if found is not None and found.step_id == except_id else found


def _scope(rule: Rule, project: str, run_id: str) -> str:
    scopes = {"run": f"run:{run_id}", "project": f"project:{project}", "global": "global"}
    return scopes[rule.scope]
