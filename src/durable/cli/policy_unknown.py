"""Tools in the ledger that no rule names, nor the built-in table: they count as repeatable until one does."""

from __future__ import annotations

import os

from durable.cli.blocks import Note, Paragraph, Table
from durable.cli.reading import read
from durable.cli.result import Result
from durable.cli.when import moment
from durable.event import Call
from durable.home import data_home
from durable.policy.built_in.rules import holds
from durable.policy.effects import NAMED
from durable.policy.files import load_policy
from durable.policy.match import rules_for

TYPE_CHECKING = False
if TYPE_CHECKING:
    from durable.ledger.reading import Reader
    from durable.policy.policy import Policy
    from durable.view import Row


def run() -> Result:
    return read("policy", [], _unknown)


def _unknown(reader: Reader) -> Result:
    policy = load_policy(data_home(), os.getcwd(), os.environ)
    found = [_described(row, policy) for row in reader.all("tools_seen") if not is_named(row["tool_name"], policy)]
    if not found:
        return Result("policy", found, view=[Note("ok", "every tool in the ledger is named by a rule")])
    rows = [[one["tool_name"], one["effect"], one["steps"], one["runs"], moment(one["first_at"])] for one in found]
    told = Paragraph("A rule says whether a second call of such a tool may do its effect again.")
    return Result("policy", found, view=[Table(["tool", "taken as", "calls", "runs", "first seen"], rows), told])


def is_named(tool: str, policy: Policy) -> bool:
    """A rule for any tool at all names none."""
    if tool in NAMED:
        return True
    rules = (layer.rule(number) for layer in policy.layers for number in layer.for_tool(tool, lambda: ()))
    return any(
        pattern.tool != "*" and pattern.names(tool)
        for rule in rules
        if not rule.when or holds(rule.when, Call("", tool, {}))
        for pattern in rule.match
    )


def _described(row: Row, policy: Policy) -> Row:
    return {**row, "effect": rules_for(Call("", row["tool_name"], {}), "", "", policy).effect}
