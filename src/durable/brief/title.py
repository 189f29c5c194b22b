"""A step in a few words, for whoever has to know which call is meant."""

from __future__ import annotations

from durable.brief.quoting import quoted
from durable.native import dumps, loads
from durable.receipt_text import gone_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from durable.ledger.transaction import Transaction
    from durable.step import Step

LONGEST_TITLE = 200
# The field that tells a call apart, by whatever name its tool goes.
TELLING = ("command", "file_path", "notebook_path")


def title_of(tx: Transaction, step: Step) -> str:
    return titled(step.tool_name, content(tx, step.input))


def titled(tool: str, given: Any) -> str:
    """The tool, and between backticks what it was called with, on one line."""
    return f"{tool} {quoted(_telling(given), LONGEST_TITLE)}"


def _telling(given: Any) -> str:
    if isinstance(given, str):
        return given
    named = [given[name] for name in TELLING if name in given] if isinstance(given, dict) else []
    texts = [value for value in named if isinstance(value, str)]
    return texts[0] if texts else dumps(given)


def content(tx: Transaction, digest: str | None) -> Any:
    kept = tx.content(digest) if digest is not None else None
    return (gone_of(tx, digest) or None) if kept is None else loads(kept)


def shortened(text: str, length: int) -> str:
    """On one line."""
    line = " ".join(text.split())
    return line if len(line) <= length else line[: length - 1] + "…"
