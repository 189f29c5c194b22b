"""What one look found: a status, a sentence, and what to do about it."""

from __future__ import annotations

from durable.errors import DurableError
from durable.home import command
from durable.ledger.database import damage_remedy

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

FAIL, WARN, UNKNOWN, PASS = "FAIL", "WARN", "UNKNOWN", "PASS"


class Check:
    """`essential`: not to know it is as bad as to know that it fails. `seen` holds the single observations."""

    __slots__ = ("essential", "name", "remedy", "seen", "sentence", "status")

    def __init__(
        self,
        status: str,
        name: str,
        sentence: str,
        remedy: str = "",
        essential: bool = False,
        seen: Iterable[Any] = (),
    ) -> None:
        self.status = status
        self.name = name
        self.sentence = sentence
        self.remedy = remedy
        self.essential = essential
        self.seen = list(seen)

    @property
    def fails(self) -> bool:
        return self.status == FAIL or (self.status == UNKNOWN and self.essential)

    def as_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("status", "name", "sentence", "remedy", "essential", "seen")}


def in_order(checks: Iterable[Check]) -> list[Check]:
    """The worst first; among equals as they were looked at."""
    rank = {FAIL: 0, WARN: 2, UNKNOWN: 3, PASS: 4}
    return sorted(checks, key=lambda check: 1 if check.fails and check.status != FAIL else rank[check.status])


def of_error(name: str, error: DurableError) -> Check:
    remedy = repair_remedy() if error.remedy == damage_remedy() else error.remedy
    return Check(FAIL, name, error.problem, remedy)


def repair_remedy() -> str:
    return f"salvage what can be read: {command()} doctor --repair"


def looked_at(name: str, look: Callable[[], Iterable[Check]]) -> list[Check]:
    """What `look` finds. What keeps it from looking is itself a finding, and stops no other look."""
    try:
        return list(look())
    except DurableError as error:
        return [of_error(name, error)]
    except OSError as error:
        where = error.filename or "a file"
        return [Check(FAIL, name, f"{where} can't be used ({error.strerror or error})", "restore your access to it")]
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        # SQLite keeps whatever it is given: somebody may have put bytes or a word in the place of a time.
        says = f"what the ledger holds can't be judged ({type(error).__name__}: {error})"
        return [Check(FAIL, name, says, f"see what was changed: {command()} verify")]
