"""Who a step was permitted to, and the three verdicts on whether that process lives."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from durable import owner as owner_module
from durable.owner import ALIVE, DEAD, UNKNOWN, Owner, current, elsewhere, liveness, read_process
from fake_proc import BOOT_ID, FIRST_PIDNS, FakeProc

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

GONE = 2**31 - 1  # beyond any pid_max: the kernel never gives it


@pytest.fixture
def client() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    yield process
    process.kill()
    process.communicate()


@pytest.fixture
def machine_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "machine-id"
    path.write_text("3d1219c7c4c5404aaa1f6d2a48adfda4\n")
    monkeypatch.setattr(owner_module, "MACHINE_ID", str(path))
    return path


def owned_by(pid: int | None) -> Owner:
    return current("s1", {} if pid is None else {"CLAUDE_PID": str(pid)})


def changed(owner: Owner, **fields: object) -> Owner:
    return Owner(**{slot: fields.get(slot, getattr(owner, slot)) for slot in Owner.__slots__})  # type: ignore[arg-type]


# ---- who ----------------------------------------------------------------------------------------


def test_owner_is_the_client_process_and_its_session(client: subprocess.Popen[bytes]) -> None:
    owner = owned_by(client.pid)
    assert (owner.pid, owner.session_id, owner.host) == (client.pid, "s1", os.uname().nodename)
    assert owner.started == read_process(client.pid).started  # type: ignore[union-attr]
    assert owner.boot.endswith(Path("/proc/sys/kernel/random/boot_id").read_text().strip())
    assert f"pid:[{owner.pidns}]" == os.readlink("/proc/self/ns/pid")


def test_same_process_and_session_have_the_same_id_and_others_another(
    client: subprocess.Popen[bytes],
) -> None:
    mine, again = owned_by(client.pid), owned_by(client.pid)
    assert mine.owner_id == again.owner_id
    others = [current("s2", {"CLAUDE_PID": str(client.pid)}), owned_by(os.getpid()), owned_by(None)]
    assert len({mine.owner_id, *(o.owner_id for o in others)}) == 4


def test_owner_ids_differ_by_boot_namespace_and_start(tmp_path: Path, machine_id: Path) -> None:
    places = [
        ("a", BOOT_ID, "1", 7),
        ("b", "0" + BOOT_ID[1:], "1", 7),
        ("c", BOOT_ID, "2", 7),
        ("d", BOOT_ID, "1", 8),
    ]
    ids = set()
    for name, boot_id, pidns, started in places:
        proc = FakeProc(tmp_path / name, boot_id, pidns)
        proc.add(50, 1, started)
        ids.add(current("s1", {"CLAUDE_PID": "50"}, str(proc)).owner_id)
    assert len(ids) == len(places)


@pytest.mark.parametrize("text", ["", "0", "-1", "abc", "1.5", "²", "9" * 5000, str(2**31)])
def test_a_process_id_that_is_none_is_not_taken_for_one(text: str) -> None:
    owner = current("s1", {"CLAUDE_PID": text})
    assert (owner.pid, owner.started) == (None, None)
    assert liveness(owner)[0] == UNKNOWN


def test_a_client_that_is_gone_already_has_no_start() -> None:
    assert owned_by(GONE).started is None


# ---- is it alive --------------------------------------------------------------------------------


def test_a_running_client_is_alive(client: subprocess.Popen[bytes]) -> None:
    assert liveness(owned_by(client.pid)) == (ALIVE, f"process {client.pid} is running")


def test_a_client_whose_process_is_gone_is_dead(client: subprocess.Popen[bytes]) -> None:
    owner = owned_by(client.pid)
    client.kill()
    client.wait()
    assert liveness(owner) == (DEAD, f"process {client.pid} is gone")


def test_a_killed_client_that_nobody_has_collected_is_dead(client: subprocess.Popen[bytes]) -> None:
    owner = owned_by(client.pid)
    client.kill()
    os.waitid(os.P_PID, client.pid, os.WEXITED | os.WNOWAIT)
    assert read_process(client.pid).state == "Z"  # type: ignore[union-attr]
    assert liveness(owner) == (DEAD, f"process {client.pid} has ended")


def test_a_process_id_given_to_a_later_process_is_dead(client: subprocess.Popen[bytes]) -> None:
    owner = owned_by(client.pid)
    verdict, reason = liveness(changed(owner, started=owner.started - 1))  # type: ignore[operator]
    assert (verdict, reason) == (DEAD, f"process id {client.pid} belongs to a later process")


def test_a_running_process_of_unknown_start_may_be_another(client: subprocess.Popen[bytes]) -> None:
    assert liveness(changed(owned_by(client.pid), started=None))[0] == UNKNOWN


def test_a_gone_process_of_unknown_start_is_dead() -> None:
    assert liveness(owned_by(GONE))[0] == DEAD


@pytest.mark.parametrize("pid", [None, 0, -1])
def test_a_client_without_process_id_is_never_judged(pid: int | None) -> None:
    # Signal 0 to pid 0 or -1 would ask a whole group and be answered.
    assert liveness(changed(owned_by(os.getpid()), pid=pid)) == (UNKNOWN, "the client gave no process id")


def test_a_stopped_process_is_alive(client: subprocess.Popen[bytes]) -> None:
    client.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, client.pid, os.WSTOPPED)
    assert read_process(client.pid).state == "T"  # type: ignore[union-attr]
    assert liveness(owned_by(client.pid))[0] == ALIVE


def test_a_command_name_with_brackets_confuses_nobody(tmp_path: Path) -> None:
    proc = FakeProc(tmp_path / "proc")
    proc.add(50, 7, 700, comm="a) Z 1 (b")
    running = read_process(50, str(proc))
    assert running
    assert (running.state, running.ppid, running.started) == ("S", 7, 700)


def test_a_main_thread_that_ended_before_its_others_is_no_dead_process(tmp_path: Path) -> None:
    proc = FakeProc(tmp_path / "proc")
    proc.add(50, 1, 700, state="Z", threads=3)
    assert liveness(current("s1", {"CLAUDE_PID": "50"}, str(proc)), str(proc))[0] == ALIVE
    proc.add(50, 1, 700, state="Z", threads=1)
    assert liveness(current("s1", {"CLAUDE_PID": "50"}, str(proc)), str(proc))[0] == DEAD


# ---- where /proc is hidden, missing or another's ------------------------------------------------


def test_a_process_hidden_from_us_but_known_to_the_kernel_is_not_dead(tmp_path: Path) -> None:
    proc = FakeProc(tmp_path / "proc")
    owner = changed(current("s1", {"CLAUDE_PID": str(os.getppid())}, str(proc)), started=5)
    assert liveness(owner, str(proc)) == (UNKNOWN, f"process {os.getppid()} can't be looked at from here")
    assert liveness(changed(owner, pid=GONE), str(proc))[0] == DEAD


def test_a_proc_of_another_namespace_is_not_believed(tmp_path: Path) -> None:
    proc = FakeProc(tmp_path / "proc")
    proc.add(os.getppid(), 1, 5)
    owner = current("s1", {"CLAUDE_PID": str(os.getppid())}, str(proc))
    assert liveness(owner, str(proc))[0] == ALIVE
    (tmp_path / "proc/self").unlink()
    (tmp_path / "proc" / str(os.getpid())).rename(tmp_path / "proc/77")
    (tmp_path / "proc/self").symlink_to("77")
    assert liveness(owner, str(proc))[0] == UNKNOWN
    assert current("s1", {"CLAUDE_PID": str(os.getppid())}, str(proc)).started is None


def test_without_proc_only_a_missing_process_is_judged(tmp_path: Path) -> None:
    none = str(tmp_path / "none")
    assert liveness(current("s1", {"CLAUDE_PID": str(os.getppid())}, none), none)[0] == UNKNOWN
    assert liveness(current("s1", {"CLAUDE_PID": str(GONE)}, none), none)[0] == DEAD


# ---- another place ------------------------------------------------------------------------------

HERE = f"3d1219c7.{BOOT_ID}"
OTHER_BOOT = "11111111-2222-3333-4444-555555555555"


@pytest.mark.parametrize(
    ("fields", "verdict", "word"),
    [
        ({"host": "other"}, UNKNOWN, "host other, which can't be seen from here"),
        ({"host": "other", "boot": f"3d1219c7.{OTHER_BOOT}"}, UNKNOWN, "host other"),
        ({"boot": f"3d1219c7.{OTHER_BOOT}"}, DEAD, "the machine was restarted since"),
        # A namesake: another machine, or none that can be named.
        ({"boot": f"99999999.{OTHER_BOOT}"}, UNKNOWN, "another machine or container named"),
        ({"boot": f".{OTHER_BOOT}"}, UNKNOWN, "another machine or container named"),
        # A container: its image may bring host name and machine id to a second machine.
        ({"boot": f"3d1219c7.{OTHER_BOOT}", "pidns": "4026532999"}, UNKNOWN, "another machine or container"),
        ({"pidns": "4026532999"}, UNKNOWN, "another PID namespace"),
        ({"pidns": ""}, UNKNOWN, "another PID namespace"),
        ({"boot": "3d1219c7."}, UNKNOWN, "nothing shows that host"),
        ({"boot": ""}, UNKNOWN, "nothing shows that host"),
    ],
)
def test_an_owner_elsewhere(
    tmp_path: Path, machine_id: Path, fields: dict[str, object], verdict: str, word: str
) -> None:
    proc = FakeProc(tmp_path / "proc")
    here = current("s1", {"CLAUDE_PID": str(GONE)}, str(proc))
    assert (here.boot, here.pidns) == (HERE, FIRST_PIDNS)
    assert elsewhere(here, str(proc)) is None
    found = liveness(changed(here, **fields), str(proc))
    assert found[0] == verdict
    assert word in found[1]


def test_an_owner_of_an_earlier_boot_seen_from_inside_a_container_is_not_judged(
    tmp_path: Path, machine_id: Path
) -> None:
    proc = FakeProc(tmp_path / "proc", pidns="4026532999")
    here = current("s1", {"CLAUDE_PID": str(GONE)}, str(proc))
    for pidns in ["4026532999", FIRST_PIDNS]:
        before = changed(here, boot=f"3d1219c7.{OTHER_BOOT}", pidns=pidns)
        assert liveness(before, str(proc))[0] == UNKNOWN


def test_an_earlier_boot_of_a_machine_without_machine_id_is_not_judged(tmp_path: Path, machine_id: Path) -> None:
    machine_id.unlink()
    proc = FakeProc(tmp_path / "proc")
    here = current("s1", {"CLAUDE_PID": str(GONE)}, str(proc))
    assert here.boot == f".{BOOT_ID}"
    assert liveness(changed(here, boot=f".{OTHER_BOOT}"), str(proc))[0] == UNKNOWN


def test_an_unreadable_namespace_is_not_taken_for_our_own(tmp_path: Path, machine_id: Path) -> None:
    proc = FakeProc(tmp_path / "proc")
    (tmp_path / "proc" / str(os.getpid()) / "ns" / "pid").unlink()
    here = current("s1", {"CLAUDE_PID": str(GONE)}, str(proc))
    assert liveness(here, str(proc))[0] == UNKNOWN
