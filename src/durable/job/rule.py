"""What a job says of its own step, as one more rule of the policy. It can only tighten what stands there.

The step's id is part of what makes it the same call: two equal steps of a job are meant to happen twice.
"""

from __future__ import annotations

from durable.policy.claim import Claim
from durable.policy.rule import ASK, OWN, Rule
from durable.step import ONCE, READ

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from durable.event import Call
    from durable.policy.ruling import Ruling

ORIGIN = "job"


def own_rule(job: str, step_id: str, effect: str, fields: dict[str, Any]) -> Rule:
    # A `key` says that no other call of the rule can be this one in other words.
    key: dict[str, Any] = {"key": []} if effect == ONCE else {}
    return Rule(f"{OWN}{job}.{step_id}", {"effect": effect, **key, **fields}, ORIGIN)


def with_own(ruling: Ruling, rule: Rule, call: Call, cwd: str) -> Ruling:
    if rule.gate == ASK and not ruling.gate:
        ruling.gate, ruling.gate_rule = rule.gate, rule.name
    if rule.effect == ONCE:
        ruling.effect, ruling.rule = ONCE, rule.name
        ruling.matched.insert(0, rule)
        ruling.claims.insert(0, Claim(rule, rule.name, None, {"step": rule.name, "input": call.input}, cwd))
    elif rule.effect == READ and not ruling.claims and not ruling.matched:
        ruling.effect, ruling.rule = READ, rule.name
    return ruling
