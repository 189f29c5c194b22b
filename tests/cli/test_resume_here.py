"""`resume --replay`: an agent's interrupted calls, made here; what is not safe to make goes back to the agent."""

import json
import os
import signal
import subprocess
import sys

import pytest

import ledger_view
from hooks.door import Door, FakeClient, bash, recorded

SESSION = bash()["session_id"]
ASKS = '[rules.careful]\nmatch = "Bash(echo *)"\neffect = "repeatable"\ngate = "ask"\n'


@pytest.fixture
def door(tmp_path):
    return Door(tmp_path)


def cut_off(door, *payloads):
    """The client is killed with these calls under way. Their steps' ids."""
    client = FakeClient()
    for payload in payloads:
        assert door.pre({**payload, "cwd": str(door.project)}, CLAUDE_PID=str(client.pid)).permits
    client.kill()
    return [step["step_id"] for step in ledger_view.steps(door.state)][-len(payloads) :]


def durable(door, *words, **env):
    return subprocess.run(
        [sys.executable, "-P", "-m", "durable", *words],
        env={**door.env, "PYTHONPATH": os.pathsep.join(sys.path), **env},
        cwd=door.project, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def resume(door, *words, **env):
    return durable(door, "resume", "--run-id", SESSION, "--json", "--yes", *words, **env)


def told(done):
    return [json.loads(line)["data"] for line in done.stdout.splitlines()]


def effects(door):
    path = door.project / "effects"
    return path.read_text().splitlines() if path.exists() else []


def test_an_interrupted_call_that_may_be_repeated_is_made_here(door):
    (cut,) = cut_off(door, bash("echo $DURABLE_STEP_ID >> effects"))
    done = resume(door, "--replay")
    first, last = told(done)
    assert (done.returncode, done.stderr) == (0, "")
    assert [(one["step_id"], one["what"]) for one in first["here"]] == [(cut, "replay")]
    (made,) = last["redone"]
    assert (made["step_id"], made["status"], effects(door)) == (cut, "succeeded", [made["again"]])
    again = ledger_view.step(door.state, step_id=made["again"])
    assert (again["duplicate_of"], again["closed_by"], again["cwd"]) == (cut, "resume", str(door.project))


def test_it_is_made_once_however_often_it_is_asked_for(door):
    cut_off(door, bash("echo done >> effects"))
    assert resume(door, "--replay").returncode == 0
    again = resume(door, "--replay")
    assert (told(again)[0]["here"], effects(door)) == ([], ["done"])
    assert told(again)[0]["plan"]["free_to_repeat"] == []


def test_what_nobody_knows_is_not_made_here(door):
    door.policy('[rules.pay]\nmatch = "Bash(echo pay*)"\neffect = "once"\n')
    (cut,) = cut_off(door, bash("echo pay >> effects"))
    (first,) = told(resume(door, "--replay"))
    assert [(one["step_id"], one["what"]) for one in first["here"]] == [(cut, "agent")]
    assert effects(door) == []
    assert durable(door, "not-happened", cut, "--reason", "looked").returncode == 0
    assert (resume(door, "--replay").returncode, effects(door)) == (0, ["pay"])
    assert [step["attempt"] for step in ledger_view.steps(door.state)] == [1, 2]


def test_only_what_was_picked_is_made(door):
    _, two = cut_off(door, bash("echo one >> effects"), bash("echo two >> effects", "toolu_2"))
    assert resume(door, "--only", two).returncode == 0
    assert effects(door) == ["two"]
    assert door.pre(bash("echo other >> effects", "toolu_3", session_id="another")).permits
    foreign = ledger_view.step(door.state, tool_use_id="toolu_3")["step_id"]
    for step_id in ("s000", foreign):
        unknown = resume(door, "--only", step_id)
        assert (unknown.returncode, unknown.stdout, unknown.stderr.count("\n")) == (2, "", 1)
    assert effects(door) == ["two"]


def test_unasked_nothing_is_made_but_what_the_user_s_rule_says(door):
    (door.root / "bin").mkdir()
    claude = door.root / "bin" / "claude"
    claude.write_text("#!/bin/sh\necho started >> effects\n")
    claude.chmod(0o755)
    path = f"{door.root}/bin:{door.env['PATH']}"
    cut_off(door, bash("echo plain >> effects"))
    resume(door, PATH=path)
    assert effects(door) == ["started"]
    door.policy('[rules.mine]\nmatch = "Bash(echo plain*)"\neffect = "repeatable"\non_resume = "replay"\n')
    assert resume(door, PATH=path).returncode == 0
    assert effects(door) == ["started", "plain", "started"]


def test_a_file_is_written_unless_somebody_changed_it_since(door):
    changed, fresh = door.project / "changed", door.project / "fresh"
    changed.write_text("before")
    writes = [
        recorded("PreToolUse-Bash", tool_name="Write", tool_use_id=f"toolu_{at}", tool_input=given)
        for at, given in enumerate(
            [{"file_path": str(changed), "content": "ours"}, {"file_path": str(fresh), "content": "ours"}]
        )
    ]
    cut_off(door, *writes)
    changed.write_text("somebody's")
    done = resume(door, "--replay")
    assert [one["status"] for one in told(done)[1]["redone"]] == ["failed", "succeeded"]
    assert (changed.read_text(), fresh.read_text()) == ("somebody's", "ours")
    assert done.returncode == 1


SECRET = "sk-ant-api03-" + "Xy7" * 30


def test_a_secret_is_taken_from_the_client_s_own_record_or_not_at_all(door):
    command = f"[ {SECRET} = sk-ant-api03-{'Xy7' * 30} ] && echo made >> effects"
    transcript = door.root / "transcript.jsonl"
    payload = bash(command, transcript_path=str(transcript))
    cut_off(door, payload)
    (first,) = told(resume(door, "--replay"))
    assert (first["here"][0]["what"], effects(door)) == ("agent", [])
    use = {"type": "tool_use", "id": "toolu_1", "name": "Bash", "input": {"command": command}}
    line = {"type": "assistant", "message": {"id": "m", "role": "assistant", "content": [use]}}
    transcript.write_text(json.dumps(line) + "\n")
    assert (resume(door, "--replay").returncode, effects(door)) == (0, ["made"])
    use["input"]["command"] += "; echo more >> effects"
    transcript.write_text(json.dumps(line) + "\n")


def test_another_input_under_the_same_id_is_not_made(door):
    transcript = door.root / "transcript.jsonl"
    cut_off(door, bash(f"echo {SECRET}", transcript_path=str(transcript)))
    use = {"type": "tool_use", "id": "toolu_1", "name": "Bash", "input": {"command": "echo other >> effects"}}
    line = {"type": "assistant", "message": {"id": "m", "role": "assistant", "content": [use]}}
    transcript.write_text(json.dumps(line) + "\n")
    (first,) = told(resume(door, "--replay"))
    assert (first["here"][0]["what"], effects(door)) == ("agent", [])


def test_a_call_that_was_deferred_is_made_here_once_it_is_approved(door):
    door.policy(ASKS)
    client = FakeClient()
    payload = bash("echo gated >> effects", cwd=str(door.project))
    assert door.pre(payload, CLAUDE_PID=str(client.pid)).json["hookSpecificOutput"]["permissionDecision"] == "defer"
    client.kill()
    step = ledger_view.step(door.state)["step_id"]
    (first,) = told(resume(door, "--only", step))
    assert (first["here"][0]["what"], effects(door)) == ("agent", [])
    assert durable(door, "approve", step).returncode == 0
    done = resume(door, "--only", step)
    assert (done.returncode, effects(door)) == (0, ["gated"])
    assert ledger_view.step(door.state)["status"] == "succeeded"
    assert told(resume(door, "--only", step))[0]["here"] == []


def test_ctrl_c_ends_the_call_under_way_and_begins_no_other(door):
    cut_off(door, bash("echo one >> effects; sleep 60"), bash("echo two >> effects", "toolu_2"))
    argv = [sys.executable, "-P", "-m", "durable", "resume", "--run-id", SESSION, "--json", "--yes", "--replay"]
    process = subprocess.Popen(
        argv, env={**door.env, "PYTHONPATH": os.pathsep.join(sys.path)}, cwd=door.project, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    while effects(door) != ["one"]:
        assert process.poll() is None, process.communicate()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert (process.returncode, effects(door)) == (130, ["one"])


def test_killed_in_the_middle_it_is_taken_up_where_it_was(door):
    cut_off(door, bash("echo one >> effects"), bash("echo two >> effects", "toolu_2"))
    killed = resume(door, "--replay", DURABLE_TEST_CRASH="job-step-prepared:kill")
    assert (killed.returncode, effects(door)) == (-9, [])
    assert (resume(door, "--replay").returncode, effects(door)) == (0, ["one", "two"])


def test_what_is_prepared_when_a_signal_comes_is_not_made(door):
    cut_off(door, bash("echo one >> effects"))
    gate = door.project / "gate"
    argv = [sys.executable, "-P", "-m", "durable", "resume", "--run-id", SESSION, "--json", "--yes", "--replay"]
    env = {**door.env, "PYTHONPATH": os.pathsep.join(sys.path), "DURABLE_TEST_CRASH": f"job-step-prepared:hold={gate}"}
    process = subprocess.Popen(argv, env=env, cwd=door.project, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    while not gate.exists():
        assert process.poll() is None, process.communicate()
    process.send_signal(signal.SIGINT)
    gate.unlink()
    process.communicate(timeout=30)
    assert (process.returncode, effects(door)) == (130, [])
    assert (resume(door, "--replay").returncode, effects(door)) == (0, ["one"])
