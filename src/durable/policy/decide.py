"""The answer to a call. Pure: call, policy and twin in, decision out."""

from __future__ import annotations

from durable.policy.effects import WRITES_A_FILE, effect_of
from durable.step import READ

TYPE_CHECKING = False
if TYPE_CHECKING:
    from durable.event import Call
    from durable.policy.policy import Policy
    from durable.step import Step

PERMIT = "permit"
DENY = "deny"


class Decision:
    """`why_again` says what allows a duplicate, and becomes part of its nonce."""

    __slots__ = ("effect", "reason", "rule", "verdict", "why_again")

    def __init__(self, verdict: str, effect: str, rule: str, reason: str = "", why_again: str = "") -> None:
        self.verdict = verdict
        self.effect = effect
        self.rule = rule
        self.reason = reason
        self.why_again = why_again


def decide(call: Call, policy: Policy, twin: Step | None) -> Decision:
    effect, rule = effect_of(call.tool)
    again = effect if twin is not None else ""
    if policy.broken and effect != READ and not _mends(call, policy.broken_file):
        return Decision(DENY, effect, "broken policy", _broken(policy), again)
    return Decision(PERMIT, effect, rule, why_again=again)


def _mends(call: Call, broken_file: str) -> bool:
    field = WRITES_A_FILE.get(call.tool)
    return field is not None and call.input.get(field) == broken_file


def _broken(policy: Policy) -> str:
    return (
        f"durable can't decide about this call because a policy file is invalid: {policy.broken}. "
        "Nothing was run. Reading, and editing that one file, are still possible."
    )
