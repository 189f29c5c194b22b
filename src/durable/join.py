"""Which run a session belongs to, and on whose behalf it speaks."""

from __future__ import annotations

from durable import event as ev
from durable import owner as owners

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from durable.event import Event
    from durable.ledger.transaction import Transaction

# After its end an owner may come back: one process can leave a session and resume it. Receipts of
# the old time may still arrive, and are no sign of life.
SPEAKS_FOR_ITSELF = (ev.BEFORE_CALL, ev.SESSION_STARTED, ev.PROMPT)


class Seat:
    """Run and owner of whoever speaks in this hook; both have their rows."""

    __slots__ = ("owner_id", "run_id")

    def __init__(self, run_id: str, owner_id: str) -> None:
        self.run_id = run_id
        self.owner_id = owner_id


def join(tx: Transaction, event: Event, env: Mapping[str, str]) -> Seat:
    """Opens or reopens what is missing. A session that is known and goes on costs three look-ups."""
    session = tx.one("session", session_id=event.session_id)
    run_id = event.run_id or (session["run_id"] if session else event.session_id)
    _enter_run(tx, event, run_id)
    moved = session is None or session["run_id"] != run_id or session["ended_at"] is not None
    if moved or event.kind == ev.SESSION_STARTED:
        tx.append("session.joined", run_id, event.session_id, _session(event))
    return Seat(run_id, _seen_owner(tx, event, run_id, env))


def _enter_run(tx: Transaction, event: Event, run_id: str) -> None:
    run = tx.one("run", run_id=run_id)
    if run is None:
        tx.append("run.opened", run_id, run_id, {"project": event.project, "client": event.client})
    elif run["status"] in ("completed", "failed"):
        tx.append("run.reopened", run_id, run_id, {})


def _session(event: Event) -> dict[str, object]:
    return {
        "source": event.source or "unannounced",
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
