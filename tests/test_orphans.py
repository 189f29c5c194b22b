"""Processes of a step that outlive its client: found by the session's id, and never guessed away."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from durable import orphans as orphans_module
from durable.orphans import COMMAND_LENGTH, MARGIN_NS, Orphan, Orphans, _look_again, orphans
from durable.owner import DEAD, Owner, current, liveness
from fake_proc import TICK_NS, FakeProc, ticks_now, wall

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

SESSION = "29e97b3a-ba4e-4840-aa56-6471fe24b830"
CLIENT = 100


# ---- a real client, a real kill -----------------------------------------------------------------

# Starts its tool as the client does: in a session of its own, carrying the id. Ends by kill only.
FAKE_CLIENT = """
import os, subprocess, sys
tool = subprocess.Popen(sys.argv[2:], start_new_session=True, stdin=subprocess.DEVNULL,
                        env={**os.environ, "CLAUDE_CODE_SESSION_ID": sys.argv[1]})
tool.wait()
"""
# Says its pid, works until it is told to end, and holds its output open as long as it lives.
TOOL = 'echo $$; read line < "$0"'


class Killed:
    """A client that permitted one Bash call, and was killed in the middle of it."""

    def __init__(self, tmp_path: Path) -> None:
        self.gate = tmp_path / "gate"
        os.mkfifo(self.gate)
        self.permitted_at = time.time_ns()
        command = [sys.executable, "-c", FAKE_CLIENT, SESSION, "sh", "-c", TOOL, str(self.gate)]
        self.client = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert self.client.stdout
        self.tool = int(self.client.stdout.readline())
        self.owner = current(SESSION, {"CLAUDE_PID": str(self.client.pid)})
        self.client.kill()
        self.client.wait()
        self.ended_at = time.time_ns()

    def let_the_tool_end(self) -> None:
        assert self.client.stdout
        with self.gate.open("w") as gate:
            gate.write("end\n")
        assert self.client.stdout.read() == b""


@pytest.fixture
def killed(tmp_path: Path) -> Iterator[Killed]:
    scene = Killed(tmp_path)
    yield scene
    if liveness(current(SESSION, {"CLAUDE_PID": str(scene.tool)}))[0] != DEAD:
        os.kill(scene.tool, signal.SIGKILL)
    assert scene.client.stdout
    scene.client.stdout.close()


@pytest.mark.parametrize("owner_end_known", [True, False])
def test_a_tool_that_outlives_its_killed_client_is_found_until_it_ends(killed: Killed, owner_end_known: bool) -> None:
    ended_at = killed.ended_at if owner_end_known else None
    assert liveness(killed.owner)[0] == DEAD
    found = orphans(killed.owner, killed.permitted_at, ended_at).found
    assert [o.pid for o in found] == [killed.tool]
    assert found[0].command.startswith("sh -c echo $$; read line")
    killed.let_the_tool_end()
    assert orphans(killed.owner, killed.permitted_at, ended_at).found == []


def test_another_sessions_step_has_no_part_in_it(killed: Killed) -> None:
    other = current(SESSION[:-1], {"CLAUDE_PID": str(killed.client.pid)})
    assert orphans(other, killed.permitted_at, None).found == []


def test_a_step_permitted_long_after_the_tool_began_has_no_part_in_it(killed: Killed) -> None:
    assert orphans(killed.owner, time.time_ns() + 60_000_000_000, None).found == []


# ---- a process table of our own making ----------------------------------------------------------


class Scene:
    """One step of a dead client: permitted at tick `permit`, over ten seconds later."""

    def __init__(self, root: Path) -> None:
        self.proc = FakeProc(root)
        self.permit = ticks_now()
        self.end = self.permit + 10_000_000_000 // TICK_NS
        self.proc.add(1, 0, 0)
        self.add = self.proc.add
        self.add(CLIENT, 1, self.permit - 5000)
        self.owner = self.client(CLIENT)
        self.remove(CLIENT)

    def client(self, pid: int, session: str = SESSION) -> Owner:
        return current(session, {"CLAUDE_PID": str(pid)}, str(self.proc))

    def remove(self, pid: int) -> None:
        for path in (self.proc.root / str(pid)).iterdir():
            path.unlink()
        (self.proc.root / str(pid)).rmdir()

    def judge(self, *clients: Owner, end: bool = True) -> Orphans:
        ended_at = wall(self.end) if end else None
        return orphans(self.owner, wall(self.permit), ended_at, clients, str(self.proc))

    def pids(self, *clients: Owner, end: bool = True) -> list[int]:
        return sorted(o.pid for o in self.judge(*clients, end=end).found)


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path / "proc")


def test_nothing_of_the_session_left_is_known(scene: Scene) -> None:
    scene.add(200, 1, scene.permit + 10)
    scene.add(201, 1, scene.permit + 10, SESSION + "0")
    judged = scene.judge()
    assert (judged.found, judged.known, judged.reason) == ([], True, "no process of the step runs")


def test_an_orphan_is_named_with_pid_start_and_command(scene: Scene) -> None:
    scene.add(200, 1, scene.permit + 10, SESSION)
    (scene.proc.root / "200/cmdline").write_bytes(b"sh\0-c\0" + b"x" * 1000)
    judged = scene.judge()
    (orphan,) = judged.found
    assert (orphan.pid, orphan.started) == (200, scene.permit + 10)
    assert orphan.command == "sh -c " + "x" * (COMMAND_LENGTH - 6)
    assert (judged.known, judged.reason) == (True, "1 process(es) of the step still run")


def test_a_worker_of_an_earlier_steps_server_is_that_steps(scene: Scene) -> None:
    scene.add(200, 1, scene.permit - 3000, SESSION)
    scene.add(201, 200, scene.permit + 10)
    scene.add(202, 201, scene.permit + 20, SESSION)
    scene.add(203, 202, scene.permit + 30, SESSION)
    assert scene.pids() == []


def test_a_late_child_of_the_steps_own_process_is_the_steps(scene: Scene) -> None:
    scene.add(200, 1, scene.permit + 10, SESSION)
    scene.add(201, 200, scene.end + 5000)
    scene.add(202, 201, scene.end + 9000, SESSION)
    assert scene.pids() == [200, 202]


def test_what_began_after_the_step_had_ended_is_not_the_steps(scene: Scene) -> None:
    scene.add(200, 1, scene.end + 3000, SESSION)
    assert scene.pids() == []
    assert scene.pids(end=False) == [200]


def test_the_clocks_coarseness_can_only_add_orphans(scene: Scene) -> None:
    margin = MARGIN_NS // TICK_NS
    for pid, started in [
        (200, scene.permit - margin + 1),
        (201, scene.end + margin - 1),
        (202, scene.permit - margin - 100),
        (203, scene.end + margin + 100),
    ]:
        scene.add(pid, 1, started, SESSION)
    assert scene.pids() == [200, 201]


def test_an_ended_process_is_no_orphan(scene: Scene) -> None:
    scene.add(200, 1, scene.permit + 10, SESSION, state="Z")
    assert scene.pids() == []


def test_what_a_resumed_client_started_is_its_own_business(scene: Scene) -> None:
    scene.add(300, 1, scene.permit + 100)
    scene.add(301, 300, scene.permit + 110, SESSION)
    assert scene.pids(scene.client(300)) == []
    assert scene.pids() == [301]


def test_a_client_that_is_dead_shields_nothing(scene: Scene) -> None:
    scene.add(300, 1, scene.permit + 100)
    resumed = scene.client(300)
    scene.add(301, 300, scene.permit + 110, SESSION)
    # Its process id now belongs to a later process.
    scene.add(300, 1, scene.permit + 105)
    assert scene.pids(resumed) == [301]
    scene.add(300, 1, scene.permit + 100, state="Z")
    assert scene.pids(resumed) == [301]


def test_the_steps_own_client_shields_nothing(scene: Scene) -> None:
    scene.add(CLIENT, 1, scene.permit - 5000)
    scene.add(201, CLIENT, scene.permit + 10, SESSION)
    assert scene.pids(scene.owner) == [201]


def test_a_client_of_another_session_that_the_step_started_is_part_of_the_step(scene: Scene) -> None:
    scene.add(300, 1, scene.permit + 10, SESSION)
    scene.add(301, 300, scene.permit + 20, SESSION)
    assert scene.pids(scene.client(300, "another")) == [300, 301]


def test_we_and_the_shells_up_to_our_client_are_no_orphans(scene: Scene) -> None:
    scene.add(CLIENT, 1, scene.permit - 5000)
    scene.add(200, CLIENT, scene.permit + 10, SESSION)
    scene.add(os.getpid(), 200, scene.permit + 11, SESSION)
    scene.add(201, CLIENT, scene.permit + 10, SESSION)
    assert scene.pids() == [201]


def test_a_later_process_with_our_clients_old_id_hides_nothing(scene: Scene) -> None:
    scene.add(CLIENT, 1, scene.permit - 4000)
    scene.add(200, CLIENT, scene.permit + 10, SESSION)
    scene.add(os.getpid(), 200, scene.permit + 11, SESSION)
    assert scene.pids() == [200]


def test_a_script_of_the_step_that_asks_for_its_own_orphans_is_one(scene: Scene) -> None:
    scene.add(200, 1, scene.permit + 10, SESSION)
    scene.add(os.getpid(), 200, scene.permit + 11, SESSION)
    assert scene.pids() == [200]


def test_a_process_that_was_not_yet_there_at_the_first_look_is_found_at_the_second(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    # It was begun by one that ended between the listing and its reading.
    scene.add(200, 1, scene.permit + 10, SESSION)
    listings = [["1", "199"], ["1", "200"]]

    class Os:
        listdir = staticmethod(lambda _: listings.pop(0))

        def __getattr__(self, name: str) -> object:
            return getattr(os, name)

    monkeypatch.setattr(orphans_module, "os", Os())
    assert scene.pids() == [200]


def test_a_table_read_while_it_changes_may_hold_a_circle(scene: Scene) -> None:
    scene.add(200, 201, scene.permit + 10, SESSION)
    scene.add(201, 200, scene.permit + 10, SESSION)
    assert scene.pids() == [200, 201]


def test_a_process_that_ends_while_it_is_read_is_no_orphan(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    scene.add(200, 1, scene.permit + 10, SESSION)

    def ends(*_: object) -> None:
        raise ProcessLookupError

    monkeypatch.setattr(orphans_module, "open", ends, raising=False)
    judged = scene.judge()
    assert (judged.found, judged.known) == ([], True)


# ---- what can't be known ------------------------------------------------------------------------


def test_an_unreadable_process_that_may_be_the_steps_leaves_it_unknown(scene: Scene) -> None:
    scene.add(200, 1, scene.permit + 10)
    scene.proc.make_unreadable(200)
    judged = scene.judge()
    assert (judged.found, judged.known) == ([], False)
    assert judged.reason.startswith("1 process(es) started meanwhile can't be read")


def test_unreadable_processes_that_cannot_be_the_steps_are_passed_over(scene: Scene) -> None:
    scene.add(200, 1, scene.permit - 3000)
    scene.add(201, 1, scene.end + 3000)
    scene.add(202, 2, scene.permit + 10, flags=0x00200000)
    scene.add(203, 1, scene.permit + 10, state="Z")
    for pid in (200, 201, 202, 203):
        scene.proc.make_unreadable(pid)
    assert scene.judge().known


def test_an_orphan_is_named_even_where_others_cannot_be_read(scene: Scene) -> None:
    scene.add(200, 1, scene.permit + 10, SESSION)
    scene.add(201, 1, scene.permit + 10)
    scene.proc.make_unreadable(201)
    judged = scene.judge()
    assert ([o.pid for o in judged.found], judged.known) == ([200], False)


def test_a_process_that_does_not_even_tell_its_start_leaves_it_unknown(scene: Scene) -> None:
    scene.add(200, 1, scene.permit + 10)
    scene.proc.make_unreadable(200, "stat")
    assert not scene.judge().known


def test_a_main_thread_that_ended_before_its_others_leaves_it_unknown(scene: Scene) -> None:
    scene.add(200, 1, scene.permit + 10, state="Z", threads=2)
    (scene.proc.root / "200/environ").write_bytes(b"")
    assert not scene.judge().known


def test_where_other_users_processes_are_hidden_nothing_is_known(scene: Scene) -> None:
    scene.remove(1)
    judged = scene.judge()
    assert (judged.known, judged.reason) == (False, "processes of other users are hidden here")


def test_without_proc_nothing_is_known(tmp_path: Path) -> None:
    none = str(tmp_path / "none")
    judged = orphans(current(SESSION, {"CLAUDE_PID": "100"}, none), 0, None, (), none)
    assert (judged.known, judged.reason) == (False, "processes can't be read on this system")


def test_a_client_that_told_no_process_or_session_leaves_it_unknown(scene: Scene) -> None:
    # Other agents set neither variable: that nothing carries the id then shows nothing.
    for owner in [current(SESSION, {}, str(scene.proc)), scene.client(CLIENT, "")]:
        judged = orphans(owner, wall(scene.permit), None, (), str(scene.proc))
        assert (judged.found, judged.known) == ([], False)


def test_an_owner_elsewhere_leaves_it_unknown(scene: Scene) -> None:
    scene.owner.host = "other"
    assert not scene.judge().known


def test_no_process_outlives_a_restart(scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    machine_id = tmp_path / "machine-id"
    machine_id.write_text("3d1219c7c4c5404aaa1f6d2a48adfda4\n")
    monkeypatch.setattr("durable.owner.MACHINE_ID", str(machine_id))
    scene.owner.boot = "3d1219c7.11111111-2222-3333-4444-555555555555"
    # Carries the id by a coincidence of clocks: a boot ago nobody could have started it.
    scene.add(200, 1, scene.permit + 10, SESSION)
    judged = scene.judge()
    assert (judged.found, judged.known, judged.reason) == ([], True, "the machine was restarted since")


class Looks:
    """A search that finds these, one after the other."""

    def __init__(self, *found: str) -> None:
        self.found = list(found)

    def look(self, owner: object, clients: object) -> Orphans:
        said = self.found.pop(0)
        return Orphans([Orphan(7, 1, "x")] if said == "one" else [], said != "unread", said)


@pytest.mark.parametrize(
    ("looks", "known", "found"),
    [
        (["none", "none"], True, 0),
        (["none", "one"], True, 1),
        (["one"], True, 1),
        (["unread", "none", "none"], True, 0),
        (["none", "unread", "none", "none"], True, 0),
        (["none", "unread", "none", "unread"], False, 0),
        (["unread", "unread", "unread", "none"], False, 0),
        (["unread", "none", "one"], True, 1),
    ],
)
def test_what_can_not_be_read_for_a_moment_is_looked_at_again(looks: list[str], known: bool, found: int) -> None:
    search = Looks(*looks)
    result = _look_again(search, object(), ())  # type: ignore[arg-type]
    assert (result.known, len(result.found), search.found) == (known, found, [])
