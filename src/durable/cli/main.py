"""`durable VERB`. A verb is read by our own parser and imported alone; all else is said by the Typer application."""

from __future__ import annotations

import sys
from importlib import import_module

from durable.cli.frame import guarded
from durable.cli.options import JSON, answer, split
from durable.cli.verbs import PASS_ON, VERBS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from durable.cli.result import Outcome

HELP = "--help"


def main(words: list[str] | None = None) -> None:
    words = _fenced(list(sys.argv[1:] if words is None else words))
    sys.exit(guarded(lambda: _outcome(words or [HELP]), as_json=JSON.spelling in _before_dashes(words)))


def _fenced(words: list[str]) -> list[str]:
    """With a `--` before what is another program's, so that nothing of ours is looked for in it."""
    if not words or words[0] not in PASS_ON:
        return words
    own, theirs = split([*import_module(VERBS[words[0]]).OPTIONS, JSON], words[1:])
    return [words[0], *own, *(["--", *theirs] if theirs else [])]


def _outcome(words: list[str]) -> Outcome:
    if words[0] in VERBS and HELP not in _before_dashes(words):
        return answer(import_module(VERBS[words[0]]), words[1:])
    from durable.cli.application import outcome

    return outcome(words)


def _before_dashes(words: list[str]) -> list[str]:
    return words[: words.index("--")] if "--" in words else words


if __name__ == "__main__":
    main()
