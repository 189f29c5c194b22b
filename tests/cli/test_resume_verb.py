"""`resume`: a cut-off run is brought as far as evidence goes, shown, and handed to the client."""

import json
import os
import subprocess
import sys

import pytest
from filelock import FileLock

import ledger_view
from durable.recovery.settling import hold
from hooks.door import Door, FakeClient, bash, ran

SESSION = bash()["session_id"]
PAY = "pay --to bob 5"
RULES = '[rules.pay]\nmatch = "Bash(pay *)"\neffect = "once"\n'
CLAUDE = "#!/bin/sh\necho started $* in $PWD for $DURABLE_RUN_ID\n"


@pytest.fixture
def door(tmp_path):
    door = Door(tmp_path)
    door.policy(RULES)
    (tmp_path / "bin").mkdir()
    claude = tmp_path / "bin" / "claude"
    claude.write_text(CLAUDE)
    claude.chmod(0o755)
    door.env["PATH"] = f"{tmp_path}/bin:{door.env['PATH']}"
    return door


def cut_off(door, command=PAY, use_id="toolu_1"):
    client = FakeClient()
    assert door.pre(bash(command, use_id, cwd=str(door.project)), CLAUDE_PID=str(client.pid)).permits
    client.kill()
    return ledger_view.step(door.state, tool_use_id=use_id)["step_id"]


def durable(door, *words):
    return subprocess.run(
        [sys.executable, "-m", "durable", *words],
        env={**door.env, "PYTHONPATH": os.pathsep.join(sys.path)},
        cwd=door.project, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def resume(door, *words, run=SESSION):
    return durable(door, "resume", *(["--run-id", run] if run else []), *words)


def planned(door, *words):
    return json.loads(resume(door, "--print", "--json", *words).stdout)["data"]["plan"]


def test_what_is_in_doubt_is_shown_with_what_settles_it_and_what_is_done_too(door):
    client = FakeClient()
    door.pre(bash("pay --to ann 1", "toolu_0"), CLAUDE_PID=str(client.pid))
    door.post(ran("pay --to ann 1", "toolu_0"), CLAUDE_PID=str(client.pid))
    client.kill()
    step = cut_off(door)
    done = resume(door, "--print")
    assert done.returncode == 1
    assert f"durable happened {step}, or durable not-happened {step}" in done.stdout
    assert "Done: not run again" in done.stdout and "pay --to ann 1" in done.stdout
    assert f"DURABLE_RUN_ID={SESSION} claude --resume {SESSION}" in done.stdout
    plan = planned(door)
    assert ([one["step_id"] for one in plan["in_doubt"]], len(plan["done"])) == ([step], 1)


def test_a_probe_settles_what_it_can(door):
    door.policy(RULES + 'probe = "echo receipt 77"\n')
    step = cut_off(door)
    planned(door, "--dry-run")
    assert ledger_view.step(door.state)["status"] == "running"
    assert [one["step_id"] for one in planned(door)["done"]] == [step]
    assert ledger_view.step(door.state)["closed_by"] == "probe"
    assert resume(door, "--print").returncode == 0


def test_with_a_yes_the_client_is_started_in_the_run_s_place(door):
    cut_off(door, "make test")
    done = resume(door, "--yes")
    assert done.returncode == 0
    assert f"started --resume {SESSION} in {door.project} for {SESSION}" in done.stdout


def test_without_a_terminal_nothing_is_started_unasked(door):
    cut_off(door, "make test")
    assert "started" not in resume(door).stdout


def test_a_run_whose_client_lives_is_left_alone(door):
    client = FakeClient()
    door.pre(bash(PAY, "toolu_1"), CLAUDE_PID=str(client.pid))
    refused = resume(door, "--yes")
    client.kill()
    assert refused.returncode == 3
    assert f"is at work: its client, process {client.pid}, lives" in refused.stderr
    assert ledger_view.step(door.state)["status"] == "running"


def test_two_at_once_are_one(door):
    cut_off(door)
    lock = hold(str(door.state), SESSION)
    assert isinstance(lock, FileLock)
    refused = resume(door, "--yes")
    lock.release()
    assert (refused.returncode, "another process is at work on the run" in refused.stderr) == (3, True)
    assert ledger_view.step(door.state)["status"] == "running"


def test_bad_input_is_one_sentence(door):
    assert "no ledger yet" in resume(door).stderr
    cut_off(door)
    unknown = resume(door, run="nowhere")
    assert (unknown.returncode, unknown.stderr.count("\n")) == (2, 1)
    assert durable(door, "cancel", SESSION).returncode == 0
    cancelled = resume(door)
    assert (cancelled.returncode, "is cancelled" in cancelled.stderr) == (2, True)


def test_a_client_that_is_not_there_is_said(door):
    cut_off(door, "make test")
    (door.root / "bin" / "claude").unlink()
    missing = resume(door, "--yes")
    assert "it can't be started" in missing.stderr and "claude --resume" in missing.stderr


def test_without_a_run_the_latest_is_meant(door):
    step = cut_off(door)
    assert step in resume(door, run="").stdout
