"""`${steps.ID.output}` in the input of a later step. `$${steps…}` is meant as it stands.

In a Bash command the output goes in as one quoted word: what a step printed must not become a command.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping
from typing import Any

from durable.job.bare import obstacle

_REFERENCE = re.compile(r"\$(\$?)\{steps\.([A-Za-z0-9][A-Za-z0-9_-]*)\.output\}")


def mentioned(given: Any) -> set[str]:
    return {found[2] for text in _texts(given) for found in _REFERENCE.finditer(text) if not found[1]}


def filled(tool: str, given: dict[str, Any], outputs: Mapping[str, str]) -> dict[str, Any]:
    """The input with the outputs in their places."""

    def fill(value: Any, quote: Callable[[str], str]) -> Any:
        if isinstance(value, str):
            return _REFERENCE.sub(lambda m: m[0][1:] if m[1] else quote(outputs[m[2]]), value)
        if isinstance(value, list):
            return [fill(item, quote) for item in value]
        if isinstance(value, dict):
            return {name: fill(item, quote) for name, item in value.items()}
        return value

    return {
        name: fill(value, shlex.quote if (tool, name) == ("Bash", "command") else str) for name, value in given.items()
    }


def misplaced(command: str) -> tuple[str, str]:
    """A reference that stands where a quoted word would fall apart, and where that is; "" if there is none."""
    for found in _REFERENCE.finditer(command):
        where = "" if found[1] else obstacle(command[: found.start()])
        if where:
            return found[0], where
    return "", ""


def _texts(given: Any) -> list[str]:
    if isinstance(given, str):
        return [given]
    if isinstance(given, dict):
        return [text for value in given.values() for text in _texts(value)]
    if isinstance(given, list):
        return [text for value in given for text in _texts(value)]
    return []
