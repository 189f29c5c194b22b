"""Which of the client's events go to which of our scripts: the one table.

`settings.example.json`, `hooks/hooks.json` and `durable init` are all made from it.
"""

from __future__ import annotations

import os
import shlex
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

PRE = "pre_tool_use.py"
POST = "post_tool_use.py"
LIFECYCLE = "lifecycle.py"
SCRIPTS = (PRE, POST, LIFECYCLE)

ANY_TOOL = "*"


class Registered(NamedTuple):
    event: str
    script: str
    matcher: str | None
    # Seconds. The client's cap for SessionEnd is 60; without a number of its own it gets 1.5.
    timeout: int = 60

    @property
    def guards(self) -> bool:
        return self.script == PRE


REGISTRATION = (
    Registered("SessionStart", LIFECYCLE, None),
    Registered("UserPromptSubmit", LIFECYCLE, None),
    Registered("PreToolUse", PRE, ANY_TOOL),
    Registered("PostToolUse", POST, ANY_TOOL),
    Registered("PostToolUseFailure", POST, ANY_TOOL),
    Registered("PostToolBatch", POST, None),
    Registered("PermissionRequest", LIFECYCLE, ANY_TOOL),
    Registered("PermissionDenied", LIFECYCLE, ANY_TOOL),
    Registered("SubagentStart", LIFECYCLE, None),
    Registered("SubagentStop", LIFECYCLE, None),
    Registered("Stop", LIFECYCLE, None),
    Registered("StopFailure", LIFECYCLE, None),
    Registered("SessionEnd", LIFECYCLE, None),
)


def hooks(python: str, script: Callable[[str], str]) -> dict[str, Any]:
    """The `hooks` object. `python` and what `script` answers stand in a shell line as they are."""
    return {one.event: [_group(one, python, script(one.script))] for one in REGISTRATION}


def _group(one: Registered, python: str, script: str) -> dict[str, Any]:
    group: dict[str, Any] = {} if one.matcher is None else {"matcher": one.matcher}
    handler: dict[str, Any] = {"type": "command", "command": f"{python} -I -S {script}"}
    if one.guards:
        # Clients before 2.1.295 don't know onFailure: for them every failure must become exit 2.
        handler["command"] += " || exit 2"
    handler["timeout"] = one.timeout
    if one.guards:
        handler["onFailure"] = "block"
    return group | {"hooks": [handler]}


def installed_hooks() -> dict[str, Any]:
    """The hooks of this installation, with this interpreter, by absolute path."""
    folder = hook_folder()
    python = os.path.abspath(sys.executable) if sys.executable else "python3"
    return hooks(shlex.quote(python), lambda name: shlex.quote(os.path.join(folder, name)))


def hook_folder() -> str:
    """Where the hook scripts lie: in the package (a wheel), else at the root of the checkout."""
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    shipped = os.path.join(package, "hooks")
    if os.path.exists(os.path.join(shipped, PRE)):
        return shipped
    return os.path.join(os.path.dirname(os.path.dirname(package)), "hooks")


def example_settings() -> dict[str, Any]:
    return {"hooks": hooks("python3", lambda name: f'"/path/to/durable/hooks/{name}"')}


def plugin_hooks() -> dict[str, Any]:
    return {
        "description": "Every tool call is in the ledger before it runs, and its receipt after.",
        "hooks": hooks("python3", lambda name: f'"${{CLAUDE_PLUGIN_ROOT}}/hooks/{name}"'),
    }
