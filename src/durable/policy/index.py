"""Which rules can match a call at all, found by its tool or by the words of its command line.

An index is plain JSON and is made when a file is compiled. It may name too many rules, never too few.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from durable.policy.patterns import Pattern

    Index = dict[str, Any]

BASH = "Bash"
TOOLS = "tools"  # a tool's name → rules
PATHS = "paths"  # a tool's name → pieces of a path → rules
GLOBS = "globs"  # [a pattern of names, rules]
WORDS = "words"  # a program's name → rules
CHUNKS = "chunks"  # a piece of text that the line must hold → rules
WHOLE = "whole"  # rules for any Bash line


def index_of(rules: Iterable[dict[str, Any]]) -> Index:
    """Of the fields of each rule, in order."""
    index: Index = {TOOLS: {}, PATHS: {}, GLOBS: [], WORDS: {}, CHUNKS: {}, WHOLE: []}
    globs: dict[str, list[int]] = {}
    for number, rule in enumerate(rules):
        for pattern in _patterns(rule, "match"):
            if pattern.tool == BASH and pattern.words:
                _add_command(index, pattern, number)
            else:
                _add_tools(index, globs, pattern, number)
        # A line that holds such a word has to be taken apart to know whether the rule is about it.
        for pattern in _patterns(rule, "unless"):
            if pattern.words:
                _add_command(index, pattern, number)
    index[GLOBS] = [[name, numbers] for name, numbers in globs.items()]
    return index


def _patterns(rule: dict[str, Any], field: str) -> list[Pattern]:
    from durable.policy.patterns import parse  # A look-up does without: every hook pays for what it imports.

    given = rule.get(field, ())
    return [parse(text) for text in ([given] if isinstance(given, str) else given)]


def _add_tools(index: Index, globs: dict[str, list[int]], pattern: Pattern, number: int) -> None:
    from durable.policy.globs import glob, path_literal

    for name in pattern.tools():
        if pattern.speaks_of_paths():
            _add(index[PATHS].setdefault(name, {}), path_literal(pattern.argument), number)
        else:
            _add(globs if "*" in name else index[TOOLS], name, number)
        if glob(name, BASH) and number not in index[WHOLE]:
            index[WHOLE].append(number)


def _add_command(index: Index, pattern: Pattern, number: int) -> None:
    from durable.policy.globs import longest_literal

    first = pattern.words[0]
    if "*" not in first:
        _add(index[WORDS], first.removeprefix("./"), number)
        return
    chunk = max((longest_literal(word) for word in pattern.words), key=len)
    if chunk:
        _add(index[CHUNKS], longest_literal(first) or chunk, number)
    elif number not in index[WHOLE]:
        index[WHOLE].append(number)


def _add(found: dict[str, list[int]], name: str, number: int) -> None:
    numbers = found.setdefault(name, [])
    if number not in numbers:
        numbers.append(number)


# ---- look-up ----------------------------------------------------------------------------------


def rules_for_tool(index: Index, tool: str, paths: Callable[[], tuple[str, ...]]) -> list[int]:
    """`paths` are the names of the file that the call is about."""
    exact: list[int] = index[TOOLS].get(tool, [])
    found = _by_glob(index, tool) if index[GLOBS] else []
    pieces = index[PATHS].get(tool)
    if pieces:
        named = paths()
        found += [number for piece in pieces if any(piece in path for path in named) for number in pieces[piece]]
    return sorted({*exact, *found}) if found else exact


def _by_glob(index: Index, tool: str) -> list[int]:
    from durable.policy.globs import glob

    return [number for name, numbers in index[GLOBS] if glob(name, tool) for number in numbers]


def rules_for_line(index: Index, line: str) -> list[int]:
    """The rules that name a command. Those for any line stand in WHOLE."""
    found: list[int] = []
    for word, numbers in index[WORDS].items():
        if word in line and holds_word(line, word):
            found += numbers
    for chunk, numbers in index[CHUNKS].items():
        if chunk in line:
            found += numbers
    return found


def holds_word(line: str, word: str) -> bool:
    """`gh` is no word of `highlight`; it is one of `/usr/bin/gh` and of `$(gh …)`."""
    at = line.find(word)
    while at >= 0:
        end = at + len(word)
        if not (at and _goes_on(line[at - 1])) and not (end < len(line) and _goes_on(line[end])):
            return True
        at = line.find(word, at + 1)
    return False


def _goes_on(char: str) -> bool:
    return char.isalnum() or char == "_"


def unquoted(line: str) -> str:
    r"""`g"h"` and `g\h` are `gh` to the shell. Only for looking: what is left is no command line."""
    if "'" not in line and '"' not in line and "\\" not in line:
        return line
    return line.replace("\\\n", "").replace("\\", "").replace("'", "").replace('"', "")
