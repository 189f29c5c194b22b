"""Is a hook handler one of ours, and what does its command line say?"""

from __future__ import annotations

import os
import re
import shlex
from typing import TYPE_CHECKING, Any, NamedTuple

from durable.settings.registration import SCRIPTS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    # What a script's text says: it is ours, it isn't, or None where there is no such file.
    ReadsAsOurs = Callable[[str], bool | None]

GUARD = ["||", "exit", "2"]
VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")


class Ours(NamedTuple):
    """One of our handlers, read."""

    script: str
    path: str
    python: str | None
    guarded: bool


def read(handler: Any, reads_as_ours: ReadsAsOurs, env: Mapping[str, str] | None = None) -> Ours | None:
    """`pre_tool_use.py` in a folder `hooks` is a name that others use too. It is ours if the file says
    so; if the file is gone, if the path speaks of durable or Python is called in our way."""
    words = _words(handler)
    place = next((at for at, word in enumerate(words) if _named_like_ours(word)), None)
    if place is None:
        return None
    path = expanded(words[place], env or {})
    isolated = words[:place][-2:] == ["-I", "-S"]
    verdict = reads_as_ours(path)
    if verdict is None:
        verdict = isolated or "durable" in os.path.dirname(path).lower()
    if not verdict:
        return None
    return Ours(os.path.basename(path), path, _python(words[:place], env or {}), words[-3:] == GUARD)


def is_ours(handler: Any) -> bool:
    return read(handler, script_text_is_ours, os.environ) is not None


def expanded(word: str, env: Mapping[str, str]) -> str:
    """With the variables that we know in their places, the others as they are."""
    word = VARIABLE.sub(lambda found: env.get(found[1] or found[2], found[0]), word)
    if word.startswith("~/") and "HOME" in env:
        return env["HOME"] + word[1:]
    return word


def script_text_is_ours(path: str) -> bool | None:
    try:
        with open(path, encoding="utf-8", errors="replace") as script:
            return "durable" in script.read(20_000)
    except FileNotFoundError:
        return None
    except OSError:
        # There, but closed to us: a neighbour that can be read would not be worth the search.
        return None


def _words(handler: Any) -> list[str]:
    if not isinstance(handler, dict) or handler.get("type") != "command":
        return []
    command, args = handler.get("command"), handler.get("args")
    if not isinstance(command, str):
        return []
    if isinstance(args, list):
        return [command, *(arg for arg in args if isinstance(arg, str))]
    return _shell_words(command)


def _shell_words(command: str) -> list[str]:
    lexer = shlex.shlex(command, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    lexer.commenters = ""
    try:
        return list(lexer)
    except ValueError:
        return []


def _named_like_ours(word: str) -> bool:
    folder, name = os.path.split(word)
    return name in SCRIPTS and os.path.basename(folder) == "hooks"


def _python(before: list[str], env: Mapping[str, str]) -> str | None:
    names = [word for word in before if not word.startswith("-") and "=" not in word]
    return expanded(names[-1], env) if names else None
