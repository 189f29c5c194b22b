"""What Write, Edit and MultiEdit make of a file. Pure: bytes in, bytes out, or CantApply with the reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

from durable.execute.files.replace import CantApply

if TYPE_CHECKING:
    from typing import Any


def written(given: dict[str, Any]) -> bytes:
    return _encoded(_text(given, "content"))


def edited(now: bytes | None, edits: list[dict[str, Any]]) -> bytes:
    """One after the other, all or none."""
    text = None if now is None else decoded(now)
    for edit in edits:
        text = _edited(text, edit)
    return _encoded(text or "")


def edits_of(given: dict[str, Any]) -> list[dict[str, Any]]:
    """Of a MultiEdit."""
    edits = given.get("edits")
    if not isinstance(edits, list) or not edits or not all(isinstance(edit, dict) for edit in edits):
        raise CantApply("the call names no edits", "")
    return edits


def looks_edited(now: bytes | None, edits: list[dict[str, Any]]) -> bool:
    """Each old text is gone and each new one stands there, once. Where that leaves room for another story, False."""
    text = None if now is None else decoded(now)
    return text is not None and all(_looks_made(text, edit) for edit in edits)


def may_be_made(now: bytes | None, edits: list[dict[str, Any]]) -> bool:
    """The new text holds the old one and stands there already: made again, it would be doubled."""
    text = "" if now is None else decoded(now)
    return any(old and old in new and new in text for old, new in (_ends(text, edit) for edit in edits))


def decoded(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise CantApply("the file is no UTF-8 text", "edit it with a command") from None


def _edited(text: str | None, edit: dict[str, Any]) -> str:
    old, new = _ends(text or "", edit)
    if old == new:
        raise CantApply("old_string and new_string are the same", "")
    if not old and not text:
        return new
    if text is None:
        raise CantApply("the file does not exist", "")
    if not old:
        raise CantApply("old_string is empty, and the file is not", "")
    return _exchanged(text, old, new, edit.get("replace_all") is True)


def _exchanged(text: str, old: str, new: str, everywhere: bool) -> str:
    count = text.count(old)
    if not count:
        raise CantApply("old_string is not in the file", "")
    if count > 1 and not everywhere:
        raise CantApply(f"old_string stands {count} times in the file", "")
    if not new and not old.endswith("\n"):
        # Of a line that is taken out, the client leaves no empty line behind.
        end = "\r\n" if _has_crlf(text) else "\n"
        text = text.replace(old + end, "")
    return text.replace(old, new)


def _looks_made(text: str, edit: dict[str, Any]) -> bool:
    old, new = _ends(text, edit)
    if not old:
        return bool(new) and text == new
    count = text.count(new) if new else 0
    return old not in text and (count == 1 or (count > 1 and edit.get("replace_all") is True))


def _ends(text: str, edit: dict[str, Any]) -> tuple[str, str]:
    """Old and new, with the line ends of a file that has others: a model writes line feeds, the client keeps these."""
    old, new = _text(edit, "old_string"), _text(edit, "new_string")
    if not _has_crlf(text):
        return old, new
    return _with_crlf(old), _with_crlf(new)


def _has_crlf(text: str) -> bool:
    return "\r\n" in text and "\n" not in text.replace("\r\n", "")


def _with_crlf(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\n", "\r\n")


def _text(given: dict[str, Any], name: str) -> str:
    found = given.get(name)
    if not isinstance(found, str):
        raise CantApply(f"the call has no {name}", "")
    return found


def _encoded(text: str) -> bytes:
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:
        raise CantApply("its text can't be written as UTF-8", "") from None
