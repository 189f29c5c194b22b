"""Which run a session belongs to, and on whose behalf it speaks."""

from __future__ import annotations

from durable import event as ev
from durable import owner as owners

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from durable.event import Event
    from durable.ledger.transaction import Transaction

# After its end an owner may come back: one process can leave a session and resume it. Receipts of
# the old time may still arrive, and are no sign of life.
SPEAKS_FOR_ITSELF = (ev.BEFORE_CALL, ev.SESSION_STARTED, ev.PROMPT)
# A session that begins like this goes on from another one, under an id of its own.
GOES_ON = ("fork", "clear")
UNANNOUNCED = "unannounced"
NOT_KNOWN = ""  # which session it goes on from


class Seat:
    """Run and owner of whoever speaks in this hook; both have their rows. `astray`: nobody could tell yet
    which session this one goes on from, if it does."""

    __slots__ = ("astray", "owner_id", "run_id")

    def __init__(self, run_id: str, owner_id: str, astray: bool = False) -> None:
        self.run_id = run_id
        self.owner_id = owner_id
        self.astray = astray


def join(tx: Transaction, event: Event, env: Mapping[str, str], look: bool = False) -> Seat:
    """Opens or reopens what is missing. A session that is known and goes on costs three look-ups.
    With `look`, one that is astray is looked at once more."""
    session = tx.one("session", session_id=event.session_id)
    source = _source(event, session)
    continues = session["continues"] if session else None
    parent = None
    if _is_time_to_look(event, source, continues) or (look and _is_astray(source, continues)):
        from durable.lineage import parent_of

        parent = parent_of(tx, event, source, env)
        continues = parent["session_id"] if parent else continues
    run_id = event.run_id or (parent or session or {}).get("run_id") or event.session_id
    _enter_run(tx, event, run_id)
    moved = session is None or session["run_id"] != run_id or session["ended_at"] is not None
    if moved or parent is not None or event.kind == ev.SESSION_STARTED:
        if continues is None and source in GOES_ON:
            continues = NOT_KNOWN
        tx.append("session.joined", run_id, event.session_id, _session(event, source, continues))
    if session is not None and session["run_id"] != run_id:
        complete_if_over(tx, session["run_id"])
    return Seat(run_id, _seen_owner(tx, event, run_id, env), _is_astray(source, continues))


def _source(event: Event, session: dict[str, Any] | None) -> str:
    if event.kind == ev.SESSION_STARTED and event.source:  # A prompt has a source too: who typed it.
        return event.source
    return str(session["source"]) if session else UNANNOUNCED


def _is_time_to_look(event: Event, source: str, continues: str | None) -> bool:
    if continues == NOT_KNOWN:
        return event.kind in (ev.SESSION_STARTED, ev.PROMPT)
    return continues is None and source in GOES_ON and event.kind == ev.SESSION_STARTED


def _is_astray(source: str, continues: str | None) -> bool:
    """The start of a session may have gone unrecorded: then nothing says that it goes on from none."""
    return continues == NOT_KNOWN or (continues is None and source == UNANNOUNCED)


def complete_if_over(tx: Transaction, run_id: str, last: str = "") -> None:
    """Once no session but `last` is in it and nothing of it is open. What a person cancelled stays so."""
    run = tx.one("run", run_id=run_id)
    others = tx.one("live_sessions_of_run", run_id=run_id, session_id=last)
    is_open = run is not None and run["status"] == "open"
    if is_open and others is None and tx.one("undone_of_run", run_id=run_id) is None:
        tx.append("run.completed", run_id, run_id, {})


def _enter_run(tx: Transaction, event: Event, run_id: str) -> None:
    run = tx.one("run", run_id=run_id)
    if run is None:
        tx.append("run.opened", run_id, run_id, {"project": event.project, "client": event.client})
    elif run["status"] in ("completed", "failed"):
        tx.append("run.reopened", run_id, run_id, {})


def _session(event: Event, source: str, continues: str | None) -> dict[str, object]:
    return {
        "source": source,
        "continues": continues,
        "transcript_path": event.transcript_path,
        "cwd": event.cwd,
        "entrypoint": event.entrypoint,
        "permission_mode": event.permission_mode,
        "attended": None if event.attended is None else int(event.attended),
    }


def _seen_owner(tx: Transaction, event: Event, run_id: str, env: Mapping[str, str]) -> str:
    owner = owners.current(event.session_id, env)
    known = tx.one("owner", owner_id=owner.owner_id)
    if known is None or (known["ended_at"] is not None and event.kind in SPEAKS_FOR_ITSELF):
        body = {name: getattr(owner, name) for name in ("session_id", "pid", "started", "boot", "host", "pidns")}
        tx.append("owner.seen", run_id, owner.owner_id, body)
    return owner.owner_id
