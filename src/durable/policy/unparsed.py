"""A Bash line that could not be taken apart gets the strictest rule whose words it holds, in their order."""

from __future__ import annotations

from durable.policy.claim import spoken
from durable.policy.globs import glob
from durable.policy.match import claim_whole_line
from durable.policy.patterns import BASH
from durable.policy.rule import EFFECTS, GATES
from durable.shell import Command, loose_words
from durable.step import ONCE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from durable.policy.match import Candidates
    from durable.policy.patterns import Pattern
    from durable.policy.policy import Policy
    from durable.policy.rule import Rule
    from durable.policy.ruling import Ruling


def match_loosely(ruling: Ruling, policy: Policy, candidates: Candidates, line: str, cwd: str) -> None:
    words = loose_words(line)
    for at in range(len(candidates) - 1, -1, -1):
        layer, numbers = candidates[at]
        for rule in map(layer.rule, numbers):
            pattern = next((one for one in rule.match if _holds(one, words)), None)
            if pattern is None or not _may_hold(rule, pattern, words, line) or policy.replaced(rule.name, at):
                continue
            ruling.matched.append(rule)
            if EFFECTS.index(rule.effect) > EFFECTS.index(ruling.effect):
                ruling.effect, ruling.rule = rule.effect, rule.name
            if GATES.index(rule.gate) > GATES.index(ruling.gate):
                ruling.gate, ruling.gate_rule = rule.gate, rule.name
            if rule.effect == ONCE:
                claim_whole_line(ruling, rule, spoken(pattern) or BASH, line, cwd)


def _may_hold(rule: Rule, pattern: Pattern, words: list[str], line: str) -> bool:
    """What a built-in rule asks beyond its first words is asked of all the words after the program's name."""
    if not rule.when:
        return True
    from durable.policy.built_in.rules import holds

    wanted = pattern.words[0]
    starts = [at for at, word in enumerate(words) if _is(wanted, word, True)]
    return any(holds(rule.when, Command(words[at:], "", 0, line)) for at in starts)


def _holds(pattern: Pattern, words: list[str]) -> bool:
    if pattern.tool not in (BASH, "*"):
        return False
    rest = iter(words)
    return all(any(_is(wanted, word, first) for word in rest) for wanted, first in _literal(pattern))


def _literal(pattern: Pattern) -> list[tuple[str, bool]]:
    return [(word, at == 0) for at, word in enumerate(pattern.words) if word != "*"]


def _is(wanted: str, word: str, first: bool) -> bool:
    if first and "/" not in wanted:
        word = word.rpartition("/")[2]
    return glob(wanted, word)
