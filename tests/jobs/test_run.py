"""`durable run JOB`: each step prepared before it runs, executed, receipted; in order, or as far as `needs` allows."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from jobs.workshop import ROOT, step, wait_for

LOOK = f'{sys.executable} {Path(ROOT) / "tests" / "ledger_view.py"} "$DURABLE_HOME"'


def test_each_step_runs_once_in_order_and_has_its_receipt(shop):
    shop.job(step("a", "echo a >> effects; echo said"), step("b", "echo b >> effects"))
    done = shop.run()
    assert (done.code, done.err, shop.effects) == (0, "", ["a", "b"])
    assert done.standing() == {"a": "done", "b": "done"}
    row = shop.step("a")
    assert (row["status"], row["effect"], row["closed_by"], row["attempt"]) == ("succeeded", "once", "resume", 1)
    assert row["output"]["stdout"] == "said" and row["duration_ms"] is not None
    assert shop.run_row()["status"] == "completed"


def test_the_run_s_id_comes_first(shop):
    shop.job(step("a", "echo a"))
    first = shop.durable("run", "job.json").out.splitlines()[0]
    run_id = first.removeprefix("run ")
    assert first != run_id
    assert shop.durable("show", run_id, "--json").code == 0


def test_no_step_begins_before_its_row_is_on_disk(shop):
    shop.job(step("look", f"{LOOK} look > row.json"))
    assert shop.run().code == 0
    row = json.loads((shop.cwd / "row.json").read_text())
    assert (row["status"], row["prepared_at"] < row["running_at"]) == ("running", True)


def test_a_command_finds_its_step_and_its_key_in_the_environment(shop):
    shop.job(step("a", "echo $DURABLE_RUN_ID $DURABLE_STEP_ID $DURABLE_IDEMPOTENCY_KEY >> effects"))
    shop.run()
    row = shop.step("a")
    assert shop.effects == [f"{shop.run_id} {row['step_id']} {row['idempotency_key']}"]


def test_steps_that_need_nothing_of_each_other_run_at_once(shop):
    meet = "touch {0}; for i in $(seq 2000); do [ -e {1} ] && exit 0; sleep 0.01; done; exit 1"
    shop.job(
        step("left", meet.format("l", "r"), needs=[]),
        step("right", meet.format("r", "l"), needs=[]),
        step("both", "echo both >> effects", needs=["left", "right"]),
    )
    assert (shop.run().code, shop.effects) == (0, ["both"])


def test_at_once_1_is_one_after_the_other(shop):
    alone = "mkdir busy || exit 1; sleep 0.2; rmdir busy"
    shop.job(step("left", alone, needs=[]), step("right", alone, needs=[]))
    assert shop.run("--at-once", "1").code == 0


def test_what_a_step_printed_goes_into_a_later_one_as_one_word(shop):
    shop.job(
        step("a", r"printf 'two words; $(touch pwned) \"and a quote'"),
        step("b", "printf '%s\\n' ${steps.a.output} >> effects"),
        step("c", "printf '%s\\n' '$${steps.a.output}' >> effects"),
        {"id": "d", "tool": "Write", "input": {"file_path": "letter", "content": "<${steps.a.output}>"}},
    )
    assert shop.run().code == 0
    said = 'two words; $(touch pwned) "and a quote'
    assert shop.effects == [said, "${steps.a.output}"]
    assert (shop.cwd / "letter").read_text() == f"<{said}>"
    assert not (shop.cwd / "pwned").exists()


def test_a_failed_step_stops_it_and_says_so(shop):
    shop.job(step("a", "echo no >&2; exit 3", effect="repeatable"), step("b", "echo b >> effects"))
    done = shop.run()
    assert (done.code, shop.effects) == (1, [])
    assert done.standing() == {"a": "failed", "b": "to_do"}
    assert "Exit code 3" in done.last["steps"][0]["why"]
    assert shop.run_row()["status"] == "failed"


def test_a_once_step_that_fails_is_in_doubt_unless_its_code_shows_that_nothing_happened(shop):
    shop.job(
        step("sure", "exit 4", no_effect_exits=[4], needs=[]),
        step("unsure", "exit 5", no_effect_exits=[4], needs=[]),
    )
    done = shop.run("--at-once", "2")
    assert (done.code, done.standing()) == (1, {"sure": "failed", "unsure": "in_doubt"})
    assert shop.run_row()["status"] == "open"


def test_two_equal_steps_are_two(shop):
    shop.job(step("a", "echo x >> effects"), step("b", "echo x >> effects"))
    assert (shop.run().code, shop.effects) == (0, ["x", "x"])


def test_a_rule_of_the_policy_holds_for_a_job_too(shop):
    shop.policy('[rules.no]\nmatch = "Bash(pay *)"\ngate = "deny"\n')
    shop.job(step("a", "pay 5 >> effects"))
    done = shop.run()
    assert (done.code, done.standing()) == (1, {"a": "stopped"})
    assert "The rule no forbids this call" in done.last["steps"][0]["why"]


def test_a_gate_waits_for_a_person_and_resume_goes_on(shop):
    shop.job(step("a", "echo a >> effects", gate="ask"), step("b", "echo b >> effects"))
    done = shop.run()
    assert (done.code, done.standing(), shop.effects) == (1, {"a": "waits", "b": "to_do"}, [])
    assert (shop.resume().standing(), shop.effects) == ({"a": "waits", "b": "to_do"}, [])
    assert shop.durable("approve", done.last["steps"][0]["step_id"]).code == 0
    assert (shop.resume().code, shop.effects) == (0, ["a", "b"])


def test_what_the_policy_holds_to_once_a_job_does_not_do_again(shop):
    shop.policy('[rules.pay]\nmatch = "Bash(echo paid *)"\neffect = "once"\nscope = "project"\n')
    shop.job(step("a", "echo paid 5 >> effects"))
    assert shop.run().code == 0
    again = shop.durable("run", "job.json", "--run-id", "R2", "--json")
    assert (again.code, again.standing(), shop.effects) == (1, {"a": "stopped"}, ["paid 5"])
    assert "Already done" in again.last["steps"][0]["why"]


def test_a_run_is_begun_once(shop):
    shop.job(step("a", "echo a >> effects"))
    shop.run()
    again = shop.run()
    assert (again.code, again.out, shop.effects) == (2, "", ["a"])
    assert f"durable resume --run-id {shop.run_id}" in again.err


A = step("a", "true")
BAD = [
    ([], "steps"),
    ([A, A], "two steps are called 'a'"),
    ([A | {"needs": ["b"]}, step("b", "true", needs="a")], "wait for each other: a, b"),
    ([A | {"needs": ["a"]}], "wait for each other: a"),
    ([A | {"needs": ["z"]}], "step 'a' needs 'z'"),
    ([A | {"tool": "Teleport"}], "there is no tool 'Teleport'"),
    ([A | {"input": {"cmd": "true"}}], "has no text 'command'"),
    ([A | {"input": {"command": "sleep 9", "run_in_background": True}}], "run_in_background"),
    ([A | {"effect": "twice"}], "effect"),
    ([A | {"efect": "once"}], "efect"),
    ([A | {"id": "a b"}], "id"),
    ([A | {"effect": "read", "probe": "true"}], "probe"),
    ([A, step("b", "echo ${steps.z.output}")], "needs 'z'"),
    ([A, step("b", "echo ${steps.a.output}", needs=[])], "name that in its `needs`"),
    ([A, step("b", "echo '${steps.a.output}'")], "inside quotes"),
]


@pytest.mark.parametrize(("steps", "said"), BAD, ids=[said for _, said in BAD])
def test_a_wrong_job_is_one_sentence_and_nothing_is_run(shop, steps, said):
    shop.job(*steps)
    done = shop.run()
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert said in done.err
    assert not shop.state.exists()


@pytest.mark.parametrize("text", [None, "", "{", "[1]", '"x"', '{"name": "x"}', "\ud800", "[" * 100_000])
def test_what_is_no_job_is_one_sentence(shop, text):
    if text is not None:
        (shop.cwd / "job.json").write_bytes(text.encode("utf-8", "surrogatepass"))
    done = shop.run()
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1), done.err
    assert "job.json" in done.err and not shop.state.exists()


@pytest.mark.parametrize("words", [("--run-id", "a b"), ("--run-id", "x" * 200), ("--at-once", "0")])
def test_a_line_that_makes_no_sense_runs_nothing(shop, words):
    shop.job(step("a", "echo a >> effects"))
    assert (shop.durable("run", "job.json", *words).code, shop.effects) == (2, [])


def test_a_step_runs_where_it_says(shop):
    (shop.cwd / "sub").mkdir()
    letter = {"id": "c", "tool": "Write", "cwd": "sub", "input": {"file_path": "letter", "content": "x"}}
    shop.job(step("a", "pwd >> effects", cwd="sub"), step("b", "pwd >> effects", cwd=str(shop.root)), letter)
    assert shop.run().code == 0
    assert (shop.cwd / "sub" / "effects").read_text() == f"{shop.cwd}/sub\n"
    assert (shop.root / "effects").read_text() == f"{shop.root}\n"
    assert (shop.cwd / "sub" / "letter").read_text() == "x"


def test_a_step_whose_directory_is_not_there_fails_and_nothing_of_it_ran(shop):
    shop.job(step("a", "echo a >> effects", cwd="nowhere"))
    done = shop.run()
    assert (done.code, done.standing()) == (1, {"a": "failed"})
    assert "nowhere" in done.last["steps"][0]["why"]
    (shop.cwd / "nowhere").mkdir()
    assert shop.resume().code == 0


def test_a_reader_that_goes_away_stops_nothing(shop):
    shop.job(step("a", "sleep 0.2; echo a >> effects"), step("b", "echo b >> effects"))
    line = f"{sys.executable} -P -m durable run job.json --run-id {shop.run_id} | head -1; true"
    done = subprocess.run(line, shell=True, env=shop.env, cwd=shop.cwd, capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == (f"run {shop.run_id}\n", "")
    wait_for(lambda: shop.run_row()["status"] == "completed", "the end of the run")
    assert shop.effects == ["a", "b"]


def test_a_job_inside_a_job_is_a_run_of_its_own(shop):
    shop.job(step("in", "echo in >> effects"), name="inner", file="inner.json")
    shop.job(step("out", f"{sys.executable} -P -m durable run inner.json && echo out >> effects"))
    assert (shop.run().code, shop.effects) == (0, ["in", "out"])
    assert len(shop.rows("SELECT * FROM runs")) == 2


def test_the_run_s_id_may_come_from_the_environment(shop):
    shop.job(step("a", "true"))
    assert shop.durable("run", "job.json", DURABLE_RUN_ID="mine").out.splitlines()[0] == "run mine"


@pytest.mark.parametrize("timeout", [10**400, -1, 0, "soon", True])
def test_a_timeout_that_is_none_runs_nothing(shop, timeout):
    shop.job({"id": "a", "tool": "Bash", "input": {"command": "echo a >> effects", "timeout": timeout}})
    done = shop.run()
    assert (done.code in (1, 2), shop.effects) == (True, [])


def test_past_its_timeout_a_step_is_ended_and_in_doubt(shop):
    shop.job({"id": "a", "tool": "Bash", "input": {"command": "echo a >> effects; sleep 60", "timeout": 300}})
    assert (shop.run().standing(), shop.effects) == ({"a": "in_doubt"}, ["a"])
