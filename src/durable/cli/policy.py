from __future__ import annotations

from durable.cli.options import argument
from durable.cli.reading import read
from durable.cli.result import Note, Paragraph, Result, Table
from durable.cli.when import moment
from durable.policy.effects import NAMED, effect_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from durable.ledger.reading import Reader
    from durable.view import Row

OPTIONS = (argument("ACTION", "unknown: tools that no rule names.", choices=("unknown",)),)


def run(action: str) -> Result:
    """List the tools in the ledger that no rule names: they count as repeatable until one does."""
    return read("policy", [], _unknown)


def _unknown(reader: Reader) -> Result:
    found = [_described(row) for row in reader.all("tools_seen") if row["tool_name"] not in NAMED]
    if not found:
        return Result("policy", found, view=[Note("ok", "every tool in the ledger is named by a rule")])
    rows = [[one["tool_name"], one["effect"], one["steps"], one["runs"], moment(one["first_at"])] for one in found]
    told = Paragraph("A rule says whether a second call of such a tool may do its effect again.")
    return Result("policy", found, view=[Table(["tool", "taken as", "calls", "runs", "first seen"], rows), told])


def _described(row: Row) -> Row:
    return {**row, "effect": effect_of(row["tool_name"])[0]}
