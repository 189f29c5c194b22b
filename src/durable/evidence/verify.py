"""Is the record whole, and is it ours? Two answers, kept apart.

*Consistent*: links, rows and contents agree with each other. Anyone can check that, and whoever rewrites
everything can bring it about. *Authentic*: it was written with the ledger's key, and nothing is missing up to
its head. Only who has the key can check that, and only who has it could bring it about.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from durable.evidence.findings import FAIL, PASS, UNKNOWN, Finding, worst

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from durable.ledger.reading import Reader

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


def verify_ledger(home: str, progress: Progress | None = None) -> Verified:
    """The whole of it. Never writes. LedgerError or HomeError where there is nothing that could be looked at."""
    from durable.evidence.verifying.whole import verify_whole

    return verify_whole(home, progress)


def verify_run(reader: Reader, run_id: str, keys: Mapping[str, bytes]) -> Verified:
    """One run: its events, the rows and contents that they alone decide, and the head of the ledger they stand in.
    `keys` are those at hand, by their ids."""
    from durable.evidence.verifying.one_run import verify_one_run

    return verify_one_run(reader, run_id, keys)


def keys_at_hand(home: str) -> dict[str, bytes]:
    """The chain's keys by their ids: first the one that the ledger stands under, then one on its way, and those that
    were replaced. None where there is no such directory."""
    from durable.evidence.verifying.head import keys_of

    return {key.key_id: key.chain for key in keys_of(home)}


def judged(findings: Sequence[Finding], counted: dict[str, int], digest: str) -> Verified:
    """Where nothing could be read nothing is known, of either kind."""
    blind = [UNKNOWN] * any(one.code == UNREADABLE for one in findings) or [UNKNOWN] * (not counted.get("events"))
    consistent = worst([PASS, *blind, *(one.verdict for one in findings if one.code not in OF_AUTHENTICITY)])
    authentic = worst([PASS, *blind, *(one.verdict for one in findings if one.code in OF_AUTHENTICITY)])
    if any(one.code in _OTHER_EVENTS and one.verdict == FAIL for one in findings):
        authentic = FAIL  # Whoever held the key wrote other events than these.
    replay_safe = consistent == PASS and not counted.get("contents_expired")
    return Verified(consistent, authentic, list(findings), counted, digest, replay_safe)
