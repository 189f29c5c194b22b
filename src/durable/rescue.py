"""bin/durable: the verbs that must work from a bare checkout, with the standard library alone.

Always this parser, never Typer, so that a verb behaves the same whatever happens to be installed.
"""

from __future__ import annotations

import os
import sys

from durable.cli.blocks import Facts, Heading, Paragraph
from durable.cli.frame import guarded, version
from durable.cli.options import JSON, answer, help_line
from durable.cli.result import Result
from durable.cli.verbs import RESCUE, VERBS
from durable.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType

    from durable.cli.blocks import Block
    from durable.cli.options import Option
    from durable.cli.result import Outcome

HELP = ("--help", "help")


def main(words: list[str]) -> int:
    asked = words[: words.index("--")] if "--" in words else words
    return guarded(lambda: _outcome(words), as_json=JSON.spelling in asked)


def _outcome(words: list[str]) -> Outcome:
    first = next((word for word in words if word != JSON.spelling), "--help")
    if first == "--version":
        return version()
    if first in HELP:
        return _verbs()
    module = _module(first)
    rest = words[words.index(first) + 1 :]
    if "--help" in rest:
        return _usage(first, module)
    return answer(module, rest)


def _module(verb: str) -> ModuleType:
    if verb not in VERBS:
        raise UsageError(f"there is no verb {verb!r}", f"here are {', '.join(_offered())}")
    if verb not in RESCUE:
        raise UsageError(
            f"{verb} needs the installed package",
            f"python3 -m pip install {_checkout()}, then durable {verb}; from here work {', '.join(_offered())}",
        )
    return _imported(VERBS[verb])


def _imported(name: str) -> ModuleType:
    # importlib is no hook-path module; the plain statement's function does the same.
    __import__(name)
    return sys.modules[name]


def _offered() -> list[str]:
    return [verb for verb in VERBS if verb in RESCUE]


def _checkout() -> str:
    return os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def _verbs() -> Result:
    lines = [(verb, help_line(_imported(VERBS[verb]))) for verb in _offered()]
    view: list[Block] = [
        Paragraph("durable VERB, from a checkout: the verbs that need no installed package."),
        Heading("Verbs"),
        Facts(lines),
    ]
    return Result("help", dict(lines), view=view)


def _usage(verb: str, module: ModuleType) -> Result:
    options: list[Option] = [*module.OPTIONS, JSON]
    words = [_word(option) for option in options]
    view: list[Block] = [
        Paragraph(f"durable {verb} {' '.join(words)}"),
        Paragraph(help_line(module)),
        Heading("Options"),
        Facts((option.spelling, option.help) for option in options),
    ]
    return Result("help", {option.spelling: option.help for option in options}, view=view)


def _word(option: Option) -> str:
    word = option.spelling
    if option.choices:
        word = "|".join(option.choices)
    elif not option.positional and option.kind is not bool:
        word = f"{option.spelling} {option.metavar}"
    return word if option.required else f"[{word}]"
