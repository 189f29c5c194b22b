"""What a file says about the call that was to write it.

The step records the file's state before the call (`file_before`), as a keyed hash: a plain one would let
anybody try out what a short secret in that file might be. From there:

- The file is as it was: the call did not happen, or its effect has been undone, which comes to the same.
  Unless the call would have changed nothing; then nothing can be told.
- Write: the file holds the content to the byte, and held something else before: it happened.
- Edit: that the new text is there and the old one gone proves nothing, since anyone may have put it
  there, and the file may have held it before. It is proven if taking the edit back, at one of the
  places where the new text stands, gives the very file that stood there before.
- Anything else can't be told: the file was changed by somebody else as well, or by another call.
- A redacted input proves nothing, whatever the file looks like.
"""

from __future__ import annotations

import os
import stat

from durable.native import hmac_sha256
from durable.probe import CANT_TELL, HAPPENED, NOT_HAPPENED, Verdict

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

ABSENT = "absent"
FIELDS = {"Edit": "file_path", "MultiEdit": "file_path", "NotebookEdit": "notebook_path", "Write": "file_path"}
LARGEST = 20_000_000  # bytes: hashed in some 20 ms
_REDACTED = "[redacted:"


def file_state(path: str, key: bytes) -> str:
    """A keyed hash of what stands there now, "absent", or "" where it can't be known. For `file_before`."""
    try:
        data = _content(path)
    except (OSError, ValueError):  # No path can hold a NUL.
        return ""
    return _state(data, key)


def probe_file(tool: str, given: dict[str, Any], before: str, key: bytes) -> Verdict:
    path = given.get(FIELDS.get(tool, ""))
    if not isinstance(path, str) or not path.startswith("/"):
        return _cant_tell("it names no file by its full path")
    if _is_redacted(given):
        return _cant_tell("its input was redacted")
    if not before:
        return _cant_tell("the file's state before the call is not known")
    try:
        now = _content(path)
    except (OSError, ValueError) as error:
        return _cant_tell(f"{path} can't be read ({error})")
    return _judge(tool, given, path, before, now, key)


def _judge(tool: str, given: dict[str, Any], path: str, before: str, now: bytes | None, key: bytes) -> Verdict:
    if _state(now, key) == before:
        if _must_change(tool, given, now):
            return Verdict(NOT_HAPPENED, "", f"{path} is as it was before the call")
        return _cant_tell(f"the call would have left {path} as it was")
    if now is not None and _was_made(tool, given, now, before, key):
        return Verdict(HAPPENED, f"{path} holds what the call was to write")
    return _cant_tell(f"{path} is neither as it was before the call nor as the call would have left it")


def _must_change(tool: str, given: dict[str, Any], was: bytes | None) -> bool:
    if tool == "Write":
        return was is None or was not in _forms(given.get("content"))
    if tool == "NotebookEdit":
        return given.get("edit_mode") in ("insert", "delete")
    return any(edit.get("old_string") != edit.get("new_string") for edit in _edits(tool, given))


def _was_made(tool: str, given: dict[str, Any], now: bytes, before: str, key: bytes) -> bool:
    if tool == "Write":
        return now in _forms(given.get("content"))
    if tool == "Edit":
        return any(_state(earlier, key) == before for earlier in _undone(now, given))
    return tool == "MultiEdit" and _was_multi_edited(_edits(tool, given), now, before, key)


def _was_multi_edited(edits: list[dict[str, Any]], now: bytes, before: str, key: bytes) -> bool:
    """Only where each edit can be taken back in one way alone: the ways multiply."""
    for edit in reversed(edits):
        ways = list(_undone(now, edit))
        if len(ways) != 1 or ways[0] is None:
            return False
        now = ways[0]
    return _state(now, key) == before


def _undone(now: bytes, edit: dict[str, Any]) -> Iterator[bytes | None]:
    """What may have stood there before the edit."""
    for old, new in dict.fromkeys(zip(_forms(edit.get("old_string")), _forms(edit.get("new_string")), strict=False)):
        if not old and now == new:
            yield from (None, b"")  # An empty old text makes the file.
        if edit.get("replace_all") is True:
            yield now.replace(new, old) if new else None
        else:
            yield from _undone_once(now, old, new)


def _undone_once(now: bytes, old: bytes, new: bytes) -> Iterator[bytes]:
    """Each is to be hashed. An empty new text stands everywhere, and no hook has the time for all of that."""
    at = now.find(new)
    for _ in range(LARGEST // (len(now) + 1)):
        if at < 0:
            return
        yield now[:at] + old + now[at + len(new) :]
        at = now.find(new, at + 1)


def _forms(text: object) -> list[bytes]:
    """As it was given, and with the line ends of a file that has others: the client keeps those."""
    if not isinstance(text, str):
        return []
    plain = text.encode("utf-8", "surrogatepass")
    return [plain, plain.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")]


def _edits(tool: str, given: dict[str, Any]) -> list[dict[str, Any]]:
    found = given.get("edits") if tool == "MultiEdit" else [given]
    return [edit for edit in found if isinstance(edit, dict)] if isinstance(found, list) else []


def _is_redacted(value: object) -> bool:
    todo = [value]
    while todo:
        item = todo.pop()
        if isinstance(item, str) and _REDACTED in item:
            return True
        if isinstance(item, dict):
            todo.extend((*item, *item.values()))
        elif isinstance(item, list):
            todo.extend(item)
    return False


def _content(path: str) -> bytes | None:
    """None where there is no file. Non-blocking: a FIFO in its place must not cost the hook its deadline."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return None
    with open(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_size > LARGEST:
            raise ValueError("no plain file, or too large")
        return file.read(LARGEST)


def _state(data: bytes | None, key: bytes) -> str:
    return ABSENT if data is None else hmac_sha256(key, b"file\n" + data)


def _cant_tell(why: str) -> Verdict:
    return Verdict(CANT_TELL, "", why)
