"""`resolve`, and `happened` and `not-happened` as its short forms: one decision, said in two ways."""

import json

import pytest
from cli_machine import line_of

PAY = '[rules.pay]\nmatch = "mcp__pay__*"\neffect = "once"\n'
CALL = {"to": "bob", "amount": 5}


@pytest.fixture
def machine(machine):
    machine.config.mkdir(parents=True)
    (machine.config / "policy.toml").write_text(PAY)
    return machine


@pytest.fixture
def doubt(machine):
    """A payment that was cut off. Its id."""
    machine.before("mcp__pay__charge", **CALL)
    machine.kill_client()
    machine.client = machine.new_client()
    machine.cli("reconcile")
    (step,) = machine.steps()
    assert step["status"] == "in_doubt"
    return step["step_id"]


def again(machine):
    """What the same call is answered now: "" is a permit."""
    payload = {"tool_name": "mcp__pay__charge", "tool_input": CALL, "tool_use_id": "toolu_again"}
    answer = machine._tell("pre_tool_use", "PreToolUse-Bash", {"CLAUDE_CODE_SESSION_ATTENDED": "0"}, **payload).stdout
    return json.loads(answer)["hookSpecificOutput"]["permissionDecisionReason"] if answer else ""


def stands(machine, step_id):
    step = machine.json("step", step_id)
    return step["status"], step["closed_by"], step["output"], step["error"]


@pytest.mark.parametrize(
    "words",
    [
        ("resolve", "{}", "--happened", "--reason", "on the statement"),
        ("happened", "{}", "--reason", "on the statement"),
    ],
)
def test_what_happened_is_not_run_again_and_its_receipt_is_handed_over(machine, doubt, words):
    machine.json(*[word.format(doubt) for word in words], "--receipt", "charge 77")
    assert stands(machine, doubt) == ("succeeded", "operator", {"stdout": "charge 77"}, None)
    assert "Already done" in again(machine)
    assert "charge 77" in again(machine) and "on the statement" not in again(machine)
    assert "on the statement" in line_of(machine.said("step", doubt), "person.said")


def test_what_is_typed_at_the_prompt_behind_happened_is_its_receipt(machine, doubt):
    attended = {"CLAUDE_CODE_SESSION_ATTENDED": "1"}
    machine._tell("lifecycle", "UserPromptSubmit", attended, prompt=f"durable happened {doubt} charge 77")
    assert stands(machine, doubt) == ("succeeded", "operator", {"stdout": "charge 77"}, None)
    assert "charge 77" in again(machine)


@pytest.mark.parametrize("words", [("resolve", "{}", "--not-happened"), ("not-happened", "{}")])
def test_what_did_not_happen_may_run_again(machine, doubt, words):
    assert "nobody knows" in again(machine)
    machine.json(*[word.format(doubt) for word in words], "--reason", "not on the statement")
    assert stands(machine, doubt) == ("not_done", "operator", None, "not on the statement")
    assert again(machine) == ""


def test_resolve_works_from_a_checkout(machine, doubt):
    done = machine.rescue("resolve", doubt, "--not-happened", "--reason", "looked")
    assert (done.returncode, done.stderr) == (0, ""), done
    assert again(machine) == ""


def test_who_says_so_and_who_typed_it_are_both_on_record(machine, doubt):
    machine.cli("resolve", doubt, "--happened", "--reason", "x", "--by", "the bank", env={"USER": "ada"})
    assert "the bank (ada by the command line)" in line_of(machine.said("step", doubt), "person.said")


def test_a_secret_in_what_a_person_says_is_not_kept(machine, doubt):
    secret = "ghp_0123456789abcdefghijABCDEFGHIJ012345"
    words = ("--reason", f"a {secret}", "--receipt", f"b {secret}", "--by", f"the bank {secret}")
    assert machine.cli("resolve", doubt, "--happened", *words).returncode == 0
    kept = b"".join(path.read_bytes() for path in machine.state.rglob("*") if path.is_file())
    assert b"the bank" in kept and secret.encode() not in kept


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "--reason"),
        (("--reason", "x"), "add either --happened or --not-happened"),
        (("--reason", "x", "--happened", "--not-happened"), "add either --happened or --not-happened"),
        (("--happened",), "--reason"),
        (("--reason", "x", "--not-happened", "--receipt", "y"), "leave --receipt out"),
    ],
)
@pytest.mark.parametrize("front", ["cli", "rescue"])
def test_a_line_that_does_not_say_which_changes_nothing(machine, doubt, words, said, front):
    done = getattr(machine, front)("resolve", doubt, *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert stands(machine, doubt)[0] == "in_doubt"


def test_what_is_settled_is_not_settled_again(machine, doubt):
    machine.cli("resolve", doubt, "--happened", "--reason", "x")
    done = machine.cli("resolve", doubt, "--not-happened", "--reason", "y")
    assert (done.returncode, "is succeeded, there is nothing to settle" in done.stderr) == (2, True)
    assert stands(machine, doubt)[0] == "succeeded"
