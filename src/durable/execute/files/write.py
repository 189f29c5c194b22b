"""Write, Edit, MultiEdit and NotebookEdit, made by durable itself.

A call that was cut off may have been made already, and the file may have been changed since by somebody else.
So a file that is not as it was when the call was prepared stays as it is; and one that already holds just what
the call would bring about is `already` done.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from durable import clock
from durable.execute.files.edits import edited, edits_of, looks_edited, may_be_made, written
from durable.execute.files.notebook import notebook_edited
from durable.execute.files.replace import CantApply, read, replace
from durable.execute.outcome import Outcome
from durable.file_probe import FIELDS, file_state

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

# A file's times come from a clock that ticks every few milliseconds, and may lag behind ours by that much.
TICK_NS = 10_000_000
LONGEST_ORIGINAL = 1_000_000


def execute_file(tool: str, given: dict[str, Any], cwd: str, unchanged: Callable[[str], str] | None) -> Outcome:
    """`unchanged` gives "" or the reason why the file is not as it was when the call was prepared."""
    try:
        return _executed(tool, given, _path(tool, given, cwd), unchanged)
    except CantApply as error:
        return Outcome.failed(str(error), not_begun=True)
    except OSError as error:
        return Outcome.failed(f"the file was written, but that may not outlast a power cut ({error})")


def file_guard(before: str, since: str, key: bytes) -> Callable[[str], str]:
    """`before` is the step's keyed state of the file; where that is not known (""), the file's times speak."""

    def why_not(path: str) -> str:
        if before:
            return _not_in_state(path, before, key)
        return _changed_since(path, since)

    return why_not


def _not_in_state(path: str, before: str, key: bytes) -> str:
    now = file_state(path, key)
    if now == before:
        return ""
    if not now:
        return f"it can't be told whether {path} was changed since the call was prepared"
    return f"{path} was changed since the call was prepared"


def _changed_since(path: str, since: str) -> str:
    """By the time that nobody can set: a file moved into its place or unpacked there keeps an old mtime."""
    try:
        changed = os.lstat(path).st_ctime_ns
    except FileNotFoundError:
        return ""
    except (OSError, ValueError) as error:
        return f"it can't be told whether {path} was changed since the call was prepared ({error})"
    if changed <= clock.nanoseconds(since) - TICK_NS:
        return ""
    return f"{path} was changed at {clock.stamp(changed)}, and the call was prepared at {since}"


def _executed(tool: str, given: dict[str, Any], path: str, unchanged: Callable[[str], str] | None) -> Outcome:
    found = read(path)
    why = "" if unchanged is None else unchanged(path)
    if (why or unchanged is None) and _looks_done(tool, given, found.data):
        return _already(path)
    if why:
        raise CantApply(why, "look at it, and make the call anew if it is still wanted")
    if unchanged is None and tool in _EDITS and may_be_made(found.data, _EDITS[tool](given)):
        raise CantApply(f"it can't be told whether {path} has been edited so already", "look at it")
    data, response = _made(tool, given, path, found.data)
    if data == found.data:
        return _already(path)
    replace(path, found, data)
    return Outcome.done(response)


_EDITS: dict[str, Callable[[dict[str, Any]], list[dict[str, Any]]]] = {
    "Edit": lambda given: [given],
    "MultiEdit": edits_of,
}


def _looks_done(tool: str, given: dict[str, Any], now: bytes | None) -> bool:
    if tool in _EDITS:
        return looks_edited(now, _EDITS[tool](given))
    try:
        return _made(tool, given, "", now)[0] == now
    except CantApply:
        return False


def _made(tool: str, given: dict[str, Any], path: str, now: bytes | None) -> tuple[bytes, dict[str, Any]]:
    """What the file is to hold, and what the client's tool would answer."""
    if tool == "NotebookEdit":
        data, answer = notebook_edited(now, given)
        return data, {**answer, "notebook_path": path}
    answer = {"filePath": path, "originalFile": _original(now), "userModified": False}
    if tool == "Write":
        kind = "create" if now is None else "update"
        return written(given), {"type": kind, "content": given["content"], **answer}
    edits = _EDITS[tool](given)
    data = edited(now, edits)
    if tool == "MultiEdit":
        return data, {"edits": edits, **answer}
    named = {"oldString": given["old_string"], "newString": given["new_string"]}
    return data, {**named, "replaceAll": given.get("replace_all") is True, **answer}


def _original(now: bytes | None) -> str | None:
    if now is None or len(now) > LONGEST_ORIGINAL:
        return None
    return now.decode("utf-8", "backslashreplace")


def _already(path: str) -> Outcome:
    return Outcome.done({"already": True, "filePath": path})


def _path(tool: str, given: dict[str, Any], cwd: str) -> str:
    named = given.get(FIELDS.get(tool, ""))
    if not isinstance(named, str) or not named.strip() or "\0" in named:
        raise CantApply("the call names no file", "")
    return os.path.normpath(os.path.join(cwd, os.path.expanduser(named)))
