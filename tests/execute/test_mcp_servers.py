"""Which server a tool belongs to, and whether a person ever allowed it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from durable.errors import DurableError
from durable.execute.mcp.servers import Server, server_of
from durable.settings import places

TRUSTED = {"hasTrustDialogAccepted": True}


class Machine:
    def __init__(self, root: Path) -> None:
        self.home, self.project = root / "home", root / "project"
        self.managed = root / "managed"
        for folder in (self.home / ".claude", self.project / ".claude", self.managed):
            folder.mkdir(parents=True)
        self.config: dict[str, Any] = {"projects": {}}
        self.env = {"PATH": "/usr/local/bin:/usr/bin:/bin"}

    def write(self, path: Path, data: Any) -> None:
        path.write_text(data if isinstance(data, str) else json.dumps(data))

    def user(self, **servers: Any) -> None:
        self.config["mcpServers"] = servers

    def local(self, **servers: Any) -> None:
        self.of_project(mcpServers=servers)

    def of_project(self, **fields: Any) -> None:
        self.config["projects"].setdefault(str(self.project), {}).update(fields)

    def shared(self, **servers: Any) -> None:
        self.write(self.project / ".mcp.json", {"mcpServers": servers})

    def local_settings(self, **settings: Any) -> None:
        self.write(self.project / ".claude" / "settings.local.json", settings)

    def project_settings(self, **settings: Any) -> None:
        self.write(self.project / ".claude" / "settings.json", settings)

    def user_settings(self, **settings: Any) -> None:
        self.write(self.home / ".claude" / "settings.json", settings)

    def git(self, *args: str) -> None:
        env = {**self.env, "HOME": str(self.home)}
        subprocess.run(["git", *args], cwd=self.project, env=env, check=True, capture_output=True)

    def server(self, tool: str = "mcp__lab__send", **env: str) -> Server:
        self.write(self.home / ".claude.json", self.config)
        return server_of(tool, str(self.project), str(self.home), {**self.env, **env})

    def why_not(self, tool: str = "mcp__lab__send", **env: str) -> str:
        with pytest.raises(DurableError) as raised:
            self.server(tool, **env)
        assert raised.value.remedy
        return str(raised.value)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    machine = Machine(tmp_path)
    monkeypatch.setattr(places, "managed_folder", lambda: str(machine.managed))
    return machine


def stdio(command: str, **more: Any) -> dict[str, Any]:
    return {"command": command, **more}


# ---- which ------------------------------------------------------------------------------------


def test_a_server_is_taken_as_the_client_has_it(machine: Machine) -> None:
    machine.user(lab=stdio("run-lab", args=["-v"], env={"A": "b"}))
    assert machine.server() == Server(
        name="lab", kind="stdio", cwd=str(machine.project), command="run-lab", args=["-v"], env={"A": "b"}
    )


def test_the_nearest_of_one_name_counts(machine: Machine) -> None:
    machine.user(lab=stdio("users"))
    machine.shared(lab=stdio("shared"))
    machine.user_settings(enabledMcpjsonServers=["lab"])
    assert machine.server().command == "shared"
    machine.local(lab=stdio("local"))
    assert machine.server().command == "local"


def test_a_repository_has_its_servers_under_its_topmost_folder(machine: Machine) -> None:
    machine.git("init")
    machine.local(lab=stdio("local"))
    machine.project = machine.project / "sub"
    machine.project.mkdir()
    assert machine.server().command == "local"


def test_a_chosen_configuration_folder_is_looked_into(machine: Machine) -> None:
    chosen = machine.home / "chosen"
    chosen.mkdir()
    machine.write(chosen / ".claude.json", {"mcpServers": {"lab": stdio("chosen")}})
    machine.user(lab=stdio("home"))
    assert machine.server(CLAUDE_CONFIG_DIR=str(chosen)).command == "chosen"


def test_odd_characters_of_a_name_are_as_in_the_tools_name(machine: Machine) -> None:
    machine.user(**{"my lab.v2": stdio("odd"), "other": stdio("other")})
    assert machine.server("mcp__my_lab_v2__send").name == "my lab.v2"


def test_where_two_servers_come_to_one_name_neither_is_started(machine: Machine) -> None:
    machine.user(**{"my.lab": stdio("a"), "my lab": stdio("b")})
    assert "'my.lab' and 'my lab'" in machine.why_not("mcp__my_lab__send")
    machine.user(my=stdio("a"), my__lab=stdio("b"))
    assert "'my' and 'my__lab'" in machine.why_not("mcp__my__lab__send")


def test_an_unknown_server_is_refused_with_the_places_looked_at(machine: Machine) -> None:
    machine.user(other=stdio("x"))
    why = machine.why_not()
    assert "no MCP server of mcp__lab__send" in why
    assert str(machine.home / ".claude.json") in why
    assert str(machine.project / ".mcp.json") in why


@pytest.mark.parametrize("kind", ["http", "streamable-http", None])
def test_a_server_on_the_net_has_its_address_and_headers(machine: Machine, kind: str | None) -> None:
    machine.user(lab={"url": "https://lab/mcp", "headers": {"A": "b"}, **({"type": kind} if kind else {})})
    server = machine.server()
    assert (server.kind, server.url, server.headers) == ("http", "https://lab/mcp", {"A": "b"})


def test_variables_are_filled_in_everywhere(machine: Machine) -> None:
    machine.user(
        lab=stdio("${BIN}/lab", args=["${A:-none}", "${B:-}", "$A"], env={"KEY": "x${A}y"}),
        far={"type": "sse", "url": "https://${HOST:-lab}/${A}", "headers": {"Authorization": "Bearer ${A}"}},
        here=stdio("${CLAUDE_PROJECT_DIR}/run"),
    )
    lab = machine.server(BIN="/opt", A="a")
    assert (lab.command, lab.args, lab.env) == ("/opt/lab", ["a", "", "$A"], {"KEY": "xay"})
    assert machine.server("mcp__far__x", A="a").url == "https://lab/a"
    assert machine.server("mcp__far__x", A="a").headers == {"Authorization": "Bearer a"}
    assert machine.server("mcp__here__x").command == f"{machine.project}/run"


def test_a_variable_that_is_not_set_is_named(machine: Machine) -> None:
    machine.user(lab=stdio("lab", args=["${TOKEN}"]))
    assert "TOKEN is not set" in machine.why_not()


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({}, "it has no command"),
        ("lab", "it has no command"),
        ({"type": "http"}, "it has no url"),
        ({"type": "ws", "url": "ws://x"}, "kind"),
        ({"type": ["http"]}, "kind"),
        ({"command": ["lab"]}, "command"),
        ({"command": "lab", "args": [1]}, "args.0"),
        ({"type": "http", "url": "https://x", "headersHelper": "curl"}, "headersHelper"),
    ],
)
def test_what_can_t_be_started_says_which_field(machine: Machine, given: Any, why: str) -> None:
    machine.user(lab=given)
    assert why in machine.why_not()


def test_a_broken_file_is_named(machine: Machine) -> None:
    machine.write(machine.project / ".mcp.json", "{")
    assert ".mcp.json is not JSON" in machine.why_not()


# ---- allowed ----------------------------------------------------------------------------------


def test_what_a_project_brings_along_is_not_started_unless_a_person_said_so(machine: Machine) -> None:
    machine.shared(lab=stdio("evil"))
    assert "nobody has allowed it" in machine.why_not()


@pytest.mark.parametrize("said", [{"enabledMcpjsonServers": ["lab"]}, {"enableAllProjectMcpServers": True}])
@pytest.mark.parametrize("where", ["user_settings", "of_project"])
def test_a_person_says_so_in_files_that_no_project_brings_along(machine: Machine, where: str, said: dict) -> None:
    machine.shared(lab=stdio("good"))
    getattr(machine, where)(**said)
    assert machine.server().command == "good"


def test_a_name_allowed_is_no_other(machine: Machine) -> None:
    machine.shared(lab=stdio("evil"))
    machine.user_settings(enabledMcpjsonServers=["lab2", "la", "*"], enableAllProjectMcpServers="yes")
    assert "nobody has allowed it" in machine.why_not()


def test_a_project_can_not_allow_itself(machine: Machine) -> None:
    machine.shared(lab=stdio("evil"))
    machine.project_settings(enableAllProjectMcpServers=True, enabledMcpjsonServers=["lab"])
    machine.of_project(**TRUSTED)
    assert "nobody has allowed it" in machine.why_not()


def test_local_settings_count_where_the_folder_is_trusted(machine: Machine) -> None:
    machine.shared(lab=stdio("good"))
    machine.local_settings(enabledMcpjsonServers=["lab"])
    assert "nobody has allowed it" in machine.why_not()
    machine.of_project(**TRUSTED)
    assert machine.server().command == "good"


def test_trust_in_a_folder_is_trust_in_those_below_it(machine: Machine) -> None:
    machine.shared(lab=stdio("good"))
    machine.local_settings(enabledMcpjsonServers=["lab"])
    machine.config["projects"][str(machine.project.parent)] = TRUSTED
    assert machine.server().command == "good"


def test_local_settings_that_git_keeps_are_no_persons_word(machine: Machine) -> None:
    machine.git("init")
    machine.shared(lab=stdio("evil"))
    machine.local_settings(enabledMcpjsonServers=["lab"])
    machine.of_project(**TRUSTED)
    assert machine.server().command == "evil"
    machine.git("add", "-f", ".claude/settings.local.json")
    assert "nobody has allowed it" in machine.why_not()


def test_what_git_can_t_tell_is_no_persons_word(machine: Machine) -> None:
    machine.git("init")
    machine.shared(lab=stdio("evil"))
    machine.local_settings(enabledMcpjsonServers=["lab"])
    machine.of_project(**TRUSTED)
    machine.write(machine.project / ".git" / "index", "broken")
    assert "nobody has allowed it" in machine.why_not()
    assert "nobody has allowed it" in machine.why_not(PATH="/nowhere")


def test_asking_git_starts_nothing_that_the_repository_names(machine: Machine, tmp_path: Path) -> None:
    machine.git("init")
    machine.shared(lab=stdio("good"))
    machine.local_settings(enabledMcpjsonServers=["lab"])
    machine.of_project(**TRUSTED)
    monitor = tmp_path / "monitor"
    monitor.write_text(f"#!/bin/sh\ntouch {tmp_path}/started\n")
    monitor.chmod(0o755)
    machine.git("config", "core.fsmonitor", str(monitor))
    assert machine.server().command == "good"
    assert not (tmp_path / "started").exists()


@pytest.mark.parametrize("where", ["user_settings", "project_settings", "local_settings", "of_project"])
def test_a_no_wins_wherever_it_stands(machine: Machine, where: str) -> None:
    machine.shared(**{"my lab": stdio("good")})
    machine.user_settings(enableAllProjectMcpServers=True)
    machine.write(machine.project / ".claude" / "settings.json", {})
    said = {"disabledMcpjsonServers": ["my_lab"]}
    if where == "user_settings":
        said["enableAllProjectMcpServers"] = True
    getattr(machine, where)(**said)
    assert "switched off" in machine.why_not("mcp__my_lab__send")


def test_a_no_to_the_projects_server_is_none_to_the_users_own(machine: Machine) -> None:
    machine.user(lab=stdio("users"))
    machine.user_settings(disabledMcpjsonServers=["lab"])
    assert machine.server().command == "users"


def test_a_server_that_a_person_switched_off_stays_off(machine: Machine) -> None:
    machine.user(lab=stdio("users"))
    machine.of_project(disabledMcpServers=["lab"])
    assert "switched off" in machine.why_not()


@pytest.mark.parametrize("key", ["deniedMcpServers", "allowedMcpServers"])
@pytest.mark.parametrize("file", ["managed/managed-settings.json", "home/.claude/settings.json"])
def test_where_rules_about_servers_are_set_the_client_alone_applies_them(
    machine: Machine, tmp_path: Path, file: str, key: str
) -> None:
    machine.user(lab=stdio("users"))
    machine.write(tmp_path / file, {key: [{"serverName": "other"}]})
    assert "rules which MCP servers may run" in machine.why_not()
    assert str(tmp_path / file) in machine.why_not()


def test_servers_set_by_an_administrator_are_left_to_the_client(machine: Machine) -> None:
    machine.user(lab=stdio("users"))
    machine.write(machine.managed / "managed-mcp.json", {"mcpServers": {}})
    assert "managed-mcp.json rules" in machine.why_not()
