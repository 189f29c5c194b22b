"""Which command lines do nothing but look. Pure.

For order only, never for safety: such a line is decided by the rules like any other.
"""

from __future__ import annotations

from durable.shell import parse_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from durable.shell import Command

PROGRAMS = frozenset(
    (
        "[", "[[", "basename", "cat", "cd", "cmp", "cut", "date", "df", "diff", "dirname", "du", "echo", "egrep",
        "false", "fgrep", "file", "find", "grep", "head", "id", "jq", "ls", "nl", "pgrep", "printf", "ps", "pwd",
        "readlink", "realpath", "rg", "sha256sum", "sort", "stat", "tac", "tail", "test", "tr", "tree", "true", "type",
        "uname", "wc", "which", "whoami",
    )
)  # fmt: skip
# The verb is one of the first words after the program that are no options: `gh pr list`, `kubectl get pods`.
VERBS = {
    "docker": (1, frozenset(("images", "inspect", "logs", "ps", "version"))),
    "durable": (1, frozenset(("approvals", "open", "path", "runs", "show", "stats", "step"))),
    "gh": (2, frozenset(("checks", "diff", "list", "search", "status", "view"))),
    "git": (1, frozenset(("blame", "cat-file", "describe", "diff", "log", "ls-files", "ls-remote", "rev-parse", "show",
                          "status"))),
    "kubectl": (1, frozenset(("describe", "get", "logs"))),
    "npm": (1, frozenset(("ls", "outdated", "view"))),
}  # fmt: skip
ACTS = {
    "find": ("-delete", "-exec", "-fls", "-fprint", "-ok"),
    "git": ("--output",),
    "sort": ("-o", "--output"),
}
NOWHERE = ("/dev/null", "/dev/stderr", "/dev/stdout")


def only_looks(line: str, cwd: str) -> bool:
    found = parse_line(line, cwd)
    return found.parsed and bool(found.commands) and all(_looks(command) for command in found.commands)


def _looks(command: Command) -> bool:
    if command.assignments or any(_writes(sign, target) for sign, target in command.redirects):
        return False
    program = command.program
    if any(word.startswith(ACTS.get(program, ())) for word in command.words[1:]):
        return False
    return program in PROGRAMS or (program in VERBS and _verb_looks(command, *VERBS[program]))


def _verb_looks(command: Command, within: int, verbs: frozenset[str]) -> bool:
    plain = [word for word in command.words[1:] if not word.startswith("-")]
    return any(word in verbs for word in plain[:within])


def _writes(sign: str, target: str) -> bool:
    return ">" in sign and target not in NOWHERE and not (sign.endswith("&") and target.isdecimal())
