"""What `durable resume` was asked for on its line, and the run that it is about."""

from __future__ import annotations

from dataclasses import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from durable.ledger.sqlite import SqliteLedger
    from durable.policy.policy import Policy
    from durable.resume import Item
    from durable.view import Row


@dataclass(frozen=True, kw_only=True)
class Asked:
    dry_run: bool
    only_print: bool
    yes: bool
    wait_s: float
    at_once: int
    replay: bool
    only: frozenset[str]
    prompt: str
    strict: bool
    no_strict: bool
    anyway: bool


@dataclass(frozen=True)
class CutOff:
    """A run that was cut off, and what there is to go on with it."""

    state: str
    ledger: SqliteLedger
    policy: Policy
    run_id: str
    row: Row
    sessions: list[Row]
    asked: Asked


def left_of(items: dict[str, list[Item]]) -> dict[str, str]:
    """By step, what of it still runs."""
    return {item.step.step_id: item.left for those in items.values() for item in those if item.left}
