"""One rule of a policy, made from its plain fields only when a call may match it."""

from __future__ import annotations

from durable.policy.patterns import parse
from durable.step import ONCE, READ, REPEATABLE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from durable.policy.patterns import Pattern

RUN = "run"
PROJECT_WIDE = "project"
GLOBAL = "global"

ALLOW = "allow"
REPLAY = "replay"
ASK = "ask"
DENY = "deny"

AGENT = "agent"
VERIFY = "verify"

PUBLIC = "public"
SEALED = "sealed"

OWN = "job:"

# Each from the loosest to the strictest.
EFFECTS = (READ, REPEATABLE, ONCE)
SCOPES = (RUN, PROJECT_WIDE, GLOBAL)
GATES = ("", ASK, DENY)
ON_DUPLICATE = (ALLOW, REPLAY, ASK, DENY)
ON_RESUME = (REPLAY, VERIFY, AGENT)
EVIDENCE = (PUBLIC, SEALED)
# Only what must not happen twice has any of these.
MEANS_ONCE = (
    "scope", "key", "ignore", "max", "ttl", "on_duplicate", "probe", "probe_timeout", "settle",
    "no_effect_exits", "no_effect_output", "inject",
)  # fmt: skip


class Rule:
    """`states_effect` is false for a rule that only gates: it leaves the effect to the next that matches.

    `origin` is the layer it came from; `tightened_by` names the project's rule that made it stricter, and
    `ignored` the fields of that rule which would have loosened it.
    """

    __slots__ = (
        "adds",
        "calls",
        "effect",
        "evidence",
        "fields",
        "gate",
        "ignore",
        "ignored",
        "inject",
        "key",
        "match",
        "max",
        "name",
        "no_effect_exits",
        "no_effect_output",
        "on_duplicate",
        "on_resume",
        "origin",
        "probe",
        "probe_timeout_s",
        "scope",
        "settle_s",
        "states_effect",
        "tightened_by",
        "ttl_s",
        "unless",
        "unsandboxed",
        "when",
    )

    def __init__(self, name: str, fields: dict[str, Any], origin: str) -> None:
        self.name = name
        self.fields = fields
        self.origin = origin
        self.tightened_by = ""
        self.ignored: tuple[str, ...] = ()
        self.match: tuple[Pattern, ...] = _patterns(fields.get("match"))
        self.unless: tuple[Pattern, ...] = _patterns(fields.get("unless"))
        self.unsandboxed: bool = fields.get("unsandboxed", False)
        self.states_effect = "effect" in fields or means_once(fields) or not fields.get("gate")
        self.effect: str = fields.get("effect") or (ONCE if means_once(fields) else REPEATABLE)
        self.gate: str = fields.get("gate", "")
        self.calls: int = fields.get("calls", 0)
        self.scope: str = fields.get("scope", RUN)
        self.key: tuple[str, ...] | None = tuple(fields["key"]) if "key" in fields else None
        self.ignore: tuple[str, ...] = tuple(fields.get("ignore", ()))
        self.max: int = fields.get("max", 1)
        self.ttl_s: float | None = fields.get("ttl")
        self.on_duplicate: str = fields.get("on_duplicate", DENY)
        self.probe: str = fields.get("probe", "")
        self.probe_timeout_s: float | None = fields.get("probe_timeout")
        self.settle_s: float | None = fields.get("settle")
        self.no_effect_exits: tuple[int, ...] = tuple(fields.get("no_effect_exits", ()))
        self.no_effect_output: tuple[str, ...] = tuple(fields.get("no_effect_output", ()))
        self.on_resume: str = fields.get("on_resume", AGENT)
        self.inject: str = fields.get("inject", "")
        self.evidence: str = fields.get("evidence", PUBLIC)
        # Of built-in rules alone: what the command takes from its directory, and a condition on its words.
        self.adds: tuple[str, ...] = tuple(fields.get("adds", ()))
        self.when: str = fields.get("when", "")


def is_own(name: str) -> bool:
    """Of a rule that is no rule of the policy, but what a job says of its own step."""
    return name.startswith(OWN)


def means_once(fields: dict[str, Any]) -> bool:
    return fields.get("effect", ONCE) == ONCE and any(name in fields for name in MEANS_ONCE)


def _patterns(given: Any) -> tuple[Pattern, ...]:
    listed = [given] if isinstance(given, str) else given or ()
    return tuple(parse(text) for text in listed)
