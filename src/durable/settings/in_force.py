"""The settings files that the client would read here, plugins of ours included."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any, NamedTuple

from durable.settings import files, places, shape

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PLUGIN = "durable"


class SettingsFile(NamedTuple):
    scope: str
    path: str
    data: Any
    # Why it is no JSON, in a sentence; then `data` is None.
    error: str = ""
    # What the client puts in place of ${…} in this file's commands.
    variables: Mapping[str, str] = {}

    @property
    def loads(self) -> bool:
        """False where the client takes nothing from the file."""
        return not self.error and not any(found.drops_file for found in shape.misshapen(self.data))


def load(env: Mapping[str, str], cwd: str, extra: str | None = None, managed: str | None = None) -> list[SettingsFile]:
    """Every file that exists, weakest first. One that can't be read is there with its error."""
    variables = {"CLAUDE_PROJECT_DIR": cwd, "HOME": env.get("HOME", "")}
    found = []
    for place in places.places(env, cwd, extra, managed):
        loaded = _load(place, variables)
        if loaded is not None:
            found.append(loaded)
    return found + list(_plugins(found, places.user_folder(env), variables))


def _load(place: places.Place, variables: Mapping[str, str]) -> SettingsFile | None:
    try:
        text = files.read(place.path)
    except files.SettingsError as error:
        return SettingsFile(place.scope, place.path, None, error.problem, variables)
    return SettingsFile(place.scope, place.path, text.data, "", variables) if text.exists else None


def _plugins(found: list[SettingsFile], folder: str, variables: Mapping[str, str]) -> Iterator[SettingsFile]:
    for name in sorted(_enabled(found)):
        root = _root(name, folder)
        if root is not None:
            place = places.Place("plugin", os.path.join(root, "hooks", "hooks.json"))
            loaded = _load(place, {**variables, "CLAUDE_PLUGIN_ROOT": root})
            if loaded is not None:
                yield loaded


def _enabled(found: list[SettingsFile]) -> set[str]:
    """The strongest file that names a plugin decides whether it is on."""
    switches: dict[str, Any] = {}
    for file in found:
        switches |= _object(_object(file.data).get("enabledPlugins")) if file.loads else {}
    return {name for name, on in switches.items() if on and name.partition("@")[0] == PLUGIN}


def _root(name: str, folder: str) -> str | None:
    """A plugin from a folder marketplace runs from that folder, any other from the client's copy."""
    market = _object(_read(folder, "known_marketplaces.json").get(name.partition("@")[2]))
    source = market.get("installLocation")
    if _object(market.get("source")).get("source") == "directory" and isinstance(source, str):
        return source
    installed = _object(_read(folder, "installed_plugins.json").get("plugins")).get(name)
    first = _object(installed[0]) if isinstance(installed, list) and installed else {}
    path = first.get("installPath")
    return path if isinstance(path, str) else None


def _read(folder: str, name: str) -> dict[str, Any]:
    try:
        with open(os.path.join(folder, "plugins", name), encoding="utf-8") as file:
            return _object(json.load(file))
    except (OSError, ValueError):
        return {}


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
