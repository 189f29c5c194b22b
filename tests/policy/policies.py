"""Policies from texts, as the hooks would read them, and what their rules say of a call.

policy = policy_of(user='[rules.pay]\\nmatch = "mcp__pay__*"\\neffect = "once"')
asked(policy, "mcp__pay__charge", amount=5).effect
"""

from __future__ import annotations

from typing import Any

from durable.event import Call
from durable.policy.compiled import Compiled, compiled
from durable.policy.compiler import compile_text
from durable.policy.index import index_of
from durable.policy.layer import Layer
from durable.policy.match import rules_for
from durable.policy.policy import BUILT_IN, CHOSEN, PROJECT, USER, Policy, merged
from durable.policy.ruling import Ruling

HERE = "/w/project"


def layer(origin: str, text: str) -> Compiled:
    path = f"/{origin}.toml"
    return compiled(compile_text(text, path), path, "", origin)


def policy_of(user: str = "", project: str = "", chosen: str = "", built_in: str = "") -> Policy:
    """Without the built-in rules, or with these in their place."""
    layers = [layer(origin, text) for origin, text in ((USER, user), (PROJECT, project), (CHOSEN, chosen)) if text]
    policy = merged(layers)
    rules = list(compile_text(built_in, "/built-in").get("rules", {}).items())
    index = index_of(rule for _, rule in rules)
    policy.layers[0] = Layer(BUILT_IN, "", index, lambda: [name for name, _ in rules], lambda number: rules[number])
    return policy


def rule(name: str, match: str | list[str], **fields: Any) -> str:
    """As TOML."""
    lines = [f'[rules."{name}"]', f"match = {match!r}", *(f"{field} = {value!r}" for field, value in fields.items())]
    return "\n".join(lines) + "\n"


def asked(policy: Policy, tool: str, cwd: str = HERE, **given: Any) -> Ruling:
    return rules_for(Call("toolu_1", tool, given), cwd, HERE, policy)


def line(policy: Policy, command: str, cwd: str = HERE) -> Ruling:
    return asked(policy, "Bash", cwd, command=command)


def claimed(policy: Policy, command: str, cwd: str = HERE) -> list[tuple[Any, str]]:
    """What of a line must not happen twice: (parts, place), comparable."""
    return [(claim.parts, claim.place) for claim in line(policy, command, cwd).claims]
