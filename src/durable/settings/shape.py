"""Handlers the client can't load.

Under PreToolUse and PermissionRequest one such handler makes the client drop its whole settings file,
permission rules and our hooks included; under any other event only the entry is skipped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

DROPS_THE_FILE = frozenset({"PreToolUse", "PermissionRequest"})


class Misshapen(NamedTuple):
    pointer: str
    problem: str
    drops_file: bool


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _switch(value: Any) -> bool:
    return isinstance(value, bool)


def _positive(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _failure(value: Any) -> bool:
    return value in ("continue", "block")


def _shell(value: Any) -> bool:
    return value in ("bash", "powershell")


def _address(value: Any) -> bool:
    return isinstance(value, str) and value.startswith(("http://", "https://"))


Checks = dict[str, tuple["Callable[[Any], bool]", str]]

NEEDED: dict[str, tuple[str, ...]] = {
    "command": ("command",),
    "prompt": ("prompt",),
    "agent": ("prompt",),
    "http": (),
    "mcp_tool": ("server", "tool"),
}
COMMON: Checks = {
    "if": (_text, "a string"),
    "timeout": (_positive, "a number of seconds above 0"),
    "statusMessage": (_text, "a string"),
    "once": (_switch, "true or false"),
}
ON_FAILURE: Checks = {"onFailure": (_failure, '"continue" or "block"')}
OF_TYPE: dict[str, Checks] = {
    "command": {
        "args": (_texts, "a list of strings"),
        "async": (_switch, "true or false"),
        "asyncRewake": (_switch, "true or false"),
        "shell": (_shell, '"bash" or "powershell"'),
        **ON_FAILURE,
    },
    "http": {"url": (_address, "an http:// or https:// address"), **ON_FAILURE},
}


def misshapen(settings: Any) -> Iterator[Misshapen]:
    if not isinstance(settings, dict):
        yield Misshapen("", "is not a JSON object", True)
        return
    if not isinstance(settings.get("disableAllHooks", False), bool):
        yield Misshapen("/disableAllHooks", "must be true or false", True)
    hooks = settings.get("hooks", {})
    if not isinstance(hooks, dict):
        yield Misshapen("/hooks", "must be an object", True)
        return
    for event, groups in hooks.items():
        for pointer, problem in _groups(f"/hooks/{_escaped(event)}", groups):
            yield Misshapen(pointer, problem, event in DROPS_THE_FILE)


def _groups(pointer: str, groups: Any) -> Iterator[tuple[str, str]]:
    if not isinstance(groups, list):
        yield pointer, "must be a list"
        return
    for place, group in enumerate(groups):
        yield from _group(f"{pointer}/{place}", group)


def _group(pointer: str, group: Any) -> Iterator[tuple[str, str]]:
    if not isinstance(group, dict):
        yield pointer, "must be an object with a list `hooks`"
        return
    if not isinstance(group.get("matcher", ""), str):
        yield f"{pointer}/matcher", "must be a string"
    handlers = group.get("hooks")
    if not isinstance(handlers, list):
        yield f"{pointer}/hooks", "must be a list"
        return
    for place, handler in enumerate(handlers):
        yield from _handler(f"{pointer}/hooks/{place}", handler)


def _handler(pointer: str, handler: Any) -> Iterator[tuple[str, str]]:
    if not isinstance(handler, dict):
        yield pointer, "must be an object"
        return
    kind = handler.get("type")
    if not isinstance(kind, str) or kind not in NEEDED:
        yield f"{pointer}/type", f"must be one of {', '.join(NEEDED)}"
        return
    for name in NEEDED[kind]:
        if not isinstance(handler.get(name), str):
            yield f"{pointer}/{name}", "must be a string"
    for name, (fits, wanted) in (COMMON | OF_TYPE.get(kind, {})).items():
        if (name in handler or name == "url") and not fits(handler.get(name)):
            yield f"{pointer}/{name}", f"must be {wanted}"


def _escaped(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")
