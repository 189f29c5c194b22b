"""Later files win rule by rule; a project's file only ever tightens."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from policies import asked, line, policy_of, rule

from durable.policy.ignored import ignored_in
from durable.policy.rule import EFFECTS, EVIDENCE, GATES, ON_DUPLICATE, ON_RESUME, SCOPES, Rule
from durable.policy.tighten import tightened

PAY = "mcp__pay__charge"


def of_pay(**fields: Any) -> str:
    return rule("pay", "mcp__pay__*", **fields)


def charged(**texts: str) -> Rule:
    (claim,) = asked(policy_of(**texts), PAY).claims
    return claim.rule


def test_an_own_rule_beats_a_built_in_one() -> None:
    built_in = rule("built-in gh", "Bash(gh pr create *)", effect="once")
    own = rule("free", "Bash(gh *)", effect="repeatable")
    assert line(policy_of(built_in=built_in), "gh pr create").effect == "once"
    assert line(policy_of(built_in=built_in, user=own), "gh pr create").rule == "free"


def test_a_rule_of_the_same_name_replaces_the_earlier_one_whatever_it_matches() -> None:
    built_in = rule("x", "mcp__pay__*", effect="once")
    policy = policy_of(built_in=built_in, user=rule("x", "mcp__other__*", effect="once"))
    assert asked(policy, PAY).effect == "repeatable"


def test_the_file_that_the_environment_names_beats_the_users_and_the_projects() -> None:
    texts = {"user": of_pay(effect="once"), "project": of_pay(gate="deny"), "chosen": of_pay(effect="repeatable")}
    ruling = asked(policy_of(**texts), PAY)
    assert (ruling.effect, ruling.gate) == ("repeatable", "")


# ---- projects ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["pay", "another"])
@pytest.mark.parametrize("fields", [{"effect": "repeatable"}, {"effect": "read"}, {}])
def test_a_project_can_not_free_what_must_not_happen_twice(name: str, fields: dict[str, str]) -> None:
    policy = policy_of(user=of_pay(effect="once"), project=rule(name, "mcp__pay__*", **fields))
    ruling = asked(policy, PAY)
    assert (ruling.effect, ruling.rule, len(ruling.claims)) == ("once", "pay", 1)


def test_a_project_can_not_replace_a_rule_by_its_name() -> None:
    policy = policy_of(user=of_pay(effect="once"), project=rule("pay", "mcp__other__*", effect="once"))
    assert asked(policy, PAY).effect == "once"


def test_a_project_can_not_call_reading_what_is_not_known_to_be() -> None:
    ruling = asked(policy_of(project=of_pay(effect="read")), PAY)
    assert (ruling.effect, ruling.rule) == ("repeatable", "built-in default")


def test_a_project_may_protect_what_nobody_protects() -> None:
    project = of_pay(effect="once", scope="global", max=3, ttl=60, on_duplicate="ask", key=["order"], probe="./run")
    found = charged(project=project)
    assert (found.name, found.scope, found.max, found.ttl_s, found.on_duplicate) == ("pay", "global", 3, 60, "ask")
    assert (found.key, found.probe, found.ignored) == (("order",), "", ("probe",))


def test_a_project_may_gate_and_keeps_a_stricter_gate() -> None:
    assert asked(policy_of(project=of_pay(gate="ask")), PAY).gate == "ask"
    assert asked(policy_of(user=of_pay(gate="deny"), project=of_pay(gate="ask")), PAY).gate == "deny"
    assert asked(policy_of(user=of_pay(gate="ask"), project=of_pay(gate="deny")), PAY).gate == "deny"


TIGHTER = [
    ({"scope": "run"}, {"scope": "project"}, True),
    ({"scope": "global"}, {"scope": "project"}, False),
    ({"max": 3}, {"max": 2}, True),
    ({"max": 3}, {"max": 4}, False),
    ({}, {"max": 2}, False),
    ({"ttl": 60}, {"ttl": 90}, True),
    ({"ttl": 60}, {"ttl": 30}, False),
    ({}, {"ttl": 90}, False),
    ({"on_duplicate": "replay"}, {"on_duplicate": "ask"}, True),
    ({}, {"on_duplicate": "ask"}, False),
    ({"settle": 5}, {"settle": 6}, True),
    ({"settle": 5}, {"settle": 4}, False),
    ({}, {"settle": 59}, False),
    ({}, {"settle": 61}, True),
    ({}, {"key": ["order"]}, False),
    ({"key": ["order"]}, {"ignore": ["note"]}, False),
    ({}, {"ignore": ["note"]}, False),
    ({}, {"probe": "true"}, False),
    ({}, {"probe_timeout": 9}, False),
    ({}, {"no_effect_exits": [1]}, False),
    ({}, {"no_effect_output": ["no"]}, False),
    ({}, {"inject": "key"}, False),
    ({"inject": "a"}, {"inject": "b"}, False),
    ({}, {"calls": 3}, True),
    ({"calls": 3}, {"calls": 2}, True),
    ({"calls": 3}, {"calls": 4}, False),
    ({}, {"on_resume": "replay"}, False),
    ({"on_resume": "replay"}, {"on_resume": "agent"}, True),
    ({}, {"evidence": "sealed"}, True),
    ({"evidence": "sealed"}, {"evidence": "public"}, False),
]  # fmt: skip


@pytest.mark.parametrize(("users", "projects", "taken"), TIGHTER)
def test_a_project_may_tighten_each_field_and_loosen_none(
    users: dict[str, Any], projects: dict[str, Any], taken: bool
) -> None:
    texts = {"user": of_pay(effect="once", **users), "project": rule("mine", "mcp__pay__*", effect="once", **projects)}
    found, (name, value) = charged(**texts), *projects.items()
    attribute = {"ttl": "ttl_s", "settle": "settle_s", "probe_timeout": "probe_timeout_s"}.get(name, name)
    wanted = value if taken else getattr(Rule("", {**users}, ""), attribute)
    got = getattr(found, attribute)
    assert (list(got) if isinstance(got, tuple) else got) == (list(wanted) if isinstance(wanted, tuple) else wanted)
    assert found.name == "pay"
    assert (found.tightened_by, found.ignored) == (("mine", ()) if taken else ("", (name,)))


@pytest.mark.parametrize(("users", "projects"), [("sealed", "public"), ("public", "sealed"), ("sealed", "sealed")])
def test_a_project_may_seal_and_never_unseal_what_only_reads(users: str, projects: str) -> None:
    texts = {
        "user": of_pay(effect="read", evidence=users),
        "project": rule("theirs", "mcp__pay__*", effect="read", evidence=projects),
    }
    assert asked(policy_of(**texts), PAY).sealed


def test_what_the_user_allows_a_project_may_loosen() -> None:
    user = 'allow_project = ["theirs"]\n' + of_pay(effect="once")
    assert (
        asked(policy_of(user=user, project=rule("theirs", "mcp__pay__*", effect="repeatable")), PAY).effect
        == "repeatable"
    )
    assert asked(policy_of(user=user, project=rule("other", "mcp__pay__*", effect="repeatable")), PAY).effect == "once"


def test_a_project_can_not_allow_itself_anything() -> None:
    project = 'allow_project = ["theirs"]\n' + rule("theirs", "mcp__pay__*", effect="repeatable")
    assert asked(policy_of(user=of_pay(effect="once"), project=project), PAY).effect == "once"


def test_a_project_tightens_each_command_of_a_line() -> None:
    user = rule("pr", "Bash(gh pr create *)", effect="once", max=2)
    project = rule("all", "Bash(gh *)", effect="once", max=1) + rule("make", "Bash(make *)", effect="once")
    ruling = line(policy_of(user=user, project=project), "make x && gh pr create && gh repo view")
    assert [(claim.rule.name, claim.rule.max, claim.words) for claim in ruling.claims] == [
        ("make", 1, "make"), ("pr", 1, "gh pr create"), ("all", 1, "gh"),
    ]  # fmt: skip


FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "effect": st.sampled_from(EFFECTS),
        "scope": st.sampled_from(SCOPES),
        "gate": st.sampled_from(GATES[1:]),
        "on_duplicate": st.sampled_from(ON_DUPLICATE),
        "on_resume": st.sampled_from(ON_RESUME),
        "evidence": st.sampled_from(EVIDENCE),
        "max": st.integers(1, 4),
        "ttl": st.integers(1, 4),
        "settle": st.integers(0, 120),
        "key": st.lists(st.sampled_from("ab"), min_size=1, max_size=2),
        "probe": st.just("x"),
    },
)


def strictness(found: Rule) -> list[float]:
    return [
        EFFECTS.index(found.effect),
        SCOPES.index(found.scope),
        ON_DUPLICATE.index(found.on_duplicate),
        ON_RESUME.index(found.on_resume),
        EVIDENCE.index(found.evidence),
        -found.max,
        float("inf") if found.ttl_s is None else found.ttl_s,
        60 if found.settle_s is None else found.settle_s,
    ]


@given(FIELDS, FIELDS)
def test_beside_a_rule_a_projects_is_never_looser_in_anything(users: dict[str, Any], projects: dict[str, Any]) -> None:
    base, theirs = Rule("base", users, "user"), Rule("theirs", projects, "project")
    found = tightened(base, "repeatable", theirs)
    assert found is not None
    if base.effect == "once":
        assert all(new >= old for new, old in zip(strictness(found), strictness(base), strict=True))
        assert (found.key, found.probe, found.name) == (base.key, base.probe, "base")
    assert EFFECTS.index(found.effect) >= EFFECTS.index(base.effect)
    assert found.probe == base.probe


# ---- the rest of a file -----------------------------------------------------------------------


def test_budgets_of_a_project_only_shrink() -> None:
    policy = policy_of(
        user="[run]\ntool_calls = 10\n", project='[run]\ntool_calls = 20\ntokens = 5\nwall_clock = "1h"\n'
    )
    assert policy.budgets == {"tool_calls": 10, "tokens": 5, "wall_clock": 3600}
    assert policy_of(user="[run]\ntool_calls = 10\n", project="[run]\ntool_calls = 2\n").budgets == {"tool_calls": 2}
    assert policy_of(user="[run]\ntool_calls = 10\n", chosen="[run]\ntool_calls = 20\n").budgets == {"tool_calls": 20}


def test_a_project_has_nothing_run_and_nothing_written() -> None:
    sink = '[[notify]]\non = ["denied"]\ncommand = "touch /tmp/x"\n'
    assert policy_of(project=sink).notify == []
    assert policy_of(user=sink, chosen=sink).notify == [{"on": ["denied"], "command": "touch /tmp/x"}] * 2


def test_what_a_project_does_not_get_is_said() -> None:
    user = "[run]\ntokens = 5\n" + of_pay(effect="once")
    project = (
        'mode = "observe"\nallow_project = ["pay"]\n'
        "[redact]\nenabled = false\n[run]\ntokens = 6\n"
        '[[notify]]\non = ["denied"]\ncommand = "x"\n'
        + rule("theirs", "mcp__pay__*", effect="repeatable")
        + rule("pay", "mcp__x__*", effect="once", probe="x", max=2)
        + rule("free", "mcp__y__*", effect="read")
    )
    told = "\n".join(ignored_in(policy_of(user=user, project=project)))
    for said in (
        "mode:", "redact.enabled:", "run.tokens", "notify:", "allow_project:",
        "rule 'theirs': effect would loosen 'pay'",
        "rule 'pay': probe is only taken", "rule 'pay': max would loosen 'pay' of user", "rule 'free': effect = 'read'",
    ):  # fmt: skip
        assert said in told
    assert told.count("\n") == 8


def test_the_digest_covers_every_file_and_no_comment() -> None:
    digests = {
        policy.digest
        for policy in (
            policy_of(),
            policy_of(user=of_pay(effect="once")),
            policy_of(project=of_pay(effect="once")),
            policy_of(user=of_pay(effect="once"), project=of_pay(gate="ask")),
            policy_of(user=of_pay(effect="once", max=2)),
            policy_of(user=rule("a", "Bash") + rule("b", "Bash")),
            policy_of(user=rule("b", "Bash") + rule("a", "Bash")),
        )
    }
    assert len(digests) == 7
    assert policy_of(user="# hi\n" + of_pay(effect="once")).digest == policy_of(user=of_pay(effect="once")).digest
