"""Whether a person allowed an MCP server. The client asks before it starts what a project's `.mcp.json` names;
we can't ask, and a repository from elsewhere must not have a command started by having it written there."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING, Any

from durable.execute.mcp.client_config import is_trusted, repository_of, said_of, table
from durable.execute.mcp.names import normal
from durable.settings import files
from durable.settings.places import local_file, places

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ALL, ENABLED, DISABLED = "enableAllProjectMcpServers", "enabledMcpjsonServers", "disabledMcpjsonServers"
# Rules about servers of every kind, by name, command or address. Whoever set them decides, and the client applies them.
GOVERNING = ("allowedMcpServers", "deniedMcpServers", "allowManagedMcpServersOnly", "managedMcpServers")
GIT_S = 10
UNTRACKED = 1


class Approval:
    """`config` is what the user's `.claude.json` says."""

    def __init__(self, project: str, env: Mapping[str, str], config: dict[str, Any]) -> None:
        self.project = project
        self.env = env
        self.config = config
        self.settings = [(place, table(files.read(place.path).data)) for place in places(env, project)]

    def why_not(self, name: str, of_project: bool) -> tuple[str, str] | None:
        """Problem and remedy, or None where it may be started."""
        governing = self._governing()
        if governing:
            return f"{governing} rules which MCP servers may run", "let the client make this call"
        if self._switched_off(name, of_project):
            return f"the MCP server {name!r} is switched off", "switch it on in the client (/mcp)"
        if of_project and not self._approved(name):
            problem = f"the MCP server {name!r} stands in the project's .mcp.json, and nobody has allowed it"
            return problem, f"look at what it starts, then allow it in the client, or in {ENABLED} of your settings"
        return None

    def _governing(self) -> str:
        for place, settings in self.settings:
            if any(settings.get(key) for key in GOVERNING):
                return place.path
            beside = os.path.join(os.path.dirname(place.path), "managed-mcp.json")
            if place.scope == "managed" and os.path.exists(beside):
                return beside
        return ""

    def _switched_off(self, name: str, of_project: bool) -> bool:
        off = [found.get("disabledMcpServers") for found in self._projects()]
        if of_project:
            off += [found.get(DISABLED) for found in (*self._projects(), *(found for _, found in self.settings))]
        return any(normal(one) == normal(name) for names in off for one in _names(names))

    def _approved(self, name: str) -> bool:
        return any(found.get(ALL) is True or name in _names(found.get(ENABLED)) for found in self._said_by_a_person())

    def _said_by_a_person(self) -> Iterator[dict[str, Any]]:
        yield from self._projects()
        for place, settings in self.settings:
            if place.scope in ("user", "managed") or (place.scope == "local" and self._local_is_a_persons()):
                yield settings

    def _local_is_a_persons(self) -> bool:
        """A repository can bring this file along. The client writes an approval there once the folder is trusted;
        what git keeps was written by whoever made the repository."""
        return is_trusted(self.project, self.config) and not self._kept_by_git()

    def _kept_by_git(self) -> bool:
        """Whatever git can't tell, it might keep."""
        if not repository_of(self.project):
            return False
        # A monitor named in .git/config would be started by ls-files.
        command = ["git", "-c", "core.fsmonitor=false", "ls-files", "--error-unmatch", "--", local_file(self.project)]
        try:
            asked = subprocess.run(
                command, cwd=self.project, env=dict(self.env), stdin=subprocess.DEVNULL, capture_output=True,
                timeout=GIT_S, check=False,
            )  # fmt: skip
        except (OSError, subprocess.SubprocessError):
            return True
        return asked.returncode != UNTRACKED

    def _projects(self) -> Iterator[dict[str, Any]]:
        return said_of(self.project, self.config)


def _names(found: Any) -> list[str]:
    return [name for name in found if isinstance(name, str)] if isinstance(found, list) else []
