"""Where a failure comes from, by the columns of its step and the words of its error."""

from __future__ import annotations

import re
from typing import Any

import pytest

from durable.failed import SOURCES, failure_of, roots
from durable.policy import decide as decide_module

VIOLATION = "Exit code 1\n<sandbox_violations>\ndeny(1) file-write-create /etc/x\n</sandbox_violations>"
GONE = "its client is gone (no process 7) and left no result"
MCP = "the MCP call ended in an error; its effect may have happened"


def step(status: str = "failed", tool: str = "Bash", **more: Any) -> dict[str, Any]:
    row = {"status": status, "tool_name": tool, "closed_by": "PostToolUseFailure", "verdict": None, "doubt": None}
    return {**row, "exit_code": None, "step_id": "s1", "fingerprint": "f", "duplicate_of": None, **more}


def denied(verdict: str) -> dict[str, Any]:
    return step("refused", closed_by="PreToolUse", verdict=verdict)


FAILURES = [
    (denied("gate"), "The rule pay forbids this call.", "policy"),
    (denied("tampering"), "durable refused this call", "policy"),
    (denied("broken_policy"), "a policy file is invalid", "policy"),
    *((denied(code), "The run was cut off", "policy") for code in ("strict", "strict_stop")),
    (denied("budget"), "This run is over its budget", "budget"),
    (denied("gate"), "The rule outside forbids this call.", "sandbox"),
    (denied("cancelled"), "A person cancelled this run", "permission"),
    (denied("approval"), "A person (ada) refused this call.", "permission"),
    *((denied(code), "x", "twin") for code in ("duplicate", "in_flight", "in_doubt", "reworded", "elsewhere")),
    *((denied(code), "x", "twin") for code in ("twice", "awaiting")),
    (step("refused", closed_by="PermissionDenied"), "Classifier unavailable", "permission"),
    (step("refused", closed_by="operator"), "ada refused it", "permission"),
    (step("refused", closed_by="transcript"), "The user doesn't want to proceed", "permission"),
    (step("refused", closed_by="spool"), "the permit was written but never given", "ledger"),
    (step("refused", closed_by="SessionEnd"), "it was never permitted", "interrupted"),
    (step(exit_code=3), "Exit code 3\nbad", "tool"),
    (step(), "Exit code 3\nconnection refused", "tool"),
    (step(exit_code=137), "Exit code 137", "interrupted"),
    (step(exit_code=129), "Exit code 129", "interrupted"),
    (step(exit_code=128), "Exit code 128", "tool"),
    (step(exit_code=1), VIOLATION, "sandbox"),
    (step(), "Permission to use Bash with command x has been denied.", "permission"),
    (step(), "<tool_use_error>Blocked: sleep 30", "agent"),
    (step(), "its output shows that nothing happened", "tool"),
    (step(tool="Edit"), "<tool_use_error>String to replace not found in file.", "agent"),
    (step(tool="Read"), "File does not exist. Note: your current working directory is /x", "agent"),
    (step(tool="Read"), "EISDIR: illegal operation on a directory", "tool"),
    (step(tool="WebFetch"), "Unable to verify if domain example.invalid is safe to fetch.", "connection"),
    (step("in_doubt", doubt=GONE), "", "interrupted"),
    (step("in_doubt", doubt="interrupted"), "Exit code 3", "interrupted"),
    (step("in_doubt", doubt="the command's end is not known"), "", "interrupted"),
    (step("in_doubt", doubt="the background task ended as killed"), "", "interrupted"),
    (step("in_doubt", doubt="the background task ended as failed"), "", "tool"),
    (step("in_doubt", doubt="exit code 3", exit_code=3), "Exit code 3", "tool"),
    (step("in_doubt", doubt="exit code 3"), "", "tool"),
    (step("in_doubt", "mcp__lab__send", doubt=MCP), "Connection closed", "connection"),
    (step("in_doubt", "mcp__lab__send", doubt=MCP), "Error executing tool send", "tool"),
    (step("in_doubt", "mcp__lab__send", doubt=MCP), "Error executing tool send: 1 validation error for x", "agent"),
    (step("in_doubt", "mcp__lab__send", doubt=MCP), "MCP error -32602: Invalid arguments", "agent"),
    (step("in_doubt", "mcp__lab__send", doubt=MCP), "MCP error -32001: Request timed out", "connection"),
    (step("not_done", closed_by="probe", doubt=GONE), "no such payment", "interrupted"),
]


@pytest.mark.parametrize(("row", "error", "source"), FAILURES)
def test_each_failure_has_its_source(row: dict[str, Any], error: str, source: str) -> None:
    found = failure_of(row, error, {"outside"})
    assert found is not None and found.source == source
    assert found.why.isprintable() and found.why


def test_every_source_has_an_example() -> None:
    assert {source for _, _, source in FAILURES} == set(SOURCES)


def test_every_code_by_which_a_hook_denies_has_an_example() -> None:
    lines = [re.split(" {2,}", line) for line in (decide_module.__doc__ or "").splitlines() if " deny" in line]
    codes = {code for line in lines for code in line[-1].split(", ")}
    assert len(codes) > 10 and codes - {row["verdict"] for row, _, _ in FAILURES} == set()


@pytest.mark.parametrize("status", ["prepared", "running", "succeeded", "replayed"])
def test_what_did_not_fail_has_none(status: str) -> None:
    assert failure_of(step(status), "Exit code 1") is None


def test_the_reason_of_a_command_is_its_code_and_its_last_words() -> None:
    found = failure_of(step(exit_code=2), "Exit code 2\nmake: nothing\n*** no rule\x1b[0m\n")
    assert found is not None and found.why == "exit code 2: *** no rule [0m"


def run_of(*given: tuple[str, str, str]) -> list[dict[str, Any]]:
    """(status, fingerprint, duplicate of)."""
    return [
        step(status, step_id=f"s{at}", fingerprint=mark, duplicate_of=twin or None)
        for at, (status, mark, twin) in enumerate(given)
    ]


def test_the_first_failure_of_a_call_is_the_root_of_those_that_follow() -> None:
    steps = run_of(("failed", "a", ""), ("failed", "b", ""), ("failed", "a", ""), ("in_doubt", "a", ""))
    assert roots(steps) == {"s2": "s0", "s3": "s0"}


def test_a_success_ends_a_chain() -> None:
    steps = run_of(("failed", "a", ""), ("succeeded", "a", ""), ("failed", "a", ""), ("failed", "a", ""))
    assert roots(steps) == {"s3": "s2"}


def test_another_tool_is_another_call() -> None:
    steps = run_of(("failed", "a", ""), ("failed", "a", ""))
    steps[1]["tool_name"] = "Read"
    assert roots(steps) == {}


def test_what_was_held_back_for_a_failure_follows_it() -> None:
    steps = run_of(("in_doubt", "a", ""), ("refused", "b", "s0"), ("refused", "c", "s1"), ("refused", "d", "s9"))
    assert roots(steps) == {"s1": "s0", "s2": "s0"}


def test_a_duplicate_of_what_succeeded_follows_no_failure() -> None:
    assert roots(run_of(("succeeded", "a", ""), ("refused", "a", "s0"))) == {}
