"""Permission-rule patterns: what they match, what they don't, and that no text is too odd for them."""

from __future__ import annotations

import re
import shlex
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from policies import HERE

from durable.event import Call
from durable.policy.globs import glob, path_literal, path_matches
from durable.policy.index import holds_word, unquoted
from durable.policy.options import words_match
from durable.policy.patterns import Pattern, host_of, parse
from durable.policy.place import Place

COMMANDS = [
    # pattern, command, matches
    ("Bash(gh pr create *)", "gh pr create --fill", True),
    ("Bash(gh pr create *)", "gh pr create", True),
    ("Bash(gh pr create:*)", "gh pr create", True),
    ("Bash(gh pr create:*)", "gh pr create --fill", True),
    ("Bash(gh pr create)", "gh pr create", True),
    ("Bash(gh pr create)", "gh pr create --fill", False),
    ("Bash(gh pr create *)", "gh pr list", False),
    ("Bash(gh pr create *)", "gh pr", False),
    ("Bash(gh pr create *)", "gh pr created", False),
    ("Bash(gh pr create *)", "ghx pr create", False),
    ("Bash(gh pr create *)", "/usr/local/bin/gh pr create", True),
    ("Bash(gh pr create *)", "gh -R o/r pr create", True),
    ("Bash(gh pr create *)", "gh --repo o/r pr create", True),
    ("Bash(gh pr create *)", "gh --repo=o/r pr create", True),
    ("Bash(gh pr create *)", "gh pr -R o/r create", True),
    ("Bash(gh pr create *)", "gh --hostname h pr create", True),
    ("Bash(gh pr create *)", "gh api pr create", False),
    ("Bash(git push *)", "git -C sub -c a=b --git-dir x push", True),
    ("Bash(git push *)", "git --work-tree w --no-pager push origin", True),
    ("Bash(git push *)", "git commit -m push", False),
    ("Bash(npm publish *)", "npm --prefix sub publish", True),
    ("Bash(npm publish *)", "npm -w pkg publish", True),
    ("Bash(npm publish *)", "npm run publish", False),
    ("Bash(npm publish *)", "npm --silent run publish", False),
    ("Bash(docker push *)", "docker --context c -H tcp://x push i", True),
    ("Bash(kubectl apply *)", "kubectl -n ns --context c apply -f x", True),
    ("Bash(kubectl apply *)", "kubectl -n apply get pods", False),
    ("Bash(aws s3 cp *)", "aws --profile p --region r s3 cp a b", True),
    ("Bash(make deploy)", "make -C dir -f x.mk deploy", True),
    ("Bash(make deploy)", "make deploy all", False),
    ("Bash(curl * -X POST *)", "curl -s https://x.org -X POST -d a", True),
    ("Bash(curl * -X POST *)", "curl -XPOST https://x.org", True),
    ("Bash(curl * --request POST *)", "curl --request=POST https://x.org", True),
    ("Bash(curl * -X POST *)", "curl -X GET https://x.org", False),
    ("Bash(git * main)", "git checkout main", True),
    ("Bash(git * main)", "git checkout main more", False),
    ("Bash(npm run test*)", "npm run test:unit --watch", True),
    ("Bash(npm run test*)", "npm run tes", False),
    ("Bash(python3* manage.py migrate)", "python3.12 manage.py migrate", True),
    ("Bash(./deploy.sh *)", "./deploy.sh prod", True),
    ("Bash(scripts/deploy *)", "./scripts/deploy prod", True),
    ("Bash(scripts/deploy *)", "deploy prod", False),
    ("Bash(deploy.sh *)", "./deploy.sh prod", True),
    ('Bash(git commit -m "fix it")', "git commit -m 'fix it'", True),
]  # fmt: skip


@pytest.mark.parametrize(("pattern", "command", "wanted"), COMMANDS)
def test_a_command_pattern_matches_by_words_and_looks_through_options(pattern: str, command: str, wanted: bool) -> None:
    found = parse(pattern)
    assert words_match(found.words, found.open_end, shlex.split(command)) is wanted


def on(tool: str, **given: object) -> tuple[Call, Place]:
    call = Call("toolu_1", tool, given)
    return call, Place(call, HERE, HERE)


TOOLS = [
    ("mcp__pay__*", "mcp__pay__charge", True),
    ("mcp__pay", "mcp__pay__charge", True),
    ("mcp__pay", "mcp__payroll__run", False),
    ("mcp__pay__charge", "mcp__pay__charge", True),
    ("mcp__pay__charge", "mcp__pay__charge_all", False),
    ("mcp__pay__ch*", "mcp__pay__charge_all", True),
    ("mcp__*__send", "mcp__mail__send", True),
    ("Read", "Read", True),
    ("Read", "ReadMcpResourceTool", False),
    ("Read(*)", "Read", True),
    ("*", "anything", True),
]


@pytest.mark.parametrize(("pattern", "tool", "wanted"), TOOLS)
def test_a_tool_is_matched_by_its_name(pattern: str, tool: str, wanted: bool) -> None:
    assert parse(pattern).matches(*on(tool)) is wanted


PATHS = [
    ("Edit(src/**)", "Edit", "src/a/b.py", True),
    ("Edit(src/**)", "Edit", f"{HERE}/src/a.py", True),
    ("Edit(src/**)", "Write", f"{HERE}/src/a.py", True),
    ("Edit(src/**)", "Edit", f"{HERE}/lib/src/a.py", False),
    ("Edit(src/**)", "Edit", f"{HERE}/src/../secret", False),
    ("Edit(src/*)", "Edit", f"{HERE}/src/a.py", True),
    ("Edit(src/*)", "Edit", f"{HERE}/src/a/b.py", False),
    ("Edit(src)", "Edit", f"{HERE}/deep/src/b.py", True),
    ("Edit(/src)", "Edit", f"{HERE}/src/b.py", True),
    ("Edit(/src)", "Edit", f"{HERE}/deep/src/b.py", False),
    ("Edit(*.env)", "Edit", f"{HERE}/deep/x.env", True),
    ("Edit(**/x/*.p?)", "Edit", f"{HERE}/a/x/b.py", True),
    ("Edit(//etc/**)", "Edit", "/etc/passwd", True),
    ("Edit(//etc/**)", "Edit", f"{HERE}/etc/passwd", False),
    ("Write(src/**)", "Edit", f"{HERE}/src/a.py", False),
    ("Read(src/**)", "Read", f"{HERE}/src/a.py", True),
    ("Read(src/**)", "Write", f"{HERE}/src/a.py", False),
]


@pytest.mark.parametrize(("pattern", "tool", "path", "wanted"), PATHS)
def test_a_path_is_matched_from_the_project_on(pattern: str, tool: str, path: str, wanted: bool) -> None:
    assert parse(pattern).matches(*on(tool, file_path=path)) is wanted


def test_a_path_below_the_home_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    assert parse("Edit(~/.ssh/**)").matches(*on("Edit", file_path="/home/ada/.ssh/config"))
    assert not parse("Edit(~/.ssh/**)").matches(*on("Edit", file_path="/home/bob/.ssh/config"))


def test_a_link_does_not_lead_round_a_rule(tmp_path: Path) -> None:
    (tmp_path / "secret").mkdir()
    (tmp_path / "other").symlink_to("secret")
    call = Call("toolu_1", "Edit", {"file_path": str(tmp_path / "other" / "a")})
    assert parse("Edit(secret/**)").matches(call, Place(call, str(tmp_path), str(tmp_path)))


@pytest.mark.parametrize(
    ("pattern", "url", "wanted"),
    [
        ("WebFetch(domain:example.com)", "https://example.com/a", True),
        ("WebFetch(domain:example.com)", "https://EXAMPLE.com.:8443/a", True),
        ("WebFetch(domain:example.com)", "https://a.example.com/", False),
        ("WebFetch(domain:example.com)", "https://example.com.evil.org/", False),
        ("WebFetch(domain:example.com)", "https://example.com@evil.org/", False),
        ("WebFetch(domain:example.com)", "https://evil.org/?example.com", False),
        ("WebFetch(domain:*.example.com)", "https://a.b.example.com", True),
        ("WebFetch(domain:*.example.com)", "https://example.com", False),
    ],
)
def test_a_host_is_matched_whole(pattern: str, url: str, wanted: bool) -> None:
    assert parse(pattern).matches(*on("WebFetch", url=url)) is wanted


def test_kinds_of_agents_and_skills_have_names() -> None:
    assert parse("Agent(review*)").matches(*on("Agent", subagent_type="reviewer"))
    assert not parse("Agent(review*)").matches(*on("Agent", subagent_type="writer"))
    assert parse("Skill(release)").matches(*on("Skill", skill="release"))


def test_an_address_between_brackets_is_a_host() -> None:
    assert host_of("http://[::1]:80/x") == "::1"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Bash(ls", "lacks its closing bracket"),
        ("Bash()", "has nothing in its brackets"),
        ("", "does not begin with the name of a tool"),
        ("(x)", "does not begin with the name of a tool"),
        ("Grep(x)", "has brackets, which only"),
        ("mcp__a__b(x)", "has brackets, which only"),
        ("WebFetch(example.com)", "must be of the form"),
        ("WebFetch(domain:*)", "must be of the form"),
    ],
)
def test_what_is_no_pattern_is_refused_and_says_why(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse(text)


# ---- properties -------------------------------------------------------------------------------

LITTLE = st.text("ab*", max_size=8)


@given(LITTLE, st.text("ab", max_size=8))
def test_a_glob_is_what_a_regular_expression_would_be(pattern: str, text: str) -> None:
    expression = ".*".join(map(re.escape, pattern.split("*")))
    assert glob(pattern, text) == (re.fullmatch(expression, text, re.S) is not None)


SEGMENT = st.sampled_from(["a", "b", "a*", "*", "**", "?"])
PATH = st.lists(st.sampled_from(["a", "b", "ab"]), min_size=1, max_size=5)


@given(st.lists(SEGMENT, min_size=2, max_size=5), PATH)
def test_a_path_pattern_is_what_a_regular_expression_would_be(segments: list[str], path: list[str]) -> None:
    wanted = [*segments, "**"] if "*" not in segments[-1] else segments
    spelled = {"**": "(?:[^/]+/)*", "*": "[^/]*/", "a*": "a[^/]*/", "?": "[^/]/", "a": "a/", "b": "b/"}
    expression = "".join(spelled[segment] for segment in wanted)
    matched = re.fullmatch(expression, "/".join(path) + "/") is not None
    assert path_matches("/" + "/".join(segments), "/p/" + "/".join(path), "/p", "") == matched


@given(st.lists(SEGMENT, min_size=1, max_size=4), PATH)
def test_every_path_a_pattern_matches_holds_its_literal_piece(segments: list[str], path: list[str]) -> None:
    pattern = "/".join(segments)
    if path_matches(pattern, "/p/" + "/".join(path), "/p", ""):
        assert path_literal(pattern) in "/p/" + "/".join(path)


def slow_match(wanted: list[str], open_end: bool, given: list[str], first: bool = True) -> bool:
    """The same in plain recursion: every way to read it is tried."""
    if not wanted:
        return open_end or not given
    if wanted[0] == "*":
        return any(slow_match(wanted[1:], open_end, given[at:], False) for at in range(len(given) + 1))
    if not given:
        return False
    if wanted[0] == given[0]:
        return slow_match(wanted[1:], open_end, given[1:], False)
    if not first and given[0].startswith("-"):
        return slow_match(wanted, open_end, given[2 if given[0] in ("-R", "--repo") else 1 :], False)
    return False


@given(
    st.lists(st.sampled_from(["pr", "create", "*"]), max_size=4),
    st.booleans(),
    st.lists(st.sampled_from(["pr", "create", "-R", "o/r", "-x"]), max_size=8),
)
def test_words_match_as_plain_recursion_would(middle: list[str], open_end: bool, rest: list[str]) -> None:
    wanted, command = ["gh", *middle], ["gh", *rest]
    assert words_match(tuple(wanted), open_end, command) == slow_match(wanted, open_end, command)


@given(st.text(max_size=30))
def test_no_text_makes_a_pattern_do_anything_but_match_or_be_refused(text: str) -> None:
    try:
        pattern = parse(text)
    except ValueError:
        return
    assert isinstance(pattern, Pattern)
    assert pattern.matches(*on(text, command=text, file_path=text, url=text)) in (True, False)
    words_match(pattern.words, pattern.open_end, text.split())


def test_many_stars_take_no_longer_than_few() -> None:
    began = time.monotonic()
    assert not glob("a*" * 200 + "b", "a" * 5000)
    assert not words_match(("x", *("*", "a") * 50, "b"), False, ["x", *["a"] * 3000])
    assert not path_matches("/" + "**/a/" * 50 + "b", "/p" + "/a" * 3000, "/p", "")
    assert not words_match(("x", "*", "a", "b"), False, ["x", *["-s"] * 20_000])
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    ("line", "held"),
    [
        ("gh pr create", True),
        ("/usr/bin/gh x", True),
        ("x $(gh y)", True),
        ("highlight light", False),
        ("ghost", False),
        ("a_gh", False),
        ("high; gh", True),
        ("", False),
    ],
)
def test_a_word_is_held_only_as_a_whole(line: str, held: bool) -> None:
    assert holds_word(line, "gh") is held


@pytest.mark.parametrize("line", ['g"h" pr', "g\\h pr", "'gh' pr", "g\\\nh pr"])
def test_quotes_hide_no_word(line: str) -> None:
    assert holds_word(unquoted(line), "gh")
