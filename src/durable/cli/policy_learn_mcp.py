"""Rules for the tools of an MCP server, from what the server says of them. Prints TOML; writes nothing."""

from __future__ import annotations

import json

from durable.cli.blocks import Note, Verbatim
from durable.cli.result import Result
from durable.mcp_tools import ask, configured
from durable.step import ONCE, READ, REPEATABLE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from durable.cli.blocks import Block
    from durable.view import Row


def run(server: str, config: str = "") -> Result:
    tools = [_described(server, tool) for tool in ask(configured(server, config))]
    text = "\n".join(_table(tool) for tool in tools)
    view: list[Block] = [Verbatim(text)] if tools else [Note("note", f"{server} has no tools")]
    return Result("policy", {"server": server, "tools": tools, "toml": text}, view=view)


def _described(server: str, tool: Row) -> Row:
    hints = tool["hints"]
    effect, why = effect_of(hints)
    return {"tool_name": called(server, tool["name"]), "effect": effect, "why": why, "hints": hints}


def called(server: str, tool: str) -> str:
    """As the client calls it: whatever is no letter, digit, - or _ becomes _."""
    return f"mcp__{_plain(server)}__{_plain(tool)}"


def _plain(name: str) -> str:
    return "".join(char if char.isascii() and (char.isalnum() or char in "_-") else "_" for char in name)


def effect_of(hints: Row) -> tuple[str | None, str]:
    """A hint that is not given has the specification's default. A tool without any hint says nothing."""
    if not any(value is not None for value in hints.values()):
        return None, "it says nothing of itself"
    if hints["readOnlyHint"]:
        return READ, "it only reads"
    if hints["idempotentHint"]:
        return REPEATABLE, "a second call with the same arguments changes nothing more"
    return ONCE, "it may destroy something" if hints["destructiveHint"] is not False else "a second call adds once more"


def _table(tool: Row) -> str:
    lines = [
        f"# {tool['why']}",
        f"[rules.{json.dumps(tool['tool_name'])}]",
        f"match = {json.dumps(tool['tool_name'])}",
        f'effect = "{tool["effect"]}"',
    ]
    if tool["effect"] is None:
        lines = [lines[0], *(f"# {line}" for line in [*lines[1:3], 'effect = "once"  # or repeatable, or read'])]
    return "\n".join(lines) + "\n"
