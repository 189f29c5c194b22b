"""Which executor runs which tool."""

from __future__ import annotations

from durable.execute.outcome import Outcome

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from durable.event import Call

FILES = ("Edit", "MultiEdit", "NotebookEdit", "Write")
EXECUTED = ("Bash", *FILES)
MCP = "mcp__"
MCP_TIMEOUT_S = 600.0


def has_executor(tool: str) -> bool:
    return tool in EXECUTED or tool.startswith(MCP)


def execute(
    call: Call,
    cwd: str,
    project: str,
    env: Mapping[str, str],
    stop: Callable[[], bool],
    unchanged: Callable[[str], str],
) -> Outcome:
    """Each brings in what it needs: the MCP client takes a second to load."""
    if call.tool == "Bash":
        from durable.execute.shell.bash import run_bash

        return run_bash(call.input, cwd, env, stop)
    if call.tool in FILES:
        from durable.execute.files.write import execute_file

        return execute_file(call.tool, call.input, cwd, unchanged)
    if call.tool.startswith(MCP):
        from durable.execute.mcp.call import call_mcp
        from durable.execute.mcp.servers import server_of

        server = server_of(call.tool, project, env.get("HOME", ""), env)
        return call_mcp(call.tool, call.input, server, env, MCP_TIMEOUT_S, stop)
    return Outcome.failed(f"durable can't execute {call.tool}", not_begun=True)
