from __future__ import annotations

import importlib
from functools import partial

from durable.cli.options import argument, value
from durable.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from durable.cli.result import Result

# Each in its own file, imported when asked for.
ACTIONS = {
    "check": "durable.cli.policy_check",
    "explain": "durable.cli.policy_explain",
    "learn-mcp": "durable.cli.policy_learn_mcp",
    "show": "durable.cli.policy_show",
    "unknown": "durable.cli.policy_unknown",
}
WHAT = {"check": "FILE", "explain": "'TOOL(INPUT)'", "learn-mcp": "SERVER"}
OPTIONS = (
    argument("ACTION", "check, explain, learn-mcp, show or unknown.", choices=tuple(ACTIONS)),
    argument("WHAT", "A file to check, a call to explain, a server to learn from.", required=False),
    value("--config", "FILE", "learn-mcp: where the server stands (else the client's own files)."),
    value("--cwd", "DIR", "explain: where the call stands (else here)."),
)


def run(action: str, what: str = "", config: str = "", cwd: str = "") -> Result:
    """Check, show and explain the rules; list tools that none names; learn rules from an MCP server."""
    if config and action != "learn-mcp":
        raise UsageError("--config belongs to learn-mcp", "leave it out")
    if cwd and action != "explain":
        raise UsageError("--cwd belongs to explain", "leave it out")
    if what and action not in WHAT:
        raise UsageError(f"policy {action} takes no {what!r}", "leave it out")
    if not what and action in ("explain", "learn-mcp"):
        raise UsageError(f"policy {action} needs to know what", f"write durable policy {action} {WHAT[action]}")
    return _work(action, what, config, cwd)()


def _work(action: str, what: str, config: str, cwd: str) -> Callable[[], Result]:
    module = importlib.import_module(ACTIONS[action])
    given = {"check": (what,), "explain": (what, cwd), "learn-mcp": (what, config)}
    return partial(module.run, *given.get(action, ()))
