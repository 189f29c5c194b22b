"""Which handlers may be started here. To start one is to run a line that somebody wrote.

A repository one has just cloned may register hooks, and its line can say anything. The client starts
such hooks only after the folder was trusted; to look at a folder must not be more dangerous than that.
"""

from __future__ import annotations

import json
import os
import re
import shlex
from typing import TYPE_CHECKING, NamedTuple

from durable.settings import registration

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from durable.settings.in_force import SettingsFile
    from durable.settings.registered import RegisteredHook

OF_THE_PROJECT = frozenset({"project", "local"})
# Such a line would take the hook back to the real ledger, whatever it is started with.
SETS_ITS_PLACE = re.compile(r"\b(?:DURABLE_\w+|XDG_\w+|HOME)=|\benv\s+-")


class Objection(NamedTuple):
    problem: str
    remedy: str


SETS_PLACE = Objection(
    "its command sets where durable keeps its state, so it can't be tried on a scratch ledger",
    "take that out of the command and put it into the settings' `env`",
)
UNTRUSTED = Objection(
    "it stands in a project that you have not trusted in the client, so its command was not started",
    "read that command, then trust the folder in the client or add --fire-project",
)


class Trust:
    __slots__ = ("cwd", "folder_trusted")

    def __init__(self, env: Mapping[str, str], cwd: str, told_to: bool = False) -> None:
        self.cwd = cwd
        self.folder_trusted = told_to or _accepted(env, cwd)

    def takes(self, file: SettingsFile) -> bool:
        return self.folder_trusted or file.scope not in OF_THE_PROJECT

    def objection(self, hook: RegisteredHook) -> Objection | None:
        """Why this handler is not started; None if it may be."""
        if SETS_ITS_PLACE.search(" ".join([hook.command, *(hook.args or [])])):
            return SETS_PLACE
        if hook.scope in OF_THE_PROJECT and not self.folder_trusted and not self._is_as_init_writes_it(hook):
            return UNTRUSTED
        return None

    def _is_as_init_writes_it(self, hook: RegisteredHook) -> bool:
        python = hook.reading.python or ""
        if not os.path.isabs(python) or _within(python, self.cwd):
            return False
        folder = registration.hook_folder()
        written = registration.hooks(shlex.quote(python), lambda name: shlex.quote(os.path.join(folder, name)))
        return any(hook.handler in group["hooks"] for group in written.get(hook.event, []))


def _accepted(env: Mapping[str, str], cwd: str) -> bool:
    projects = _client_state(env).get("projects")
    if not isinstance(projects, dict):
        return False
    known = [projects.get(folder) for folder in _upwards(os.path.realpath(cwd))]
    return any(isinstance(one, dict) and one.get("hasTrustDialogAccepted") is True for one in known)


def _client_state(env: Mapping[str, str]) -> dict[str, object]:
    folder = env.get("CLAUDE_CONFIG_DIR", "").strip() or env.get("HOME", "")
    if not os.path.isabs(folder):
        return {}  # It would be looked for in the very project that is to be trusted.
    try:
        with open(os.path.join(folder, ".claude.json"), encoding="utf-8") as file:
            found = json.load(file)
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _upwards(path: str) -> Iterator[str]:
    while True:
        yield path
        above = os.path.dirname(path)
        if above == path:
            return
        path = above


def _within(path: str, folder: str) -> bool:
    # The path's own links are not followed: the interpreter of a virtual environment is one.
    return os.path.normpath(path).startswith((os.path.realpath(folder) + "/", os.path.normpath(folder) + "/"))
