"""`durable claude` with the real client: guarded whatever a project says, and resumed by itself when it is cut off."""

from __future__ import annotations

import json
import os
import shlex
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

import ledger_view
from durable.supervision.launch import GO_ON

from .client import REPOSITORY, Client, Running, guarded_settings
from .scripted_model import ScriptedModel, bash, say
from .terminal import READY, Terminal
from .test_once import PAY, held, policy, shop
from .waiting import wait_for

__all__ = ["shop"]
RUN = "the-run"
OFF = {"disableAllHooks": True}
REPEATED = [[bash(PAY, f"toolu_{turn}")] for turn in (1, 2, 3)] + [[say("done")]]
ONE_RETRY = {"CLAUDE_CODE_MAX_RETRIES": "1"}


def supervised(client: Client, *own: str) -> Client:
    """From now on sessions are started with `durable claude`, and nothing but what it brings along."""
    shim = client.root / "durable-claude"
    words = [sys.executable, "-m", "durable", "claude", "--client", str(client.binary), "--run-id", RUN, *own]
    source = shlex.quote(str(REPOSITORY / "src"))
    shim.write_text(f'#!/bin/sh\nPYTHONPATH={source} exec {shlex.join(words)} "$@"\n', encoding="utf-8")
    shim.chmod(0o755)
    client.binary = shim
    client.settings = {}
    return client


def client_of(pid: int) -> int:
    """The client that this `durable claude` has started."""
    children = Path(f"/proc/{pid}/task/{pid}/children")
    return int(wait_for(children.read_text, "the client's process").split()[0])


def kill_client(running: Running) -> None:
    os.kill(client_of(running.process.pid), signal.SIGKILL)


def events(client: Client, kind: str) -> list[dict[str, Any]]:
    with closing(ledger_view.connect(client.state)) as ledger:
        found = ledger.execute("SELECT run_id, body FROM events WHERE type = ? ORDER BY seq", (kind,)).fetchall()
    return [{"run_id": row["run_id"], **json.loads(row["body"])} for row in found]


def heard(client: Client) -> str:
    return json.dumps(client.model.last.messages)


# ---- the hooks are on ---------------------------------------------------------------------------


def switched_off(client: Client) -> None:
    (client.project / ".claude").mkdir()
    (client.project / ".claude" / "settings.json").write_text(json.dumps(OFF), encoding="utf-8")


def test_a_project_that_switches_hooks_off_takes_a_plain_session_out_of_the_ledger(guarded: Client) -> None:
    switched_off(guarded)
    guarded.run([[bash(guarded.effect("done"))], [say("done")]])
    assert guarded.effects == ["done"]
    assert not guarded.state.exists()


@pytest.mark.parametrize("args", [(), ("--setting-sources", "project")])
def test_it_does_not_take_this_one_out(client: Client, args: tuple[str, ...]) -> None:
    switched_off(client)
    session = supervised(client).run([[bash(client.effect("done"))], [say("done")]], args=args)
    assert (session.returncode, session.result["result"]) == (0, "done")
    assert [row["run_id"] for row in ledger_view.steps(client.state)] == [RUN]
    assert "nothing of this session" not in session.stderr


@pytest.mark.parametrize("name", ["CLAUDE_CODE_SIMPLE", "CLAUDE_CODE_SAFE_MODE"])
@pytest.mark.parametrize("whose", ["theirs", "ours"])
def test_a_variable_in_settings_that_skips_hooks_is_overruled(client: Client, name: str, whose: str) -> None:
    settings = {"env": {name: "1"}}
    supervised(client)
    if whose == "theirs":
        client.settings = settings
    else:
        (client.home / ".claude").mkdir()
        (client.home / ".claude" / "settings.json").write_text(json.dumps(settings), encoding="utf-8")
    client.run([[bash("true")], [say("done")]])
    assert len(ledger_view.steps(client.state)) == 1


def other_python() -> dict[str, Any]:
    """Hooks of ours, registered in other words."""
    return json.loads(json.dumps(guarded_settings()).replace("python3 ", f"{sys.executable} "))


@pytest.mark.parametrize("registered", [guarded_settings, other_python])
def test_hooks_that_the_user_registered_too_make_one_row(
    client: Client, registered: Callable[[], dict[str, Any]]
) -> None:
    (client.home / ".claude").mkdir()
    (client.home / ".claude" / "settings.json").write_text(json.dumps(registered()), encoding="utf-8")
    supervised(client).run([[bash(client.effect("once"))], [say("done")]])
    assert client.effects == ["once"]
    assert ledger_view.step(client.state)["status"] == "succeeded"


def test_what_the_user_s_own_settings_say_holds(client: Client) -> None:
    supervised(client).settings = {"permissions": {"deny": ["Bash"]}}
    client.run([[bash(client.effect("denied"))], [say("done")]])
    assert client.effects == []


# ---- it goes on ---------------------------------------------------------------------------------


def test_a_killed_session_goes_on_by_itself_and_the_payment_is_made_once(shop: Client) -> None:
    gate = held(shop)
    running = supervised(shop, "--keep-going").start(REPEATED)
    gate.wait_until_reached()
    kill_client(running)
    gate.open()
    session = running.wait()
    assert (session.returncode, session.result["result"]) == (0, "done")
    assert shop.effects == ["paid bob 5"]
    rows = ledger_view.steps(shop.state)
    assert [row["status"] for row in rows] == ["in_doubt"] + ["refused"] * (len(rows) - 1)
    assert (len(rows) > 1, {row["run_id"] for row in rows}) == (True, {RUN})
    assert "nobody knows whether it took effect" in heard(shop) and GO_ON in heard(shop)
    assert [(event["run_id"], event["why"]) for event in events(shop, "run.recovered")] == [(RUN, "killed by signal 9")]
    assert [event["session_id"] for event in events(shop, "owner.seen")] == [running.session_id] * 2


def test_what_a_probe_finds_is_known_before_it_goes_on(shop: Client) -> None:
    policy(shop, f'[rules.pay]\nmatch = "Bash(./pay *)"\neffect = "once"\nprobe = "cat {shop.effects_file}"\n')
    gate = held(shop)
    running = supervised(shop, "--keep-going").start(REPEATED)
    gate.wait_until_reached()
    kill_client(running)
    gate.open()
    running.wait()
    assert shop.effects == ["paid bob 5"]
    assert ledger_view.step(shop.state, tool_use_id="toolu_1")["closed_by"] == "probe"
    assert "Its probe says so" in heard(shop)


def test_the_options_are_kept_and_the_prompt_is_not_repeated(client: Client) -> None:
    gate = client.gate()
    chosen = ("--effort", "low", "--tools", "Bash", "Read", "--allowedTools", "Bash", "Read")
    running = supervised(client, "--keep-going").start([[bash(gate.command("true"))]], args=chosen, prompt="the task")
    gate.wait_until_reached()
    before = client.model.last
    kill_client(running)
    gate.open()
    running.wait()
    after = client.model.last
    assert GO_ON in after.told and after.told.count("the task") == before.told.count("the task") == 1
    assert after.body["output_config"] == before.body["output_config"] == {"effort": "low"}
    names = [{tool["name"] for tool in request.body["tools"]} for request in (before, after)]
    assert all({"Bash", "Read"} <= those and "Edit" not in those for those in names)


def test_without_the_option_it_is_over(client: Client) -> None:
    gate = client.gate()
    running = supervised(client).start([[bash(gate.command("true"))], [say("done")]])
    gate.wait_until_reached()
    kill_client(running)
    gate.open()
    session = running.wait()
    assert session.returncode == 128 + signal.SIGKILL
    assert f"durable resume --run-id {RUN}" in session.stderr
    assert events(client, "run.recovered") == []


def test_a_person_s_ctrl_c_ends_it(client: Client) -> None:
    gate = client.gate()
    running = supervised(client, "--keep-going").start([[bash(gate.command("true"))], [say("done")]])
    gate.wait_until_reached()
    os.killpg(running.process.pid, signal.SIGINT)  # As the terminal does: to the whole job.
    running.wait()
    gate.open()
    assert events(client, "run.recovered") == []


class Unreachable(ScriptedModel):
    """A service that answers so many requests, and then is not itself until it has `recovered`."""

    status = 0
    works = 0
    recovered = False

    def _handler(model) -> type[BaseHTTPRequestHandler]:  # noqa: N805
        class Handler(super()._handler()):  # type: ignore[misc]
            def reply(self, kind: str, data: bytes) -> None:
                if kind != "text/event-stream" or model.works > 0 or model.recovered:
                    model.works -= 1
                    super().reply(kind, data)
                elif model.status:
                    self.refuse(model.status)
                else:
                    self.drop(data)

            def refuse(self, status: int) -> None:
                body = json.dumps({"type": "error", "error": {"type": "api_error", "message": "not now"}}).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def drop(self, data: bytes) -> None:
                """In the middle of its answer."""
                self.send_response(200)
                self.send_header("content-type", "text/event-stream")
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data[: len(data) // 2])
                self.wfile.flush()
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)

        return Handler


@pytest.fixture
def cut(tmp_path: Path, binary: Path) -> Iterator[Callable[[int, int], Client]]:
    """A machine whose model works for so many requests and then answers with `status`; with 0 it hangs up."""
    with Unreachable() as model, closing(Client(tmp_path, binary, model)) as client:

        def cut(status: int, works: int) -> Client:
            model.status, model.works = status, works
            return client

        yield cut


@pytest.mark.parametrize("status", [0, 429, 500, 529])
def test_a_connection_that_is_lost_for_a_while_ends_nothing(cut: Callable[[int, int], Client], status: int) -> None:
    client = supervised(cut(status, 1), "--keep-going")
    running = client.start([[bash(client.effect("done"))], [say("done")]], env=ONE_RETRY)
    wait_for(lambda: "goes on in 1 s" in Path(f"{running.output}.err").read_text("utf-8"), "the end of the first start")
    client.model.recovered = True
    session = running.wait()
    assert session.returncode == 0
    assert client.effects == ["done"]
    assert client.model.last.told.count(GO_ON) == 1
    assert len(events(client, "run.recovered")) == 1


def test_a_service_that_is_gone_for_good_is_given_up_with_the_line_that_goes_on(
    cut: Callable[[int, int], Client],
) -> None:
    client = supervised(cut(529, 0), "--keep-going", "--times", "1")
    session = client.run([[say("done")]], env=ONE_RETRY)
    assert session.returncode == 1
    assert f"the API answered 529), 2 times in all; go on: durable resume --run-id {RUN}" in session.stderr
    assert len(events(client, "run.recovered")) == 1


def test_what_waiting_can_not_mend_is_not_tried_again(cut: Callable[[int, int], Client]) -> None:
    client = supervised(cut(401, 0), "--keep-going")
    session = client.run([[say("done")]], env=ONE_RETRY)
    assert session.returncode == 1
    assert "goes on" not in session.stderr
    assert events(client, "run.recovered") == []


# ---- at a terminal ------------------------------------------------------------------------------


def test_a_session_at_a_terminal_goes_on_there(shop: Client, terminal: Terminal) -> None:
    gate = held(shop)
    supervised(shop, "--keep-going")
    terminal.start(REPEATED, permission_mode="bypassPermissions")
    terminal.submit("please pay")
    gate.wait_until_reached()
    pane = int(terminal.tmux("display-message", "-p", "#{pane_pid}"))
    first = client_of(pane)
    os.kill(first, signal.SIGKILL)
    gate.open()
    wait_for(lambda: client_of(pane) != first, "another client")
    terminal.wait_for_text(READY)
    terminal.submit("go on please")
    terminal.wait_for_text("Do you want to proceed?")
    assert shop.effects == ["paid bob 5"]
    assert "nobody knows whether it took effect" in heard(shop)
    assert [event["session_id"] for event in events(shop, "owner.seen")] == [terminal.session_id] * 2
