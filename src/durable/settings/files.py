"""Settings files on disk: read as the client reads them, replaced so that nothing is ever lost."""

from __future__ import annotations

import json
import os
import stat
import time
from typing import Any, NamedTuple

from durable.errors import DurableError

BOM = "\ufeff"
CLIENT_TOO = "repair it; the client can't read it either"


class SettingsError(DurableError):
    """A settings file of the client can't be read, understood or replaced."""

    code = "settings"


class Text(NamedTuple):
    """A settings file with the habits of whoever wrote it."""

    path: str
    raw: bytes | None
    data: Any

    @property
    def exists(self) -> bool:
        return self.raw is not None

    @property
    def decoded(self) -> str:
        return (self.raw or b"").decode("utf-8")


def read(path: str) -> Text:
    """The file, or an empty one where there is none. Raises SettingsError with the line that is wrong."""
    try:
        with open(path, "rb") as file:
            raw = file.read()
    except FileNotFoundError:
        return Text(path, None, {})
    except OSError as error:
        raise SettingsError(f"{path} can't be read ({error.strerror})", "restore your access to it") from None
    return Text(path, raw, parse(path, raw))


def parse(path: str, raw: bytes) -> Any:
    try:
        # The client forgives a byte order mark, and takes an empty file for an empty object.
        text = raw.decode("utf-8").removeprefix(BOM)
        return json.loads(text, parse_constant=_no_constant) if text.strip() else {}
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise SettingsError(f"{path} is not JSON ({where}: {error.msg})", "repair that line") from None
    except (ValueError, RecursionError) as error:
        raise SettingsError(f"{path} is not JSON ({error})", "repair the file") from None


def check_mergeable(text: Text) -> None:
    """Refuses what a rewrite would lose or can't be merged into."""
    if not isinstance(text.data, dict):
        raise SettingsError(f"{text.path} is not a JSON object", "write the settings as one object, { … }")
    if text.exists:
        json.loads(text.decoded.removeprefix(BOM) or "{}", object_pairs_hook=_unique(text.path))
    found = text.data.get("hooks", {})
    if not isinstance(found, dict):
        raise SettingsError(f"{text.path}: /hooks is not an object", CLIENT_TOO)
    for event, groups in found.items():
        if not isinstance(groups, list):
            raise SettingsError(f"{text.path}: /hooks/{event} is not a list", CLIENT_TOO)


def dump(data: Any, like: Text) -> str:
    """JSON in the indentation, line ends and with the byte order mark of the file it replaces."""
    old = like.decoded if like.exists else ""
    new = json.dumps(data, indent=_indent(old), ensure_ascii=False) + "\n"
    if "\r\n" in old:
        new = new.replace("\n", "\r\n")
    return BOM + new if old.startswith(BOM) else new


def replace(old: Text, new: str) -> str | None:
    """Puts `new` in place of `old` in one step and returns the path of the backup, if there was a file.

    A link stays a link. Raises SettingsError, with the file as it was, if it changed since it was read
    or can't be written.
    """
    target = os.path.realpath(old.path)
    try:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        backup = None if old.raw is None else _back_up(old.path, old.raw)
        _swap(target, old, new.encode("utf-8"))
    except OSError as error:
        raise SettingsError(
            f"{old.path} can't be written ({error.strerror})",
            "make room or restore your access to it, then run this again",
        ) from None
    return backup


def _back_up(path: str, raw: bytes) -> str:
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    for suffix in ["", *(f"-{count}" for count in range(2, 100))]:
        backup = f"{path}.durable-backup-{stamp}{suffix}"
        try:
            _write_new(backup, raw, stat.S_IMODE(os.stat(path).st_mode))
        except FileExistsError:
            continue
        return backup
    raise SettingsError(f"{path} has a hundred backups of this second", "wait a moment and run this again")


def _swap(target: str, old: Text, raw: bytes) -> None:
    fresh = f"{target}.durable-{os.getpid()}"
    _write_new(fresh, raw, None if old.raw is None else stat.S_IMODE(os.stat(target).st_mode))
    try:
        if _now(target) != old.raw:
            raise SettingsError(f"{old.path} changed while you were looking at it", "run this again")
        if old.raw is not None:
            _keep_owner(fresh, os.stat(target))
        os.replace(fresh, target)
    except BaseException:
        os.unlink(fresh)
        raise
    _sync_folder(os.path.dirname(target))


def _write_new(path: str, raw: bytes, mode: int | None) -> None:
    # Closed to others until it has the mode of the file it stands for: settings may hold tokens.
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666 if mode is None else 0o600)
    with os.fdopen(descriptor, "wb") as file:
        if mode is not None:
            os.fchmod(descriptor, mode)
        file.write(raw)
        file.flush()
        os.fsync(descriptor)


def _keep_owner(fresh: str, old: os.stat_result) -> None:
    # Under sudo the file would else become root's, and the client could no longer read it.
    new = os.stat(fresh)
    if (new.st_uid, new.st_gid) != (old.st_uid, old.st_gid):
        os.chown(fresh, old.st_uid, old.st_gid)


def _now(target: str) -> bytes | None:
    try:
        with open(target, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return None


def _sync_folder(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _indent(text: str) -> int | str:
    for line in text.splitlines():
        blank = line[: len(line) - len(line.lstrip())]
        if blank and line.strip():
            return "\t" if blank[0] == "\t" else len(blank)
    return 2


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON value")


def _unique(path: str) -> Any:
    def pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
        keys = [key for key, _ in found]
        twice = next((key for key in keys if keys.count(key) > 1), None)
        if twice is not None:
            raise SettingsError(
                f"{path} names {twice!r} twice in one object", "keep one of them: a rewrite would lose the other"
            )
        return dict(found)

    return pairs
