"""Commands run by durable itself, with real shells."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from durable.execute.shell import process
from durable.execute.shell.bash import HELD_OPEN, run_bash
from durable.execute.shell.kept import Kept

ENV = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8"}


@pytest.fixture
def here(tmp_path: Path) -> str:
    return str(tmp_path)


def lives(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_until(seen, seconds: float = 20) -> None:
    until = time.monotonic() + seconds
    while not seen():
        assert time.monotonic() < until, "it never came"
        time.sleep(0.02)


def once_there(path: str):
    return lambda: os.path.exists(path)


def test_what_it_prints_is_answered_as_the_client_would(here: str) -> None:
    outcome = run_bash({"command": "echo out; echo err >&2"}, here, ENV)
    assert outcome.response == {"stdout": "out", "stderr": "err", "interrupted": False}
    assert (outcome.error, outcome.not_begun, outcome.interrupted, outcome.truncated) == (None, False, False, False)


def test_a_failure_is_told_in_the_words_of_the_client(here: str) -> None:
    outcome = run_bash({"command": "echo bad >&2; echo so; exit 3"}, here, ENV)
    assert outcome.error == "Exit code 3\nbad\nso"
    assert not outcome.not_begun


def test_a_death_by_signal_is_told_as_a_shell_tells_it(here: str) -> None:
    assert run_bash({"command": "echo last; kill -9 $$"}, here, ENV).error == "Exit code 137\nlast"


def test_it_runs_where_it_is_to_with_the_environment_it_is_given_and_nothing_to_read(here: str) -> None:
    env = {**ENV, "DURABLE_STEP_ID": "s-1", "DURABLE_IDEMPOTENCY_KEY": "k-1"}
    outcome = run_bash(
        {"command": 'pwd; echo "$DURABLE_STEP_ID $DURABLE_IDEMPOTENCY_KEY"; cat; env | wc -l'}, here, env
    )
    lines = outcome.response["stdout"].splitlines()
    assert lines[:2] == [os.path.realpath(here), "s-1 k-1"]
    assert "HOME" not in run_bash({"command": "env"}, here, env).response["stdout"]


def test_it_reads_nothing_of_what_was_meant_for_us(here: str) -> None:
    call = f"run_bash({{'command': 'cat; echo end'}}, {here!r}, {ENV!r}).response['stdout']"
    script = f"from durable.execute.shell.bash import run_bash; print({call})"
    asked = subprocess.run([sys.executable, "-c", script], input="a request", capture_output=True, text=True)
    assert asked.stdout == "end\n"


def test_bash_is_taken_where_there_is_one_and_sh_otherwise(here: str) -> None:
    assert run_bash({"command": "a=(1 2); echo ${a[1]}"}, here, ENV).response["stdout"] == "2"
    assert run_bash({"command": "echo $0"}, here, {"PATH": here}).response["stdout"] == "/bin/sh"


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_however_much_it_prints_its_beginning_and_end_are_kept_and_the_rest_is_counted(here: str, stream: str) -> None:
    script = f"import sys; s = sys.{stream}; s.write('first ' + 'x' * 5_000_000 + ' last')"
    outcome = run_bash({"command": f'"{sys.executable}" -c "{script}"'}, here, ENV)
    kept = outcome.response[stream]
    assert outcome.truncated
    assert kept.startswith("first x") and kept.endswith("x last")
    assert len(kept) < 1_000_100
    assert "4000011 bytes left out" in kept


def test_both_streams_are_drained_at_once(here: str) -> None:
    one = "head -c 300000 /dev/zero | tr '\\0' x"
    outcome = run_bash({"command": f"{one} >&2; {one}; {one} >&2; {one}"}, here, ENV)
    assert (len(outcome.response["stdout"]), len(outcome.response["stderr"])) == (600_000, 600_000)
    assert not outcome.truncated


def test_bytes_that_are_no_text_survive(here: str) -> None:
    assert run_bash({"command": "printf 'a\\377b'"}, here, ENV).response["stdout"] == "a\\xffb"


def test_a_background_child_that_holds_the_output_open_is_not_waited_for(here: str) -> None:
    began = time.monotonic()
    outcome = run_bash({"command": "sleep 60 & echo $!"}, here, ENV)
    pid = int(outcome.response["stdout"])
    try:
        assert outcome.error is None
        assert outcome.response["note"] == HELD_OPEN
        assert time.monotonic() - began < 10
        assert lives(pid)
    finally:
        os.kill(pid, signal.SIGKILL)


def test_what_a_background_child_prints_soon_after_is_kept(here: str) -> None:
    outcome = run_bash({"command": "(sleep 0.2; echo late) & echo early"}, here, ENV)
    assert outcome.response == {"stdout": "early\nlate", "stderr": "", "interrupted": False}


def test_past_its_timeout_it_is_ended_and_its_outcome_is_unknown(here: str) -> None:
    outcome = run_bash({"command": "echo partial; sleep 60 & echo $!; wait", "timeout": 500}, here, ENV)
    head, partial, pid = outcome.error.splitlines()
    assert head == "timed out after 0.5 s and was ended"
    assert partial == "partial"
    assert "Exit code" not in outcome.error
    assert not outcome.not_begun
    wait_until(lambda: not lives(int(pid)))


def test_what_ignores_being_asked_is_forced(here: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "GRACE_S", 0.3)
    command = "trap '' TERM; echo $$; while :; do sleep 0.1; done"
    outcome = run_bash({"command": command, "timeout": 300}, here, ENV)
    assert outcome.error.startswith("timed out")
    assert not lives(int(outcome.response["stdout"]))


def test_what_is_asked_to_end_may_clean_up(here: str) -> None:
    outcome = run_bash({"command": "trap 'echo cleaned; exit 0' TERM; sleep 60 & wait", "timeout": 300}, here, ENV)
    assert outcome.response["stdout"] == "cleaned"
    assert outcome.error.startswith("timed out")


def test_what_its_shell_started_has_the_same_time_to_clean_up(here: str) -> None:
    child = "trap 'sleep 0.5; echo cleaned; exit' TERM; echo up; while :; do sleep 0.1; done"
    outcome = run_bash({"command": f'bash -c "{child}" & sleep 60', "timeout": 1000}, here, ENV)
    assert outcome.response["stdout"] == "up\ncleaned"


def test_no_descriptor_is_left_open(here: str) -> None:
    before = os.listdir("/proc/self/fd")
    run_bash({"command": "echo hi"}, here, ENV)
    run_bash({"command": "echo hi\0"}, here, ENV)
    assert len(os.listdir("/proc/self/fd")) == len(before)


def test_stopped_it_ends_the_whole_group_and_says_so(here: str) -> None:
    mark = f"{here}/began"
    outcome = run_bash({"command": f"sleep 60 & echo $!; touch {mark}; wait"}, here, ENV, once_there(mark))
    assert outcome.interrupted
    assert outcome.response["interrupted"] is True
    assert outcome.error.startswith("stopped after")
    wait_until(lambda: not lives(int(outcome.response["stdout"])))


def test_whatever_interrupts_the_watcher_the_command_ends_with_it(here: str) -> None:
    mark = f"{here}/pid"

    def interrupted() -> bool:
        if os.path.exists(mark):
            raise KeyboardInterrupt
        return False

    command = f"echo $$ > {mark}.new; mv {mark}.new {mark}; exec sleep 60"
    with pytest.raises(KeyboardInterrupt):
        run_bash({"command": command}, here, ENV, interrupted)
    assert not lives(int(Path(mark).read_text()))


def test_killed_itself_it_leaves_the_command_to_its_end(here: str) -> None:
    """Nothing can be done against kill -9; the command is to be known by its environment then."""
    command = (
        f"echo $$ > {here}/pid; while [ ! -e {here}/go ]; do sleep 0.05; done; echo $DURABLE_STEP_ID > {here}/done"
    )
    env = {**ENV, "DURABLE_STEP_ID": "s-9"}
    call = f"run_bash({{'command': {command!r}}}, {here!r}, {env!r})"
    script = f"from durable.execute.shell.bash import run_bash; {call}"
    worker = subprocess.Popen([sys.executable, "-c", script])
    wait_until(lambda: os.path.exists(f"{here}/pid") and Path(f"{here}/pid").read_text().strip())
    worker.kill()
    worker.wait()
    Path(f"{here}/go").touch()
    wait_until(lambda: os.path.exists(f"{here}/done") and Path(f"{here}/done").read_text())
    assert Path(f"{here}/done").read_text() == "s-9\n"


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({}, "names no command"),
        ({"command": "  "}, "names no command"),
        ({"command": "touch ran", "run_in_background": True}, "no command in the background"),
        ({"command": "touch ran", "timeout": "soon"}, "no number of milliseconds"),
        ({"command": "touch ran", "timeout": 0}, "no number of milliseconds"),
        ({"command": "touch ran\0"}, "can't be started"),
        ({"command": "touch ran; : " + "x" * 3_000_000}, "can't be started"),
    ],
)
def test_what_is_not_begun_says_why(here: str, given: dict, why: str) -> None:
    outcome = run_bash(given, here, ENV)
    assert outcome.not_begun
    assert why in outcome.error
    assert os.listdir(here) == []


def test_a_missing_directory_is_not_begun(here: str) -> None:
    outcome = run_bash({"command": "echo hi"}, f"{here}/gone", ENV)
    assert outcome.not_begun
    assert "gone" in outcome.error


def test_what_is_kept_is_exact_up_to_its_limit() -> None:
    for size in range(30):
        for chunk in (1, 3, 100):
            data = bytes(65 + at % 26 for at in range(size))
            kept = Kept(limit=10)
            for at in range(0, size, chunk):
                kept.add(data[at : at + chunk])
            if size <= 10:
                assert (kept.text(), kept.left_out) == (data.decode(), 0)
            else:
                assert kept.text() == f"{data[:5].decode()}\n[… {size - 10} bytes left out …]\n{data[-5:].decode()}"


def test_what_is_left_out_takes_no_memory() -> None:
    kept = Kept(limit=10)
    for _ in range(1000):
        kept.add(b"abc")
        assert len(kept._head) + len(kept._tail) < 40
