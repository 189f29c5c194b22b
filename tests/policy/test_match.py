"""Which rules speak of a call, its effect and gate, and what of it must not happen twice."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from policies import HERE, asked, claimed, line, policy_of, rule

from durable.event import Call
from durable.policy.policy import Policy
from durable.policy.quiet import unruled
from durable.policy.rule import Rule

ROOT = Path(__file__).resolve().parents[2]
PR = rule("pr", "Bash(gh pr create *)", effect="once")
PUBLISH = rule("publish", "Bash(npm publish *)", effect="once")


@pytest.mark.parametrize(
    ("tool", "effect", "named"),
    [
        ("Read", "read", "built-in Read"),
        ("Bash", "repeatable", "built-in Bash"),
        ("x", "repeatable", "built-in default"),
    ],
)
def test_without_rules_the_table_of_tools_decides(tool: str, effect: str, named: str) -> None:
    ruling = asked(policy_of(), tool)
    assert (ruling.effect, ruling.rule, ruling.gate, ruling.claims) == (effect, named, "", [])


def test_of_one_file_the_first_rule_that_matches_wins() -> None:
    policy = policy_of(rule("small", "mcp__pay__ping", effect="read") + rule("all", "mcp__pay__*", effect="once"))
    assert asked(policy, "mcp__pay__ping").rule == "small"
    assert asked(policy, "mcp__pay__charge").rule == "all"


def test_the_order_of_a_file_is_kept_and_not_that_of_its_names() -> None:
    policy = policy_of(rule("z", "mcp__pay__ping", effect="read") + rule("a", "mcp__pay__*", effect="once"))
    assert asked(policy, "mcp__pay__ping").rule == "z"


def test_a_rule_that_only_gates_leaves_the_effect_to_the_next() -> None:
    policy = policy_of(rule("ask", "Bash", gate="ask") + PR)
    ruling = line(policy, "gh pr create")
    assert (ruling.effect, ruling.rule, ruling.gate, ruling.gate_rule) == ("once", "pr", "ask", "ask")
    ruling = line(policy, "ls")
    assert (ruling.effect, ruling.rule, ruling.gate) == ("repeatable", "built-in Bash", "ask")


def test_unless_takes_calls_out_of_a_rule() -> None:
    policy = policy_of(rule("publish", "Bash(npm publish *)", effect="once", unless="Bash(npm publish * --dry-run *)"))
    assert line(policy, "npm publish --tag x --dry-run").effect == "repeatable"
    assert line(policy, "npm publish").effect == "once"


def test_unless_takes_lines_out_of_a_rule_for_any_line() -> None:
    policy = policy_of(rule("ask", "Bash", gate="ask", unless=["Bash(ls *)", "Bash(git status *)"]))
    assert line(policy, "ls -l; git status").gate == ""
    assert line(policy, "ls -l; rm x").gate == "ask"
    assert line(policy, "make").gate == "ask"


def test_a_line_without_any_command_is_still_a_line() -> None:
    policy = policy_of(PR + rule("ask", "Bash", gate="ask"))
    assert line(policy, "X=gh").gate == "ask"


# ---- lines ------------------------------------------------------------------------------------


def test_a_lines_effect_is_the_strictest_of_its_commands() -> None:
    policy = policy_of(PR + rule("ls", "Bash(ls *)", effect="read"))
    assert line(policy, "ls -l").effect == "read"
    assert line(policy, "ls && make").effect == "repeatable"
    assert line(policy, "ls; make; gh pr create").effect == "once"
    assert line(policy, "gh pr create && ls").rule == "pr"


def test_the_gate_of_any_command_is_the_gate_of_the_line() -> None:
    policy = policy_of(rule("rm", "Bash(rm *)", gate="deny") + rule("mv", "Bash(mv *)", gate="ask"))
    assert line(policy, "ls && rm x && mv a b").gate == "deny"
    assert line(policy, "mv a b && rm x").gate_rule == "rm"


def test_each_command_that_must_not_happen_twice_is_a_claim_in_order() -> None:
    policy = policy_of(PR + PUBLISH)
    ruling = line(policy, "cd sub && npm publish && cd .. && gh pr create --fill || true")
    assert [(claim.words, claim.place) for claim in ruling.claims] == [
        ("npm publish", f"{HERE}/sub"),
        ("gh pr create", HERE),
    ]
    assert [claim.exit_hidden for claim in ruling.claims] == [True, True]
    assert [claim.command.words for claim in ruling.claims if claim.command] == [
        ["npm", "publish"],
        ["gh", "pr", "create", "--fill"],
    ]


def test_what_stands_round_a_command_does_not_make_it_another() -> None:
    policy = policy_of(PR)
    plain = claimed(policy, "gh pr create --fill")
    for wording in (
        "ls; gh pr create --fill",
        "(gh pr create --fill) | cat",
        "sudo gh pr create --fill",
        "/usr/bin/gh pr create --fill",
    ):
        assert claimed(policy, wording) == plain, wording


def test_other_words_another_place_and_another_variable_are_another_call() -> None:
    policy = policy_of(PR)
    calls = ["gh pr create", "gh pr create --fill", "cd sub && gh pr create", "GH_HOST=x gh pr create"]
    found = [str(claimed(policy, call)) for call in calls]
    assert len(set(found)) == len(calls)


def test_what_a_command_is_fed_counts() -> None:
    policy = policy_of(rule("mail", "Bash(mail *)", effect="once"))
    calls = [
        "mail bob", "echo hi | mail bob", "echo bye | mail bob", "mail bob < a.txt", "mail bob < b.txt",
        "mail bob <<EOF\nhi\nEOF", "mail bob <<EOF\nbye\nEOF", "mail bob <<< hi",
    ]  # fmt: skip
    assert len({str(claimed(policy, call)) for call in calls}) == len(calls)
    assert claimed(policy, "ls; echo hi | mail bob") == claimed(policy, "echo hi | mail bob; make")


def test_a_key_of_a_command_names_its_options() -> None:
    policy = policy_of(rule("pr", "Bash(gh pr create *)", effect="once", key=["--repo", "--head"]))
    same = claimed(policy, "gh pr create --repo o/r --head b --title x")
    assert same == claimed(policy, "cd /tmp && gh pr create --head=b --title y --repo o/r")
    assert same != claimed(policy, "gh pr create --repo o/r --head c")
    assert same[0][1] == ""
    with_place = policy_of(rule("pr", "Bash(gh pr create *)", effect="once", key=["--head", "cwd"]))
    assert claimed(with_place, "gh pr create --head b") != claimed(with_place, "cd sub; gh pr create --head b")


def test_a_key_that_the_command_lacks_leaves_all_of_it() -> None:
    policy = policy_of(rule("pr", "Bash(gh pr create *)", effect="once", key=["--head"]))
    assert claimed(policy, "gh pr create --title a") != claimed(policy, "gh pr create --title b")


def test_ignored_options_go_with_their_values() -> None:
    policy = policy_of(
        rule("pr", "Bash(gh pr create *)", effect="once", ignore=["--title", "--draft", "GH_DEBUG", "cwd"])
    )
    plain = claimed(policy, "gh pr create --head b")
    assert plain == claimed(policy, "gh pr create --title 'a b' --head b --draft")
    assert plain == claimed(policy, "cd x; GH_DEBUG=1 gh pr create --title=q --head b")
    assert plain != claimed(policy, "gh pr create --head c")


def test_a_rule_for_any_line_claims_the_line_once() -> None:
    policy = policy_of(rule("test", "Bash(make test)", effect="repeatable") + rule("all", "Bash", effect="once"))
    assert line(policy, "make test").effect == "repeatable"
    ruling = line(policy, "make test && ./deploy && ./deploy2")
    assert (ruling.effect, [claim.parts for claim in ruling.claims]) == (
        "once",
        [{"line": "make test && ./deploy && ./deploy2"}],
    )
    assert [claim.parts for claim in line(policy, "./deploy").claims] == [{"line": "./deploy"}]


def test_a_line_that_can_not_be_taken_apart_gets_the_strictest_rule_whose_words_it_holds() -> None:
    policy = policy_of(PR + rule("rm", "Bash(rm *)", gate="deny"))
    ruling = line(policy, "if gh pr create --title 'x; then fi")
    assert ruling.line is not None and not ruling.line.parsed
    assert (ruling.effect, ruling.rule, ruling.gate) == ("once", "pr", "")
    assert [claim.words for claim in ruling.claims] == ["gh pr create"]
    assert line(policy, "create a pr with gh 'x").effect == "repeatable"
    assert line(policy, "rm -r 'x").gate == "deny"


def test_a_line_is_claimed_once_however_many_rules_are_for_any_line() -> None:
    first = rule("first", "Bash", effect="once", unless="Bash(ls *)")
    policy = policy_of(first + rule("second", "Bash", effect="once"))
    for command in ("ls; make", "ls 'x"):
        assert [claim.parts for claim in line(policy, command).claims] == [{"line": command}]


@pytest.mark.parametrize("spelling", ['g"h" pr create', "'gh' pr create", "g\\h pr create", "echo 'x'; g'h' pr create"])
def test_a_quoted_command_is_found(spelling: str) -> None:
    assert [claim.words for claim in line(policy_of(PR), spelling).claims] == ["gh pr create"]


def test_a_replaced_rule_has_no_say_about_a_line_that_can_not_be_taken_apart() -> None:
    policy = policy_of(built_in=PR, user=rule("pr", "Bash(hub pr *)", effect="once"))
    assert line(policy, "gh pr create 'x").effect == "repeatable"
    assert line(policy_of(built_in=PR), "gh pr create 'x").effect == "once"


@pytest.mark.parametrize("given", [{}, {"command": 3}, {"command": None}, {"command": ""}, []])
def test_a_call_without_a_command_is_matched_by_its_tool_alone(given: object) -> None:
    from durable.policy.match import rules_for

    policy = policy_of(PR + rule("bash", "Bash", gate="ask"))
    assert rules_for(Call("t", "Bash", given), HERE, HERE, policy).gate == "ask"


# ---- other tools ------------------------------------------------------------------------------


def parts(policy: Policy, tool: str, **given: object) -> object:
    (claim,) = asked(policy, tool, **given).claims
    return claim.parts


def test_a_key_chooses_the_fields_that_count() -> None:
    policy = policy_of(rule("pay", "mcp__pay__*", effect="once", key=["order.id"]))
    same = parts(policy, "mcp__pay__charge", order={"id": 7, "note": "a"}, amount=5)
    assert same == parts(policy, "mcp__pay__charge", order={"id": 7.0, "note": "b"}, amount=6)
    assert same != parts(policy, "mcp__pay__charge", order={"id": 8})
    assert parts(policy, "mcp__pay__charge", amount=5) != parts(policy, "mcp__pay__charge", amount=6)


def test_ignored_fields_do_not_count_at_any_depth() -> None:
    policy = policy_of(rule("pay", "mcp__pay__*", effect="once", ignore=["note", "order.at"]))
    same = parts(policy, "mcp__pay__charge", order={"id": 7, "at": 1}, note="a")
    assert same == parts(policy, "mcp__pay__charge", order={"id": 7, "at": 2}, note="b")
    assert same != parts(policy, "mcp__pay__charge", order={"id": 7, "note": "b"})


def test_what_we_put_into_an_input_does_not_count() -> None:
    policy = policy_of(rule("pay", "mcp__pay__*", effect="once", inject="request_key"))
    assert parts(policy, "mcp__pay__charge", amount=5, request_key="k") == {"amount": 5}


def test_what_a_model_rewords_does_not_count() -> None:
    policy = policy_of(rule("agent", "Agent", effect="once"))
    assert parts(policy, "Agent", prompt="x", description="a") == {"prompt": "x"}


def test_the_place_counts_where_the_tool_depends_on_it() -> None:
    policy = policy_of(rule("grep", ["Grep", "mcp__x"], effect="once"))
    assert asked(policy, "Grep", cwd="/a").claims[0].place == "/a"
    assert asked(policy, "mcp__x__y", cwd="/a").claims[0].place == ""


# ---- the index --------------------------------------------------------------------------------

WORDS = st.sampled_from(["gh", "pr", "create", "np*", "*", "./x", "a/b"])
COMMANDS = st.lists(WORDS, min_size=1, max_size=3).filter(lambda words: set(words) != {"*"})
COMMAND_PATTERNS = COMMANDS.map(lambda words: f"Bash({' '.join(words)})")
PATTERNS = st.one_of(
    COMMAND_PATTERNS,
    st.sampled_from(
        ["Bash", "*", "mcp__a", "mcp__a__*", "mcp__*__b", "mcp__a__b", "Edit(src/**)", "Edit(*.p?)", "Read"]
    ),
)
CALLS = st.one_of(
    st.lists(st.sampled_from(["gh", "pr", "create", "npm", "x", "./x", "a/b", "&&", "'gh'", 'n"p"x']), max_size=6).map(
        lambda words: ("Bash", {"command": " ".join(words)})
    ),
    st.tuples(
        st.sampled_from(["mcp__a__b", "mcp__c__b", "Edit", "Read", "Write"]),
        st.sampled_from([{"file_path": "/w/project/src/a.py"}, {"file_path": "b.px"}, {}]),
    ),
)


@given(st.lists(PATTERNS, min_size=1, max_size=5), CALLS)
def test_the_index_leaves_out_no_rule_that_would_match(patterns: list[str], call: tuple[str, dict[str, str]]) -> None:
    text = "".join(rule(f"r{at}", pattern, gate="ask", effect="once") for at, pattern in enumerate(patterns))
    indexed, whole = policy_of(text), policy_of(text)
    every = list(range(len(patterns)))
    layer = whole.layers[1]
    layer.index = {
        "tools": {},
        "paths": {},
        "globs": [["*", every]],
        "words": {},
        "chunks": {"": every},
        "whole": every,
    }
    tool, fields = call
    found, wanted = asked(indexed, tool, **fields), asked(whole, tool, **fields)
    assert (found.effect, found.rule, found.gate_rule) == (wanted.effect, wanted.rule, wanted.gate_rule)
    assert [claim.parts for claim in found.claims] == [claim.parts for claim in wanted.claims]
    quiet = unruled(Call("toolu_1", tool, fields), indexed)
    assert quiet is None or (quiet.effect, quiet.rule, wanted.gate) == (wanted.effect, wanted.rule, "")


@pytest.mark.parametrize(
    ("tool", "quiet"), [("Bash", True), ("Read", True), ("mcp__pay__charge", False), ("mcp__lab__x", True)]
)
def test_a_call_that_no_rule_may_speak_of_is_known_from_the_indexes_alone(tool: str, quiet: bool) -> None:
    policy = policy_of(PR + rule("pay", "mcp__pay__*", effect="once"))
    assert (unruled(Call("toolu_1", tool, {"command": "ls"}), policy) is not None) is quiet


LOADED = """
import sys
sys.path[:0] = [{src!r}, {here!r}]
from policies import line, policy_of, rule
policy = policy_of(rule("pr", "Bash(gh pr create *)", effect="once"))
line(policy, {command!r})
print("durable.shell" in sys.modules)
"""


@pytest.mark.parametrize(("command", "loaded"), [("pytest -q light", False), ("highlight x", False), ("gh x", True)])
def test_the_shell_reader_is_loaded_only_for_a_line_that_names_a_command_of_a_rule(command: str, loaded: bool) -> None:
    source = LOADED.format(src=str(ROOT / "src"), here=str(Path(__file__).parent), command=command)
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(loaded)


def test_only_rules_that_may_match_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    policy = policy_of("".join(rule(f"r{at}", f"mcp__s{at}__send", effect="once") for at in range(200)))
    made: list[str] = []
    real = Rule.__init__
    monkeypatch.setattr(Rule, "__init__", lambda self, name, *rest: (made.append(name), real(self, name, *rest))[1])
    asked(policy, "mcp__s7__send")
    line(policy, "ls")
    assert made == ["r7"]
