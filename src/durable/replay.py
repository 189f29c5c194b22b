"""Hands a twin's receipt over in the call's own place: a command that prints it, and does nothing else.

The model then sees a clean result. It is chosen by a rule (`on_duplicate = "replay"`), and given up for a
plain deny wherever something could make the replacement run as anything else.
"""

from __future__ import annotations

from durable.native import loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from durable.event import Call
    from durable.ledger.transaction import Transaction
    from durable.step import Step

# The client shows more than this only as a preview, and a command line has its limits as well.
LONGEST = 30_000


def same_command(tx: Transaction, twin: Step, call: Call) -> bool:
    """Only the very line may answer for the line: another one's output holds more, or less."""
    if call.tool != "Bash" or twin.redacted is not None or call.input.get("run_in_background"):
        return False
    kept = tx.content(twin.input)
    before = loads(kept) if kept is not None else None
    return isinstance(before, dict) and before.get("command") == call.input.get("command")


def replacement(response: Any, given: dict[str, Any]) -> dict[str, Any] | None:
    """The input that prints the receipt; None if it can't be printed as it was."""
    if not isinstance(response, dict) or response.get("isImage") or response.get("persistedOutputPath"):
        return None
    out, err = response.get("stdout", ""), response.get("stderr", "")
    if not isinstance(out, str) or not isinstance(err, str) or len(out) + len(err) > LONGEST:
        return None
    if "\0" in out + err or "[redacted:" in out + err:
        return None
    printed = [part for part in (_print(out, ""), _print(err, " >&2")) if part]
    return {**given, "command": "; ".join(printed) or ":"}


def _print(text: str, where: str) -> str:
    return f"printf '%s\\n' {_quoted(text)}{where}" if text else ""


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def stands_in_the_way(env: Any, project: str) -> bool:
    return True
