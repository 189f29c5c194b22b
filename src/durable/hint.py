"""A word to the person when a `once` rule seems to take one call for several: it never changes the answer."""

from __future__ import annotations

from durable.clock import nanoseconds, stamp
from durable.native import dumps, loads
from durable.policy.policy import BUILT_IN
from durable.policy.reworded import WINDOW_S, changed_fields

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from durable.event import Call
    from durable.ledger.transaction import Transaction
    from durable.policy.claimed import Claimed
    from durable.policy.rule import Rule
    from durable.redact import Redactor
    from durable.step import Step


def rewording_hint(tx: Transaction, call: Call, claims: list[Claimed], run_id: str, redactor: Redactor) -> str:
    """Names the fields that change from try to try; "" if nothing looks like that."""
    rule = next((claimed.rule for claimed in claims if claimed.claim is not None and claimed.rule.key is None), None)
    if rule is None:
        return ""
    since = stamp(nanoseconds(tx.at) - WINDOW_S * 1_000_000_000)
    steps = tx.steps("recent_of_tool", run_id=run_id, tool_name=call.tool, since=since)
    earlier = [(step.prepared_at, _kept(_input(tx, step), rule)) for step in steps]
    fields = changed_fields(earlier, tx.at, _kept(redactor.value(call.input), rule))
    return _sentence(call.tool, fields, rule) if fields else ""


def _sentence(tool: str, fields: list[str], rule: Rule) -> str:
    ignore = f"ignore = [{', '.join(dumps(field) for field in fields)}]"
    remedy = f'add {ignore} to the rule "{rule.name}"'
    if rule.origin == BUILT_IN:
        remedy = f"give {tool} a rule of its own with {ignore}"
    return (
        f"durable: {tool} calls within {WINDOW_S} s differ in {', '.join(fields)} alone, and each was let through. "
        f"If they are one call tried again, {remedy}."
    )


def _input(tx: Transaction, step: Step) -> dict[str, Any]:
    kept = tx.content(step.input)
    given = loads(kept) if kept is not None else None
    return given if isinstance(given, dict) else {}


def _kept(given: Any, rule: Rule) -> dict[str, Any]:
    return {name: value for name, value in given.items() if name not in rule.ignore}
