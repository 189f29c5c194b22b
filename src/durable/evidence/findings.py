"""What a look at the record found: a verdict, a code that stays, a sentence, and where to look."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

PASS, WARN, FAIL, UNKNOWN = "PASS", "WARN", "FAIL", "UNKNOWN"
# Worst first. What nobody could look at is not as bad as what was seen to be wrong, and no better than it for
# whoever has to rely on the record.
ORDER = (FAIL, UNKNOWN, WARN, PASS)


@dataclass(frozen=True, slots=True)
class Finding:
    """`where` points into the record: event, run, step, table and column, blob. Its keys are part of the code."""

    verdict: str
    code: str
    says: str
    where: dict[str, Any] = field(default_factory=dict)

    def json(self) -> dict[str, Any]:
        return {"verdict": self.verdict, "code": self.code, "says": self.says, "where": self.where}


def worst(verdicts: Iterable[str]) -> str:
    """Nothing looked at is nothing known."""
    return min(verdicts, key=ORDER.index, default=UNKNOWN)


def holds(verdict: str) -> bool:
    """Whether one may go on: what is unknown fails."""
    return verdict in (PASS, WARN)
