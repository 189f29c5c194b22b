"""What a run may use, and what it has used. Denied and replayed calls cost nothing."""

from __future__ import annotations

from durable.agents.registry import AGENTS
from durable.clock import nanoseconds
from durable.policy.policy import TOKENS, TOOL_CALLS, WALL_CLOCK

TYPE_CHECKING = False
if TYPE_CHECKING:
    from durable.event import Event
    from durable.ledger.transaction import Transaction
    from durable.policy.rule import Rule

_A_SECOND = 1_000_000_000
# Bytes of a session's transcripts that are read before one call; what is beyond them is left to the next.
_A_LOT = 64_000_000


def over_budget(tx: Transaction, budgets: dict[str, float], event: Event, run_id: str) -> str:
    """The budget that one more call would go beyond, in words; "" if there is none."""
    found = {TOOL_CALLS: _calls, WALL_CLOCK: _seconds, TOKENS: _tokens}
    for name in found.keys() & budgets.keys():
        used, most = found[name](tx, event, run_id), budgets[name]
        # A call is one more; time and tokens are used up when they are used up.
        if used >= most:
            return f"{used:g} of {most:g} {_UNITS[name]} are used up"
    return ""


def over_rule(tx: Transaction, rules: list[Rule], run_id: str) -> str:
    """The same of the rules that decide the call."""
    for rule in rules:
        row = tx.one("calls_of_rule", run_id=run_id, rule=rule.name) if rule.calls else None
        if row is not None and row["calls"] >= rule.calls:
            return f"{row['calls']} of {rule.calls} calls of the rule {rule.name} are used up"
    return ""


_UNITS = {TOOL_CALLS: "tool calls", WALL_CLOCK: "seconds", TOKENS: "tokens"}


def _calls(tx: Transaction, event: Event, run_id: str) -> float:
    row = tx.one("calls_of_run", run_id=run_id)
    return row["calls"] if row else 0


def _seconds(tx: Transaction, event: Event, run_id: str) -> float:
    """Since the run was opened, pauses included: that is what "be done by" means."""
    row = tx.one("run_started", run_id=run_id)
    return round((nanoseconds(tx.at) - nanoseconds(row["started_at"])) / _A_SECOND) if row else 0


def _tokens(tx: Transaction, event: Event, run_id: str) -> float:
    """What the record says, once it knows what was said since the last turn ended."""
    from durable.usage import count

    for row in tx.all("transcripts_of_run", run_id=run_id):
        count(tx, AGENTS[event.client], run_id, row["session_id"], row["transcript_path"], limit=_A_LOT)
    spent = tx.one("tokens_spent", run_id=run_id)
    return spent["tokens"] if spent else 0
