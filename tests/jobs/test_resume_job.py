"""A job that was cut off goes on where it was: what is done stays done, what nobody knows is asked about."""

import contextlib
import os
import signal
import threading

import pytest

from durable.ledger.sqlite import SqliteLedger
from jobs.workshop import kill, step, wait_for

SECRET = "sk-ant-api03-" + "Zq7" * 30


def slow(name="slow", **more):
    """It says that it has begun, and has its effect when the gate is open."""
    command = "echo begun >> effects; while [ ! -e gate ]; do sleep 0.02; done; echo slow >> effects; echo said"
    return step(name, command, **more)


def open_gate(shop):
    (shop.cwd / "gate").touch()


def worker_of(process):
    """The pids of its children: each executes one step."""
    with open(f"/proc/{process.pid}/task/{process.pid}/children") as file:
        return [int(pid) for pid in file.read().split()]


def family(pid):
    """A process and all below it."""
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as file:
            below = [int(one) for one in file.read().split()]
    except OSError:
        return [pid]
    return [pid, *(one for child in below for one in family(child))]


def cut_off(shop, whole=False):
    """kill -9 of the run alone, or of every process that it had started as well."""
    process = shop.start()
    shop.wait_for_effect("begun")
    victims = [one for pid in worker_of(process) for one in family(pid)] if whole else []
    kill(process)
    kill_all(victims)
    return process


def kill_all(pids):
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def test_what_outlives_the_run_is_waited_for_and_its_result_is_kept(shop):
    shop.job(step("a", "echo a >> effects"), slow(), step("c", "echo ${steps.slow.output} >> effects"))
    cut_off(shop)
    busy = shop.resume("--wait", "0")
    assert (busy.code, busy.standing()) == (1, {"a": "done", "slow": "still_running", "c": "to_do"})
    threading.Timer(0.3, open_gate, [shop]).start()
    done = shop.resume()
    assert (done.code, done.standing()) == (0, {"a": "done", "slow": "done", "c": "done"})
    assert shop.effects == ["a", "begun", "slow", "said"]
    assert [row["status"] for row in shop.steps("slow")] == ["succeeded"]


def test_what_was_killed_half_way_is_in_doubt_and_nothing_after_it_begins(shop):
    shop.job(slow(), step("c", "echo c >> effects"), step("other", "echo other >> effects", needs=[]))
    process = shop.start("run", "job.json", "--run-id", shop.run_id, "--at-once", "1")
    shop.wait_for_effect("begun")
    victims = [one for pid in worker_of(process) for one in family(pid)]
    kill(process)
    kill_all(victims)
    done = shop.resume()
    assert (done.code, done.standing()) == (1, {"slow": "in_doubt", "c": "to_do", "other": "done"})
    assert shop.effects == ["begun", "other"]
    assert shop.resume().code == 1 and shop.effects == ["begun", "other"]


def test_a_person_who_says_that_it_did_not_happen_has_it_run_again(shop):
    shop.job(slow(), step("c", "echo c >> effects"))
    cut_off(shop, whole=True)
    open_gate(shop)
    step_id = shop.resume().last["steps"][0]["step_id"]
    assert shop.durable("resolve", step_id, "--not-happened", "--reason", "looked").code == 0
    assert (shop.resume().code, shop.effects) == (0, ["begun", "begun", "slow", "c"])
    assert [(row["attempt"], row["status"]) for row in shop.steps("slow")] == [(1, "not_done"), (2, "succeeded")]


def test_a_person_who_says_that_it_happened_gives_its_result(shop):
    shop.job(slow(), step("c", "echo ${steps.slow.output} >> effects"))
    cut_off(shop, whole=True)
    step_id = shop.resume().last["steps"][0]["step_id"]
    done = shop.durable("resolve", step_id, "--happened", "--reason", "looked", "--receipt", "as told")
    assert done.code == 0
    assert (shop.resume().code, shop.effects) == (0, ["begun", "as told"])


AGAIN = ["begun", "begun", "slow", "c"]


@pytest.mark.parametrize(("probe", "effects"), [("grep slow effects", AGAIN), ("echo there", ["begun", "c"])])
def test_a_probe_of_the_step_settles_it(shop, probe, effects):
    shop.job(slow(probe=probe, settle=0), step("c", "echo c >> effects"))
    cut_off(shop, whole=True)
    open_gate(shop)
    assert (shop.resume().code, shop.effects) == (0, effects)


def test_what_may_be_repeated_is_repeated(shop):
    shop.job(slow(effect="repeatable"))
    cut_off(shop, whole=True)
    open_gate(shop)
    assert (shop.resume().code, shop.effects) == (0, ["begun", "begun", "slow"])


def test_a_step_that_failed_is_tried_again_as_a_new_attempt(shop):
    shop.job(step("a", "echo a >> effects"), step("b", "[ -e gate ] || exit 7; echo b >> effects", no_effect_exits=[7]))
    assert shop.run().standing() == {"a": "done", "b": "failed"}
    assert shop.resume().standing() == {"a": "done", "b": "failed"}
    open_gate(shop)
    assert (shop.resume().code, shop.effects) == (0, ["a", "b"])
    tries = [(row["attempt"], row["status"]) for row in shop.steps("b")]
    assert tries == [(1, "failed"), (2, "failed"), (3, "succeeded")]
    assert (shop.run_row()["status"], shop.run_row()["epoch"]) == ("completed", 3)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_ends_what_runs_and_leaves_a_run_that_can_be_resumed(shop, number):
    shop.job(step("a", "echo a >> effects"), slow(effect="repeatable"), step("c", "echo c >> effects"))
    process = shop.start()
    shop.wait_for_effect("begun")
    started = [one for pid in worker_of(process) for one in family(pid)]
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (130, "") and f"durable resume --run-id {shop.run_id}" in out
    wait_for(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in started), "the end of what it had started")
    assert shop.run_row()["status"] == "open"
    open_gate(shop)
    assert (shop.resume().code, shop.effects) == (0, ["a", "begun", "begun", "slow", "c"])


def test_an_interrupted_once_step_is_in_doubt(shop):
    shop.job(slow())
    process = shop.start()
    shop.wait_for_effect("begun")
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert shop.resume().standing() == {"slow": "in_doubt"}


def test_while_it_is_worked_on_nobody_else_resumes_it(shop):
    shop.job(slow())
    process = shop.start()
    shop.wait_for_effect("begun")
    refused = shop.resume()
    open_gate(shop)
    process.communicate(timeout=30)
    assert (refused.code, refused.out, refused.err.count("\n")) == (3, "", 1)
    assert (process.returncode, shop.effects) == (0, ["begun", "slow"])


def test_of_two_resumes_at_once_one_works_and_the_other_is_refused(shop):
    shop.job(slow("first", effect="repeatable"), step("c", "echo c >> effects"))
    cut_off(shop, whole=True)
    one = shop.start("resume", "--run-id", shop.run_id)
    wait_for(lambda: shop.effects == ["begun", "begun"], "the first resume")
    refused = shop.resume()
    open_gate(shop)
    one.communicate(timeout=30)
    assert (one.returncode, refused.code, refused.out) == (0, 3, "")
    assert shop.effects == ["begun", "begun", "slow", "c"]


def test_a_resume_that_is_killed_is_resumed(shop):
    shop.job(slow("first", effect="repeatable"), step("c", "echo c >> effects"))
    cut_off(shop, whole=True)
    one = shop.start("resume", "--run-id", shop.run_id)
    wait_for(lambda: shop.effects == ["begun", "begun"], "the first resume")
    kill(one)
    open_gate(shop)
    assert (shop.resume().code, shop.effects) == (0, ["begun", "begun", "slow", "c"])


def test_a_dry_run_changes_nothing(shop):
    shop.job(slow())
    cut_off(shop, whole=True)
    before = shop.rows("SELECT count(*) AS n FROM events")
    shown = shop.resume("--dry-run")
    assert shown.last["plan"]["in_doubt"][0]["step_id"] == shop.step("slow")["step_id"]
    assert shop.rows("SELECT count(*) AS n FROM events") == before


def test_a_finished_run_is_one_sentence(shop):
    shop.job(step("a", "echo a >> effects"))
    shop.run()
    before = shop.rows("SELECT count(*) AS n FROM events")
    done = shop.resume()
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert "is finished" in done.err and shop.rows("SELECT count(*) AS n FROM events") == before


def test_it_goes_on_with_what_it_was_started_with(shop):
    shop.job(slow(effect="repeatable"), step("c", "echo c >> effects"))
    cut_off(shop, whole=True)
    open_gate(shop)
    shop.job(step("other", "echo other >> effects"))
    assert shop.resume().code == 0 and "other" not in shop.effects


def test_a_job_with_a_secret_goes_on_from_its_file_if_that_is_still_the_same(shop):
    steps = [slow(effect="repeatable"), step("c", f"[ {SECRET} = sk-ant-api03-{'Zq7' * 30} ] && echo c >> effects")]
    path = shop.job(*steps)
    cut_off(shop, whole=True)
    open_gate(shop)
    whole = path.read_text()
    path.write_text(whole.replace("echo c", "echo other"))
    before = shop.rows("SELECT count(*) AS n FROM events")
    refused = shop.resume()
    assert (refused.code, refused.out, refused.err.count("\n")) == (3, "", 1)
    assert f"put {path} back" in refused.err and shop.rows("SELECT count(*) AS n FROM events") == before
    path.write_text(whole)
    assert (shop.resume().code, shop.effects[-1]) == (0, "c")
    assert SECRET.encode() not in b"".join(file.read_bytes() for file in shop.state.rglob("*") if file.is_file())


def test_an_output_that_was_not_kept_whole_is_not_passed_on_after_a_cut(shop):
    last = step("c", "echo ${steps.a.output} >> effects")
    shop.job(step("a", f"echo {SECRET}"), slow(effect="repeatable"), last)
    cut_off(shop, whole=True)
    open_gate(shop)
    done = shop.resume()
    assert (done.code, done.standing()["c"]) == (1, "failed")
    assert "pass it on in a file" in done.last["steps"][2]["why"]


def test_within_one_process_it_is_passed_on(shop):
    shop.job(step("a", f"echo {SECRET}"), step("c", "printf %s ${steps.a.output} | wc -c >> effects"))
    assert (shop.run().code, shop.effects) == (0, [str(len(SECRET))])


def test_a_receipt_that_the_ledger_can_t_take_waits_and_is_folded_in(shop):
    shop.job(step("a", "echo a >> effects; echo said"), step("b", "echo ${steps.a.output} >> effects"))
    assert shop.run(DURABLE_TEST_CRASH="receipt-before-commit:raise").code == 0
    assert shop.effects == ["a", "said"]
    assert [row["status"] for row in shop.steps("a")] == ["succeeded"]


def test_resumed_too_often_it_waits_for_a_person(shop):
    shop.policy("[run]\nmax_recoveries = 1\n")
    shop.job(step("a", "[ -e gate ]", effect="repeatable"))
    shop.run()
    assert shop.resume().standing() == {"a": "failed"}
    open_gate(shop)
    refused = shop.resume()
    assert (refused.code, "--anyway" in refused.err) == (1, True)
    assert shop.resume("--anyway").code == 0


def test_a_cancelled_run_is_not_resumed_and_begins_nothing_more(shop):
    shop.job(slow(effect="repeatable"), step("c", "echo c >> effects"))
    process = shop.start()
    shop.wait_for_effect("begun")
    assert shop.durable("cancel", shop.run_id, "--reason", "no").code == 0
    open_gate(shop)
    process.communicate(timeout=30)
    assert process.returncode == 1 and shop.effects == ["begun", "slow"]
    assert shop.resume().code == 2


def test_what_is_for_an_agent_s_run_is_refused_for_a_job(shop):
    shop.job(step("a", "exit 1", effect="repeatable"))
    shop.run()
    for words in (["--strict"], ["--replay"], ["--only", "s1"], ["--prompt", "go on"]):
        refused = shop.resume(*words)
        assert (refused.code, refused.out, refused.err.count("\n")) == (2, "", 1) and words[0] in refused.err


def test_whoever_was_overtaken_executes_nothing_more_and_closes_nothing(shop):
    shop.job(step("a", "echo a >> effects"))
    gate = shop.root / "held"
    process = shop.start(DURABLE_TEST_CRASH=f"job-step-prepared:hold={gate}")
    wait_for(gate.exists, "the step to be prepared")
    overtake(shop)
    gate.unlink()
    _, err = process.communicate(timeout=30)
    assert (process.returncode, shop.effects) == (3, [])
    assert "was taken over by another process" in err
    assert (shop.step("a")["status"], shop.run_row()["status"]) == ("prepared", "open")
    assert (shop.resume().code, shop.effects) == (0, ["a"])


def overtake(shop):
    """As a machine does that shares the ledger and has waited for long enough. It gives the run back at once."""
    ledger = SqliteLedger(str(shop.state))
    with ledger.begin() as tx:
        known = tx.one("lease", run_id=shop.run_id)
        place = {name: known[name] for name in ("pid", "started", "boot", "host", "pidns", "lasts_s")}
        tx.append("run.leased", shop.run_id, shop.run_id, {"token": known["token"] + 1, "what": "test", **place})
        tx.append("run.released", shop.run_id, shop.run_id, {"token": known["token"] + 1})
        tx.commit()
    ledger.close()


def test_an_interrupted_write_is_settled_by_the_file(shop):
    """What it had written is there, and nobody has to be asked."""
    letter = {"id": "w", "tool": "Write", "input": {"file_path": "letter", "content": "hello"}}
    shop.job(letter, step("c", "echo c >> effects"))
    killed = shop.start(DURABLE_TEST_CRASH="after-effect:kill")
    killed.communicate(timeout=30)
    assert (shop.cwd / "letter").read_text() == "hello"
    assert shop.step("w")["status"] == "in_doubt"
    assert (shop.resume().code, shop.effects, shop.step("w")["closed_by"]) == (0, ["c"], "probe")


def test_each_epoch_of_a_run_ends_once(shop):
    shop.job(step("a", "[ -e gate ]", effect="repeatable"))
    shop.run()
    shop.resume()
    open_gate(shop)
    shop.resume()
    kinds = ("run.opened", "run.reopened", "run.failed", "run.completed")
    told = [row["type"] for row in shop.rows("SELECT type FROM events WHERE run_id = ? ORDER BY seq", shop.run_id)]
    assert [kind for kind in told if kind in kinds] == [
        "run.opened", "run.failed", "run.reopened", "run.failed", "run.reopened", "run.completed",
    ]  # fmt: skip


def test_another_run_s_doubt_holds_back_the_same_input_and_no_other(shop):
    shop.job(slow())
    cut_off(shop, whole=True)
    open_gate(shop)
    same = shop.durable("run", "job.json", "--run-id", f"{shop.run_id}b", "--json")
    assert (same.code, shop.effects) == (1, ["begun"])
    path = shop.job(slow())
    path.write_text(path.read_text().replace("echo said", "echo other"))
    assert shop.durable("run", "job.json", "--run-id", f"{shop.run_id}c").code == 0
    assert shop.effects == ["begun", "begun", "slow"]


def test_whoever_brought_it_to_its_end_is_not_followed_by_another(shop):
    """The second waits for nothing: it finds the lock free and the run finished."""
    shop.job(step("a", "[ -e gate ] && echo a >> effects", effect="repeatable"))
    shop.run()
    open_gate(shop)
    gate = shop.root / "held"
    late = shop.start("resume", "--run-id", shop.run_id, DURABLE_TEST_CRASH=f"resume-before-lock:hold={gate}")
    wait_for(gate.exists, "the second resume")
    assert shop.resume().code == 0
    gate.unlink()
    _, err = late.communicate(timeout=30)
    assert (late.returncode, "is finished" in err, shop.effects) == (2, True, ["a"])
