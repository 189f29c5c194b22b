"""The words that the client is started with: which are options, which their values, which the prompt. Pure.

The client reads them with commander: `<x>` takes the next word whatever it is, `[x]` and `<x...>` take words that
don't begin with a dash, `--` ends the options. Its help leaves out some of its options; they stand here too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

NOTHING, ONE, MAYBE, MANY = "nothing", "one", "maybe", "many"
END = "--"
LETTERS = {
    "-c": "--continue", "-d": "--debug", "-h": "--help", "-n": "--name", "-p": "--print", "-r": "--resume",
    "-v": "--version", "-w": "--worktree",
}  # fmt: skip
OTHER_NAMES = {"--bg": "--background", "--remote": "--cloud", "--rc": "--remote-control"}

_TAKING = {
    ONE: """
        --advisor --agent --agent-color --agent-id --agent-name --agent-type --agents --append-subagent-system-prompt
        --append-subagent-system-prompt-file --append-system-prompt --append-system-prompt-file --autocompact
        --debug-file --effort --environment --fallback-model --fast-mode --input-format --json-schema
        --managed-settings --max-budget-usd --max-cost --max-thinking-tokens --max-turns --model --name
        --output-format --parent-session-id --permission-mode --permission-prompt-tool --permission-prompts
        --plan-mode-instructions --plugin-dir --plugin-dir-no-mcp --plugin-url --prefill --proactivity --profile
        --project-config-root --remote-control-session-name-prefix --resume-drops-turn --resume-session-at
        --rewind-files --sdk-url --session-id --setting-sources --settings --system-prompt --system-prompt-file
        --system-prompt-snapshot""",
    MAYBE: "--cloud --debug --from-pr --prompt-suggestions --remote-control --resume --teleport --worktree",
    MANY: """
        --add-dir --allowedTools --allowed-tools --betas --channels --disallowedTools --disallowed-tools --file
        --mcp-config --tools""",
    NOTHING: """
        --allow-dangerously-skip-permissions --ax-screen-reader --background --bare --brief --chrome --continue
        --dangerously-skip-permissions --desktop --disable-slash-commands --enable-auto-mode
        --exclude-dynamic-system-prompt-sections --forward-subagent-text --fork-session --help --ide
        --include-hook-events --include-partial-messages --init --no-chrome --no-session-persistence --print
        --replay-user-messages --restricted --safe-mode --strict-mcp-config --tmux --verbose --version""",
}
TAKES = {name: how for how, names in _TAKING.items() for name in names.split()}


class Given(NamedTuple):
    """One option with its values, or (without a name) a word that stands for itself."""

    name: str
    values: tuple[str, ...]
    # As they were written.
    words: tuple[str, ...]


class Words:
    def __init__(self, words: Iterable[str]) -> None:
        self.given = list(_read(list(words)))

    def has(self, *names: str) -> str:
        """The first of these that was given."""
        given = {one.name for one in self.given}
        return next((name for name in names if name in given), "")

    def value(self, name: str) -> str:
        """The last one given: the one that the client takes."""
        values = [one.values[-1] for one in self.given if one.name == name and one.values]
        return values[-1] if values else ""

    def prompts(self) -> list[str]:
        return [one.values[0] for one in self.given if not one.name]

    def without(self, *names: str) -> list[str]:
        """The words as written, less these options with their values."""
        return [word for one in self.given if one.name not in names for word in one.words]

    def options(self, without: Iterable[str]) -> list[str]:
        """The options alone, less some."""
        left_out = {"", END, *without}
        return [word for one in self.given if one.name not in left_out for word in one.words]


def _read(words: list[str]) -> Iterator[Given]:
    while words:
        word = words.pop(0)
        if word == END:
            yield Given(END, (), (END,))
            yield from (Given("", (rest,), (rest,)) for rest in words)
            return
        if not word.startswith("-") or word == "-":
            yield Given("", (word,), (word,))
        elif word.startswith("--"):
            yield _option(word, words)
        else:
            yield from _letters(word, words)


def _option(word: str, rest: list[str]) -> Given:
    written, equals, attached = word.partition("=")
    name = OTHER_NAMES.get(written, written)
    if equals:
        return Given(name, (attached,), (word,))
    values = _values(name, rest)
    return Given(name, values, (word, *values))


def _letters(word: str, rest: list[str]) -> Iterator[Given]:
    """`-pc` is `-p -c`, and what stands behind a letter that takes a value is that value."""
    for at, letter in enumerate(word[1:], 1):
        short = f"-{letter}"
        name = LETTERS.get(short, short)
        behind = word[at + 1 :]
        if TAKES.get(name, NOTHING) != NOTHING and behind:
            yield Given(name, (behind,), (short + behind,))
            return
        values = () if behind else _values(name, rest)
        yield Given(name, values, (short, *values))


def _values(name: str, rest: list[str]) -> tuple[str, ...]:
    """An option of a later client keeps the word behind it: without its value it would mean something else."""
    undashed = _undashed(rest)
    counts = {NOTHING: 0, ONE: min(1, len(rest)), MAYBE: min(1, undashed), MANY: undashed}
    count = counts[TAKES.get(name, MAYBE)]
    taken = tuple(rest[:count])
    del rest[:count]
    return taken


def _undashed(words: Sequence[str]) -> int:
    return next((at for at, word in enumerate(words) if word.startswith("-") and word != "-"), len(words))
