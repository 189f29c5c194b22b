"""Which session another one goes on from, under an id of its own.

The client names no parent to its hooks. What does, first match wins:

    the transcript   a fork repeats its parent's calls: same id, same tool, same input
    the process      /clear, and a branch made at the prompt: the session that it spoke for last
    its own words    a fork that was started as one: its command line, its note on a background session

Each may be wrong or somebody's invention, so none leads into the run of another project.
"""

from __future__ import annotations

from durable import owner as owners
from durable.agents.registry import AGENTS
from durable.fingerprint import input_hash
from durable.join import GOES_ON

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from durable.event import Event
    from durable.ledger.transaction import Transaction

MOST_READ = 4_000_000  # bytes of a transcript's end; this happens under the write lock
MOST_CALLS = 200


def parent_of(tx: Transaction, event: Event, source: str, env: Mapping[str, str]) -> dict[str, Any] | None:
    """Its session_id and run_id; None if nothing tells. `source` is how the session began."""
    if event.client not in AGENTS:  # What durable itself executes goes on from nobody.
        return None
    return (
        _whose_calls_are_repeated(tx, event)
        or _of_the_same_process(tx, event, source, env)
        or _named_by_the_client(tx, event, env)
    )


def _of_the_same_process(tx: Transaction, event: Event, source: str, env: Mapping[str, str]) -> dict[str, Any] | None:
    owner = owners.current(event.session_id, env)
    # Without its start a process id may be a later process's: no row has one that is equal to nothing.
    where = {name: getattr(owner, name) for name in ("session_id", "pid", "started", "boot", "host", "pidns")}
    before = tx.one("session_before", project=event.project, **where)
    if before is None:
        return None
    # Where the start of a session went unrecorded, the end of the one before says what followed.
    return before if source in GOES_ON or before["end_reason"] == "clear" else None


def _named_by_the_client(tx: Transaction, event: Event, env: Mapping[str, str]) -> dict[str, Any] | None:
    for session_id in AGENTS[event.client].forked_from(env):
        found = tx.one("session_in_project", session_id=session_id, project=event.project)
        if found is not None:
            return found
    return None


def _whose_calls_are_repeated(tx: Transaction, event: Event) -> dict[str, Any] | None:
    """The last one tells the nearest parent: a fork of a fork repeats the calls of both."""
    asked = AGENTS[event.client].calls_at_end(event.transcript_path, MOST_READ)
    for call in asked[: -MOST_CALLS - 1 : -1]:
        found = tx.one(
            "call_of_another_session",
            session_id=event.session_id,
            project=event.project,
            tool_use_id=call.use_id,
            tool_name=call.tool,
            input_hash=input_hash(tx.key.fingerprint, call.input),
        )
        if found is not None:
            return found
    return None
