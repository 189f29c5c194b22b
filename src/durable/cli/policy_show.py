"""The rules in force, in the order they are asked, and where each comes from."""

from __future__ import annotations

import os

from durable.cli.blocks import Facts, Heading, Note, Paragraph, Table
from durable.cli.reading import notices
from durable.cli.result import Result
from durable.home import data_home
from durable.policy.files import load_policy, policy_files
from durable.policy.ignored import ignored_in
from durable.policy.policy import BUILT_IN, OBSERVE, PROJECT, Policy
from durable.view import span_words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from durable.cli.blocks import Block
    from durable.policy.rule import Rule
    from durable.view import Row


def run() -> Result:
    project = os.getcwd()
    policy = load_policy(data_home(), project, os.environ)
    rules = [_described(rule, policy) for rule in in_order(policy)]
    data = {
        "mode": policy.mode,
        "policy": policy.digest,
        "files": [{"origin": origin, "path": path} for origin, path in policy_files(project, os.environ)],
        "rules": rules,
        "budgets": policy.budgets,
        "notify": policy.notify,
        "ignored": ignored_in(policy),
        "broken": policy.broken or None,
    }
    return Result("policy", data, 1 if policy.broken else 0, [*notices(), *_view(data, policy)])


def in_order(policy: Policy) -> list[Rule]:
    """As they are asked: the layer that wins first; without those that a later file replaces."""
    found: list[Rule] = []
    for at in range(len(policy.layers) - 1, -1, -1):
        found += [rule for rule in policy.layers[at].rules() if not policy.replaced(rule.name, at)]
    return found


def _described(rule: Rule, policy: Policy) -> Row:
    bound = rule.origin == PROJECT and rule.name not in policy.allow_project
    return {
        "name": rule.name,
        "origin": rule.origin,
        "effect": rule.effect if rule.states_effect else None,
        "match": [pattern.text for pattern in rule.match],
        "tightens_only": bound,
        "fields": {name: value for name, value in rule.fields.items() if name not in ("match", "effect")},
    }


def _view(data: Row, policy: Policy) -> list[Block]:
    blocks: list[Block] = []
    if policy.broken:
        blocks.append(Note("problem", f"a policy file is invalid: {policy.broken}; this is the last valid one"))
    if policy.mode == OBSERVE:
        blocks.append(Note("warning", "observe mode: nothing is ever denied"))
    own = [rule for rule in data["rules"] if rule["origin"] != BUILT_IN]
    if not own:
        blocks.append(Paragraph("no policy file has a rule; the built-in ones are in force"))
    blocks.append(Table(["rule", "from", "effect", "matches", "says"], [_row(rule) for rule in data["rules"]]))
    limits = [(name, _limit(name, most)) for name, most in policy.budgets.items()]
    blocks += [Heading("A run may use"), Facts(limits)] if limits else []
    return [*blocks, *(Note("warning", f"not taken: {said}") for said in data["ignored"])]


def _row(rule: Row) -> list[str]:
    origin = f"{rule['origin']}, tightens only" if rule["tightens_only"] else rule["origin"]
    return [rule["name"], origin, rule["effect"] or "", ", ".join(rule["match"]), said(rule["fields"])]


def said(fields: Row) -> str:
    return ", ".join(f"{name} {_value(name, value)}" for name, value in fields.items() if name != "when")


def _value(name: str, value: object) -> str:
    if name in ("ttl", "settle", "probe_timeout") and isinstance(value, int | float):
        return span_words(value)
    return " ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _limit(name: str, most: float) -> str:
    return span_words(most) if name == "wall_clock" else f"{most:,}"
