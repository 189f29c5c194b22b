"""News that could not reach the ledger is put into a file: redacted, synced, under the ledger's key."""

from __future__ import annotations

import time

from durable import crash
from durable.clock import now
from durable.errors import DurableError
from durable.home import secure_dir
from durable.lean import os
from durable.ledger.files import sync_dir, write_synced
from durable.ledger.keys import read_key
from durable.native import dumps, hmac_sha256
from durable.waiting import file_name, note_name, rooms

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

RECEIPT = "receipt"
LET_THROUGH = "let through"
NOT_ANSWERED = "not answered"
UNREADABLE = "unreadable"

_KEPT_ENV = (
    "CLAUDE_PID",
    "CLAUDE_PROJECT_DIR",
    "CLAUDE_CODE_ENTRYPOINT",
    "CLAUDE_CODE_SESSION_ATTENDED",
    "DURABLE_RUN_ID",
)


def spool(kind: str, fields: dict[str, Any], home: str, env: Mapping[str, str]) -> str | None:
    """Writes the news to the first place that takes it, and says where; None if none does."""
    kept_env = {name: env[name] for name in _KEPT_ENV if name in env}
    name = note_name(fields["step_id"]) if kind == NOT_ANSWERED else _new_name()
    body = dumps({"kind": kind, "name": name, "at": now(), "home": home, "env": kept_env, **fields})
    data = dumps({"body": body, "mac": mac(_key(home), body)}).encode()
    for room in rooms(home, env):
        try:
            secure_dir(os.path.dirname(room))
            secure_dir(room)
            path = f"{room}/{file_name(room, name, home)}"
            _put(room, path, data)
        except (DurableError, OSError):
            continue
        return path
    return None


def _new_name() -> str:
    return f"{time.time_ns():020d}-{os.urandom(4).hex()}.json"


def _put(room: str, path: str, data: bytes) -> None:
    crash.point("before-spool")
    try:
        write_synced(f"{path}.new", data)
        crash.point("mid-spool")
        os.replace(f"{path}.new", path)
    except OSError:
        _gone(f"{path}.new")  # A full disk takes half a file.
        raise
    sync_dir(room)


def _key(home: str) -> bytes:
    try:
        return read_key(home).spool if home else b""
    except DurableError:
        return b""


def mac(key: bytes, body: str) -> str:
    return hmac_sha256(key, b"spool\n" + body.encode()) if key else ""


def _gone(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        return
