"""The clients we know, by name. To add one, write a module like claude_code.py and name it here."""

from __future__ import annotations

from durable.agents import claude_code

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class _Agents(dict):  # type: ignore[type-arg]
    def __missing__(self, name: str) -> Any:
        """No hook of a client needs it."""
        from durable.agents import ourselves

        if name != ourselves.NAME:
            raise KeyError(name)
        return ourselves


AGENTS = _Agents({claude_code.NAME: claude_code})
# Whom the hooks serve.
CLIENT = claude_code.NAME
