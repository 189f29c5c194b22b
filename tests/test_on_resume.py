"""What resume does with each call that has no receipt."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given as drawn
from hypothesis import strategies as st

from durable.execute.tools import EXECUTED
from durable.policy.policy import BUILT_IN, CHOSEN, PROJECT, USER
from durable.policy.rule import ON_RESUME, Rule
from durable.recovery.on_resume import AGENT, NOTHING, REPLAY, VERIFY, Asked, way_of
from durable.step import MOVES, Step
from policy.policies import asked as ruling_of
from policy.policies import policy_of
from policy.policies import rule as as_toml

NOBODY = Asked()
ALL = Asked(replay=True)
THIS = Asked(only=frozenset({"s1"}))
OTHERS = Asked(only=frozenset({"s2"}))
GIVEN = {"command": "make release"}


def step(status: str = "in_doubt", effect: str = "repeatable", tool: str = "Bash", **more: Any) -> Step:
    row = {
        "step_id": "s1", "status": status, "effect": effect, "tool_name": tool, "asked_at": None, "deferred_at": None,
        "approval": None, "file_before": None, **more,
    }  # fmt: skip
    return Step(row)


def rule(on_resume: str = "", origin: str = USER, **fields: Any) -> Rule:
    given = {"effect": "repeatable", "match": "Bash(make *)", **fields} | (
        {"on_resume": on_resume} if on_resume else {}
    )
    return Rule("release", given, origin)


def once(on_resume: str = "", **fields: Any) -> Rule:
    return rule(on_resume, effect="once", **fields)


WAYS = [
    # Without anybody's word an agent's call goes back to the agent.
    (step(), None, NOBODY, AGENT),
    (step(), rule(), NOBODY, AGENT),
    (step(), rule("agent"), NOBODY, AGENT),
    (step(), rule("verify"), NOBODY, AGENT),
    # A word of one's own.
    (step(), rule("replay"), NOBODY, REPLAY),
    (step(), rule("replay", CHOSEN), NOBODY, REPLAY),
    (step(), rule("replay", BUILT_IN), NOBODY, REPLAY),
    (step(), rule("replay", PROJECT), NOBODY, AGENT),
    (step(), None, ALL, REPLAY),
    (step(), rule("verify"), ALL, REPLAY),
    (step(), rule("replay", PROJECT), ALL, REPLAY),
    (step(), None, THIS, REPLAY),
    (step(), None, OTHERS, AGENT),
    (step(), rule("replay"), OTHERS, AGENT),
    (step(), None, Asked(True, frozenset({"s2"})), AGENT),
    # What must not happen twice, and is in doubt.
    (step(effect="once"), None, ALL, AGENT),
    (step(effect="once"), once("replay"), NOBODY, AGENT),
    (step(effect="once"), once("replay", probe="look"), NOBODY, VERIFY),
    (step(effect="once"), once("verify", probe="look"), NOBODY, VERIFY),
    (step(effect="once"), once(probe="look"), NOBODY, AGENT),
    (step(effect="once"), once(probe="look"), ALL, VERIFY),
    (step(effect="once"), once(probe="look"), THIS, VERIFY),
    (step(effect="once"), once(probe="look"), OTHERS, AGENT),
    (step(effect="once"), once("replay", origin=PROJECT, probe="look"), NOBODY, AGENT),
    (step(effect="once", tool="Write", file_before="h"), once("verify"), NOBODY, VERIFY),
    (step(), once("replay"), ALL, AGENT),
    # The same once nothing is in doubt any more.
    (step("not_done", "once"), once("replay"), NOBODY, REPLAY),
    (step("not_done", "once"), once("verify"), NOBODY, AGENT),
    (step("not_done", "once"), once(), ALL, REPLAY),
    # Asked, and approved or not.
    (step(asked_at="t"), rule("replay"), ALL, AGENT),
    (step(asked_at="t", approval="approved"), rule("replay"), NOBODY, REPLAY),
    (step("prepared", deferred_at="t"), rule("replay"), ALL, AGENT),
    (step("prepared", deferred_at="t", approval="denied"), rule("replay"), ALL, AGENT),
    (step("prepared", "once", deferred_at="t", approval="approved"), once(), ALL, REPLAY),
    (step("prepared", deferred_at="t", approval="approved"), rule(), NOBODY, AGENT),
    # Whoever executes what.
    (step(tool="Agent"), rule("replay"), ALL, AGENT),
    (step(tool="Task"), rule("replay"), ALL, AGENT),
    (step(tool="Skill"), rule("replay"), ALL, AGENT),
    (step(tool="mcp__tracker__move"), None, ALL, REPLAY),
    (step(tool="Edit"), None, ALL, REPLAY),
    (step(tool="MultiEdit"), None, ALL, REPLAY),
    (step(tool="NotebookEdit"), None, ALL, REPLAY),
    # How it stands.
    (step("failed"), rule("replay"), ALL, AGENT),
    (step("running"), rule("replay"), ALL, AGENT),
    (step("prepared"), rule("replay"), ALL, AGENT),
    (step(effect="read"), rule("replay"), ALL, AGENT),
    (step("succeeded"), rule("replay"), ALL, NOTHING),
    (step("refused"), rule("replay"), ALL, NOTHING),
    (step("replayed"), rule("replay"), ALL, NOTHING),
]  # fmt: skip


@pytest.mark.parametrize(("step", "rule", "asked", "what"), WAYS)
def test_each_call_goes_its_way(step: Step, rule: Rule | None, asked: Asked, what: str) -> None:
    way = way_of(step, rule, asked, GIVEN)
    assert (way.what, bool(way.why)) == (what, True)


def test_without_its_secrets_an_input_is_not_executed() -> None:
    assert way_of(step(), None, ALL, None).what == AGENT
    assert "secrets" in way_of(step(), None, ALL, None).why


def test_what_runs_in_the_background_goes_to_the_agent_that_will_hear_of_its_end() -> None:
    assert way_of(step(), None, ALL, {**GIVEN, "run_in_background": True}).what == AGENT
    assert way_of(step(), None, ALL, {**GIVEN, "run_in_background": False}).what == REPLAY


def test_beside_what_still_runs_of_it_nothing_is_started() -> None:
    way = way_of(step(), rule("replay"), ALL, GIVEN, "Process 7 of it runs")
    assert way.what == AGENT and "Process 7" in way.why


def test_the_reason_names_whose_word_it_was() -> None:
    assert "rule release" in way_of(step(), rule("replay"), NOBODY, GIVEN).why
    assert "asked for" in way_of(step(), rule("replay"), THIS, GIVEN).why
    assert "your own files" in way_of(step(), rule("replay", PROJECT), NOBODY, GIVEN).why
    assert "sub-agent" in way_of(step(tool="Task"), None, ALL, GIVEN).why
    assert "not executed" in way_of(step("not_done"), rule("verify"), NOBODY, GIVEN).why


STEPS = st.builds(
    step,
    st.sampled_from(list(MOVES)),
    st.sampled_from(["read", "repeatable", "once"]),
    st.sampled_from([*sorted(EXECUTED), "Agent", "Skill", "mcp__a__b"]),
    asked_at=st.sampled_from([None, "t"]),
    deferred_at=st.sampled_from([None, "t"]),
    approval=st.sampled_from([None, "approved", "denied"]),
)
RULES = st.one_of(
    st.none(),
    st.builds(
        rule,
        st.sampled_from(ON_RESUME),
        st.sampled_from([BUILT_IN, USER, PROJECT, CHOSEN]),
        effect=st.sampled_from(["repeatable", "once"]),
    ),
)


@drawn(STEPS, RULES, st.sampled_from([NOBODY, ALL, THIS, OTHERS]), st.sampled_from([None, GIVEN]))
def test_what_is_executed_is_free_to_run_wanted_and_known_to_the_letter(
    step: Step, rule: Rule | None, asked: Asked, given: dict[str, Any] | None
) -> None:
    if way_of(step, rule, asked, given).what != REPLAY:
        return
    now = rule.effect if rule is not None else ""
    assert step.status != "in_doubt" or "once" not in (step.effect, now)
    assert step.status in ("not_done", "in_doubt") or (step.status == "prepared" and step.approval == "approved")
    assert step.approval == "approved" or not (step.asked_at or step.deferred_at)
    assert given is not None and step.tool_name not in ("Agent", "Skill")
    wanted = rule is not None and rule.on_resume == "replay" and rule.origin != PROJECT
    assert asked.replay or "s1" in asked.only or (wanted and not asked.only)


REPLAYS = as_toml("mine", "Bash(make *)", effect="repeatable", on_resume="replay")
LOOSER = as_toml("theirs", "Bash(make *)", effect="repeatable", on_resume="replay")
STRICTER = as_toml("theirs", "Bash(make *)", effect="repeatable", on_resume="agent")
QUIET = as_toml("mine", "Bash(make *)", effect="repeatable")


@pytest.mark.parametrize(
    ("policy", "what"),
    [
        (policy_of(user=REPLAYS), REPLAY),
        (policy_of(chosen=REPLAYS), REPLAY),
        (policy_of(built_in=REPLAYS), REPLAY),
        (policy_of(project=LOOSER), AGENT),
        (policy_of(user=QUIET, project=LOOSER), AGENT),
        (policy_of(user='allow_project = ["theirs"]\n' + QUIET, project=LOOSER), AGENT),
        (policy_of(user=REPLAYS, project=STRICTER), AGENT),
    ],
)
def test_only_files_of_ones_own_have_a_call_executed(policy: Any, what: str) -> None:
    matched = ruling_of(policy, "Bash", command="make release").matched
    found = matched[0] if matched else None
    assert way_of(step(), found, NOBODY, GIVEN).what == what
