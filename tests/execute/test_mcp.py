"""MCP tools called by durable itself, of real servers: one on stdio, one on loopback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from durable.execute.mcp import call as calling
from durable.execute.mcp.call import call_mcp
from durable.execute.mcp.servers import Server
from durable.execute.outcome import Outcome

REPOSITORY = Path(__file__).resolve().parents[2]
LAB = REPOSITORY / "tests" / "client" / "lab_mcp.py"
HTTP_LAB = Path(__file__).with_name("http_lab.py")
PATIENCE_S = 30.0


class Machine:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.effects_file = root / "effects"
        self.env = {"PATH": os.environ["PATH"], "LAB_EFFECTS": str(self.effects_file), "DURABLE_STEP_ID": "s-1"}

    @property
    def effects(self) -> list[str]:
        return self.effects_file.read_text().splitlines() if self.effects_file.exists() else []

    def stdio(self, *args: str, **more: Any) -> Server:
        how = {"command": sys.executable, "args": list(args or ("-I", "-S", str(LAB))), **more}
        return Server(name="lab", kind="stdio", cwd=str(self.root), **how)

    def script(self, body: str) -> Server:
        path = self.root / "server.py"
        path.write_text(textwrap.dedent(body))
        return self.stdio("-I", "-S", str(path))

    def call(
        self, tool: str, server: Server | None = None, timeout_s: float | None = PATIENCE_S, **more: Any
    ) -> Outcome:
        stop = more.pop("stop", None)
        given = {"text": "once", **more}
        return call_mcp(f"mcp__lab__{tool}", given, server or self.stdio(), self.env, timeout_s, stop)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


@contextmanager
def served(kind: str, machine: Machine) -> Iterator[Server]:
    env = {**os.environ, **machine.env}
    with subprocess.Popen([sys.executable, str(HTTP_LAB), kind], env=env, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        url = process.stdout.readline().decode().strip()
        try:
            yield Server(name="lab", kind=kind, cwd="/", url=url, headers={"X-Lab": "in the header"})
        finally:
            process.kill()


@pytest.fixture(params=["http", "sse"], scope="module")
def far(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Machine, Server]]:
    """One server for several tests, for it takes seconds to start: each leaves an effect of its own words."""
    machine = Machine(tmp_path_factory.mktemp("far"))
    with served(request.param, machine) as server:
        yield machine, server


def wait_until(seen: Callable[[], object], seconds: float = 20) -> None:
    until = time.monotonic() + seconds
    while not seen():
        assert time.monotonic() < until, "it never came"
        time.sleep(0.02)


def servers_alive(machine: Machine) -> list[int]:
    """By the mark that each carries from its start."""
    mark = f"LAB_EFFECTS={machine.effects_file}".encode()
    found = []
    for entry in os.listdir("/proc"):
        try:
            if entry.isdecimal() and int(entry) != os.getpid() and mark in Path(f"/proc/{entry}/environ").read_bytes():
                found.append(int(entry))
        except OSError:
            pass
    return found


# ---- stdio ------------------------------------------------------------------------------------


def test_a_tool_is_called_once_and_answers_as_it_does_to_the_client(machine: Machine) -> None:
    outcome = machine.call("send")
    assert outcome.response == [{"type": "text", "text": "send: once"}]
    assert (outcome.error, outcome.not_begun) == (None, False)
    assert machine.effects == ["once"]
    assert servers_alive(machine) == []


def test_a_tool_that_says_that_it_failed_may_have_had_its_effect(machine: Machine) -> None:
    outcome = machine.call("fail")
    assert (outcome.error, outcome.not_begun) == ("fail: once", False)
    assert machine.effects == ["once"]


def test_a_server_that_dies_after_the_effect_leaves_it_open(machine: Machine) -> None:
    outcome = machine.call("die")
    assert outcome.error.startswith("Connection closed")
    assert not outcome.not_begun
    assert machine.effects == ["once"]


def test_a_server_that_does_not_answer_in_time_is_ended_and_leaves_it_open(machine: Machine) -> None:
    outcome = machine.call("slow", timeout_s=0.5, gate=str(machine.root / "gate"))
    assert outcome.error.startswith("timed out after 0.5 s")
    assert not outcome.not_begun
    assert servers_alive(machine) == []


def test_stopped_in_the_middle_the_server_is_ended(machine: Machine) -> None:
    gate = machine.root / "gate"
    outcome = machine.call("slow", gate=str(gate), stop=Path(f"{gate}.reached").exists)
    assert (outcome.interrupted, outcome.not_begun, outcome.response) == (True, False, None)
    assert "stopped" in outcome.error
    assert servers_alive(machine) == []


def test_stopped_before_it_was_asked_nothing_has_begun(machine: Machine) -> None:
    silent = machine.script("import sys; sys.stdin.read()")
    outcome = machine.call("send", silent, stop=lambda: True)
    assert (outcome.interrupted, outcome.not_begun) == (True, True)
    assert servers_alive(machine) == []


def test_a_tool_that_the_server_does_not_have_is_not_begun(machine: Machine) -> None:
    outcome = machine.call("nope")
    assert outcome.not_begun
    assert "no tool 'nope'" in outcome.error


@pytest.mark.parametrize(
    ("server", "why"),
    [
        (lambda machine: machine.stdio(command="/no/such/program"), "No such file"),
        (lambda machine: machine.script("raise SystemExit('no licence found')"), "the last it said: no licence found"),
        (lambda machine: machine.script("print('hello')"), "Connection closed"),
        (lambda machine: Server(name="lab", kind="http", cwd="/", url="http://127.0.0.1:1/mcp"), "can't be asked"),
        (lambda machine: Server(name="lab", kind="sse", cwd="/", url="http://127.0.0.1:1/sse"), "can't be asked"),
    ],
)
def test_a_server_that_can_t_be_started_or_reached_is_not_begun(
    machine: Machine, server: Callable[[Machine], Server], why: str
) -> None:
    outcome = machine.call("send", server(machine))
    assert outcome.not_begun
    assert why in outcome.error


def test_a_server_that_never_says_anything_is_not_begun(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calling, "START_S", 0.5)
    outcome = machine.call("send", machine.script("import sys; sys.stdin.read()"))
    assert outcome.not_begun
    assert "not within 0.5 s" in outcome.error
    assert servers_alive(machine) == []


def test_a_server_may_take_longer_over_the_call_than_it_may_to_start(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calling, "START_S", 3.0)
    server = machine.script(LATE)
    assert machine.call("send", server).response == [{"type": "text", "text": "late"}]


ANSWERING = """
    import json, os, sys, time
    def answer(request):
        method = request["method"]
        if method == "initialize":
            return {"protocolVersion": request["params"]["protocolVersion"], "capabilities": {"tools": {}},
                    "serverInfo": {"name": "lab", "version": "1"}}
        if method == "tools/list":
            return {"tools": [{"name": name, "inputSchema": {"type": "object"}} for name in NAMES]}
        return call(request["params"])
    def main():
        for line in sys.stdin:
            request = json.loads(line)
            if "id" not in request:
                continue
            told = {"jsonrpc": "2.0", "id": request["id"]}
            if request["method"] in ("initialize", "tools/list", "tools/call"):
                told["result"] = answer(request)
            else:
                told["error"] = {"code": -32601, "message": "no such method"}
            print(json.dumps(told), flush=True)
"""
TEXT = '{"content": [{"type": "text", "text": %s}]}'
LATE = (
    ANSWERING
    + f"""
    NAMES = ["send"]
    def call(params):
        time.sleep(3.5)
        return {TEXT % '"late"'}
    main()
"""
)


def server_with(names: list[str], answer: str) -> str:
    return (
        ANSWERING
        + f"""
    NAMES = {names!r}
    def call(params):
        return {answer}
    main()
"""
    )


def test_a_tool_is_asked_for_by_the_name_that_the_server_gives_it(machine: Machine) -> None:
    server = machine.script(server_with(["send.mail", "other"], TEXT % 'params["name"]'))
    assert machine.call("send_mail", server).response == [{"type": "text", "text": "send.mail"}]


def test_where_two_tools_come_to_one_name_neither_is_called(machine: Machine) -> None:
    outcome = machine.call("send_mail", machine.script(server_with(["send.mail", "send/mail"], TEXT % '"x"')))
    assert outcome.not_begun
    assert "several" in outcome.error


def test_the_server_knows_the_step_whatever_its_configuration_sets(machine: Machine) -> None:
    server = machine.script(
        server_with(["send"], TEXT % 'json.dumps([os.environ["DURABLE_STEP_ID"], os.environ["A"]])')
    )
    outcome = machine.call("send", server.model_copy(update={"env": {"A": "b", "DURABLE_STEP_ID": "forged"}}))
    assert json.loads(outcome.response[0]["text"]) == ["s-1", "b"]


def test_the_server_runs_where_its_project_is(machine: Machine) -> None:
    outcome = machine.call("send", machine.script(server_with(["send"], TEXT % "os.getcwd()")))
    assert outcome.response[0]["text"] == os.path.realpath(machine.root)


def test_an_answer_that_is_none_leaves_it_open(machine: Machine) -> None:
    outcome = machine.call("send", machine.script(server_with(["send"], '{"content": 5}')))
    assert not outcome.not_begun
    assert "no answer that can be used" in outcome.error


def test_a_server_that_does_not_want_to_end_is_forced_and_its_answer_counts(machine: Machine) -> None:
    stubborn = server_with(["send"], TEXT % '"done"').replace(
        "import json,", "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n    import json,"
    )
    outcome = machine.call("send", machine.script(stubborn + "    time.sleep(60)\n"))
    assert outcome.response == [{"type": "text", "text": "done"}]
    assert servers_alive(machine) == []


def test_what_breaks_while_the_server_is_ended_takes_nothing_from_its_answer(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = calling._Call.make

    async def breaks_at_the_end(call: calling._Call) -> None:
        await real(call)
        raise ExceptionGroup("while it was ended", [OSError("broken pipe")])

    monkeypatch.setattr(calling._Call, "make", breaks_at_the_end)
    assert machine.call("send").response == [{"type": "text", "text": "send: once"}]


def test_killed_itself_it_leaves_a_server_that_sees_its_end(machine: Machine) -> None:
    gate = machine.root / "gate"
    script = f"""
        from durable.execute.mcp.call import call_mcp
        from durable.execute.mcp.servers import Server
        server = Server.model_validate_json({machine.stdio().model_dump_json()!r})
        call_mcp("mcp__lab__slow", {{"text": "once", "gate": {str(gate)!r}}}, server, {machine.env!r}, 30)
    """
    worker = subprocess.Popen([sys.executable, "-c", textwrap.dedent(script)])
    wait_until(Path(f"{gate}.reached").exists)
    worker.kill()
    worker.wait()
    assert servers_alive(machine)
    Path(f"{gate}.open").touch()
    wait_until(lambda: not servers_alive(machine))
    assert machine.effects == ["once"]


def test_without_the_package_nothing_is_begun_and_it_is_said_what_to_install(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "mcp", None)
    outcome = machine.call("send")
    assert outcome.not_begun
    assert "durable[mcp]" in outcome.error


# ---- loopback ---------------------------------------------------------------------------------


def test_a_remote_tool_is_called_once_and_its_structured_answer_is_told_as_text(far: tuple[Machine, Server]) -> None:
    machine, server = far
    outcome = machine.call("send", server, text="sent")
    assert outcome.error is None
    assert outcome.response == '{"sent":"sent"}'
    assert machine.effects.count("sent") == 1


def test_a_remote_server_gets_the_headers_of_its_configuration(far: tuple[Machine, Server]) -> None:
    machine, server = far
    assert "once in the header" in machine.call("who", server).response


def test_a_remote_server_that_does_not_answer_in_time_leaves_it_open(far: tuple[Machine, Server]) -> None:
    machine, server = far
    outcome = machine.call("slow", server, timeout_s=1.0, text="slowly")
    assert not outcome.not_begun
    assert outcome.error.startswith("timed out after 1 s")
    assert machine.effects.count("slowly") == 1


def test_a_remote_tool_that_is_not_there_is_not_begun(far: tuple[Machine, Server]) -> None:
    machine, server = far
    assert machine.call("nope", server).not_begun
    assert machine.call("send", server.model_copy(update={"url": server.url + "/elsewhere"})).not_begun


@pytest.mark.parametrize("kind", ["http", "sse"])
def test_a_remote_server_that_dies_after_the_effect_leaves_it_open(machine: Machine, kind: str) -> None:
    with served(kind, machine) as server:
        outcome = machine.call("die", server, timeout_s=PATIENCE_S)
    assert not outcome.not_begun
    assert outcome.error.startswith("Connection closed"), outcome.error
    assert machine.effects == ["once"]
