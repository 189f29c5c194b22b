"""What a project's file wants and does not get, in sentences. Off the hook path: a hook just does not take it."""

from __future__ import annotations

from durable.policy.policy import PROJECT
from durable.policy.rule import REPLAY, Rule
from durable.policy.tighten import NEVER, merge
from durable.step import READ

TYPE_CHECKING = False
if TYPE_CHECKING:
    from durable.policy.policy import Policy

HOW = "to allow it, write its name into allow_project of your own policy"


def ignored_in(policy: Policy) -> list[str]:
    """What can be said without a call: what meets which rule is known only then."""
    found = list(policy.ignored)
    for at, layer in enumerate(policy.layers):
        if layer.origin != PROJECT:
            continue
        for rule in layer.rules():
            if rule.name not in policy.allow_project:
                found += [_sentence(layer.path, rule, why) for why in _of_rule(policy, rule, at)]
    return found


def _of_rule(policy: Policy, rule: Rule, at: int) -> list[str]:
    never = [f"{name} is only taken from your own files" for name in rule.fields if name in NEVER]
    if rule.on_resume == REPLAY:
        never.append("on_resume = 'replay' is only taken from your own files")
    if rule.states_effect and rule.effect == READ:
        never.append("effect = 'read' would loosen")
    named = [name.split(" ", 1)[0] for name in never]
    for base in _beside(policy, rule, at):
        lost = [name for name in merge({**base.fields, "effect": base.effect}, rule.fields)[1] if name not in named]
        named += lost
        never += [f"{name} would loosen {base.name!r} of {base.origin}" for name in lost]
    return never


def _beside(policy: Policy, rule: Rule, at: int) -> list[Rule]:
    """Rules of the same name, or for the same pattern."""
    patterns = {pattern.text for pattern in rule.match}
    return [
        base
        for layer in policy.layers[:at]
        for base in layer.rules()
        if rule.states_effect
        and base.states_effect
        and (base.name == rule.name or patterns & {pattern.text for pattern in base.match})
    ]


def _sentence(path: str, rule: Rule, why: str) -> str:
    return f"{path}: rule {rule.name!r}: {why}; {HOW}"
