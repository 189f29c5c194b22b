"""Which commands a line runs, where, and what its exit code says about each."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from durable.shell import Command, Open, loose_words, parse_line
from shell_rows import ROWS, UNCLEAR
from test_hook_path import ALLOWED, loaded


def shown(command: Command) -> str:
    flags = "S" * command.exit_hidden + "F" * command.failure_hidden
    words = " ".join(word.replace(" ", "~~") for word in command.words)
    place = "" if command.cwd == "/w" else f" @{command.cwd or '?'}"
    return f"{flags or '-'} {words}{place}"


def only(line: str) -> Command:
    (command,) = parse_line(line, "/w").commands
    return command


def test_the_table_is_as_large_as_promised():
    assert len(ROWS) >= 150


@pytest.mark.parametrize(("line", "expected"), ROWS)
def test_a_line_runs_these_commands(line, expected):
    read = parse_line(line, "/w")
    assert [shown(command) for command in read.commands] == expected
    assert read.parsed


@pytest.mark.parametrize("line", UNCLEAR)
def test_what_is_no_command_line_is_said_to_be_unclear(line):
    assert not parse_line(line, "/w").parsed


# ---- the fields of a command --------------------------------------------------------------------

CLEARS = {
    "a": [True],
    "a && b": [False, True],
    "a || b": [False, True],
    "a || b && c": [False, False, True],
    "a; b": [False, True],
    "set -e; a; b": [False, False, True],
    "a | b": [False, True],
    "set -o pipefail; a | b": [False, False, False],
    "a &": [False],
    "! a": [False],
    "if a; then b; fi": [False, True],
    "while a; do b; done": [False, False],
    "case x in x) a;; *) b;; esac": [True, True],
    "case x in x) a;& *) b;; esac": [False, False],
    "cd x && { a || exit 3; }": [False, False, True],
    "b | xargs a": [False, False],
}


@pytest.mark.parametrize(("line", "expected"), CLEARS.items())
def test_a_failing_code_clears_the_last_command_that_can_have_run(line, expected):
    assert [command.failure_clears for command in parse_line(line, "/w").commands] == expected


@pytest.mark.parametrize(
    "line",
    ["a $x", "a ${x}", "a $(b)", "a `b`", "a *", "a x?", "a [ab]", "a {b,c}", "a <(b)", "bash -c \"a $x\"",
     "b | xargs a", "find . -exec a", "$a b", "a \"${x:-1}\"", "a $1 b", "bash <<EOF\na $x\nEOF", "echo \"a $x\" | sh"],
)  # fmt: skip
def test_a_word_that_the_shell_completes_leaves_its_command_open(line):
    assert parse_line(line, "/w").commands[-1].open_ended


@pytest.mark.parametrize(
    "line",
    ["a '$x' '*'", 'a "*?[x]" \\$x', "a {} HEAD@{1}", "a ~/x", "x=1; a $x", "a [ x", "a $", "bash <<'EOF'\na b\nEOF"],
)
def test_a_word_that_stands_for_itself_does_not(line):
    assert not parse_line(line, "/w").commands[-1].open_ended


def test_an_open_word_is_told_from_a_literal_one():
    assert [type(word) is Open for word in only("gh '$x' $x").words] == [False, False, True]


def test_redirections_are_kept_with_their_descriptor():
    assert only("a > out 2>&1 <in 3>>log").redirects == [(">", "out"), ("2>&", "1"), ("<", "in"), ("3>>", "log")]
    assert only("> 'a b'").redirects == [(">", "a b")]
    assert only("X=1 a &> /dev/null").redirects == [("&>", "/dev/null")]


def test_the_redirections_of_a_group_are_those_of_its_commands():
    first, second = parse_line("{ a; b 2>&1; } > out", "/w").commands
    assert first.redirects == [(">", "out")]
    assert second.redirects == [(">", "out"), ("2>&", "1")]
    assert only("bash -c a > out").redirects == [(">", "out")]


def test_assignments_stay_with_the_command_they_stand_before():
    assert only("A=1 B='x y' a").assignments == [("A", "1"), ("B", "x y")]
    assert only("A=1 sudo a").assignments == [("A", "1")]


def test_the_text_is_the_source_of_the_command():
    first, second = parse_line("a  'b c' > x && sudo d # e", "/w").commands
    assert (first.text, second.text) == ("a  'b c' > x", "sudo d")


def test_what_stood_in_the_line_is_kept_beside_what_runs():
    assert only("sudo -u bob timeout 5 a b").written == ["sudo", "-u", "bob", "timeout", "5", "a", "b"]
    assert only("a b").written == ["a", "b"]
    assert [command.written for command in parse_line("bash -c 'a; b'", "/w").commands] == [["bash", "-c", "a; b"]] * 2


def test_a_command_knows_what_feeds_it_and_whether_it_stands_apart():
    left, right = parse_line("a | b", "/w").commands
    assert (left.reads_stdin, right.reads_stdin) == (False, True)
    assert left.subshell and right.subshell
    assert only("a < x").reads_stdin and only("a <<EOF\nx\nEOF").reads_stdin and only("a <<< x").reads_stdin
    assert not only("a > x").reads_stdin
    assert only("(a)").subshell and not only("{ a; }").subshell


def test_the_program_is_named_without_its_directory():
    assert only("/usr/local/bin/gh pr create").program == "gh"


def test_a_place_that_is_not_known_to_begin_with_stays_unknown():
    assert [command.cwd for command in parse_line("a; cd x; b; cd /q; c", "").commands] == ["", "", "", "", "/q"]


def test_what_was_read_before_a_line_turned_unclear_is_still_told():
    read = parse_line("gh pr create --title x\nnpm publish | (", "/w")
    assert [(command.program, command.cwd, command.exit_hidden) for command in read.commands] == [
        ("gh", "", True),
        ("npm", "", True),
    ]


def test_loose_words_find_the_words_of_a_line_that_nothing_else_can_read():
    assert loose_words("if gh 'pr' cre\\\nate; (npm publish &&") == ["if", "gh", "pr", "create", "npm", "publish"]


# ---- what it costs ------------------------------------------------------------------------------

NASTY = {
    "a list": "a;",
    "words": "a ",
    "subshells": "(",
    "substitutions": "$(",
    "substitutions in quotes": '"$(',
    "backticks": "`a ",
    "parameters": "${a:-",
    "braces": "{a",
    "groups": "{ ",
    "conditions": "if ",
    "loops": "while a; do ",
    "cases": "case a in x) ",
    "quotes": "'",
    "double quotes": '"$a',
    "arithmetic": "((a;",
    "expansions of arithmetic": "$((",
    "globs": "[",
    "functions": "f() { ",
    "wrappers": "sudo ",
    "evaluations": "eval ",
    "shells": "bash -c 'a' ;",
    "documents": "a <<A\n",
    "backslashes": "\\",
    "process substitutions": "<(",
    "assignments": "a=1;b $a;",
    "negations": "! ",
    "chains": "a && ",
    "pipes": "a | ",
    "executions": "find -exec a \\; ",
}


def work(line: str) -> int:
    """Steps, counted where the clock would only tell how busy the machine is."""
    steps = 0

    def count(*_: object) -> None:
        nonlocal steps
        steps += 1

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        parse_line(line, "/w")
    finally:
        sys.setprofile(before)
    return steps


@pytest.mark.parametrize("piece", NASTY.values(), ids=NASTY)
def test_a_line_twice_as_long_costs_no_more_than_twice(piece):
    work(piece)
    assert work(piece * 400) <= 2.2 * work(piece * 200) + 2000


@pytest.mark.parametrize("piece", NASTY.values(), ids=NASTY)
def test_a_line_of_a_megabyte_has_an_end(piece):
    steps = work(piece * (1_000_000 // len(piece)))
    assert steps < 600_000


@pytest.mark.parametrize("opening", ["$(", "(", "((", "{ ", '"$(', "if ", "${a:-", "<(", "f() {"])
def test_ten_thousand_nestings_are_given_up_early(opening):
    read = parse_line(opening * 10_000, "/w")
    assert not read.parsed


@pytest.mark.parametrize(("piece", "end"), [("$(", ")"), ("bash -c 'x' && (", ")"), ("sudo ", ""), ("eval ", "")])
def test_what_is_nested_within_reason_is_read(piece, end):
    assert parse_line(piece * 6 + "a" + end * 6, "/w").parsed
    assert not parse_line(piece * 40 + "a" + end * 40, "/w").parsed


def test_functions_that_multiply_have_an_end():
    bodies = "".join(f"f{n}() {{ f{n + 1}; f{n + 1}; f{n + 1}; }};" for n in range(40))
    assert not parse_line(f"{bodies} f40() {{ a; }}; f0", "/w").parsed


def test_a_long_document_costs_nothing_to_speak_of():
    read = parse_line("cat > f <<'EOF'\n" + "x 'y $(z\n" * 100_000 + "EOF\ngh pr create", "/w")
    assert read.parsed
    assert [command.program for command in read.commands] == ["cat", "gh"]


PIECES = st.sampled_from(
    [*" \t\n;&|<>(){}'\"\\$`*?[]!#=~-", "a", "gh", "cd", "x=", "if", "then", "else", "fi", "for", "in", "do", "done",
     "case", "esac", "while", "function", "[[", "]]", "<<EOF\n", "EOF\n", "$(", "${", "((", "))", "&&", "||", "bash -c",
     "eval", "xargs", "sudo", "env", "find -exec", "2>&1", "\x00", "é", "\ud800", "set -e", "exit", "pushd", "popd"]
)  # fmt: skip


@settings(max_examples=600, deadline=None)
@given(st.lists(PIECES, max_size=40).map("".join) | st.lists(PIECES, max_size=40).map(" ".join) | st.text())
def test_no_line_is_too_strange(line):
    read = parse_line(line, "/w")
    loose_words(line)
    for command in read.commands:
        assert command.words
        assert all(isinstance(word, str) for word in command.words)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])), min_size=1, max_size=6))
def test_quoted_words_come_back_to_the_letter(words):
    line = " ".join("'" + word.replace("'", "'\\''") + "'" for word in ["a", *words])
    (command,) = parse_line(line, "/w").commands
    assert command.words == ["a", *words]
    assert not command.open_ended


def test_reading_a_line_imports_only_what_a_hook_may():
    foreign = {name for name in loaded("import durable.shell") if name.split(".")[0] != "durable"}
    assert foreign <= ALLOWED
