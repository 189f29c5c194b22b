"""What the policy says of a call: its effect, its gate, and what in it must not happen twice."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from durable.policy.claim import Claim
    from durable.policy.rule import Rule
    from durable.shell import Line


class Ruling:
    """`matched` holds every rule that had a say, the strictest first; `line` is the parsed Bash line, if one was."""

    __slots__ = ("claims", "effect", "gate", "gate_rule", "line", "matched", "rule")

    def __init__(self, effect: str, rule: str) -> None:
        self.effect = effect
        self.rule = rule
        self.gate = ""
        self.gate_rule = ""
        self.claims: list[Claim] = []
        self.matched: list[Rule] = []
        self.line: Line | None = None

    @property
    def sealed(self) -> bool:
        """One command of a line is enough: its result stands in the line's."""
        return any(rule.evidence != "public" for rule in self.matched)
