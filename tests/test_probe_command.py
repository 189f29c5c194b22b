"""Which command a probe is asked about, and when nobody can say."""

from __future__ import annotations

from typing import Any

import pytest

from durable.fingerprint import of_claim
from durable.policy.claim import of_command
from durable.policy.match import matching_pattern
from durable.policy.policy import USER
from durable.policy.rule import Rule
from durable.probe_command import command_of
from durable.shell import parse_line

KEY = b"k" * 32
PAY = Rule("pay", {"match": ["Bash(pay *)"], "effect": "once"}, USER)


def asked(line: str, cwd: str = "/w", marks: int = 1) -> dict[str, Any] | None:
    """Where the step had just this claim."""

    commands = parse_line(line, cwd).commands
    at = next(at for at, one in enumerate(commands) if matching_pattern(PAY, one) is not None)
    pattern = matching_pattern(PAY, commands[at])
    claim = of_command(PAY, pattern, commands, at, line)
    found = {of_claim(KEY, "Bash", claim.place, claim.parts)} | {str(n) for n in range(marks - 1)}
    return command_of(line, cwd, PAY, found, KEY)


def test_it_is_told_with_its_directory_and_without_what_only_the_shell_knew() -> None:
    assert asked("cd a && X=1 Y=$Z pay --to bob \"$5\" '$6'") == {
        "words": ["pay", "--to", "bob", None, "$6"],
        "assigned": [["X", "1"], ["Y", None]],
        "cwd": "/w/a",
        "taken": {},
    }


@pytest.mark.parametrize("line", ["timeout -k 5 60s pay 5", "nohup pay 5 &", "nice -n 5 time pay 5", "git push; pay 5"])
def test_what_leaves_its_surroundings_alone_changes_nothing(line: str) -> None:
    found = asked(line)
    assert found is not None and found["words"] == ["pay", "5"]


@pytest.mark.parametrize(
    "line",
    [
        "sudo pay 5",
        "env X=1 pay 5",
        "timeout 5 env X=1 pay 5",
        "bash -c 'pay 5'",
        "op run -- pay 5",
        "export X=1; pay 5",
        ". ./env && pay 5",
        "cd $X && pay 5",
        "pay 5; pay 5",
        "for x in 1 2; do pay 5; done",
        "xargs -n1 pay 5 < f",
        "pay 5; pay 6",
        'pay "5',
    ],
)
def test_nobody_can_say_what_another_environment_made_of_it(line: str) -> None:
    if line.count('"') == 1:
        assert command_of(line, "/w", PAY, {"x"}, KEY) is None
    else:
        assert asked(line) is None


def test_a_step_of_several_claims_or_of_another_one_is_not_this_command() -> None:
    assert asked("pay 5", marks=2) is None
    assert command_of("pay 5", "/w", PAY, {"another"}, KEY) is None
    assert command_of(None, "/w", PAY, {"another"}, KEY) is None
