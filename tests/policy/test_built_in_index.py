"""What is compiled ahead is what the compiler would make of it now."""

from __future__ import annotations

from pathlib import Path

from durable.policy.built_in.ahead import TARGET, faults, source
from durable.policy.built_in.rules import RULES
from durable.policy.policy import Policy

ROOT = Path(__file__).resolve().parents[2]


def test_the_index_of_the_built_in_rules_is_that_of_the_rules() -> None:
    assert (ROOT / TARGET).read_text(encoding="utf-8") == source(), "run scripts/built_in_index"


def test_the_built_in_rules_are_as_the_compiler_would_make_them() -> None:
    assert faults(RULES) == []


def test_a_wrong_built_in_rule_would_be_found() -> None:
    wrong = {"a": {"match": "Bash"}, "b": {"match": ["Bash("]}, "c": {"match": ["Bash"], "ttl": "7d"}, "d": {"x": 1}}
    told = faults(wrong)
    assert [fault[0] for fault in told] == ["a", "b", "c", "d"]


def test_every_built_in_rule_can_be_read_by_its_number() -> None:
    assert [rule.name for rule in Policy().layers[0].rules()] == list(RULES)
