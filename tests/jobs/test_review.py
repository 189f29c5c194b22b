"""What a job is given, and what it is told, at its edges."""

import os
import subprocess
import sys

import pytest

from jobs.test_resume_job import overtake
from jobs.workshop import step, wait_for


@pytest.mark.parametrize(
    ("given", "said"),
    [('"timeout": 1e999', "too large"), ('"timeout": NaN', "NaN"), (f'"x": {"[" * 400}{"]" * 400}', "nests deeper")],
)
def test_numbers_and_nesting_that_no_ledger_keeps_are_one_sentence(shop, given, said):
    text = f'{{"name": "x", "steps": [{{"id": "a", "tool": "Bash", "input": {{"command": "true", {given}}}}}]}}'
    (shop.cwd / "job.json").write_text(text)
    done = shop.run()
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1), done.err
    assert said in done.err and not shop.state.exists()


def test_a_file_under_the_home_directory_is_written_there(shop):
    shop.job({"id": "w", "tool": "Write", "input": {"file_path": "~/letter", "content": "x"}})
    assert shop.run().code == 0
    assert (shop.home / "letter").read_text() == "x" and os.listdir(shop.cwd) == ["job.json"]


def test_an_output_that_is_no_text_is_not_passed_on(shop):
    shop.job(step("a", r"printf '\377'"), step("b", "echo ${steps.a.output} >> effects"))
    done = shop.run()
    assert (done.code, done.standing(), shop.effects) == (1, {"a": "done", "b": "failed"}, [])
    assert "is no text" in done.last["steps"][1]["why"]


def test_a_worker_that_is_killed_behind_its_receipt_has_done_its_step(shop):
    shop.job(step("a", "echo a >> effects; echo said"), step("b", "echo ${steps.a.output} >> effects"))
    done = shop.run(DURABLE_TEST_CRASH="job-before-answer:kill")
    assert (done.code, done.err, done.standing()) == (0, "", {"a": "done", "b": "done"})
    assert shop.effects == ["a", "said"]


def test_a_ledger_that_goes_away_between_two_steps_is_said_without_a_traceback(shop):
    shop.job(step("a", "echo a >> effects"))
    gate = shop.root / "gate"
    process = shop.start(DURABLE_TEST_CRASH=f"job-step-prepared:hold={gate}")
    wait_for(gate.exists, "the first step prepared")
    (shop.state / "key").rename(shop.root / "key")
    gate.unlink()
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err.count("\n"), shop.effects) == (3, 1, [])
    assert "key is missing" in err


def test_nobody_says_of_what_still_runs_that_it_did_not_happen(shop):
    shop.job(step("a", "echo begun >> effects; while [ ! -e gate ]; do sleep 0.02; done; echo a >> effects"))
    process = shop.start()
    shop.wait_for_effect("begun")
    process.kill()
    process.wait()
    (going_on,) = shop.resume("--wait", "0").last["steps"]
    assert going_on["standing"] == "still_running"
    settled = shop.durable("resolve", going_on["step_id"], "--not-happened", "--reason", "I think so")
    (shop.cwd / "gate").touch()
    assert (settled.code, settled.out) == (2, "")
    assert "still runs" in settled.err and "kill " in settled.err
    assert (shop.resume().code, shop.effects) == (0, ["begun", "a"])


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_without_its_standard_streams_a_job_runs_all_the_same(shop, closed):
    shop.job(step("a", "echo a >> effects"), step("b", "echo b >> effects"))
    line = f'exec "$0" -P -m durable run job.json --run-id {shop.run_id} {closed}'
    done = subprocess.run(
        ["bash", "-c", line, sys.executable], env=shop.env, cwd=shop.cwd, stderr=subprocess.PIPE, timeout=60
    )
    assert (done.returncode, done.stderr, shop.effects) == (0, b"", ["a", "b"])


def test_what_is_in_doubt_begins_nothing_beside_it(shop):
    shop.job(step("a", "exit 3", needs=[]), step("b", "echo b >> effects", needs=[]))
    assert shop.run("--at-once", "1").standing() == {"a": "in_doubt", "b": "to_do"}
    assert shop.effects == []


def test_whoever_was_overtaken_between_two_steps_prepares_no_other(shop):
    shop.job(step("a", "echo a >> effects"), step("b", "echo b >> effects"))
    gate = shop.root / "gate"
    process = shop.start(DURABLE_TEST_CRASH=f"job-step-answered:hold={gate}")
    wait_for(gate.exists, "the end of the first step")
    overtake(shop)
    gate.unlink()
    _, err = process.communicate(timeout=30)
    assert (process.returncode, shop.effects, shop.steps("b")) == (3, ["a"], [])
    assert "was taken over by another process" in err


def test_what_is_prepared_when_its_run_is_cancelled_does_not_run(shop):
    shop.job(step("a", "echo a >> effects"))
    gate = shop.root / "gate"
    process = shop.start(DURABLE_TEST_CRASH=f"job-step-prepared:hold={gate}")
    wait_for(gate.exists, "the first step prepared")
    assert shop.durable("cancel", shop.run_id).code == 0
    gate.unlink()
    process.communicate(timeout=30)
    assert (process.returncode, shop.effects, shop.step("a")["status"]) == (1, [], "refused")
