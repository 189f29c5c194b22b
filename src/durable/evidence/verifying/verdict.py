"""What looking at a record comes to: consistent and authentic apart, with all that was found."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from durable.evidence.findings import FAIL, PASS, UNKNOWN, Finding, worst

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    # What is looked at, how much of it is done, how much there is.
    Progress = Callable[[str, int, int], None]

# These speak of who wrote the record, all others of whether it agrees with itself.
OF_AUTHENTICITY = frozenset(
    (
        "chain_rewritten",
        "event_not_ours",
        "head_ahead",
        "head_differs",
        "head_missing",
        "head_not_ours",
        "head_of_another",
        "key_differs",
        "key_lost",
        "key_not_at_hand",
    )
)
_OTHER_EVENTS = frozenset(
    (
        "event_changed",
        "event_link",
        "event_missing",
        "event_moved",
        "event_order",
        "event_run_link",
        "ledger_incomplete",
    )
)
UNREADABLE = "unreadable"


@dataclass(slots=True)
class Verified:
    """`digest` is the hash of the last event, which covers all before it. `replay_safe`: going through the events
    again gives exactly these rows, and every content that they name is there."""

    consistent: str
    authentic: str
    findings: list[Finding]
    counted: dict[str, int]
    digest: str = ""
    replay_safe: bool = False
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def verdict(self) -> str:
        return worst((self.consistent, self.authentic))

    def json(self) -> dict[str, Any]:
        return {
            "verdict": self.verdict,
            "consistent": self.consistent,
            "authentic": self.authentic,
            "replay_safe": self.replay_safe,
            "digest": self.digest,
            "counted": self.counted,
            "findings": [finding.json() for finding in self.findings],
        }


def judged(findings: Sequence[Finding], counted: dict[str, int], digest: str) -> Verified:
    """Where nothing could be read nothing is known, of either kind."""
    blind = [UNKNOWN] * any(one.code == UNREADABLE for one in findings) or [UNKNOWN] * (not counted.get("events"))
    consistent = worst([PASS, *blind, *(one.verdict for one in findings if one.code not in OF_AUTHENTICITY)])
    authentic = worst([PASS, *blind, *(one.verdict for one in findings if one.code in OF_AUTHENTICITY)])
    if any(one.code in _OTHER_EVENTS and one.verdict == FAIL for one in findings):
        authentic = FAIL  # Whoever held the key wrote other events than these.
    replay_safe = consistent == PASS and not counted.get("contents_expired")
    return Verified(consistent, authentic, list(findings), counted, digest, replay_safe)
