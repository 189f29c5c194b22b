"""docs/policy.md holds: its examples are valid, its table has every field."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from policies import line, policy_of

from durable.policy.compiler import compile_text
from durable.policy.fields import EVENTS, NOTIFY, REDACT, RETENTION, RULE, RUN, TOP
from durable.policy.models import faults_of
from durable.policy.patterns import parse

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "policy.md").read_text("utf-8")
EXAMPLES = re.findall(r"^```toml\n(.*?)^```", PAGE, re.M | re.S)


@pytest.mark.parametrize("text", EXAMPLES)
def test_every_example_is_a_policy(text: str) -> None:
    assert compile_text(text, "/p") and faults_of(text) == []


def test_the_table_has_every_field_of_a_rule_and_no_other() -> None:
    rows = re.findall(r"^\| `(\w+)` \|", PAGE.partition("## A rule")[2], re.M)
    assert set(rows) == set(RULE)


def test_the_rest_of_a_file_shows_every_field() -> None:
    shown = "\n".join(EXAMPLES)
    assert [name for name in [*TOP, *RUN, *NOTIFY, *REDACT, *RETENTION, *EVENTS] if name not in shown] == []


def test_every_pattern_of_the_page_is_one() -> None:
    table = PAGE.partition("| pattern |")[2].partition("\n\n")[0]
    cells = [row.split("|")[1] for row in table.splitlines()[2:]]
    found = [pattern for cell in cells for pattern in re.findall(r"`([^`]+)`", cell)]
    assert len(found) > 12 and all(parse(pattern) for pattern in found)


def test_the_first_example_does_what_it_says() -> None:
    policy = policy_of(EXAMPLES[0])
    assert line(policy, "git push origin --force main").gate == "deny"
    assert line(policy, "make deploy").gate == "ask"
