"""A step in a few words, for whoever has to know which call is meant."""

from __future__ import annotations

from durable.native import dumps, loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from durable.ledger.transaction import Transaction
    from durable.step import Step

LONGEST_TITLE = 200


def title_of(tx: Transaction, step: Step) -> str:
    given = content(tx, step.input)
    if isinstance(given, dict) and isinstance(given.get("command"), str):
        return f"{step.tool_name} `{shortened(given['command'], LONGEST_TITLE)}`"
    return shortened(f"{step.tool_name} {dumps(given)}", LONGEST_TITLE)


def content(tx: Transaction, digest: str | None) -> Any:
    kept = tx.content(digest) if digest is not None else None
    return None if kept is None else loads(kept)


def shortened(text: str, length: int) -> str:
    """On one line."""
    line = " ".join(text.split())
    return line if len(line) <= length else line[: length - 1] + "…"
