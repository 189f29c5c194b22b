"""A rule's probe: real shells, really killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from durable.probe import CANT_TELL, HAPPENED, NOT_HAPPENED, Verdict, run_probe

SRC = str(Path(__file__).resolve().parent.parent / "src")
STEP: dict[str, Any] = {
    "step_id": "5e55", "run_id": "r1", "session_id": "s1", "tool_name": "Bash", "tool_use_id": "toolu_1",
    "idempotency_key": "key-1", "attempt": 2, "prepared_at": "2026-01-01T00:00:00.000000Z", "input": {"command": "pay"},
}  # fmt: skip
LONG_S = 60.0


def probe(command: str, timeout_s: float = LONG_S, cwd: str = "/", **env: str) -> Verdict:
    return run_probe(command, STEP, cwd, timeout_s, {"PATH": os.environ["PATH"], **env})


def is_gone(pid: int) -> bool:
    """Ended, though perhaps not yet buried by whoever inherited it."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def wait_until_gone(pid: int) -> None:
    until = time.monotonic() + 20
    while not is_gone(pid):
        assert time.monotonic() < until, f"process {pid} lives on"
        time.sleep(0.002)


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("exit 0", HAPPENED),
        ("exit 1", NOT_HAPPENED),
        ("echo not there >&2; exit 1", NOT_HAPPENED),
        ("exit 2", CANT_TELL),
        ("exit 126", CANT_TELL),
        ("exit 255", CANT_TELL),
        ("kill -9 $$", CANT_TELL),
        ("kill -TERM $$", CANT_TELL),
        ("no-such-program-anywhere", CANT_TELL),
        ("if then", CANT_TELL),
        (f"{sys.executable} -c 'import nothing_of_that_name'", CANT_TELL),
    ],
)
def test_the_exit_code_is_the_answer(command: str, says: str) -> None:
    assert probe(command).says == says


def test_stdout_of_what_happened_is_the_receipt() -> None:
    assert probe("echo; echo ' pull/7 '; echo noise >&2").receipt == "pull/7"


def test_only_what_happened_has_a_receipt() -> None:
    assert [probe(f"echo x; exit {code}").receipt for code in (0, 1, 2)] == ["x", "", ""]


def test_what_the_probe_complains_about_is_said() -> None:
    assert "connection refused" in probe("echo connection refused >&2; exit 7").why


def test_the_step_stands_on_stdin_and_in_the_environment() -> None:
    assert json.loads(probe("cat").receipt) == STEP
    found = probe("echo $DURABLE_STEP_ID $DURABLE_RUN_ID $DURABLE_TOOL_NAME $DURABLE_IDEMPOTENCY_KEY $DURABLE_ATTEMPT")
    assert found.receipt == "5e55 r1 Bash key-1 2"


def test_the_probe_keeps_the_environment_but_for_the_mark_of_the_session() -> None:
    found = probe('echo "$TOKEN-$CLAUDE_CODE_SESSION_ID"', TOKEN="t", CLAUDE_CODE_SESSION_ID="s1")
    assert found.receipt == "t-"


def test_it_runs_where_the_step_ran(tmp_path: Path) -> None:
    assert probe("pwd -P", cwd=str(tmp_path)).receipt == str(tmp_path.resolve())


def test_a_directory_that_is_gone_cant_tell(tmp_path: Path) -> None:
    found = probe("exit 1", cwd=str(tmp_path / "gone"))
    assert (found.says, "gone" in found.why) == (CANT_TELL, True)


@pytest.mark.parametrize("command", ["pay\0", "x" * 3_000_000])
def test_a_command_that_cant_be_started_cant_tell(command: str) -> None:
    assert probe(command).says == CANT_TELL


def test_a_step_that_has_no_json_form_cant_tell() -> None:
    found = run_probe("exit 1", {"input": float("nan")}, "/", LONG_S, {})
    assert found.says == CANT_TELL


def test_without_a_free_descriptor_it_cant_tell() -> None:
    script = (
        "import os, resource\n"
        "from durable.probe import run_probe\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (5, 5))\n"
        "print(run_probe('exit 1', {}, '/', 60.0, {}).says)\n"
        "print(len(os.listdir('/proc/self/fd')))\n"
    )
    before = "import os, select, _posixsubprocess, encodings.idna\n"
    done = subprocess.run(
        [sys.executable, "-c", before + script], env={"PYTHONPATH": SRC}, capture_output=True, text=True, check=True
    )
    assert done.stdout.split("\n")[:2] == [CANT_TELL, "4"]


def test_an_input_larger_than_a_pipe_blocks_nobody() -> None:
    """Neither who reads none of it, nor who first writes more than a pipe holds."""
    large = {**STEP, "input": "x" * 5_000_000}
    for command in ("exit 0", "head -c 400000 /dev/zero; head -c 400000 /dev/zero >&2; wc -c", "exec <&-; exit 0"):
        assert run_probe(command, large, "/", LONG_S, {"PATH": os.environ["PATH"]}).says == HAPPENED


def test_output_is_bounded() -> None:
    found = probe("head -c 9000000 /dev/zero | tr '\\0' x; head -c 9000000 /dev/zero >&2")
    assert (found.says, len(found.receipt)) == (HAPPENED, 30_000)


def test_output_that_is_no_utf8_is_kept_readable() -> None:
    assert probe("printf 'a\\377b'").receipt == "a\\xffb"


def test_too_late_cant_tell_and_the_whole_group_is_ended(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    deaf = "trap '' TERM HUP INT"
    command = f"{deaf}; echo $$ >>{pids}; sh -c '{deaf}; echo $$ >>{pids}; while :; do sleep 60; done' & wait"
    found = probe(command, timeout_s=1.0)
    assert found.says == CANT_TELL
    assert "within 1 s" in found.why
    living = [int(pid) for pid in pids.read_text().split()]
    assert len(living) == 2
    for pid in living:
        wait_until_gone(pid)


def test_a_child_that_holds_the_output_open_delays_no_answer_and_is_ended(tmp_path: Path) -> None:
    """It would sleep for longer than the test waits: an answer at all is the proof."""
    pid = tmp_path / "pid"
    found = probe(f"sleep 3600 & echo $! >{pid}; echo done", timeout_s=LONG_S)
    assert (found.says, found.receipt) == (HAPPENED, "done")
    wait_until_gone(int(pid.read_text()))


def test_a_probe_that_never_stops_talking_is_ended() -> None:
    assert probe("yes", timeout_s=0.5).says == CANT_TELL


def test_there_is_no_terminal_to_ask_a_person() -> None:
    assert probe("(exec 3</dev/tty) 2>/dev/null && exit 0; exit 1").says == NOT_HAPPENED


def children() -> set[str]:
    """Ours, the unburied ones too. Other tests of this process may have left some of theirs."""
    own = [f"/proc/self/task/{task}/children" for task in os.listdir("/proc/self/task")]
    return {pid for path in own for pid in Path(path).read_text().split()}


def test_no_time_left_leaves_nothing_behind() -> None:
    """The child has not even left our own group yet when its time is over."""
    before = children()
    for _ in range(20):
        assert probe("sleep 60; exit 0", timeout_s=0.0).says == CANT_TELL
    assert children() <= before


HOOK = """
import os, sys
sys.path.append({src!r})
from durable.alarm import Alarm, Interruption
from durable.probe import run_probe
alarm = Alarm()
alarm.arm({{"DURABLE_DEADLINE_S": "{deadline}"}})
alarm.doing = "waiting for a probe"
try:
    run_probe("echo $$ >{pid}.new; mv {pid}.new {pid}; sleep 3600", {{}}, "/", 3000.0, {{"PATH": os.environ["PATH"]}})
except Interruption as told:
    print(told)
"""


@pytest.mark.parametrize(("deadline", "kill", "said"), [("1.5", 0, "its deadline"), ("50", signal.SIGTERM, "stop")])
def test_the_hooks_own_end_ends_the_probe(tmp_path: Path, deadline: str, kill: int, said: str) -> None:
    pid = tmp_path / "pid"
    hook = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", HOOK.format(src=SRC, deadline=deadline, pid=pid)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    while not pid.exists():
        assert hook.poll() is None
        time.sleep(0.002)
    if kill:
        hook.send_signal(kill)
    assert said in hook.communicate(timeout=40)[0]
    wait_until_gone(int(pid.read_text()))


def test_nothing_a_probe_says_reaches_the_hooks_own_output() -> None:
    script = "from durable.probe import run_probe; run_probe('echo out; echo err >&2', {}, '/', 60.0, {})"
    done = subprocess.run([sys.executable, "-c", script], env={"PYTHONPATH": SRC}, capture_output=True, check=True)
    assert (done.stdout, done.stderr) == (b"", b"")


def test_no_descriptor_of_the_hook_is_the_probes(tmp_path: Path) -> None:
    with open(tmp_path / "ledger.db", "w"):
        assert "ledger.db" not in probe("ls -l /proc/self/fd").receipt


def test_no_descriptor_and_no_process_is_left_over() -> None:
    before, relatives = os.listdir("/proc/self/fd"), children()
    for command, timeout_s in (("exit 0", LONG_S), ("exit 1", LONG_S), ("sleep 60", 0.2)):
        probe(command, timeout_s)
    assert os.listdir("/proc/self/fd") == before
    assert children() <= relatives


def test_the_callers_signal_mask_is_left_as_it_was() -> None:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    probe("exit 0")
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == before


@pytest.mark.parametrize("name", ["SigBlk", "SigIgn"])
def test_the_probe_holds_back_and_ignores_no_signal_that_we_do(name: str) -> None:
    """Python ignores SIGPIPE, at which whoever writes to a closed pipe should end."""
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        found = int(probe(f"grep {name} /proc/self/status").receipt.split()[1], 16)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert [number for number in (signal.SIGPIPE, signal.SIGTERM, signal.SIGALRM) if found >> (number - 1) & 1] == []


def test_output_without_end_takes_no_memory() -> None:
    script = (
        "import resource\n"
        "from durable.probe import run_probe\n"
        "resource.setrlimit(resource.RLIMIT_AS, (250_000_000, 250_000_000))\n"
        "print(run_probe('head -c 500000000 /dev/zero', {}, '/', 60.0, {}).says)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], env={"PYTHONPATH": SRC}, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == (f"{HAPPENED}\n", "")
