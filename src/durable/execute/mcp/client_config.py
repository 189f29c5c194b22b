"""The user's `.claude.json`, and what it says of a project."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from durable.settings.places import user_folder

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def config_file(env: Mapping[str, str]) -> str:
    """It stands beside the folder of the settings, unless that folder was chosen by the user: then inside."""
    folder = user_folder(env)
    return os.path.join(folder if env.get("CLAUDE_CONFIG_DIR", "").strip() else os.path.dirname(folder), ".claude.json")


def said_of(project: str, config: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The client files a repository under its topmost folder."""
    projects = table(config.get("projects"))
    for path in dict.fromkeys((project, os.path.realpath(project), repository_of(project))):
        if path in projects:
            yield table(projects[path])


def is_trusted(project: str, config: dict[str, Any]) -> bool:
    """The dialog that asks about a folder answers for all below it."""
    projects = table(config.get("projects"))
    return any(table(projects.get(path)).get("hasTrustDialogAccepted") is True for path in upwards(project))


def repository_of(project: str) -> str:
    return next((path for path in upwards(project) if os.path.exists(os.path.join(path, ".git"))), "")


def upwards(folder: str) -> Iterator[str]:
    folder = os.path.realpath(folder)
    while True:
        yield folder
        if folder == os.path.dirname(folder):
            return
        folder = os.path.dirname(folder)


def table(found: Any) -> dict[str, Any]:
    return found if isinstance(found, dict) else {}
