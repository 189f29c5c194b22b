"""What the policy files say, put together. Pure."""

from __future__ import annotations

from durable.native import dumps, sha256
from durable.policy.built_in import index as built_in_index
from durable.policy.layer import Layer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from durable.policy.compiled import Compiled

ENFORCE = "enforce"
OBSERVE = "observe"

BUILT_IN = "built-in"
USER = "user"
PROJECT = "project"
CHOSEN = "DURABLE_POLICY"

TOOL_CALLS = "tool_calls"
TOKENS = "tokens"
WALL_CLOCK = "wall_clock"
MAX_RECOVERIES = "max_recoveries"

# How long the contents of each class are kept, if nobody says otherwise.
DAYS = {"public_days": 30, "sealed_days": 7, "read_days": 7}
FOREVER = "forever"


class Policy:
    """`broken` is the sentence about an invalid file; what stands beside it is the last valid policy.

    `blind` if a file has none: what it wants redacted is unknown. `layers` go from the built-in rules
    to those that win. `budgets` hold what a run may use: numbers, `wall_clock` in seconds. `retention` holds
    for how many days what is kept, or FOREVER.
    `ignored` says in sentences what a project's file wanted and does not get.
    """

    __slots__ = (
        "allow_project",
        "blind",
        "broken",
        "broken_file",
        "budgets",
        "digest",
        "ignored",
        "layers",
        "mode",
        "notify",
        "redact",
        "redact_patterns",
        "retention",
    )

    def __init__(self) -> None:
        self.mode = ENFORCE
        self.redact = True
        self.redact_patterns: tuple[str, ...] = ()
        self.digest = f"{BUILT_IN} {built_in_index.DIGEST}"
        self.layers: list[Layer] = [built_in_layer()]
        self.allow_project: frozenset[str] = frozenset()
        self.budgets: dict[str, float] = {}
        self.retention: dict[str, Any] = dict(DAYS)
        self.notify: list[dict[str, Any]] = []
        self.ignored: list[str] = []
        self.blind = False
        self.broken = ""
        self.broken_file = ""

    def replaced(self, name: str, at: int) -> bool:
        """Whether a layer above the one at `at` has a rule of that name, and may replace it."""
        return any(
            name in layer.names()
            for layer in self.layers[at + 1 :]
            if layer.origin != PROJECT or name in self.allow_project
        )


def built_in_layer() -> Layer:
    return Layer(BUILT_IN, "", built_in_index.INDEX, lambda: built_in_index.NAMES, _built_in)


def _built_in(number: int) -> tuple[str, dict[str, Any]]:
    from durable.policy.built_in.rules import RULES

    name = built_in_index.NAMES[number]
    return name, RULES[name]


def merged(layers: list[Compiled]) -> Policy:
    """Later layers win. A project's file may add, but neither end redaction nor choose observe mode, spend
    more, or have anything run: a repository one has just cloned must not be able to switch the ledger off."""
    policy = Policy()
    for layer in layers:
        fields = layer.fields
        policy.redact_patterns += tuple(fields.get("redact", {}).get("patterns", ()))
        (_take_project if layer.origin == PROJECT else _take)(policy, fields, layer.path)
        if layer.index is not None:
            policy.layers.append(layer.rules())
    if layers:
        policy.digest = sha256(dumps([built_in_index.DIGEST, *([one.origin, one.digest] for one in layers)]).encode())
        policy.digest = policy.digest[:16]
    return policy


def _take(policy: Policy, fields: dict[str, Any], path: str) -> None:
    policy.mode = fields.get("mode", policy.mode)
    policy.redact = fields.get("redact", {}).get("enabled", policy.redact)
    policy.budgets |= fields.get("run", {})
    policy.retention |= fields.get("retention", {})
    policy.notify += fields.get("notify", ())
    policy.allow_project |= frozenset(fields.get("allow_project", ()))


def _take_project(policy: Policy, fields: dict[str, Any], path: str) -> None:
    if fields.get("redact", {}).get("enabled") is True:
        policy.redact = True
    for name, most in fields.get("run", {}).items():
        if most <= policy.budgets.get(name, most):
            policy.budgets[name] = most
        else:
            policy.ignored.append(f"{path}: run.{name} is more than the user's file allows")
    policy.ignored += _refused(fields, path)


def _refused(fields: dict[str, Any], path: str) -> list[str]:
    found = []
    if fields.get("mode") == OBSERVE:
        found.append("mode: only the user's file may choose observe mode")
    if fields.get("redact", {}).get("enabled") is False:
        found.append("redact.enabled: only the user's file may end redaction")
    if fields.get("notify"):
        found.append("notify: only the user's file may have something run or written")
    if fields.get("retention"):
        found.append("retention: only the user's file says how long the record is kept")
    if fields.get("allow_project"):
        found.append("allow_project: only the user's file may allow a project's rules")
    return [f"{path}: {said}" for said in found]
