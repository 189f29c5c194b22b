"""What the ledger and the client's own record say of a session that ended."""

from __future__ import annotations

import glob
import json
import os
from typing import TYPE_CHECKING, Any, NamedTuple

from durable.ledger.database import database_in, present
from durable.ledger.reading import Reader
from durable.settings.places import user_folder

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# Of the client's names for what went wrong with the API, those that may have passed by the next try.
PASSING = ("server_error", "overloaded", "rate_limit")
TAIL = 1 << 20


class Found(NamedTuple):
    """A session of one client process; empty texts where there is no record of it."""

    run_id: str
    session_id: str
    transcript: str


NOTHING = Found("", "", "")


def session_of(state: str, pid: int, started: int | None) -> Found:
    """The latest of this very process: `/clear` and a picked conversation change it under way."""
    return _row(state, "session_of_client", pid=pid, started=started)


def session_known(state: str, session_id: str) -> Found:
    return _row(state, "known_session", session_id=session_id)


def _row(state: str, query: str, **params: Any) -> Found:
    if not present(database_in(state)):
        return NOTHING
    with Reader(state) as reader:
        row = reader.one(query, **params)
    return Found(row["run_id"], row["session_id"], row["transcript_path"] or "") if row else NOTHING


def transcript_of(session_id: str, env: Mapping[str, str]) -> str:
    """The client's record of it, in whichever project; "" if there is none."""
    folder = glob.escape(os.path.join(user_folder(env), "projects"))
    found = glob.glob(f"{folder}/*/{glob.escape(session_id)}.jsonl") if session_id else []
    return found[0] if found else ""


def length(path: str) -> int:
    try:
        return os.path.getsize(path) if path else 0
    except OSError:
        return 0


def begun(path: str, since: int) -> bool:
    """Whether anything was said to the model since then: a prompt may be lost with the client that took it."""
    return any(line.get("type") == "user" for line in _lines(path, since))


def lost(path: str, since: int) -> str:
    """Why the last turn failed, if the connection or the service did; "" otherwise."""
    last: dict[str, Any] = {}
    for line in _lines(path, max(since, length(path) - TAIL)):
        if line.get("type") in ("user", "assistant") and not line.get("isSidechain"):
            last = line
    if not last.get("isApiErrorMessage") or last.get("error") not in PASSING:
        return ""
    status = last.get("apiErrorStatus")
    return f"the API answered {status}" if status else "the connection to the API was lost"


def _lines(path: str, since: int) -> Iterator[dict[str, Any]]:
    """Whole lines alone: the first may begin before `since`, the last may have been cut off with the client."""
    try:
        with open(path, "rb") as file:
            file.seek(since)
            for raw in file:
                try:
                    line = json.loads(raw)
                except ValueError:
                    continue
                if isinstance(line, dict):
                    yield line
    except OSError:
        return
