"""An MCP tool as a step of a job: its server from the client's configuration, its effects counted by that server."""

import contextlib
import json
import os
import signal
import sys

import pytest

from jobs.test_resume_job import family, worker_of
from jobs.workshop import ROOT, kill, wait_for

LAB = ROOT / "tests" / "client" / "lab_mcp.py"


def call(name, tool="send", **given):
    return {"id": name, "tool": f"mcp__lab__{tool}", "input": {"text": name, **given}}


@pytest.fixture
def lab(shop):
    server = {
        "command": sys.executable,
        "args": ["-I", "-S", str(LAB)],
        "env": {"LAB_EFFECTS": str(shop.cwd / "effects")},
    }
    (shop.home / ".claude.json").write_text(json.dumps({"mcpServers": {"lab": server}}))
    return shop


def test_the_server_is_asked_once_and_its_answer_is_the_receipt(lab):
    lab.job(call("a"), call("b", text="then ${steps.a.output}"))
    done = lab.run()
    assert (done.code, done.err, lab.effects) == (0, "", ["a", "then send: a"])
    assert lab.step("a")["output"][0]["text"] == "send: a"


def test_an_error_of_the_tool_leaves_its_step_in_doubt(lab):
    lab.job(call("a", "fail"))
    done = lab.run()
    assert (done.code, done.standing(), lab.effects) == (1, {"a": "in_doubt"}, ["a"])
    assert (lab.resume().standing(), lab.effects) == ({"a": "in_doubt"}, ["a"])


def test_a_server_that_dies_in_the_middle_leaves_it_in_doubt(lab):
    lab.job(call("a", "die"))
    assert (lab.run().standing(), lab.effects) == ({"a": "in_doubt"}, ["a"])
    assert (lab.resume().standing(), lab.effects) == ({"a": "in_doubt"}, ["a"])


def test_a_server_that_nobody_named_is_a_failure_that_can_be_tried_again(lab):
    (lab.home / ".claude.json").rename(lab.home / "away")
    lab.job(call("a"))
    done = lab.run()
    assert (done.standing(), lab.effects) == ({"a": "failed"}, [])
    assert "lab" in done.last["steps"][0]["why"]
    (lab.home / "away").rename(lab.home / ".claude.json")
    assert (lab.resume().code, lab.effects) == (0, ["a"])


def test_a_rule_that_injects_the_key_of_the_step_does_so_here_too(lab):
    lab.policy('[rules.send]\nmatch = "mcp__lab__send"\neffect = "once"\ninject = "key"\n')
    lab.job(call("a"))
    assert lab.run().code == 0
    assert lab.effects == [f"a {lab.step('a')['idempotency_key']}"]


@pytest.mark.parametrize("whole", [False, True], ids=["the run alone", "all of it"])
def test_cut_off_in_the_middle_of_the_call_it_is_made_no_second_time(lab, whole):
    gate = lab.root / "gate"
    lab.job(call("a", "slow", gate=str(gate)), call("b"))
    process = lab.start()
    wait_for((lab.root / "gate.reached").exists, "the call")
    victims = [one for pid in worker_of(process) for one in family(pid)] if whole else []
    kill(process)
    for pid in victims:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    if not whole:
        assert (lab.resume("--wait", "0").standing(), lab.effects) == ({"a": "still_running", "b": "to_do"}, [])
    (lab.root / "gate.open").touch()
    done = lab.resume()
    if whole:
        assert (done.standing(), lab.effects) == ({"a": "in_doubt", "b": "to_do"}, [])
    else:
        assert (done.standing(), lab.effects) == ({"a": "done", "b": "done"}, ["a", "b"])
