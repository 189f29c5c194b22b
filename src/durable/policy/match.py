"""Which rules speak of a call, and what it holds that must not happen twice. Pure, as far as `claim` is.

A Bash line is every command in it: each is matched by itself, the line's effect is the strictest of
theirs, and each command that a `once` rule matches is a claim of its own. `durable.shell` is loaded
only for a line that holds the name of a command some rule speaks of.
"""

from __future__ import annotations

from durable.policy.claim import Claim, of_command, of_tool, of_whole_line
from durable.policy.effects import effect_of
from durable.policy.index import unquoted
from durable.policy.options import words_match
from durable.policy.patterns import BASH
from durable.policy.place import Place
from durable.policy.policy import PROJECT
from durable.policy.rule import EFFECTS, GATES
from durable.policy.ruling import Ruling
from durable.step import ONCE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from durable.event import Call
    from durable.policy.layer import Layer
    from durable.policy.patterns import Pattern
    from durable.policy.policy import Policy
    from durable.policy.rule import Rule
    from durable.shell import Command

    Test = Callable[[Rule], Pattern | None]
    Candidates = list[tuple[Layer, list[int]]]

__all__ = ["Claim", "rules_for"]

# What a Bash call says that wants to run outside of the client's sandbox.
LEAVES_SANDBOX = "dangerouslyDisableSandbox"


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
    place = Place(call, cwd, project)
    candidates = [(layer, layer.for_tool(call.tool, place.paths)) for layer in policy.layers]
    if any(numbers for _, numbers in candidates):
        found = _judged(policy, candidates, ruling.effect, lambda rule: _pattern(rule, place))
        _take(ruling, found)
        if found.rule is not None and found.rule.effect == ONCE:
            ruling.claims.append(of_tool(found.rule, call, cwd))
    return ruling


def _pattern(rule: Rule, place: Place) -> Pattern | None:
    if any(pattern.matches(place.call, place) for pattern in rule.unless):
        return None
    found = next((pattern for pattern in rule.match if pattern.matches(place.call, place)), None)
    return found if found is None or not rule.when or _holds(rule.when, place.call) else None


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


# ---- Bash -------------------------------------------------------------------------------------


def _of_line(call: Call, cwd: str, project: str, policy: Policy) -> Ruling:
    ruling = Ruling(*effect_of(BASH))
    given = call.input if isinstance(call.input, dict) else {}
    line = given.get("command")
    if not isinstance(line, str):
        line = ""
    inside = given.get(LEAVES_SANDBOX) is not True
    named = [_for_the_sandbox(layer, _named(layer, line), inside) for layer in policy.layers]
    candidates = [
        (layer, sorted({*_for_the_sandbox(layer, layer.for_any_line(), inside), *numbers}))
        for layer, numbers in zip(policy.layers, named, strict=True)
    ]
    if any(named):
        _match_commands(ruling, policy, candidates, line, cwd)
    elif any(numbers for _, numbers in candidates):
        _take_whole(ruling, _judged(policy, candidates, ruling.effect, _bare), line, cwd)
    return ruling


def _for_the_sandbox(layer: Layer, numbers: list[int], inside: bool) -> list[int]:
    return [number for number in numbers if not (inside and layer.rule(number).unsandboxed)]


def _named(layer: Layer, line: str) -> list[int]:
    found = layer.for_line(line)
    bare = unquoted(line)
    return found if bare == line else [*found, *layer.for_line(bare)]


def _bare(rule: Rule) -> Pattern | None:
    if any(not pattern.words and BASH in _names(pattern) for pattern in rule.unless):
        return None
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
    if not parsed.commands:
        _take_whole(ruling, _judged(policy, candidates, ruling.effect, _bare), line, cwd)
        return
    default = ruling.effect
    effects = []
    for at, command in enumerate(parsed.commands):
        found = _judged(policy, candidates, default, lambda rule, command=command: matching_pattern(rule, command))  # type: ignore[misc]
        effects.append(default if found.rule is None else found.rule.effect)
        _take_command(ruling, found, at, line, cwd)
    if max(map(EFFECTS.index, effects)) > EFFECTS.index(ruling.effect):
        ruling.effect, ruling.rule = effect_of(BASH)


def matching_pattern(rule: Rule, command: Command) -> Pattern | None:
    if any(_speaks_of(pattern, command) for pattern in rule.unless):
        return None
    found = next((pattern for pattern in rule.match if _speaks_of(pattern, command)), None)
    return found if found is None or not rule.when or _holds(rule.when, command) else None


def _holds(when: str, subject: Command | Call) -> bool:
    from durable.policy.built_in.rules import holds

    return holds(when, subject)


def _speaks_of(pattern: Pattern, command: Command) -> bool:
    if pattern.words:
        return words_match(pattern.words, pattern.open_end, command.words)
    return BASH in _names(pattern)


def _take_command(ruling: Ruling, found: _Found, at: int, line: str, cwd: str) -> None:
    if found.pattern is not None and not found.pattern.words:
        _take_whole(ruling, found, line, cwd)
        return
    _take(ruling, found)
    if found.rule is not None and found.pattern is not None and found.rule.effect == ONCE:
        assert ruling.line is not None
        ruling.claims.append(of_command(found.rule, found.pattern, ruling.line.commands, at, line))


def _take_whole(ruling: Ruling, found: _Found, line: str, cwd: str) -> None:
    _take(ruling, found)
    if found.rule is not None and found.rule.effect == ONCE:
        claim_whole_line(ruling, found.rule, BASH, line, cwd)


def claim_whole_line(ruling: Ruling, rule: Rule, words: str, line: str, cwd: str) -> None:
    """A line is claimed once, however many of its commands or rules ask for that."""
    if all(claim.command is not None for claim in ruling.claims):
        ruling.claims.append(of_whole_line(rule, words, line, cwd))
