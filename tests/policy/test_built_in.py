"""What may run once and what may run again without any rule of one's own. A false `once` is as bad as a missed one."""

from __future__ import annotations

from typing import Any

import pytest
from built_in_rows import ACTIONS, ONCE, REPEATABLE, SEVERAL, TOOLS, UNREADABLE
from policies import asked, line

from durable.policy.built_in.hosts import is_public
from durable.policy.built_in.rules import RULES
from durable.policy.policy import Policy

ROWS = [(rule, command) for rule, commands in ONCE.items() for command in commands]


def claimed_rules(command: str) -> list[str]:
    return [claim.rule.name for claim in line(Policy(), command).claims]


def test_the_table_is_as_large_as_promised_and_says_nothing_twice() -> None:
    lines = [command for _, command in ROWS] + [command for command, _ in SEVERAL + UNREADABLE] + REPEATABLE
    assert len(ROWS) >= 400
    assert len(REPEATABLE) >= 600
    assert len(lines) == len(set(lines))


def test_every_built_in_rule_is_in_the_table() -> None:
    named = {f"built-in {rule}" for rule in ONCE} | {"built-in MCP tools that create"}
    assert named == set(RULES)


@pytest.mark.parametrize(("rule", "command"), ROWS)
def test_what_creates_something_out_there_runs_once(rule: str, command: str) -> None:
    ruling = line(Policy(), command)
    assert (ruling.effect, ruling.rule) == ("once", f"built-in {rule}")
    assert claimed_rules(command) == [f"built-in {rule}"]


@pytest.mark.parametrize(("command", "rules"), SEVERAL)
def test_each_command_of_a_line_that_creates_something_is_a_claim(command: str, rules: list[str]) -> None:
    assert line(Policy(), command).effect == "once"
    assert claimed_rules(command) == [f"built-in {rule}" for rule in rules]


@pytest.mark.parametrize(("command", "rule"), UNREADABLE)
def test_a_line_that_can_t_be_taken_apart_is_held_by_the_words_it_contains(command: str, rule: str) -> None:
    ruling = line(Policy(), command)
    assert ruling.line is None or not ruling.line.parsed
    assert ruling.effect == ("once" if rule else "repeatable")
    assert claimed_rules(command) == ([f"built-in {rule}"] if rule else [])


@pytest.mark.parametrize("command", REPEATABLE)
def test_what_does_no_harm_the_second_time_may_be_repeated(command: str) -> None:
    ruling = line(Policy(), command)
    assert (ruling.effect, ruling.claims) == ("repeatable", [])


@pytest.mark.parametrize(("tool", "once"), TOOLS.items())
def test_a_tool_s_name_tells_whether_it_creates(tool: str, once: bool) -> None:
    assert asked(Policy(), tool).effect == ("once" if once else "repeatable")


@pytest.mark.parametrize(("tool", "given", "once"), ACTIONS)
def test_where_a_tool_does_many_things_its_input_tells(tool: str, given: dict[str, Any], once: bool) -> None:
    assert asked(Policy(), tool, **given).effect == ("once" if once else "repeatable")


@pytest.mark.parametrize(
    ("url", "public"),
    [
        ("https://example.com", True),
        ("example.com:80/x", True),
        ("http://8.8.8.8", True),
        ("http://[2606:4700::1]/", True),
        ("$URL/x", True),
        ("http://$HOST:80", True),
        ("http://172.15.0.1", True),
        ("http://172.32.0.1", True),
        ("http://100.63.0.1", True),
        ("http://172.16.0.1", False),
        ("http://100.64.0.1", False),
        ("http://0.0.0.0:80", False),
        ("http://2130706433", False),
        ("http://0x7f.0.0.1", False),
        ("http://[::ffff:10.0.0.1]", False),
        ("http://[fd00::1]", False),
        ("LOCALHOST:1", False),
        ("http://a.LOCAL.", False),
        ("db", False),
        (":8000/x", False),
    ],
)
def test_hosts_of_this_network_are_told_from_those_out_there(url: str, public: bool) -> None:
    assert is_public(url) is public
