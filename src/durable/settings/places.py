"""Where the client looks for settings, weakest first."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

MANAGED = {"darwin": "/Library/Application Support/ClaudeCode"}
MANAGED_ELSEWHERE = "/etc/claude-code"


class Place(NamedTuple):
    # user, project, local, flag (--settings), managed; plugin for a plugin's hooks.json.
    scope: str
    path: str


def places(env: Mapping[str, str], cwd: str, extra: str | None = None, managed: str | None = None) -> list[Place]:
    """`extra` is a file given with --settings, `managed` the folder of the machine's administrator."""
    found = [Place("user", user_file(env)), Place("project", project_file(cwd)), Place("local", local_file(cwd))]
    if extra:
        found.append(Place("flag", os.path.join(cwd, extra)))
    found += [Place("managed", path) for path in _managed(managed or managed_folder())]
    return _without_twins(found)


def user_folder(env: Mapping[str, str]) -> str:
    chosen = env.get("CLAUDE_CONFIG_DIR", "").strip()
    home = env.get("HOME", "") or os.path.expanduser("~")
    return os.path.abspath(chosen) if chosen else os.path.join(home, ".claude")


def user_file(env: Mapping[str, str]) -> str:
    return os.path.join(user_folder(env), "settings.json")


def project_file(cwd: str) -> str:
    return os.path.join(cwd, ".claude", "settings.json")


def local_file(cwd: str) -> str:
    return os.path.join(cwd, ".claude", "settings.local.json")


def managed_folder() -> str:
    return MANAGED.get(sys.platform, MANAGED_ELSEWHERE)


def _managed(folder: str) -> list[str]:
    drop_ins = os.path.join(folder, "managed-settings.d")
    try:
        names = sorted(name for name in os.listdir(drop_ins) if name.endswith(".json") and name[0] != ".")
    except OSError:
        names = []
    return [os.path.join(folder, "managed-settings.json"), *(os.path.join(drop_ins, name) for name in names)]


def _without_twins(found: list[Place]) -> list[Place]:
    """In the home directory the project's file is the user's: one file, one place."""
    seen: set[str] = set()
    kept = []
    for place in found:
        real = os.path.realpath(place.path)
        if real not in seen:
            kept.append(place)
        seen.add(real)
    return kept
