"""What a command line comes to: the commands it runs, and what its exit code tells about each."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

# What stands between a command and the line's exit code, and round it.
SUCCESS_HIDDEN = 1
FAILURE_HIDDEN = 2
MAY_HAVE_RUN = 4
HIDDEN = SUCCESS_HIDDEN | FAILURE_HIDDEN | MAY_HAVE_RUN
SUBSHELL = 8
STDIN = 16
TESTED = 32  # `set -e` is off here: the shell asks for this command's code
MAYBE = 64  # in a branch or a loop: what it assigns is not known afterwards
ERREXIT = 128  # only `set -e` makes code 0 a proof
REPEATED = 256  # in a loop, or for each of many words


class Open(str):
    """A word that the shell completes: `$X`, `$(…)`, a glob. It reads as its source text."""

    __slots__ = ()


class Command:
    """One command as it would run.

    words: after quote removal, without `sudo`, `env`, `timeout` and their like; `Open` words are no literals.
    written: the words as they stand in the line, wrappers included (`bash -c …` for a command in its script).
    cwd: "" if it can't be known; "~/x" if below a home directory.
    exit_hidden: the line's code 0 does not prove that this command ran and succeeded.
    failure_hidden: a code other than 0 may be another command's.
    may_repeat: it may run several times, and what one of them says does not hold for the others.
    failure_clears: a code other than 0 shows that this command ended with that code or never ran.
    """

    __slots__ = (
        "assignments", "cwd", "exit_hidden", "failure_clears", "failure_hidden", "may_repeat", "open_ended",
        "reads_stdin", "redirects", "subshell", "text", "words", "written",
    )  # fmt: skip

    def __init__(self, words: list[str], cwd: str, marks: int, text: str) -> None:
        self.words = words
        self.written = words
        self.assignments: list[tuple[str, str]] = []
        self.cwd = cwd
        self.exit_hidden = bool(marks & SUCCESS_HIDDEN)
        self.failure_hidden = bool(marks & FAILURE_HIDDEN)
        self.may_repeat = bool(marks & REPEATED)
        self.failure_clears = not marks & MAY_HAVE_RUN
        self.open_ended = any(type(word) is Open for word in words)
        self.redirects: list[tuple[str, str]] = []
        self.reads_stdin = bool(marks & STDIN)
        self.subshell = bool(marks & SUBSHELL)
        self.text = text

    @property
    def program(self) -> str:
        return program(self.words)

    def __repr__(self) -> str:
        return f"<Command {self.words} in {self.cwd or '?'}>"


class Line:
    """`parsed` is False where something could not be understood; `commands` is then what was seen of it."""

    __slots__ = ("commands", "parsed")

    def __init__(self, commands: list[Command], parsed: bool) -> None:
        self.commands = commands
        self.parsed = parsed


def program(words: Sequence[str]) -> str:
    """The first word without its directory: `/usr/bin/gh` is `gh`."""
    return words[0].rpartition("/")[2] if words else ""
