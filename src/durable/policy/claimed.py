"""What the ledger knows of one claim of a call: the facts that decide() decides by."""

from __future__ import annotations

from durable.clock import nanoseconds
from durable.step import ONCE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from durable.policy.claim import Claim
    from durable.policy.rule import Rule
    from durable.step import Step

SETTLE_S = 60.0
# What a file tool did is on the disk when its process is gone. A request may still be on its way.
_SETTLED_AT_ONCE = ("Edit", "MultiEdit", "NotebookEdit", "Write")


class Claimed:
    """`open` is a twin that nothing has closed, with `owner` ("alive", "dead", "unknown") and `owner_why`;
    `done` are the succeeded ones that count for this run, the latest first; `holder` is whoever holds the
    claim in this scope, `kin` a step in doubt that may be this call in other words.

    `probes`: it can be probed; `probed`: it has been, and `doubt` says why that settled nothing.
    `disproved`: the twin's line hid whether it succeeded, and a probe says that it did not.
    """

    __slots__ = (
        "claim",
        "disproved",
        "done",
        "doubt",
        "effect",
        "fingerprint",
        "grant",
        "holder",
        "kin",
        "open",
        "owner",
        "owner_why",
        "probed",
        "probes",
        "receipt",
        "repeated",
        "replayable",
        "scope",
    )

    def __init__(self, effect: str, fingerprint: str, scope: str, claim: Claim | None = None) -> None:
        self.effect = ONCE if claim is not None else effect
        self.claim = claim
        self.fingerprint = fingerprint
        self.scope = scope
        self.holder: Step | None = None
        self.open: Step | None = None
        self.owner = ""
        self.owner_why = ""
        self.done: list[Step] = []
        self.receipt: Receipt | None = None
        self.kin: Step | None = None
        self.grant: dict[str, Any] | None = None
        self.repeated = False
        self.replayable = False
        self.probes = False
        self.probed = False
        self.disproved = False
        self.doubt = ""

    @property
    def rule(self) -> Rule:
        assert self.claim is not None
        return self.claim.rule

    @property
    def latest(self) -> Step | None:
        return self.done[0] if self.done else None

    def counting(self, now: str) -> int:
        """How many successes still count: `ttl` runs from the end of each, and asking again does not move that."""
        if self.rule.ttl_s is None:
            return len(self.done)
        since = nanoseconds(now) - self.rule.ttl_s * 1_000_000_000
        return sum(step.closed_at is None or nanoseconds(step.closed_at) > since for step in self.done)

    def settle_s(self, tool: str) -> float:
        return settle_s(self.rule, tool)

    def title(self) -> str:
        """How a message calls it: a Bash line may hold several."""
        command = self.claim.command if self.claim is not None else None
        return f"`{command.text}`" if command is not None else "this call"


def settle_s(rule: Rule, tool: str) -> float:
    """How long after the end of a step's client its effect may still come."""
    if rule.settle_s is not None:
        return rule.settle_s
    return 0.0 if tool in _SETTLED_AT_ONCE else SETTLE_S


class Receipt:
    """What the first call gave back, as text. `sure`: that it succeeded is known, and not just likely. `gone` says
    what became of a result that is not there any more."""

    __slots__ = ("gone", "sure", "text", "whole")

    def __init__(self, text: str, sure: bool, whole: bool, gone: str = "") -> None:
        self.gone = gone
        self.text = text
        self.sure = sure
        self.whole = whole
