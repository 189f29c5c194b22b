"""`failures`: what failed in a run, and where each failure comes from."""

import pytest
from cli_machine import SESSION, line_of

GATE = (
    '[rules.no]\nmatch = "Bash(rm *)"\ngate = "deny"\n[rules.out]\nmatch = "Bash"\nunsandboxed = true\ngate = "deny"\n'
)


@pytest.fixture
def machine(machine):
    machine.config.mkdir(parents=True, exist_ok=True)
    (machine.config / "policy.toml").write_text(GATE + '[rules.pay]\nmatch = "Bash(pay *)"\neffect = "once"\n')
    machine.ran("Read", file_path="/a")
    return machine


def fails(machine, command, error="Exit code 2\nmake: *** no rule"):
    machine.failed("Bash", machine.before("Bash", command=command), error, command=command)


def test_a_run_in_which_nothing_failed_says_so(machine):
    assert "nothing failed in run 11111111" in machine.said("failures", SESSION)
    data = machine.json("failures")
    assert (data["total"], data["sources"], data["failures"]) == (0, {}, [])


def test_each_failure_is_named_with_its_source_and_its_reason(machine):
    fails(machine, "make")
    machine.before("Bash", command="rm -r x")
    machine.before("Bash", command="ls", dangerouslyDisableSandbox=True)
    fails(machine, "touch /etc/x", "Exit code 1\n<sandbox_violations>\ndeny file-write /etc/x\n</sandbox_violations>")
    machine.failed("mcp__lab__send", machine.before("mcp__lab__send", to="bob"), "Connection closed", to="bob")
    data = machine.json("failures", SESSION, code=1)
    named = [(one["tool_name"], one["source"]) for one in data["failures"]]
    assert named == [("Bash", "tool"), ("Bash", "policy"), ("Bash", "sandbox"), ("Bash", "sandbox"),
                     ("mcp__lab__send", "connection")]  # fmt: skip
    assert data["sources"] == {"policy": 1, "sandbox": 2, "tool": 1, "connection": 1}
    assert data["failures"][0]["why"] == "exit code 2: make: *** no rule"
    assert data["agents"] == {"main": 5}
    screen = machine.said("failures", SESSION, env={"COLUMNS": "200"})
    assert "exit code 2" in line_of(screen, "Bash  make") and "Where they come from" in screen


def test_the_first_of_a_chain_is_named(machine):
    for _ in range(3):
        fails(machine, "make")
    first, *rest = machine.json("failures")["failures"]
    assert (first["root"], first["followed_by"]) == (None, 2)
    assert [one["root"] for one in rest] == [first["step_id"]] * 2
    assert f"step {first['step_id'][:8]} (tool) was the first of 3 failures" in machine.said("failures")


def test_a_doubt_that_needs_a_person_exits_1_and_what_was_held_back_follows_it(machine):
    machine.before("Bash", command="pay bob")
    machine.kill_client()
    machine.client = machine.new_client()
    machine.before("Bash", command="pay bob", env={"CLAUDE_CODE_SESSION_ATTENDED": "0"})
    data = machine.json("failures", code=1)
    assert [(one["status"], one["source"]) for one in data["failures"]] == [
        ("in_doubt", "interrupted"),
        ("refused", "twin"),
    ]
    assert data["failures"][1]["root"] == data["failures"][0]["step_id"]


def test_one_source_can_be_asked_for(machine):
    fails(machine, "make")
    machine.before("Bash", command="rm -r x")
    assert machine.json("failures", "--source", "policy")["sources"] == {"policy": 1}
    odd = machine.cli("failures", "--source", "odd")
    assert (odd.returncode, "choose policy, budget" in odd.stderr) == (2, True)


def test_before_the_first_hook_there_is_no_run(machine, tmp_path):
    away = {"DURABLE_HOME": str(tmp_path / "none")}
    assert "no ledger yet" in machine.said("failures", env=away)
    assert machine.cli("failures", "nowhere").returncode == 2
