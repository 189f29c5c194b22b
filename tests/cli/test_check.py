"""`durable check`: what it prints, its exit codes, and what may be left out."""

import sqlite3

import pytest
from cli_machine import SESSION, line_of

from durable.evidence.invariants import NAMES

# The transcript of this machine was never written, so nothing is known of it.
BESIDE = "tool_trace_consistency"


@pytest.fixture
def ended(machine):
    machine.ran("Bash", command="npm test")
    machine.ended()
    return machine


def flagged(machine):
    shell = sqlite3.connect(machine.state / "ledger.db")
    shell.execute("UPDATE steps SET flag = 'contradicted'")
    shell.commit()
    shell.close()


def verdicts(data):
    return {one["name"]: one["verdict"] for one in data["invariants"]}


def test_each_invariant_has_its_line_and_the_verdict_stands_first(ended):
    done = ended.cli("check", SESSION, "--skip", BESIDE)
    lines = done.stdout.splitlines()
    assert (done.returncode, done.stderr) == (0, "")
    assert lines[0] == "WARN  run 11111111"
    assert [line.split("  ")[0] for line in lines[2:15]] == ["PASS"] * 6 + ["left out"] + ["PASS"] * 6
    assert [line[10:].split("  ")[0].strip() for line in lines[2:15]] == list(NAMES)
    assert lines[15:] == [f"warning: not looked at: {BESIDE}", "warning: the run is WARN"]


def test_what_fails_is_told_with_what_to_do_next(ended):
    flagged(ended)
    done = ended.cli("check", SESSION)
    step_id = ended.steps()[0]["step_id"]
    assert done.returncode == 1
    assert line_of(done.stdout, "FAIL     no_contradiction ")
    told = done.stdout.partition("FAIL no_contradiction\n")[2].splitlines()
    assert told[0].startswith(f"FAIL  contradicted: step {step_id} ")
    assert told[1].strip().startswith(f"→ durable step {step_id} ")
    assert done.stdout.splitlines()[-1] == "problem: the run is FAIL"


def test_what_is_not_known_does_not_pass(ended):
    done = ended.cli("check", "--only", BESIDE)
    assert (done.returncode, done.stdout.splitlines()[0]) == (1, "UNKNOWN  run 11111111")
    assert done.stdout.splitlines()[-1] == "problem: the run is UNKNOWN: what is not known does not hold"


def test_only_looks_at_these_and_says_what_it_left_out(ended):
    flagged(ended)
    data = ended.json("check", SESSION, "--only", "single_finalize, receipt_completeness")
    assert data["run_id"] == SESSION and data["verdict"] == "WARN"
    assert {name for name, verdict in verdicts(data).items() if verdict} == {"single_finalize", "receipt_completeness"}
    assert set(verdicts(data)) == set(NAMES)


def test_leaving_out_what_is_optional_costs_nothing(ended):
    everything = ended.json("check", SESSION, code=1)["verdict"]
    assert ended.json("check", SESSION, "--skip", "output_bound,claims_bound", code=1)["verdict"] == everything


def test_findings_in_json_have_code_and_place(ended):
    flagged(ended)
    data = ended.json("check", SESSION, code=1)
    assert data["verdict"] == "FAIL"
    (one,) = [one for one in data["invariants"] if one["name"] == "no_contradiction"]
    assert set(one) == {"name", "verdict", "optional", "says", "findings"}
    (finding,) = one["findings"]
    assert set(finding) == {"verdict", "code", "says", "where"}
    assert finding["where"] == {"step": ended.steps()[0]["step_id"], "table": "steps", "column": "flag"}


def test_of_many_findings_the_screen_tells_some_and_counts_the_rest(ended):
    for number in range(11):
        ended.ran("Read", file_path=f"/{number}")
    flagged(ended)
    screen = ended.cli("check", SESSION).stdout
    assert screen.count("contradicted: ") == 10 and "2 more: --json lists them all" in screen
    assert "12 findings: step " in line_of(screen, "no_contradiction  ")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--only", "chain"), "--only: there is no invariant chain; there are chain_valid, "),
        (("--skip", "x,y"), "--skip: there is no invariant x, y; "),
        (("--skip", ",".join(NAMES)), "that leaves nothing to look at; "),
    ],
)
def test_a_senseless_choice_exits_2(ended, words, said):
    done = ended.cli("check", SESSION, *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr


def test_a_bundle_is_checked_like_the_run_that_it_holds(ended):
    file = ended.root / "run.json"
    ended.said("export", SESSION, "-o", str(file))
    mine, theirs = ended.json("check", SESSION, code=1), ended.json("check", str(file), code=1)
    assert verdicts(theirs) == verdicts(mine)
    elsewhere = ended.json("check", str(file), env={"DURABLE_HOME": ended.root / "elsewhere"}, code=1)
    assert {name for name, verdict in verdicts(elsewhere).items() if verdict != "PASS"} == {"chain_valid", BESIDE}
    assert verdicts(elsewhere)["chain_valid"] == "UNKNOWN"


# ---- a run in which nobody spoke ----------------------------------------------------------------


def begun(machine, session=SESSION, **fields):
    machine.tell("lifecycle", "SessionStart-startup", session_id=session, **fields)


def test_of_a_run_without_a_prompt_whose_transcript_is_not_there_nothing_was_compared(machine):
    begun(machine)
    machine.ended()
    audited, checked = machine.cli("audit", SESSION), machine.cli("check", SESSION)
    assert (audited.returncode, checked.returncode) == (1, 1)
    assert audited.stdout.startswith("warning: UNKNOWN: run 11111111 can't be told complete: 1 × nothing to compare")
    assert str(machine.root / "transcript.jsonl") in audited.stdout
    told = checked.stdout.partition("UNKNOWN tool_trace_consistency\n")[2].splitlines()
    assert told[0].startswith("UNKNOWN  nothing_compared: ") and told[1].strip().startswith("→ ")
    assert {
        name for name, verdict in verdicts(machine.json("check", SESSION, code=1)).items() if verdict != "PASS"
    } == {BESIDE}
    left_out = machine.cli("check", SESSION, "--skip", BESIDE)
    assert (left_out.returncode, left_out.stderr) == (0, "")
