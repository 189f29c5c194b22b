"""Asks an MCP server which tools it has, with the official client package (the extra `mcp`).

Where a server is found is the agent's own configuration: `.mcp.json` here, `~/.claude.json` for this
directory, `~/.claude.json` for all, in this order. A person named the server, so that it is started.
"""

from __future__ import annotations

import json
import os
import re

from durable.errors import DurableError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

PATIENCE_S = 30
HINTS = ("readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint")
_VARIABLE = re.compile(r"\$\{(\w+)(?::-([^}]*))?\}")


class McpError(DurableError):
    """The server can't be asked."""

    code = "mcp"


def configured(server: str, config: str = "") -> dict[str, Any]:
    """How the server is reached, its variables filled in."""
    seen: list[str] = []
    for servers in _servers(config):
        if server in servers and isinstance(servers[server], dict):
            found: dict[str, Any] = _filled_in(servers[server])
            return found
        seen += servers
    known = f"there are {', '.join(sorted(set(seen)))}" if seen else "name its file with --config"
    raise UsageError(f"no configuration names an MCP server {server!r}", known)


def _servers(config: str) -> Iterator[dict[str, Any]]:
    if config:
        yield _table(_read(config, needed=True), "mcpServers")
        return
    here, users = os.path.abspath(".mcp.json"), os.path.expanduser("~/.claude.json")
    yield _table(_read(here), "mcpServers")
    settings = _read(users)
    yield _table(_table(_table(settings, "projects"), os.getcwd()), "mcpServers")
    yield _table(settings, "mcpServers")


def _read(path: str, needed: bool = False) -> Any:
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except FileNotFoundError:
        if needed:
            raise UsageError(f"{path} is not there", "name the file that holds mcpServers") from None
        return {}
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} can't be read ({error})", "mend it, or name another with --config") from None


def _table(given: Any, name: str) -> dict[str, Any]:
    found = given.get(name) if isinstance(given, dict) else None
    return found if isinstance(found, dict) else {}


def _filled_in(value: Any) -> Any:
    if isinstance(value, str):
        return _VARIABLE.sub(lambda found: os.environ.get(found[1], found[2] or ""), value)
    if isinstance(value, list):
        return [_filled_in(item) for item in value]
    if isinstance(value, dict):
        return {name: _filled_in(item) for name, item in value.items()}
    return value


def ask(server: dict[str, Any]) -> list[dict[str, Any]]:
    """Its tools, each with `name` and `hints` (None where it gives none)."""
    try:
        import anyio
        import mcp  # noqa: F401 - is it there at all?
    except ImportError:
        raise McpError(
            "asking a server needs the package mcp", "install durable with its extra: durable[mcp]"
        ) from None
    try:
        return anyio.run(_tools, server)
    except TimeoutError:
        raise McpError(f"the server did not answer within {PATIENCE_S} s", "try it by hand") from None
    except DurableError:
        raise
    except BaseExceptionGroup as group:
        raise McpError(f"the server can't be asked ({_first(group)})", "try it by hand") from None
    except Exception as error:  # noqa: BLE001 - whatever a server does, a person gets one line
        raise McpError(f"the server can't be asked ({error})", "try it by hand") from None


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


async def _tools(server: dict[str, Any]) -> list[dict[str, Any]]:
    import anyio
    from mcp import Client

    found: list[dict[str, Any]] = []
    with anyio.fail_after(PATIENCE_S):
        async with Client(_way_to(server)) as client:
            cursor: str | None = None
            while True:
                page = await client.list_tools(cursor=cursor)
                found += [_described(tool) for tool in page.tools]
                cursor = page.next_cursor
                if not cursor:
                    return found


def _way_to(server: dict[str, Any]) -> Any:
    from mcp import StdioServerParameters

    if isinstance(server.get("command"), str):
        env = {**os.environ, **{name: str(value) for name, value in _table(server, "env").items()}}
        return StdioServerParameters(command=server["command"], args=list(server.get("args", ())), env=env)
    if server.get("type") == "sse" or not isinstance(server.get("url"), str):
        raise McpError("that server is reached in a way this verb does not know", "write its rules by hand")
    import httpx2
    from mcp.client.streamable_http import streamable_http_client

    headers = {name: str(value) for name, value in _table(server, "headers").items()}
    return streamable_http_client(server["url"], http_client=httpx2.AsyncClient(headers=headers))


def _described(tool: Any) -> dict[str, Any]:
    given = tool.annotations.model_dump(by_alias=True) if tool.annotations is not None else {}
    return {"name": tool.name, "hints": {name: given.get(name) for name in HINTS}}
