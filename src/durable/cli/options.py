"""What a verb can be given, in one table that Typer and the plain parser both read.

A command module holds `OPTIONS` (these) and `run` (a plain function that returns a Result). `run` is
called with what was given and nothing else, so its own defaults are the defaults.
"""

from __future__ import annotations

from durable.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import ModuleType
    from typing import Any

    from durable.cli.result import Outcome

LARGEST = 2**63 - 1  # SQLite takes no larger number


class Option:
    """One argument (spelled `RUN`) or option (spelled `--reason`)."""

    __slots__ = ("choices", "help", "kind", "metavar", "name", "required", "spelling")

    def __init__(
        self,
        spelling: str,
        help: str,
        kind: type = str,
        name: str = "",
        metavar: str = "",
        required: bool = False,
        choices: tuple[str, ...] = (),
    ) -> None:
        self.spelling = spelling
        self.help = help
        self.kind = kind
        self.name = name or spelling.strip("-").replace("-", "_").lower()
        self.metavar = metavar or self.name.upper()
        self.required = required
        self.choices = choices

    @property
    def positional(self) -> bool:
        return not self.spelling.startswith("-")

    @property
    def repeats(self) -> bool:
        """It takes every word that is left."""
        return self.kind not in (str, int, float, bool)


def argument(spelling: str, help: str, name: str = "", required: bool = True, choices: tuple[str, ...] = ()) -> Option:
    return Option(spelling, help, name=name, metavar=spelling, required=required, choices=choices)


def flag(spelling: str, help: str, name: str = "") -> Option:
    return Option(spelling, help, kind=bool, name=name)


def value(spelling: str, metavar: str, help: str, name: str = "", kind: type = str, required: bool = False) -> Option:
    return Option(spelling, help, kind=kind, name=name, metavar=metavar, required=required)


def rest(spelling: str, help: str) -> Option:
    """All words from the first that is no option of the verb: another program's, to be passed on as they are."""
    return Option(spelling, help, kind=list, metavar=spelling)


JSON = flag("--json", "Print one JSON document.", name="as_json")


def help_line(module: ModuleType) -> str:
    return (module.run.__doc__ or "").strip().split("\n", 1)[0]


def call(module: ModuleType, given: dict[str, Any]) -> Outcome:
    """Runs the verb with what was given. A value that is no choice of its option is a UsageError."""
    for option in module.OPTIONS:
        _check_choice(option, given.get(option.name))
    run: Callable[..., Outcome] = module.run
    return run(**given)


def answer(module: ModuleType, words: list[str]) -> Outcome:
    """Runs the verb with the words behind its name."""
    given = parse([*module.OPTIONS, JSON], words)
    given.pop(JSON.name, None)
    return call(module, given)


def _check_choice(option: Option, chosen: Any) -> None:
    if option.choices and chosen is not None and chosen not in option.choices:
        raise UsageError(f"{option.spelling} can't be {chosen!r}", f"choose {_either(option.choices)}")


def _either(choices: tuple[str, ...]) -> str:
    return choices[0] if len(choices) == 1 else f"{', '.join(choices[:-1])} or {choices[-1]}"


def split(options: Iterable[Option], words: list[str]) -> tuple[list[str], list[str]]:
    """The words that are a verb's own, and the rest. A `--` between them belongs to neither."""
    by_spelling = {option.spelling: option for option in options if not option.positional}
    at = 0
    while at < len(words) and words[at] != "--":
        spelling, equals, _ = words[at].partition("=")
        option = by_spelling.get(spelling)
        if option is None and spelling != "--help":
            return words[:at], words[at:]
        at += 2 if option is not None and option.kind is not bool and not equals else 1
    return words[:at], words[at + 1 :]


# ---- the parser -------------------------------------------------------------------------------


def parse(options: Iterable[Option], words: list[str]) -> dict[str, Any]:
    """Reads words as Typer would: `--name value`, `--name=value`, `--` ends the options."""
    options = tuple(options)
    by_spelling = {option.spelling: option for option in options if not option.positional}
    waiting = [option for option in options if option.positional]
    given: dict[str, Any] = {}
    rest = list(words)
    only_arguments = False
    while rest:
        word = rest.pop(0)
        if word == "--" and not only_arguments:
            only_arguments = True
        elif word.startswith("-") and word != "-" and not only_arguments:
            _take_option(by_spelling, word, rest, given)
        else:
            _take_argument(waiting, word, given)
    _check_required(options, given)
    return given


def _take_option(by_spelling: dict[str, Option], word: str, rest: list[str], given: dict[str, Any]) -> None:
    spelling, equals, attached = word.partition("=")
    option = by_spelling.get(spelling)
    if option is None:
        raise UsageError(f"there is no option {spelling}", _known(by_spelling))
    if option.kind is bool:
        if equals:
            raise UsageError(f"{spelling} takes no value", f"write {spelling} alone")
        given[option.name] = True
        return
    if not equals and not rest:
        raise UsageError(f"{spelling} needs a value", f"write {spelling} {option.metavar}")
    given[option.name] = _converted(option, attached if equals else rest.pop(0))


def _take_argument(waiting: list[Option], word: str, given: dict[str, Any]) -> None:
    if not waiting:
        raise UsageError(f"{word!r} is one argument too many", "leave it out, or quote what belongs together")
    option = waiting[0]
    if option.repeats:
        given.setdefault(option.name, []).append(word)
    elif not word:  # A variable that a script has not set. Without the argument many a verb does something else.
        raise UsageError(f"{option.spelling} is empty", "name one, or leave it out")
    else:
        given[option.name] = _converted(waiting.pop(0), word)


def _converted(option: Option, text: str) -> Any:
    try:
        found = option.kind(text)
        if option.kind is int and abs(found) > LARGEST:
            raise ValueError
    except ValueError:
        raise UsageError(f"{option.spelling} can't be {text!r}", "give a number") from None
    return found


def _check_required(options: tuple[Option, ...], given: dict[str, Any]) -> None:
    for option in options:
        if option.required and option.name not in given:
            wanted = option.spelling if option.positional else f"{option.spelling} {option.metavar}"
            raise UsageError(f"{option.spelling} is missing", f"add {wanted}")


def _known(by_spelling: dict[str, Option]) -> str:
    return f"there are {', '.join(sorted(by_spelling))}"
