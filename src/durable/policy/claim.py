"""What a call holds that must not happen twice: what of it counts goes into its fingerprint.

Pure, but for the links in the directory's name, and for a built-in rule that `adds` what the command takes from there:
that is read from files.
"""

from __future__ import annotations

from durable.fingerprint import REWORDED, STANDING, canonical
from durable.lean import os
from durable.policy.options import is_option

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from durable.event import Call
    from durable.policy.patterns import Pattern
    from durable.policy.rule import Rule
    from durable.shell import Command

# In `key` and `ignore`: where the call stands.
CWD = "cwd"
DIGITS = "0123456789"
HERE = ("<<", "<<-")


class Claim:
    """The fingerprint is taken of tool, `place` and `parts`. `words` says what kind of call it is: the words
    of the pattern that a command matched, else the tool."""

    __slots__ = ("command", "exit_hidden", "parts", "place", "rule", "words")

    def __init__(self, rule: Rule, words: str, command: Command | None, parts: Any, place: str) -> None:
        self.rule = rule
        self.words = words
        self.command = command
        self.parts = canonical(parts)
        self.place = place
        self.exit_hidden = command is not None and command.exit_hidden


def of_tool(rule: Rule, call: Call, cwd: str) -> Claim:
    given = call.input if isinstance(call.input, dict) else {}
    place = _directory(cwd) if _place_counts(rule, call.tool in STANDING) else ""
    return Claim(rule, call.tool, None, _chosen(rule, given) or _kept(rule, call.tool, given), place)


def of_command(rule: Rule, pattern: Pattern, commands: list[Command], at: int, line: str) -> Claim:
    command = commands[at]
    place = _directory(command.cwd) if _place_counts(rule, True) else ""
    parts = _command_parts(rule, pattern, commands, at, line)
    if rule.adds:
        from durable.policy.built_in.surroundings import taken

        parts |= {"taken": taken(rule.adds, commands, at)}
    return Claim(rule, spoken(pattern), command, parts, place)


def of_whole_line(rule: Rule, words: str, line: str, cwd: str) -> Claim:
    return Claim(rule, words, None, {"line": line.strip()}, _directory(cwd) if _place_counts(rule, True) else "")


def spoken(pattern: Pattern) -> str:
    return " ".join(word for word in pattern.words if word != "*")


def _directory(cwd: str) -> str:
    """By its one name: `cd` leads there through `~` and through links as well."""
    if cwd == "~" or cwd.startswith("~/"):
        cwd = os.path.expanduser(cwd)
    return os.path.realpath(cwd) if cwd.startswith("/") and "\0" not in cwd else cwd


def _place_counts(rule: Rule, stands: bool) -> bool:
    """A `key` names all that counts, so the place too if it does."""
    return stands and CWD not in rule.ignore if rule.key is None else CWD in rule.key


# ---- the fields of an input ---------------------------------------------------------------------


def _chosen(rule: Rule, given: dict[str, Any]) -> dict[str, Any] | None:
    """None without a `key`, and where the call has none of its fields: that must not make one of all calls."""
    chosen = {name: _at(given, name) for name in rule.key or () if name != CWD}
    return chosen if any(value is not None for value in chosen.values()) else None


def _at(given: Any, path: str) -> Any:
    if not isinstance(given, dict):
        return None
    if path in given:
        return given[path]
    head, dot, rest = path.partition(".")
    return _at(given.get(head), rest) if dot else None


def _kept(rule: Rule, tool: str, given: dict[str, Any]) -> dict[str, Any]:
    return _without(given, {*REWORDED.get(tool, ()), *rule.ignore, rule.inject}, "")


def _without(given: dict[str, Any], ignored: set[str], above: str) -> dict[str, Any]:
    kept = {}
    for name, value in given.items():
        path = f"{above}{name}"
        if path not in ignored:
            kept[name] = _without(value, ignored, f"{path}.") if isinstance(value, dict) else value
    return kept


# ---- the words of a command ---------------------------------------------------------------------


def _command_parts(rule: Rule, pattern: Pattern, commands: list[Command], at: int, line: str) -> dict[str, Any]:
    command = commands[at]
    chosen = {name: _value_of(command.words, name) for name in rule.key or () if name != CWD}
    if any(value is not None for value in chosen.values()):
        return {"words": spoken(pattern), "key": chosen}
    parts: dict[str, Any] = {"words": _without_options(command.words, rule.ignore)}
    assigned = [[name, value] for name, value in command.assignments if name not in rule.ignore]
    fed = _fed(commands, at, line)
    return parts | ({"assigned": assigned} if assigned else {}) | ({"fed": fed} if fed else {})


def _value_of(words: list[str], option: str) -> str | None:
    """Of `--repo x`, `--repo=x` and `-Rx`; "" of an option that stands there without one."""
    joint = option if len(option) == 2 else f"{option}="
    for at, word in enumerate(words):
        if word == option:
            following = words[at + 1 : at + 2]
            return following[0] if following and not is_option(following[0]) else ""
        if is_option(option) and word.startswith(joint):
            return word[len(joint) :]
    return None


def _without_options(words: list[str], ignored: tuple[str, ...]) -> list[str]:
    """Each with its value: the word after it, unless that is an option itself. The program is named by its
    last part: `/usr/bin/gh` is `gh`."""
    kept = [word.rpartition("/")[2] for word in words[:1]]
    is_value = False
    for word in words[1:]:
        dropped = word in ignored or any(word.startswith(f"{name}=") for name in ignored)
        if not dropped and not (is_value and not is_option(word)):
            kept.append(word)
        is_value = dropped and word in ignored
    return kept


def _fed(commands: list[Command], at: int, line: str) -> list[str]:
    """What comes in on its standard input: `echo hi | mail bob` is another mail than `echo bye | mail bob`."""
    fed: list[str] = []
    while at >= 0:
        redirected = [(sign, target) for sign, target in commands[at].redirects if _reads(sign)]
        for sign, target in redirected:
            fed += [sign, _here_document(commands[at], target, line) if sign.lstrip(DIGITS) in HERE else target]
        if redirected or not commands[at].reads_stdin or at == 0:
            break
        at -= 1
        fed.append(commands[at].text)
    return fed


def _reads(sign: str) -> bool:
    return sign.lstrip(DIGITS).startswith("<")


def _here_document(command: Command, end: str, line: str) -> str:
    rest = line.partition(command.text)[2].partition("\n")[2].split("\n")
    body: list[str] = []
    for text in rest:
        if text.strip() == end:
            return "\n".join(body)
        body.append(text)
    return end
