"""The one command that a probe is asked about, taken anew from the line of its step.

Only if that line holds this one call, and would claim today just what it claimed then: on another branch, in another
version of the package, or where something was redacted, nobody can say any more what the step was to make.
"""

from __future__ import annotations

import os

from durable.fingerprint import of_claim
from durable.policy.claim import of_command
from durable.policy.match import matching_pattern
from durable.policy.patterns import BASH
from durable.shell import Open, parse_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from durable.policy.rule import Rule
    from durable.shell import Command

# Before the command, they may have given it other surroundings than a probe has.
SETS_ENVIRONMENT = frozenset(
    ("export", "source", ".", "eval", "set", "declare", "typeset", "unset", "direnv", "nvm", "alias", "ssh-agent")
)
# Round the command, these leave its surroundings as they are.
KEEPS_ENVIRONMENT = frozenset(("command", "nice", "nohup", "setsid", "time", "timeout"))


def command_of(line: object, cwd: str, rule: Rule, marks: set[str], key: bytes) -> dict[str, Any] | None:
    """`words` with None for what the shell completes, `assigned`, `cwd`, and what was `taken` from there."""
    if not isinstance(line, str) or len(marks) != 1:
        return None
    parsed = parse_line(line, cwd)
    commands = parsed.commands
    found = [(at, pattern) for at, one in enumerate(commands) if (pattern := matching_pattern(rule, one)) is not None]
    if not parsed.parsed or len(found) != 1:
        return None
    at, pattern = found[0]
    claim = of_command(rule, pattern, commands, at, line)
    if of_claim(key, BASH, claim.place, claim.parts) not in marks or not _surroundings_known(commands, at):
        return None
    command = commands[at]
    return {
        "words": [_literal(word) for word in command.words],
        "assigned": [[name, _plain(value)] for name, value in command.assignments],
        "cwd": os.path.expanduser(command.cwd),
        "taken": claim.parts.get("taken", {}),
    }


def _literal(word: str) -> str | None:
    return None if type(word) is Open else str(word)


def _plain(value: str) -> str | None:
    return None if "$" in value or "`" in value else _literal(value)


def _surroundings_known(commands: list[Command], at: int) -> bool:
    command = commands[at]
    if not command.cwd or command.may_repeat or any(one.program in SETS_ENVIRONMENT for one in commands[:at]):
        return False
    before = command.written[: -len(command.words)]
    if command.written[len(before) :] != command.words:
        return False
    # Of what stands between, `60s` and `-k 5` are the wrapper's own.
    return all(word in KEEPS_ENVIRONMENT or word[:1] == "-" or word[:1].isdigit() for word in before)
