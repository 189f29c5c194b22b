"""A command line → the commands it runs. Pure; never raises; the work grows with the line, up to an end."""

from __future__ import annotations

from durable.commandline.command import Command, Line, Open
from durable.commandline.grammar import Parser
from durable.commandline.nodes import Budget, Unclear
from durable.commandline.state import State
from durable.commandline.walk import Walker

__all__ = ["Command", "Line", "Open", "loose_words", "parse_line"]

MOST_WORK = 8_000
MOST_LEFTOVERS = 1_000
NO_WORD = str.maketrans(dict.fromkeys(";&|<>(){}'\"`$\\=,!\n\t\r", " "))


def parse_line(line: str, cwd: str) -> Line:
    budget = Budget(MOST_WORK)
    parser = Parser(line, budget, 0)
    walker = Walker(budget, parser.assigned)
    try:
        node = parser.program()
    except (Unclear, RecursionError):
        walker.parsed = False
        budget.left = MOST_LEFTOVERS
        walker.leftovers(parser)
        return Line(walker.commands, False)
    try:
        walker.sequence(node, State(cwd), 0)
    except (Unclear, RecursionError):
        walker.parsed = False
    return Line(walker.commands, walker.parsed)


def loose_words(line: str) -> list[str]:
    """Every word-like token of a line that can't be parsed, in its order."""
    return line.replace("\\\n", "").translate(NO_WORD).split()
