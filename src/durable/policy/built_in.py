"""The rules nobody will want to switch off, in the compiler's form. After a change run scripts/built_in_index."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from durable.shell import Command

RULES: dict[str, dict[str, Any]] = {}


def holds(when: str, command: Command) -> bool:
    """Whether the condition that a rule names in `when` is true of a command its pattern matches."""
    raise KeyError(when)
