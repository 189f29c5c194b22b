"""`mcp__SERVER__TOOL`, as the client names a tool."""

from __future__ import annotations

import re

_ODD = re.compile(r"[^a-zA-Z0-9_-]")


def normal(name: str) -> str:
    return _ODD.sub("_", name)


def is_of(tool: str, server: str) -> bool:
    return tool.startswith(_prefix(server))


def tool_of(tool: str, server: str) -> str:
    return tool.removeprefix(_prefix(server))


def _prefix(server: str) -> str:
    return f"mcp__{normal(server)}__"
