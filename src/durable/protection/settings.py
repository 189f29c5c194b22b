"""Would this write take our hooks out of a settings file?

Judged by what the file would hold afterwards, so that every other setting stays free to change.
"""

from __future__ import annotations

import os

from durable.errors import InputError
from durable.native import dumps, loads
from durable.protection.tampering import refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from durable.event import Call

SCRIPTS = ("pre_tool_use.py", "post_tool_use.py", "lifecycle.py")
PLUGIN = "durable@"
_LARGEST = 2_000_000


def is_settings_file(path: str) -> bool:
    folder, name = os.path.split(path)
    if not name.endswith(".json"):
        return False
    return "settings" in name or name == "hooks.json" or os.path.basename(folder) == ".claude"


def of_write(call: Call, path: str) -> str:
    was = content(path)
    if not is_settings_file(path) and not _speaks_of_ours(was):
        return ""
    after = _after(call, was)
    harm = "" if after is None or after == was else _harm(was, after)
    return settings_refused(path, harm) if harm else ""


def settings_refused(path: str, harm: str) -> str:
    return refused(
        f"it would {harm} in {path}",
        "Everything else in that file may be changed with Edit or Write. Taking the hooks out is for a person, outside "
        "of this session: {command} uninit, or {command} off --for 1h --reason TEXT",
    )


def holds_ours(path: str) -> bool:
    text = content(path)
    return bool(_handlers(_parsed(text), text) or _plugins(_parsed(text)))


def content(path: str) -> str:
    """ "" where nothing can be read: then there is nothing of ours that could be taken out."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(descriptor, encoding="utf-8", errors="replace") as file:
            return file.read(_LARGEST)
    except (OSError, ValueError):
        return ""


def _speaks_of_ours(text: str) -> bool:
    return any(name in text for name in SCRIPTS)


def _after(call: Call, was: str) -> str | None:
    """None where the tool itself would refuse: the client's own words for that are better than ours."""
    if call.tool == "Write":
        written = call.input.get("content")
        return written if isinstance(written, str) else None
    edits = call.input.get("edits") if call.tool == "MultiEdit" else [call.input]
    text: str | None = was
    for edit in edits if isinstance(edits, list) else []:
        if text is not None:
            text = _edited(text, edit)
    return text


def _edited(text: str, edit: Any) -> str | None:
    if not isinstance(edit, dict):
        return None
    old, new = edit.get("old_string"), edit.get("new_string")
    if not isinstance(old, str) or not isinstance(new, str) or old not in text:
        return None
    return text.replace(old, new) if edit.get("replace_all") is True else text.replace(old, new, 1)


def _harm(was: str, after: str) -> str:
    before, then = _parsed(was), _parsed(after)
    ours = _handlers(before, was)
    if then is None:
        return "leave no valid JSON, and so none of durable's hooks," if ours else ""
    if then.get("disableAllHooks") and then.get("disableAllHooks") != (before or {}).get("disableAllHooks"):
        return "switch all hooks off"
    if not ours <= _handlers(then, after):
        return "drop or change durable's hooks"
    if _plugins(before) - _plugins(then) or _plugins(then, on=False) - _plugins(before, on=False):
        return "switch durable's plugin off"
    return "make the client drop the whole file, durable's hooks included," if ours and _dropped(then) else ""


def _parsed(text: str) -> dict[str, Any] | None:
    try:
        found = loads(text)
    except InputError:
        return None
    return found if isinstance(found, dict) else None


def _handlers(settings: dict[str, Any] | None, text: str) -> set[str]:
    """Our handlers, each with all that stands round it and decides when it runs."""
    if settings is None or not _speaks_of_ours(text):
        return set()
    # With re and shlex behind it: loaded for the few calls that write a file with hooks of ours in it.
    from durable.settings.ours import is_ours

    return {
        dumps([event, {**group, "hooks": None}, handler])
        for event, groups in _items(settings.get("hooks"))
        for group in _list(groups)
        if isinstance(group, dict)
        for handler in _list(group.get("hooks"))
        if is_ours(handler)
    }


def _plugins(settings: dict[str, Any] | None, on: bool = True) -> set[str]:
    found = _items((settings or {}).get("enabledPlugins"))
    return {name for name, state in found if name.startswith(PLUGIN) and bool(state) is on}


def _dropped(settings: dict[str, Any]) -> bool:
    from durable.settings.shape import misshapen

    return any(one.drops_file for one in misshapen(settings))


def _items(value: Any) -> list[tuple[str, Any]]:
    return list(value.items()) if isinstance(value, dict) else []


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
