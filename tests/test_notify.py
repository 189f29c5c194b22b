"""News for others: whole, and never in the way."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from durable.notify import notify

SRC = str(Path(__file__).resolve().parent.parent / "src")
NEWS: dict[str, Any] = {
    "event": "denied", "at": "2026-01-01T00:00:00.000000Z", "run_id": "r1", "step_id": "5e55", "tool_name": "Bash",
    "rule": "pay", "verdict": "deny", "reason": "done before",
}  # fmt: skip
HOOK = """
import os, sys
sys.path.append(sys.argv[1])
from durable.native import loads
from durable.notify import notify
os.write(1, b"answer")
given = loads(sys.stdin.read())
notify(given["sinks"], given["news"])
os._exit(0)
"""
LONG_S = 30


def hook(sinks: list[dict[str, Any]], news: list[dict[str, Any]] | None = None) -> subprocess.CompletedProcess[bytes]:
    """Returns when the process has ended and nobody holds its output any more, as the client does."""
    return subprocess.run(
        [sys.executable, "-I", "-S", "-c", HOOK, SRC],
        input=json.dumps({"sinks": sinks, "news": [NEWS] if news is None else news}).encode(),
        capture_output=True,
        timeout=LONG_S,
        check=True,
    )


def wait_for(seen: Callable[[], Any], what: str) -> Any:
    until = time.monotonic() + LONG_S
    while not (found := seen()):
        assert time.monotonic() < until, f"no {what}"
        time.sleep(0.002)
    return found


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_command_hears_each_piece_of_news_on_stdin_in_order(tmp_path: Path) -> None:
    heard = tmp_path / "heard"
    news = [{**NEWS, "step_id": str(number)} for number in range(3)]
    hook([{"on": ["denied"], "command": f"cat >>{heard}; echo >>{heard}"}], news)
    wait_for(lambda: heard.exists() and heard.read_bytes().count(b"\n") == 3, "third line")
    assert lines(heard) == news


def test_a_command_has_the_step_and_the_event_in_its_environment(tmp_path: Path) -> None:
    heard = tmp_path / "heard"
    said = "echo $DURABLE_EVENT $DURABLE_STEP_ID ${DURABLE_NEWS-unset}"
    hook([{"command": f"{said} >{heard}.new; mv {heard}.new {heard}"}])
    wait_for(heard.exists, "news")
    assert heard.read_text() == "denied 5e55 unset\n"


def test_a_sink_hears_only_what_it_asked_for(tmp_path: Path) -> None:
    asked, all_of_it = tmp_path / "asked", tmp_path / "all"
    news = [NEWS, {**NEWS, "event": "failed"}]
    notify([{"on": ["failed"], "jsonl": str(asked)}, {"jsonl": str(all_of_it)}], news)
    assert [one["event"] for one in lines(asked)] == ["failed"]
    assert [one["event"] for one in lines(all_of_it)] == ["denied", "failed"]


def test_a_sink_that_blocks_goes_on_after_the_hook_has_ended(tmp_path: Path) -> None:
    """It opens a FIFO, and there is nobody at the other end until the hook has answered and gone."""
    gate, passed = tmp_path / "gate", tmp_path / "passed"
    os.mkfifo(gate)
    done = hook([{"command": f"cat {gate} >{passed}.new; mv {passed}.new {passed}"}])
    assert (done.stdout, done.stderr, passed.exists()) == (b"answer", b"", False)
    pass_through(gate, b"go on")
    wait_for(passed.exists, "end of the sink")
    assert passed.read_text() == "go on"


def test_the_end_of_the_hooks_group_is_not_the_sinks(tmp_path: Path) -> None:
    gate, passed = tmp_path / "gate", tmp_path / "passed"
    os.mkfifo(gate)
    lasting = HOOK.replace("os._exit(0)", "import time; time.sleep(600)")
    first = f'[ "$DURABLE_STEP_ID" = 5e55 ] && cat {gate} >/dev/null && exit; echo >{passed}'
    told = json.dumps({"sinks": [{"command": first}], "news": [NEWS, {**NEWS, "step_id": "the next"}]})
    started = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", lasting, SRC],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
        text=True,
    )
    assert started.stdin is not None
    with started.stdin as stdin:
        stdin.write(told)
    reading = wait_for(lambda: opened(gate), "sink")
    os.killpg(started.pid, signal.SIGKILL)
    started.wait(LONG_S)
    os.close(reading)
    wait_for(passed.exists, "end of the sink")


def pass_through(gate: Path, data: bytes) -> None:
    reading = wait_for(lambda: opened(gate), "sink")
    os.write(reading, data)
    os.close(reading)


def opened(fifo: Path) -> int | None:
    """Once somebody reads from it."""
    try:
        return os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
    except OSError:
        return None


@pytest.mark.parametrize(
    "sink",
    [
        {"command": "exit 3"},
        {"command": "no-such-program-anywhere"},
        {"command": "echo out; echo err >&2"},
        {"command": "trap '' TERM HUP INT PIPE; echo >TOUCHED; sleep 1"},
        {"command": "nul\0"},
        {"command": "x" * 500_000},
        {"command": 7},
        {},
        {"jsonl": "/no/such/folder/log.jsonl"},
        {"jsonl": "/dev/full"},
        {"jsonl": "relative.jsonl"},
        {"jsonl": None},
        {"on": None, "command": "true"},
    ],
)
def test_no_broken_sink_changes_the_answer_or_keeps_news_from_the_next(tmp_path: Path, sink: dict[str, Any]) -> None:
    if "TOUCHED" in str(sink.get("command")):
        sink = {"command": sink["command"].replace("TOUCHED", str(tmp_path / "touched"))}
    log = tmp_path / "log.jsonl"
    done = hook([sink, {"jsonl": str(log)}])
    assert (done.stdout, done.stderr) == (b"answer", b"")
    assert lines(log) == [NEWS]


def test_news_that_have_no_json_form_raise_nothing(tmp_path: Path) -> None:
    notify([{"jsonl": str(tmp_path / "log")}], [{**NEWS, "reason": float("nan")}])


def test_many_news_are_all_told(tmp_path: Path) -> None:
    heard = tmp_path / "heard"
    heard.mkdir()
    news = [{**NEWS, "step_id": str(number), "reason": "\U0001f600" * 30_000} for number in range(50)]
    hook([{"command": f"cat >/dev/null; mkdir {heard}/$DURABLE_STEP_ID"}], news)
    wait_for(lambda: len(list(heard.iterdir())) == 50, "fiftieth")


def test_lines_of_many_hooks_at_once_stay_whole(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    script = (
        f"import sys; sys.path.append({SRC!r})\nfrom durable.notify import notify\n"
        "for number in range(200):\n"
        "    news = [{'event': 'denied', 'who': sys.argv[1], 'number': number, 'reason': 'x' * 1500}] * 3\n"
        f"    notify([{{'jsonl': {str(log)!r}}}], news)\n"
    )
    writers = [subprocess.Popen([sys.executable, "-I", "-S", "-c", script, str(who)]) for who in range(6)]
    assert [writer.wait(LONG_S) for writer in writers] == [0] * 6
    found = lines(log)
    assert len(found) == 6 * 200 * 3
    for who in range(6):
        assert [one["number"] for one in found if one["who"] == str(who)] == [n for n in range(200) for _ in range(3)]


def test_the_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    notify([{"jsonl": str(log)}], [NEWS])
    assert stat.S_IMODE(log.stat().st_mode) == 0o600


def test_a_path_may_start_at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    notify([{"jsonl": "~/log.jsonl"}], [NEWS])
    assert lines(tmp_path / "log.jsonl") == [NEWS]


def test_no_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").symlink_to(tmp_path / "elsewhere")
    notify([{"jsonl": str(tmp_path / "log.jsonl")}], [NEWS])
    assert not (tmp_path / "elsewhere").exists()


def test_a_fifo_in_the_files_place_holds_nobody_up_and_takes_nothing(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "log.jsonl")
    notify([{"jsonl": str(tmp_path / "log.jsonl")}], [NEWS])
    reader = os.open(tmp_path / "log.jsonl", os.O_RDONLY | os.O_NONBLOCK)
    try:
        notify([{"jsonl": str(tmp_path / "log.jsonl")}], [NEWS])
        assert os.read(reader, 100) == b""
    finally:
        os.close(reader)


def test_a_sink_is_no_process_of_the_session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else it would count as an orphan of the step that it tells of."""
    monkeypatch.setenv("CLAUDE_CODE_SESSION_ID", "s1")
    gate, marks = tmp_path / "gate", tmp_path / "marks"
    os.mkfifo(gate)
    command = f"tr '\\0' '\\n' </proc/$PPID/environ >{marks}; env >>{marks}; cat {gate}"
    hook([{"command": command}])
    pass_through(gate, b"")
    found = marks.read_text()
    assert "DURABLE_EVENT=denied" in found
    assert "CLAUDE_CODE_SESSION_ID" not in found
