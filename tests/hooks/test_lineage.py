"""Which run a session belongs to that goes on from another one under a new id, and what counts for it."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import ledger_view
from durable.agents import claude_lineage, ourselves
from durable.event import BEFORE_CALL, Event
from durable.lineage import parent_of

from .door import Door, FakeClient, bash, ran, recorded

PAY = "pay --to bob 5"
RULES = '[rules.pay]\nmatch = "Bash(pay *)"\neffect = "once"\n'
PARENT = bash()["session_id"]
FORK, SECOND = "11111111-fork", "22222222-fork"
LARGEST = 4_000_000


@pytest.fixture
def door(door: Door) -> Door:
    door.policy(RULES)
    return door


@pytest.fixture
def another() -> Iterator[FakeClient]:
    client = FakeClient()
    yield client
    client.kill()


def asked(command: str, use_id: str) -> str:
    """The line of a transcript in which the model asks for the call."""
    block = {"type": "tool_use", "id": use_id, "name": "Bash", "input": {"command": command}}
    return json.dumps({"type": "assistant", "message": {"id": "msg_1", "content": [block]}}) + "\n"


def transcript(door: Door, *lines: str) -> str:
    path = door.root / "transcript.jsonl"
    path.write_text("".join(lines), encoding="utf-8")
    return str(path)


def begins(door: Door, source: str, session: str, path: str = "", **env: str) -> str:
    answer = door.lifecycle(
        recorded("SessionStart-resume", session_id=session, source=source, transcript_path=path), **env
    )
    assert (answer.code, answer.err) == (0, "")
    return answer.told


def ends(door: Door, session: str, reason: str, **env: str) -> None:
    assert door.lifecycle(recorded("SessionEnd-other", session_id=session, reason=reason), **env).permits


def pays(door: Door, session: str, use_id: str, path: str = "", command: str = PAY, **env: str) -> Any:
    return door.pre(bash(command, use_id, session_id=session, transcript_path=path), **env)


def has_paid(door: Door, session: str = PARENT, use_id: str = "toolu_1", **env: str) -> None:
    assert pays(door, session, use_id, **env).permits
    assert door.post(ran(PAY, use_id, session_id=session, stdout="receipt 77"), **env).permits


def session(door: Door, session_id: str) -> dict[str, Any]:
    with ledger_view.connect(door.state) as ledger:
        return dict(ledger.execute("SELECT * FROM sessions WHERE session_id = ?", (session_id,)).fetchone())


def runs(door: Door) -> dict[str, str]:
    with ledger_view.connect(door.state) as ledger:
        return {row["run_id"]: row["status"] for row in ledger.execute("SELECT * FROM runs")}


def joined(door: Door, session_id: str) -> tuple[str, str | None]:
    row = session(door, session_id)
    return row["run_id"], row["continues"]


# ---- forks, by what their transcript repeats ----------------------------------------------------


def test_a_fork_belongs_to_the_run_whose_calls_its_transcript_repeats(door: Door, another: FakeClient) -> None:
    has_paid(door)
    told = begins(door, "fork", FORK, transcript(door, asked(PAY, "toolu_1")), CLAUDE_PID=str(another.pid))
    assert joined(door, FORK) == (PARENT, PARENT)
    assert "receipt 77" in told
    assert "Already done" in pays(door, FORK, "toolu_2", CLAUDE_PID=str(another.pid)).told


def test_a_fork_whose_transcript_comes_late_is_known_at_its_first_once_call(door: Door, another: FakeClient) -> None:
    has_paid(door)
    env = {"CLAUDE_PID": str(another.pid)}
    begins(door, "fork", FORK, **env)
    assert joined(door, FORK) == (FORK, "")
    path = transcript(door, asked(PAY, "toolu_1"), asked("pay --to eve 7", "toolu_2"))
    assert pays(door, FORK, "toolu_2", path, "pay --to eve 7", **env).permits
    assert joined(door, FORK) == (PARENT, PARENT)
    assert ledger_view.step(door.state, tool_use_id="toolu_2")["run_id"] == PARENT
    assert runs(door) == {PARENT: "open", FORK: "completed"}
    assert session(door, FORK)["source"] == "fork"


def test_or_at_its_next_prompt(door: Door, another: FakeClient) -> None:
    has_paid(door)
    env = {"CLAUDE_PID": str(another.pid)}
    begins(door, "fork", FORK, **env)
    path = transcript(door, asked(PAY, "toolu_1"))
    prompt = recorded("UserPromptSubmit", session_id=FORK, transcript_path=path, source="user")
    assert door.lifecycle(prompt, **env).permits
    assert joined(door, FORK) == (PARENT, PARENT)
    assert session(door, FORK)["source"] == "fork"


def test_or_when_it_is_resumed_and_then_hears_what_is_done(door: Door, another: FakeClient) -> None:
    has_paid(door)
    env = {"CLAUDE_PID": str(another.pid)}
    begins(door, "fork", FORK, **env)
    assert "receipt 77" in begins(door, "resume", FORK, transcript(door, asked(PAY, "toolu_1")), **env)
    assert joined(door, FORK) == (PARENT, PARENT)


def test_a_fork_under_a_named_run_is_known_as_late(door: Door, another: FakeClient) -> None:
    has_paid(door)
    env = {"CLAUDE_PID": str(another.pid), "DURABLE_RUN_ID": "R"}
    begins(door, "fork", FORK, **env)
    assert "Already done" in pays(door, FORK, "toolu_2", transcript(door, asked(PAY, "toolu_1")), **env).told
    assert joined(door, FORK) == ("R", PARENT)


def test_a_fork_of_a_fork_goes_on_from_the_nearer_one(door: Door, another: FakeClient) -> None:
    has_paid(door)
    env = {"CLAUDE_PID": str(another.pid), "DURABLE_RUN_ID": "R"}
    begins(door, "fork", FORK, transcript(door, asked(PAY, "toolu_1")), **env)
    door.pre(bash("make", "toolu_2", session_id=FORK), **env)
    third = FakeClient()
    path = transcript(door, asked(PAY, "toolu_1"), asked("make", "toolu_2"))
    begins(door, "fork", SECOND, path, CLAUDE_PID=str(third.pid))
    assert joined(door, SECOND) == ("R", FORK)
    assert "Already done" in pays(door, SECOND, "toolu_3", CLAUDE_PID=str(third.pid)).told
    third.kill()


@pytest.mark.parametrize(
    "line",
    [asked(PAY, "toolu_other"), asked("pay --to bob 6", "toolu_1"), asked(PAY, "toolu_1").replace("Bash", "Sh")],
    ids=["id", "input", "tool"],
)
def test_a_call_that_differs_is_no_repetition(door: Door, another: FakeClient, line: str) -> None:
    has_paid(door)
    begins(door, "fork", FORK, transcript(door, line), CLAUDE_PID=str(another.pid))
    assert joined(door, FORK) == (FORK, "")


def test_a_transcript_leads_into_no_run_of_another_project(door: Door, another: FakeClient) -> None:
    has_paid(door)
    elsewhere = {"CLAUDE_PROJECT_DIR": str(door.home), "CLAUDE_PID": str(another.pid)}
    begins(door, "fork", FORK, transcript(door, asked(PAY, "toolu_1")), **elsewhere)
    assert joined(door, FORK) == (FORK, "")


def test_a_new_session_continues_nothing_whatever_its_transcript_holds(door: Door, another: FakeClient) -> None:
    has_paid(door)
    env = {"CLAUDE_PID": str(another.pid)}
    path = transcript(door, asked(PAY, "toolu_1"))
    begins(door, "startup", FORK, path, **env)
    assert pays(door, FORK, "toolu_2", path, **env).permits
    assert joined(door, FORK) == (FORK, None)


# ---- where nobody can tell ------------------------------------------------------------------------


def fifo(path: Path) -> None:
    os.mkfifo(path)


def folder(path: Path) -> None:
    path.mkdir()


def garbage(path: Path) -> None:
    path.write_bytes(b'\xff\x00 "tool_use" {[\n' * 3 + b'{"tool_use": ' + b"[" * 100_000 + b"\n")


def one_endless_line(path: Path) -> None:
    with open(path, "wb") as file:
        file.write(b'"tool_use"')
        file.truncate(1 << 40)


def missing(path: Path) -> None:
    pass


@pytest.mark.parametrize("make", [fifo, folder, garbage, one_endless_line, missing])
def test_of_a_fork_whose_parent_nobody_knows_any_call_of_the_project_counts(
    door: Door, another: FakeClient, make: Callable[[Path], None]
) -> None:
    has_paid(door)
    env = {"CLAUDE_PID": str(another.pid)}
    path = door.root / "odd.jsonl"
    make(path)
    begins(door, "fork", FORK, str(path), **env)
    assert joined(door, FORK) == (FORK, "")
    assert "Already done" in pays(door, FORK, "toolu_2", str(path), **env).told
    assert pays(door, FORK, "toolu_3", str(path), "pay --to eve 7", **env).permits
    assert not (door.state / "hook.log").exists()


def test_so_it_does_after_the_fork_was_resumed_and_for_a_fork_of_it(door: Door, another: FakeClient) -> None:
    has_paid(door)
    env = {"CLAUDE_PID": str(another.pid)}
    begins(door, "fork", FORK, **env)
    begins(door, "resume", FORK, **env)
    assert door.pre(bash("make", "toolu_2", session_id=FORK), **env).permits
    begins(door, "fork", SECOND, transcript(door, asked("make", "toolu_2")))
    assert joined(door, SECOND) == (FORK, FORK)
    for number, name in enumerate((FORK, SECOND)):
        assert "Already done" in pays(door, name, f"toolu_{number + 5}", **env).told


def test_of_a_huge_transcript_the_end_is_read_and_no_more(door: Door, another: FakeClient) -> None:
    has_paid(door)
    env = {"CLAUDE_PID": str(another.pid)}
    filler = json.dumps({"type": "user", "message": {"content": "x" * 1000}}) + "\n"
    many = filler * (LARGEST // len(filler) + 1)
    begins(door, "fork", FORK, transcript(door, asked(PAY, "toolu_1"), many), **env)
    begins(door, "fork", SECOND, transcript(door, many, asked(PAY, "toolu_1")), **env)
    assert (joined(door, FORK)[0], joined(door, SECOND)[0]) == (FORK, PARENT)


def test_its_own_calls_tell_nothing_of_a_forks_parent(door: Door, another: FakeClient) -> None:
    env = {"CLAUDE_PID": str(another.pid)}
    begins(door, "fork", FORK, **env)
    has_paid(door, FORK, **env)
    pays(door, FORK, "toolu_2", transcript(door, asked(PAY, "toolu_1")), **env)
    assert joined(door, FORK) == (FORK, "")


@pytest.mark.parametrize(("others", "run"), [(199, PARENT), (200, FORK)])
def test_the_last_two_hundred_calls_are_looked_up(door: Door, another: FakeClient, others: int, run: str) -> None:
    has_paid(door)
    own = [asked("make", f"toolu_make_{number}") for number in range(others)]
    begins(door, "fork", FORK, transcript(door, asked(PAY, "toolu_1"), *own), CLAUDE_PID=str(another.pid))
    assert joined(door, FORK)[0] == run


# ---- forks that the client names ------------------------------------------------------------------


@contextmanager
def started_with(*words: str) -> Iterator[str]:
    program = [sys.executable, "-c", "print(flush=True); input()", *words]
    client = subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert client.stdout is not None
    client.stdout.readline()  # Until it runs, its command line may still be empty.
    yield str(client.pid)
    client.kill()
    client.wait()


@pytest.mark.parametrize("words", [["--resume", PARENT], ["-r", PARENT], [f"--resume={PARENT}"]])
def test_a_fork_is_known_by_the_line_it_was_started_with(door: Door, words: list[str]) -> None:
    has_paid(door)
    with started_with(*words, "--fork-session") as pid:
        told = begins(door, "fork", FORK, CLAUDE_PID=pid)
    assert joined(door, FORK) == (PARENT, PARENT)
    assert "receipt 77" in told


def test_that_a_client_was_once_told_to_resume_makes_no_fork_of_its_next_session(door: Door) -> None:
    has_paid(door)
    with started_with("--resume", PARENT) as pid:
        assert pays(door, "other", "toolu_2", CLAUDE_PID=pid).permits
    assert joined(door, "other") == ("other", None)


def test_a_process_of_another_namespace_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with started_with("--resume", PARENT, "--fork-session") as pid:
        assert claude_lineage.forked_from({"CLAUDE_PID": pid}) == [PARENT]
        monkeypatch.setattr(claude_lineage, "is_our_proc", lambda: False)
        assert claude_lineage.forked_from({"CLAUDE_PID": pid}) == []


def test_a_fork_into_the_background_is_known_by_what_the_client_noted(door: Door, another: FakeClient) -> None:
    has_paid(door)
    (door.root / "state.json").write_text(json.dumps({"forkParentSessionId": PARENT}), encoding="utf-8")
    begins(door, "fork", FORK, CLAUDE_PID=str(another.pid), CLAUDE_JOB_DIR=str(door.root))
    assert joined(door, FORK) == (PARENT, PARENT)


@pytest.mark.parametrize("make", [fifo, folder, garbage, missing])
def test_a_note_that_can_not_be_read_is_none(door: Door, another: FakeClient, make: Callable[[Path], None]) -> None:
    make(door.root / "state.json")
    begins(door, "fork", FORK, CLAUDE_PID=str(another.pid), CLAUDE_JOB_DIR=str(door.root))
    assert joined(door, FORK) == (FORK, "")


def test_whom_the_client_names_must_be_of_the_same_project(door: Door, another: FakeClient) -> None:
    has_paid(door)
    (door.root / "state.json").write_text(json.dumps({"forkParentSessionId": PARENT}), encoding="utf-8")
    where = {"CLAUDE_PROJECT_DIR": str(door.home), "CLAUDE_JOB_DIR": str(door.root)}
    begins(door, "fork", FORK, CLAUDE_PID=str(another.pid), **where)
    assert joined(door, FORK) == (FORK, "")


def test_what_durable_itself_executes_goes_on_from_nobody() -> None:
    event = Event(BEFORE_CALL, "", "session")
    event.client = ourselves.NAME
    nothing_is_asked: Any = None
    assert parent_of(nothing_is_asked, event, "unannounced", {}) is None


# ---- one process, one session after the other -----------------------------------------------------


def test_after_clear_the_run_goes_on(door: Door) -> None:
    begins(door, "startup", PARENT)
    has_paid(door)
    ends(door, PARENT, "clear")
    assert runs(door) == {PARENT: "completed"}
    assert "receipt 77" in begins(door, "clear", "cleared")
    assert joined(door, "cleared") == (PARENT, PARENT)
    assert runs(door) == {PARENT: "open"}
    assert "Already done" in pays(door, "cleared", "toolu_2").told


def test_clear_goes_on_from_the_session_that_the_process_spoke_for_last(door: Door) -> None:
    for name in ("first", "second"):
        begins(door, "startup", name)
    ends(door, "second", "resume")
    ends(door, "first", "clear")
    begins(door, "clear", "cleared")
    assert joined(door, "cleared") == ("first", "first")


def test_a_session_whose_end_was_not_recorded_is_the_one_it_speaks_for(door: Door) -> None:
    begins(door, "startup", "second")
    begins(door, "startup", "first")
    ends(door, "first", "resume")
    begins(door, "clear", "cleared")
    assert joined(door, "cleared") == ("second", "second")


@pytest.mark.parametrize("column", ["pid", "started", "boot", "host", "pidns"])
def test_a_process_is_the_same_if_all_that_is_known_of_it_is(door: Door, column: str) -> None:
    begins(door, "startup", PARENT)
    with sqlite3.connect(door.state / "ledger.db") as ledger:
        ledger.execute(f"UPDATE owners SET {column} = 1")
    begins(door, "clear", "cleared")
    assert joined(door, "cleared") == ("cleared", "")


def test_a_process_that_has_gone_to_another_project_goes_on_from_nothing_there(door: Door) -> None:
    begins(door, "startup", PARENT)
    begins(door, "clear", "cleared", CLAUDE_PROJECT_DIR=str(door.home))
    assert joined(door, "cleared") == ("cleared", "")


def test_clear_in_another_process_goes_on_from_nobody_we_know(door: Door, another: FakeClient) -> None:
    has_paid(door)
    begins(door, "clear", "cleared", CLAUDE_PID=str(another.pid))
    assert joined(door, "cleared") == ("cleared", "")


def test_a_branch_made_at_the_prompt_goes_on_from_the_session_of_its_process(door: Door) -> None:
    begins(door, "startup", PARENT)
    ends(door, PARENT, "resume")
    begins(door, "fork", FORK)
    assert joined(door, FORK) == (PARENT, PARENT)


def test_where_the_start_after_clear_was_not_recorded_the_end_before_it_tells(door: Door) -> None:
    begins(door, "startup", PARENT)
    has_paid(door)
    ends(door, PARENT, "clear")
    assert "Already done" in pays(door, "cleared", "toolu_2").told
    assert joined(door, "cleared") == (PARENT, PARENT)


def test_two_sessions_of_one_process_have_nothing_to_do_with_each_other_else(door: Door) -> None:
    begins(door, "startup", PARENT)
    has_paid(door)
    ends(door, PARENT, "resume")
    assert pays(door, "other", "toolu_2").permits
    assert joined(door, "other") == ("other", None)


# ---- under a run that somebody names ---------------------------------------------------------------


def test_a_named_run_wins_and_what_the_session_had_done_counts_in_it(door: Door) -> None:
    has_paid(door)
    begins(door, "resume", PARENT, DURABLE_RUN_ID="R")
    assert joined(door, PARENT) == ("R", None)
    assert "Already done" in pays(door, PARENT, "toolu_2", DURABLE_RUN_ID="R").told
    assert runs(door) == {PARENT: "completed", "R": "open"}


def test_it_counts_for_every_other_session_of_that_run_too(door: Door) -> None:
    has_paid(door)
    begins(door, "resume", PARENT, DURABLE_RUN_ID="R")
    begins(door, "startup", "other", DURABLE_RUN_ID="R")
    assert "Already done" in pays(door, "other", "toolu_2", DURABLE_RUN_ID="R").told


def test_what_a_named_run_has_done_counts_when_its_session_goes_on_without_the_name(door: Door) -> None:
    has_paid(door, DURABLE_RUN_ID="R")
    begins(door, "resume", PARENT)
    assert joined(door, PARENT) == ("R", None)
    assert "Already done" in pays(door, PARENT, "toolu_2").told


def test_a_fork_under_a_named_run_has_its_parents_calls_done_and_not_its_siblings(
    door: Door, another: FakeClient
) -> None:
    has_paid(door)
    path, env = transcript(door, asked(PAY, "toolu_1")), {"CLAUDE_PID": str(another.pid)}
    for run, name in (("R1", FORK), ("R2", SECOND)):
        begins(door, "fork", name, path, DURABLE_RUN_ID=run, **env)
        assert joined(door, name) == (run, PARENT)
        assert "Already done" in pays(door, name, f"toolu_{run}", DURABLE_RUN_ID=run, **env).told
        eve = pays(door, name, f"toolu_eve_{run}", command="pay --to eve 7", DURABLE_RUN_ID=run, **env)
        assert eve.permits
        done = ran("pay --to eve 7", f"toolu_eve_{run}", session_id=name)
        assert door.post(done, DURABLE_RUN_ID=run, **env).permits


# ---- races and kills -------------------------------------------------------------------------------


def test_of_two_forks_that_start_at_once_one_pays(door: Door) -> None:
    assert door.pre(bash("make", "toolu_1")).permits
    path = transcript(door, asked("make", "toolu_1"))
    clients = [FakeClient(), FakeClient()]
    both = list(zip((FORK, SECOND), [{"CLAUDE_PID": str(client.pid)} for client in clients], strict=True))
    start = [
        door.start("lifecycle", recorded("SessionStart-fork", session_id=name, transcript_path=path), **env)
        for name, env in both
    ]
    assert [running.finish().code for running in start] == [0, 0]
    assert [joined(door, name) for name, _ in both] == [(PARENT, PARENT)] * 2
    pay = [door.start("pre_tool_use", bash(PAY, f"toolu_{name}", session_id=name), **env) for name, env in both]
    assert sorted(running.finish().permits for running in pay) == [False, True]
    for client in clients:
        client.kill()


def test_what_the_parent_has_in_flight_a_fork_waits_for(door: Door, another: FakeClient) -> None:
    assert pays(door, PARENT, "toolu_1").permits
    env = {"CLAUDE_PID": str(another.pid)}
    begins(door, "fork", FORK, transcript(door, asked(PAY, "toolu_1")), **env)
    assert "in flight" in pays(door, FORK, "toolu_2", **env).told
    door.post(ran(PAY, "toolu_1", stdout="receipt 77"))
    assert "Already done" in pays(door, FORK, "toolu_3", **env).told


def test_a_hook_that_dies_behind_the_join_leaves_it_to_the_next_one(door: Door, another: FakeClient) -> None:
    has_paid(door)
    path, env = transcript(door, asked(PAY, "toolu_1")), {"CLAUDE_PID": str(another.pid)}
    start = recorded("SessionStart-fork", session_id=FORK, transcript_path=path)
    door.lifecycle(start, DURABLE_TEST_CRASH="appended-session.joined:kill", **env)
    assert "Already done" in pays(door, FORK, "toolu_2", path, **env).told
    assert joined(door, FORK) == (PARENT, PARENT)


def test_a_hook_that_dies_as_the_session_moves_leaves_it_to_the_next_one(door: Door, another: FakeClient) -> None:
    has_paid(door)
    path, env = transcript(door, asked(PAY, "toolu_1")), {"CLAUDE_PID": str(another.pid)}
    begins(door, "fork", FORK, **env)
    pays(door, FORK, "toolu_2", path, DURABLE_TEST_CRASH="appended-session.joined:kill", **env)
    assert joined(door, FORK) == (FORK, "")
    assert "Already done" in pays(door, FORK, "toolu_2", path, **env).told
    assert joined(door, FORK) == (PARENT, PARENT)
