"""Which results of a built-in rule's call show that nothing happened, and which only look like it."""

from __future__ import annotations

import pytest
from policies import line

from durable.ending import Ending
from durable.no_effect import judged
from durable.policy.policy import Policy
from durable.shell import parse_line
from durable.step import FAILED, IN_DOUBT

POST = "curl -d a=b https://api.example.com/x"
OFFLINE = "error connecting to api.github.com"
EXISTS = 'a pull request for branch "x" already exists'


def status(command: str, code: int, said: str = "") -> str:
    error = f"Exit code {code}\n{said}"
    return judged(Ending(IN_DOUBT, "", code), line(Policy(), command).claims, error).status


@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        ("gh pr create --fill", 4, ""),
        ("gh pr create --fill", 1, EXISTS),
        ("cd x && gh pr create --fill", 1, EXISTS),
        ("gh issue comment 3 -b x", 1, OFFLINE),
        ("npm publish", 127, ""),
        ("npm publish", 1, "npm error You cannot publish over the previously published versions: 1.0.0."),
        ("aws sns publish --message x", 253, ""),
        (POST, 6, ""),
        (POST, 60, ""),
        (f"{POST} || true", 1, "curl: (7) Failed to connect"),
        (f"{POST} --retry-delay 3", 7, ""),
    ],
)
def test_nothing_happened(command: str, code: int, said: str) -> None:
    assert status(command, code, said) == FAILED


@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        ("gh pr create --fill", 1, ""),
        ("make && gh pr create --fill", 4, ""),
        # The pull request first, then who reviews it; the issue first, then its project.
        ("gh pr create --fill -r bob", 1, OFFLINE),
        ("gh issue create -t x --project y", 1, OFFLINE),
        ("gh codespace create -r o/r", 1, OFFLINE),
        # What comes after the answer.
        (POST, 80, ""),
        (POST, 52, ""),
        (POST, 56, ""),
        # The redirect's host, or the second try's.
        ("curl -L -d a=b https://api.example.com/x", 6, "curl: (6) Could not resolve host"),
        ("curl -sSLd a=b https://api.example.com/x", 7, "curl: (7) Failed to connect"),
        ("curl --location --data a=b https://api.example.com/x", 60, ""),
        ("curl --retry 3 -d a=b https://api.example.com/x", 7, ""),
        ("curl --retry=3 -d a=b https://api.example.com/x", 7, ""),
        # The third round failed.
        ("for t in a b c; do gh issue comment 3 -b $t; done", 1, OFFLINE),
        ('for t in a b c; do echo "$(gh issue comment 3 -b $t)"; done', 1, OFFLINE),
        ("while read t; do gh issue comment 3 -b $t; done < f", 4, "gh auth login"),
        ("xargs -n1 gh issue comment 3 -b < f", 1, OFFLINE),
        ("seq 3 | xargs -I{} sh -c 'gh issue comment 3 -b {}'", 1, OFFLINE),
        ("find . -name '*.md' -exec gh issue comment 3 -F {} \\;", 1, OFFLINE),
        ("parallel gh issue comment 3 -b {} ::: a b", 1, OFFLINE),
    ],
)
def test_something_may_have_happened(command: str, code: int, said: str) -> None:
    assert status(command, code, said) == IN_DOUBT


@pytest.mark.parametrize("command", ["pay $(pay)", "if pay; then :; fi", "pay || true", "for x in $(pay); do :; done"])
def test_what_runs_once_speaks_for_itself(command: str) -> None:
    assert not any(one.may_repeat for one in parse_line(command, "/w").commands if one.program == "pay")
