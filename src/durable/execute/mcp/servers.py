"""Which MCP server a tool belongs to, and how it is reached: from the client's own configuration.

Of one name the nearest counts: what the user set for this project alone, the project's `.mcp.json`, then what he set
for all. One that stands in `.mcp.json` alone is started only if a person said so: see mcp_approval.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from durable.errors import DurableError
from durable.execute.mcp.approval import Approval
from durable.execute.mcp.client_config import config_file, said_of, table
from durable.execute.mcp.names import is_of
from durable.settings import files

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_VARIABLE = re.compile(r"\$\{(\w+)(?::-([^}]*))?\}")
_FIELDS = ("command", "args", "env", "url", "headers")


class McpServerError(DurableError):
    """The server of a tool is not known, not fit to be started by us, or not allowed."""

    code = "mcp-server"


class Server(BaseModel):
    """Its variables filled in."""

    model_config = ConfigDict(frozen=True)

    name: str
    kind: Literal["stdio", "sse", "http"]
    cwd: str
    command: str = ""
    args: list[str] = []
    env: dict[str, str] = {}
    url: str = ""
    headers: dict[str, str] = {}


class Place:
    """One file, or one part of a file, that names servers."""

    __slots__ = ("of_project", "path", "servers")

    def __init__(self, path: str, servers: object, of_project: bool = False) -> None:
        self.path = path
        self.servers = table(servers)
        self.of_project = of_project


def server_of(tool: str, project: str, home: str, env: Mapping[str, str]) -> Server:
    """Raises DurableError where there is none, or none that we may start; nothing was started then."""
    env = {**env, "HOME": home}
    path = config_file(env)
    config = table(files.read(path).data)
    name, place = _chosen(tool, list(_places(project, path, config)))
    why = Approval(project, env, config).why_not(name, place.of_project)
    if why is not None:
        raise McpServerError(*why)
    return _server(name, place, project, env)


def _places(project: str, path: str, config: dict[str, Any]) -> Iterator[Place]:
    for found in said_of(project, config):
        yield Place(f"{path} (for {project})", found.get("mcpServers"))
    shared = os.path.join(project, ".mcp.json")
    yield Place(shared, table(files.read(shared).data).get("mcpServers"), of_project=True)
    yield Place(path, config.get("mcpServers"))


def _chosen(tool: str, places: list[Place]) -> tuple[str, Place]:
    found: dict[str, Place] = {}
    for place in places:
        for name in place.servers:
            if is_of(tool, name):
                found.setdefault(name, place)
    if not found:
        looked = ", ".join(place.path for place in places)
        raise McpServerError(f"no MCP server of {tool} is configured", f"add it to one of these: {looked}")
    if len(found) > 1:
        names = " and ".join(repr(name) for name in found)
        raise McpServerError(f"{tool} may belong to the MCP servers {names}", "rename one of them")
    return next(iter(found.items()))


def _server(name: str, place: Place, project: str, env: Mapping[str, str]) -> Server:
    given = table(place.servers[name])
    if given.get("headersHelper"):
        raise _unfit(name, place, "its headers come from a command (headersHelper), which durable does not run")
    kind = given.get("type", "http" if "url" in given else "stdio")
    known = {**env, "CLAUDE_PROJECT_DIR": project}
    fields = {field: _filled_in(given[field], known, name, place) for field in _FIELDS if field in given}
    if kind == "streamable-http":
        kind = "http"
    try:
        server = Server.model_validate({**fields, "kind": kind, "name": name, "cwd": project})
    except ValidationError as error:
        first = error.errors()[0]
        raise _unfit(name, place, f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    if not (server.command if server.kind == "stdio" else server.url):
        raise _unfit(name, place, "it has no command" if server.kind == "stdio" else "it has no url")
    return server


def _filled_in(value: Any, known: Mapping[str, str], name: str, place: Place) -> Any:
    if isinstance(value, str):
        return _VARIABLE.sub(lambda found: _variable(found, known, name, place), value)
    if isinstance(value, list):
        return [_filled_in(item, known, name, place) for item in value]
    if isinstance(value, dict):
        return {key: _filled_in(item, known, name, place) for key, item in value.items()}
    return value


def _variable(found: re.Match[str], known: Mapping[str, str], name: str, place: Place) -> str:
    value = known.get(found[1], found[2])
    if value is None:
        raise _unfit(name, place, f"the variable {found[1]} is not set")
    return value


def _unfit(name: str, place: Place, why: str) -> McpServerError:
    return McpServerError(f"the MCP server {name!r} in {place.path} can't be started: {why}", "mend it there")
