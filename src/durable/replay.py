"""Hands a twin's receipt over in the call's own place: a command that prints it, and does nothing else.

The model then sees a clean result. It is chosen by a rule (`on_duplicate = "replay"`), and given up for a
plain deny wherever something could make the replacement run as anything else.
"""

from __future__ import annotations

import os

from durable.errors import DurableError
from durable.native import loads
from durable.owner import read_bytes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
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


# ---- what could have another word in it -----------------------------------------------------------

_OURS = "pre_tool_use.py"


def stands_in_the_way(env: Mapping[str, str], project: str) -> bool:
    """Whether another hook or a permission rule could make something else of the replacement. What can't be
    read might hold either."""
    try:
        return any(_interferes(settings) for settings in _settings(env, project))
    except (OSError, ValueError, DurableError):
        return True


def _settings(env: Mapping[str, str], project: str) -> Iterator[Any]:
    home = env.get("CLAUDE_CONFIG_DIR") or f"{env.get('HOME', '')}/.claude"
    files = [f"{home}/settings.json", "/etc/claude-code/managed-settings.json"]
    files += [f"{project}/.claude/{name}.json" for name in ("settings", "settings.local")]
    for path in files:
        if os.path.exists(path):
            yield _read(path)
    for given in _given_to_the_client(env):
        yield loads(given) if given.lstrip().startswith("{") else _read(given)


def _given_to_the_client(env: Mapping[str, str]) -> list[str]:
    """`claude --settings FILE-or-JSON`: only its own command line tells."""
    words = read_bytes(f"/proc/{env.get('CLAUDE_PID', '')}/cmdline").decode("utf-8", "surrogateescape").split("\0")
    given = [words[at + 1] for at, word in enumerate(words[:-1]) if word == "--settings"]
    return given + [word.partition("=")[2] for word in words if word.startswith("--settings=")]


def _read(path: str) -> Any:
    with open(path, encoding="utf-8") as file:
        return loads(file.read())


def _interferes(settings: Any) -> bool:
    permissions = settings.get("permissions") or {}
    rules = [*(permissions.get("deny") or ()), *(permissions.get("ask") or ())]
    plugins = settings.get("enabledPlugins") or {}
    groups = (settings.get("hooks") or {}).get("PreToolUse") or ()
    return (
        any(rule == "Bash" or rule.startswith("Bash(") for rule in rules)
        or any(on and not name.startswith("durable@") for name, on in plugins.items())
        or any(_is_anothers(group) for group in groups)
    )


def _is_anothers(group: Any) -> bool:
    matcher = group.get("matcher") or ""
    if matcher.isalnum() and matcher != "Bash":
        return False
    return any(_OURS not in str(handler.get("command", "")) for handler in group.get("hooks") or ())
