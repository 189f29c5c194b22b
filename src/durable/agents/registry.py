"""The clients we know, by name. To add one, write a module like claude_code.py and name it here."""

from __future__ import annotations

from durable.agents import claude_code

AGENTS = {claude_code.NAME: claude_code}
# Whom the hooks serve.
CLIENT = claude_code.NAME
