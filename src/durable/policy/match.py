"""Which rules speak of a call, and what it holds that must not happen twice. Pure.

A Bash line is every command in it: each is matched by itself, the line's effect is the strictest of
theirs, and each command that a `once` rule matches is a claim of its own. `durable.shell` is loaded
only for a line that holds the name of a command some rule speaks of.
"""

from __future__ import annotations

import os

from durable.fingerprint import REWORDED, STANDING, canonical
from durable.policy.effects import effect_of
from durable.policy.index import unquoted
from durable.policy.options import is_option, words_match
from durable.policy.patterns import BASH
from durable.policy.policy import PROJECT
from durable.policy.rule import EFFECTS, GATES
from durable.step import ONCE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from durable.event import Call
    from durable.policy.layer import Layer
    from durable.policy.patterns import Pattern
    from durable.policy.policy import Policy
    from durable.policy.rule import Rule
    from durable.shell import Command, Line

    Test = Callable[[Rule], Pattern | None]
    Candidates = list[tuple[Layer, list[int]]]

CWD = "cwd"


class Claim:
    """What must not happen twice. The fingerprint is taken of tool, `place` and `parts`."""

    __slots__ = ("command", "exit_hidden", "parts", "place", "rule", "words")

    def __init__(self, rule: Rule, words: str, command: Command | None, parts: Any, place: str) -> None:
        self.rule = rule
        self.words = words
        self.command = command
        self.parts = parts
        self.place = place
        self.exit_hidden = command is not None and command.exit_hidden


class Ruling:
    """`matched` holds every rule that had a say, the strictest first; `line` is the parsed Bash line, if one was."""

    __slots__ = ("claims", "effect", "gate", "gate_rule", "line", "matched", "rule")

    def __init__(self, effect: str, rule: str) -> None:
        self.effect = effect
        self.rule = rule
        self.gate = ""
        self.gate_rule = ""
        self.claims: list[Claim] = []
        self.matched: list[Rule] = []
        self.line: Line | None = None


class _Found:
    """What the rules say of one command, or of a call that is not Bash."""

    __slots__ = ("gate", "gate_rule", "pattern", "rule")

    def __init__(self) -> None:
        self.rule: Rule | None = None
        self.pattern: Pattern | None = None
        self.gate = ""
        self.gate_rule: Rule | None = None

    def add_gate(self, rule: Rule) -> None:
        if GATES.index(rule.gate) > GATES.index(self.gate):
            self.gate, self.gate_rule = rule.gate, rule


def rules_for(call: Call, cwd: str, project: str, policy: Policy) -> Ruling:
    if call.tool == BASH:
        return _of_line(call, cwd, project, policy)
    ruling = Ruling(*effect_of(call.tool))
    candidates = [(layer, layer.for_tool(call.tool)) for layer in policy.layers]
    if any(numbers for _, numbers in candidates):
        home = os.environ.get("HOME", "")
        found = _judged(policy, candidates, ruling.effect, lambda rule: _pattern(rule, call, cwd, project, home))
        _take(ruling, found)
        if found.rule is not None and found.rule.effect == ONCE:
            ruling.claims.append(_claim_of_tool(found.rule, call, cwd))
    return ruling


def _pattern(rule: Rule, call: Call, cwd: str, project: str, home: str) -> Pattern | None:
    if any(pattern.matches(call, cwd, project, home) for pattern in rule.unless):
        return None
    return next((pattern for pattern in rule.match if pattern.matches(call, cwd, project, home)), None)


# ---- what the layers say ----------------------------------------------------------------------


def _judged(policy: Policy, candidates: Candidates, default: str, test: Test) -> _Found:
    """From the layer that wins to the built-in one; in each, the first rule that matches. A rule that
    only gates leaves the effect to the next; a project's leaves it too, and tightens what that one says."""
    found = _Found()
    tighteners: list[tuple[Rule, Pattern]] = []
    for at in range(len(candidates) - 1, -1, -1):
        layer, numbers = candidates[at]
        rule, pattern = _first(policy, layer, numbers, at, test, found)
        if rule is None or pattern is None:
            continue
        if layer.origin == PROJECT and rule.name not in policy.allow_project:
            tighteners.append((rule, pattern))
        else:
            found.rule, found.pattern = rule, pattern
            break
    for rule, pattern in reversed(tighteners):
        _tighten(found, default, rule, pattern)
    return found


def _first(
    policy: Policy, layer: Layer, numbers: list[int], at: int, test: Test, found: _Found
) -> tuple[Rule | None, Pattern | None]:
    for number in numbers:
        rule = layer.rule(number)
        pattern = test(rule)
        if pattern is None or policy.replaced(rule.name, at):
            continue
        found.add_gate(rule)
        if rule.states_effect:
            return rule, pattern
    return None, None


def _tighten(found: _Found, default: str, rule: Rule, pattern: Pattern) -> None:
    from durable.policy.tighten import tightened

    base = found.rule
    found.rule = tightened(base, default, rule)
    if base is None or (found.rule is not None and found.rule.name != base.name):
        found.pattern = pattern


def _take(ruling: Ruling, found: _Found) -> None:
    rule = found.rule
    if rule is not None:
        ruling.matched.append(rule)
        if EFFECTS.index(rule.effect) > EFFECTS.index(ruling.effect) or len(ruling.matched) == 1:
            ruling.effect, ruling.rule = rule.effect, rule.name
    if GATES.index(found.gate) > GATES.index(ruling.gate) and found.gate_rule is not None:
        ruling.gate, ruling.gate_rule = found.gate, found.gate_rule.name


# ---- any tool but Bash ------------------------------------------------------------------------


def _claim_of_tool(rule: Rule, call: Call, cwd: str) -> Claim:
    given = call.input if isinstance(call.input, dict) else {}
    stands = call.tool in STANDING if rule.key is None else CWD in rule.key
    place = cwd if stands and CWD not in rule.ignore else ""
    return Claim(rule, call.tool, None, canonical(_kept(rule, call.tool, given)), place)


def _kept(rule: Rule, tool: str, given: dict[str, Any]) -> Any:
    if rule.key is not None:
        chosen = {name: _at(given, name) for name in rule.key if name != CWD}
        # A key that the call does not have must not make one of all calls.
        if any(value is not None for value in chosen.values()):
            return chosen
    ignored = {*REWORDED.get(tool, ()), *rule.ignore, rule.inject}
    return _without(given, ignored, "")


def _at(given: Any, path: str) -> Any:
    if isinstance(given, dict) and path in given:
        return given[path]
    head, dot, rest = path.partition(".")
    return _at(given.get(head), rest) if dot and isinstance(given, dict) else None


def _without(given: dict[str, Any], ignored: set[str], above: str) -> dict[str, Any]:
    kept = {}
    for name, value in given.items():
        path = f"{above}{name}"
        if path not in ignored:
            kept[name] = _without(value, ignored, f"{path}.") if isinstance(value, dict) else value
    return kept


# ---- Bash -------------------------------------------------------------------------------------


def _of_line(call: Call, cwd: str, project: str, policy: Policy) -> Ruling:
    ruling = Ruling(*effect_of(BASH))
    given = call.input if isinstance(call.input, dict) else {}
    line = given.get("command")
    if not isinstance(line, str):
        line = ""
    named = [_named(layer, line) for layer in policy.layers]
    candidates = [
        (layer, sorted({*layer.for_any_line(), *numbers})) for layer, numbers in zip(policy.layers, named, strict=True)
    ]
    if any(named):
        _match_commands(ruling, policy, candidates, line, cwd)
    elif any(numbers for _, numbers in candidates):
        _take_whole(ruling, _judged(policy, candidates, ruling.effect, _bare), line, cwd)
    return ruling


def _named(layer: Layer, line: str) -> list[int]:
    found = layer.for_line(line)
    bare = unquoted(line)
    return found if bare == line else [*found, *layer.for_line(bare)]


def _bare(rule: Rule) -> Pattern | None:
    return next((pattern for pattern in rule.match if not pattern.words and BASH in _names(pattern)), None)


def _names(pattern: Pattern) -> tuple[str, ...]:
    return (BASH,) if pattern.tool in (BASH, "*") else pattern.tools()


def _match_commands(ruling: Ruling, policy: Policy, candidates: Candidates, line: str, cwd: str) -> None:
    from durable.shell import parse_line

    ruling.line = parsed = parse_line(line, cwd)
    if not parsed.parsed:
        from durable.policy.unparsed import match_loosely

        match_loosely(ruling, policy, candidates, line, cwd)
        return
    default = ruling.effect
    effects = []
    for command in parsed.commands:
        found = _judged(policy, candidates, default, lambda rule, command=command: _of_command(rule, command))  # type: ignore[misc]
        effects.append(default if found.rule is None else found.rule.effect)
        _take_command(ruling, found, command, line, cwd)
    if effects and max(map(EFFECTS.index, effects)) > EFFECTS.index(ruling.effect):
        ruling.effect, ruling.rule = effect_of(BASH)


def _of_command(rule: Rule, command: Command) -> Pattern | None:
    if any(_speaks_of(pattern, command) for pattern in rule.unless):
        return None
    return next((pattern for pattern in rule.match if _speaks_of(pattern, command)), None)


def _speaks_of(pattern: Pattern, command: Command) -> bool:
    if pattern.words:
        return words_match(pattern.words, pattern.open_end, command.words)
    return BASH in _names(pattern)


def _take_command(ruling: Ruling, found: _Found, command: Command, line: str, cwd: str) -> None:
    if found.pattern is not None and not found.pattern.words:
        _take_whole(ruling, found, line, cwd)
        return
    _take(ruling, found)
    if found.rule is not None and found.pattern is not None and found.rule.effect == ONCE:
        ruling.claims.append(_claim_of_command(found.rule, found.pattern, command))


def _take_whole(ruling: Ruling, found: _Found, line: str, cwd: str) -> None:
    """A rule for any line claims the line, once, however many commands it has."""
    _take(ruling, found)
    rule = found.rule
    if rule is not None and rule.effect == ONCE and all(claim.rule.name != rule.name for claim in ruling.claims):
        ruling.claims.append(whole_line(rule, BASH, line, cwd))


def whole_line(rule: Rule, words: str, line: str, cwd: str) -> Claim:
    return Claim(rule, words, None, canonical({"line": line.strip()}), "" if CWD in rule.ignore else cwd)


def _claim_of_command(rule: Rule, pattern: Pattern, command: Command) -> Claim:
    stands = CWD not in rule.ignore and (rule.key is None or CWD in rule.key)
    return Claim(
        rule, spoken(pattern), command, canonical(_command_parts(rule, pattern, command)), command.cwd if stands else ""
    )


def spoken(pattern: Pattern) -> str:
    return " ".join(word for word in pattern.words if word != "*")


def _command_parts(rule: Rule, pattern: Pattern, command: Command) -> dict[str, Any]:
    if rule.key is not None:
        chosen = {name: _value_of(command.words, name) for name in rule.key if name != CWD}
        if any(value is not None for value in chosen.values()):
            return {"words": spoken(pattern), "key": chosen}
    parts: dict[str, Any] = {"words": _without_options(command.words, rule.ignore)}
    fed = [[operator, target] for operator, target in command.redirects if operator.lstrip("0123456789")[:1] == "<"]
    for name, value in (("assignments", list(command.assignments)), ("stdin", fed)):
        if value:
            parts[name] = value
    return parts


def _value_of(words: list[str], option: str) -> str | None:
    """Of `--repo x`, `--repo=x` and `-Rx`; "" of an option that stands there without one."""
    for at, word in enumerate(words):
        if word == option:
            following = words[at + 1 : at + 2]
            return following[0] if following and not is_option(following[0]) else ""
        joint = option if len(option) == 2 else f"{option}="
        if is_option(option) and word.startswith(joint):
            return word[len(joint) :]
    return None


def _without_options(words: list[str], ignored: tuple[str, ...]) -> list[str]:
    """Each with its value: the word after it, unless that is an option itself."""
    kept: list[str] = []
    dropped = False
    for word in words:
        if dropped and not is_option(word):
            dropped = False
            continue
        dropped = word in ignored
        if not dropped and not any(word.startswith(f"{name}=") for name in ignored):
            kept.append(word)
    return kept
