"""A rule about Bash calls that ask to leave the client's sandbox."""

from __future__ import annotations

from pathlib import Path

import pytest
from policies import asked, policy_of, rule

from durable.errors import PolicyError
from durable.policy.compiler import compile_text
from hooks.door import Door, FakeClient, bash

STAY = rule("stay inside", "Bash", gate="deny") + "unsandboxed = true\n"
OUT = {"dangerouslyDisableSandbox": True}


def test_it_speaks_of_the_calls_that_leave_alone() -> None:
    policy = policy_of(STAY)
    assert asked(policy, "Bash", command="ls", **OUT).gate == "deny"
    assert asked(policy, "Bash", command="ls").gate == ""
    assert asked(policy, "Bash", command="ls", dangerouslyDisableSandbox=False).gate == ""
    assert asked(policy, "Bash", command="ls", dangerouslyDisableSandbox="true").gate == ""


def test_of_one_command_it_speaks_only_where_that_leaves() -> None:
    policy = policy_of(rule("no rm outside", "Bash(rm *)", gate="ask") + "unsandboxed = true\n")
    assert asked(policy, "Bash", command="cd x && rm y", **OUT).gate == "ask"
    assert asked(policy, "Bash", command="cd x && rm y").gate == ""
    assert asked(policy, "Bash", command="ls", **OUT).gate == ""
    assert asked(policy, "Bash", command="rm 'y", **OUT).gate == "ask"
    assert asked(policy, "Bash", command="rm 'y").gate == ""


def test_a_project_may_ask_for_it_too() -> None:
    assert asked(policy_of(project=STAY), "Bash", command="ls", **OUT).gate == "deny"
    assert asked(policy_of(project=STAY), "Bash", command="ls").gate == ""


def test_it_is_about_bash_alone() -> None:
    with pytest.raises(PolicyError, match="unsandboxed works for Bash alone"):
        compile_text('[rules.x]\nmatch = ["Bash", "mcp__a__*"]\ngate = "deny"\nunsandboxed = true\n', "/p.toml")


def test_the_hook_denies_such_a_call(tmp_path: Path) -> None:
    client = FakeClient()
    door = Door(tmp_path, CLAUDE_PID=str(client.pid))
    door.policy(STAY)
    leaving = bash("ls", "toolu_1")
    leaving["tool_input"] |= OUT
    assert "stay inside" in door.pre(leaving).told
    assert door.pre(bash("ls", "toolu_2")).permits
    client.kill()
