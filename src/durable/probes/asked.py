"""What a built-in probe is asked, how it looks, and when it believes what it sees."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

# How far a server's clock may be behind ours.
SKEW = timedelta(seconds=5)
# What is older than that is not this step's, however wrong the clocks are.
SURELY_OLDER = timedelta(days=1)
# No question, no colour, no news of the tool's own: nobody is there, and what is printed gets read.
QUIET = {
    "GH_PROMPT_DISABLED": "1", "GH_NO_UPDATE_NOTIFIER": "1", "NO_PROMPT": "1", "NO_COLOR": "1",
    "npm_config_update_notifier": "false", "npm_config_loglevel": "error", "npm_config_fund": "false",
}  # fmt: skip


class CantTell(Exception):
    """With what stands in the way, for whoever looks next."""


class DidNotHappen(Exception):
    """With what was looked for. Only where the look-up itself worked."""


class Asked:
    """The step's command: `words` has None for what only the shell knew."""

    def __init__(self, step: Mapping[str, Any]) -> None:
        command = step["command"]
        self.words: list[str | None] = command["words"]
        self.cwd: str = command["cwd"]
        self.taken: dict[str, str] = command["taken"]
        self.prepared_at = _time(step["prepared_at"])
        self._env = {**os.environ, **QUIET}
        for name, value in command["assigned"]:
            if value is None:
                raise CantTell(f"what {name} was is not known")
            self._env[name] = value

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        try:
            return subprocess.run(
                words,
                cwd=self.cwd,
                env=self._env,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
            )
        except OSError as error:
            raise CantTell(f"{words[0]} can't be run ({error.strerror})") from None

    def json(self, *words: str) -> dict[str, Any]:
        """The object that a command that worked has printed."""
        found: dict[str, Any] = printed(words, self.run(*words), dict)
        return found

    def listed(self, *words: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = printed(words, self.run(*words), list)
        return found

    def judge(self, found: Iterable[tuple[str, str]], missing: str) -> str:
        """Of (when it was made, its receipt): the one that this step has made."""
        doubtful = ""
        for made, receipt in found:
            age = self.prepared_at - _time(made)
            if age <= SKEW:
                return receipt
            if age < SURELY_OLDER:
                doubtful = f"{receipt} was made at {made}, a little before this call"
        if doubtful:
            raise CantTell(doubtful)
        raise DidNotHappen(missing)


def printed(words: Iterable[str], done: subprocess.CompletedProcess[str], kind: type[Any]) -> Any:
    if done.returncode != 0:
        raise CantTell(failure(words, done))
    try:
        found = json.loads(done.stdout)
    except ValueError:
        found = None
    if not isinstance(found, kind):
        raise CantTell(f"what `{' '.join(words)}` printed makes no sense")
    return found


def failure(words: Iterable[str], done: subprocess.CompletedProcess[str]) -> str:
    said = next((line.strip() for line in done.stderr.splitlines() if line.strip()), "")
    return f"`{' '.join(words)}` exited with {done.returncode}" + (f": {said}" if said else "")


def _time(text: object) -> datetime:
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        raise CantTell(f"{text!r} is no time") from None
    if found.tzinfo is None:
        raise CantTell(f"{text!r} names no time zone")
    return found


def options(words: list[str | None], valued: Mapping[str, str]) -> tuple[dict[str, str | None], list[str | None]]:
    """(the options with their values, the plain words) after the program; `valued` says which take one, by name.

    CantTell where the shell may have put in an option that nobody sees: `gh pr create $MORE`.
    """
    named: dict[str, str | None] = {}
    plain: list[str | None] = []
    rest = iter(words[1:])
    for word in rest:
        if word is None:
            raise CantTell("a part of the command is not known")
        if word == "--":
            return named, [*plain, *rest]
        if word.startswith("--"):
            name, equals, value = word.partition("=")
            named[valued.get(name, name)] = value if equals else (next(rest, None) if name in valued else "")
        elif word.startswith("-") and len(word) > 1:
            _short(word, rest, valued, named)
        else:
            plain.append(word)
    return named, plain


def _short(word: str, rest: Any, valued: Mapping[str, str], named: dict[str, str | None]) -> None:
    """`-dB main`, `-Bmain`: letters without a value, then one that takes what follows."""
    for at in range(1, len(word)):
        name = f"-{word[at]}"
        if name in valued:
            named[valued[name]] = word[at + 1 :].removeprefix("=") or next(rest, None)
            return
        named[name] = ""


def known(named: Mapping[str, str | None], name: str) -> str:
    """ "" if the option isn't there."""
    value = named.get(name, "")
    if value is None:
        raise CantTell(f"what {name} was is not known")
    return value


def by_name(listed: str) -> dict[str, str]:
    """Of `-R/--repo -t/--title`: each spelling → the long name."""
    return {spelling: names.rpartition("/")[2] for names in listed.split() for spelling in names.split("/")}
