"""What is left of a project's rule beside the rule it meets: only what makes that one stricter.

A repository one has just cloned must be able neither to switch protection off nor to have a command of
its own run by a hook. Pure.
"""

from __future__ import annotations

from durable.policy.rule import EFFECTS, EVIDENCE, GATES, ON_DUPLICATE, ON_RESUME, REPLAY, SCOPES, Rule, means_once
from durable.step import ONCE, REPEATABLE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Fields = dict[str, Any]

LADDERS = {
    "effect": EFFECTS,
    "scope": SCOPES,
    "gate": GATES,
    "on_duplicate": ON_DUPLICATE,
    "on_resume": ON_RESUME,
    "evidence": EVIDENCE,
}
DEFAULTS: dict[str, Any] = {
    "scope": "run",
    "gate": "",
    "on_duplicate": "deny",
    "on_resume": "agent",
    "evidence": "public",
    "max": 1,
}
SETTLES_S = 60
# A hook would run it, and believe it.
NEVER = ("probe", "probe_timeout", "adds", "when")


def tightened(base: Rule | None, default_effect: str, project: Rule) -> Rule | None:
    """`base` as the project's rule leaves it. None: there was no rule, and the project's adds nothing."""
    given = dict(base.fields) if base else {"effect": default_effect}
    given["effect"] = base.effect if base else default_effect
    fields, ignored = merge(given, project.fields)
    if base is None and "effect" in ignored:
        return None
    own = base if base is not None and base.effect == fields["effect"] else None
    rule = Rule(own.name if own else project.name, fields, own.origin if own else project.origin)
    rule.tightened_by = project.name if own and fields != given else ""
    rule.ignored = ignored
    return rule


def merge(base: Fields, project: Fields) -> tuple[Fields, tuple[str, ...]]:
    """(the fields in force, the names of the project's fields that were not taken)."""
    wanted = stated_effect(project)
    merged = dict(base)
    ignored = []
    if not _accept(merged, "effect", wanted):
        ignored.append("effect")
    protected = base.get("effect") == ONCE
    for name, value in project.items():
        if name == "effect":
            continue
        if name in ("match", "unless", "unsandboxed"):
            merged[name] = base.get(name, value) if protected else value
        elif not _may(name, value, base, protected):
            ignored.append(name)
        else:
            merged[name] = value
    return merged, tuple(ignored)


def stated_effect(fields: Fields) -> str:
    effect: str = fields.get("effect") or (ONCE if means_once(fields) else REPEATABLE)
    return effect


def _accept(merged: Fields, name: str, value: str) -> bool:
    ladder = LADDERS[name]
    looser = ladder.index(value) < ladder.index(merged.get(name, DEFAULTS.get(name)))
    if not looser:
        merged[name] = value
    return not looser


def _may(name: str, value: Any, base: Fields, protected: bool) -> bool:
    if name in NEVER:
        return False
    if name == "on_resume" and value == REPLAY:
        return bool(base.get(name) == REPLAY)
    if name in ("gate", "evidence"):
        return not _is_looser(name, value, base)
    if name == "calls":
        return bool(value <= base.get(name, value))
    if not protected:
        return True
    if name in LADDERS:
        return not _is_looser(name, value, base)
    return name in STRICTER and STRICTER[name](value, base)


def _is_looser(name: str, value: str, base: Fields) -> bool:
    ladder = LADDERS[name]
    return ladder.index(value) < ladder.index(base.get(name, DEFAULTS[name]))


def _fewer(value: int, base: Fields) -> bool:
    most: int = base.get("max", DEFAULTS["max"])
    return value <= most


def _longer_life(value: float, base: Fields) -> bool:
    """Without one a receipt counts for ever."""
    return "ttl" in base and value >= base["ttl"]


def _longer_settling(value: float, base: Fields) -> bool:
    return bool(value >= base.get("settle", SETTLES_S))


# Nothing that changes a fingerprint, as `inject` does: what has run under the old one would run again.
STRICTER: dict[str, Callable[[Any, Fields], bool]] = {
    "max": _fewer,
    "ttl": _longer_life,
    "settle": _longer_settling,
}
