"""Takes in whatever the ledger has not heard of yet: waiting receipts, and the records that clients keep."""

from __future__ import annotations

import os

from durable import switch
from durable.agents.registry import AGENTS, CLIENT
from durable.fold import Fold
from durable.ledger.sqlite import SqliteLedger
from durable.policy.files import load_policy
from durable.reconcile import Reconciler
from durable.redact import Redactor
from durable.usage import count, is_behind

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from durable.ledger.transaction import Transaction

# Read under the lock at a time: hooks get their turn in between.
BYTES_A_TURN = 32_000_000
FOLD_S = 2.0


def bring_up_to_date(state: str, sessions: list[str]) -> None:
    ledger = SqliteLedger(state)
    try:
        fold_in(ledger, state, _redactor(state, ""))
        for session_id in sessions:
            redactor = _redactor(state, _project_of(ledger, session_id))
            while _turn(ledger, session_id, redactor):
                pass
    finally:
        ledger.close()


def count_up(state: str, run_id: str) -> None:
    """Tokens and costs that no hook came to record: a client that was killed told none of its last turn."""
    ledger = SqliteLedger(state)
    try:
        for row in _uncounted(ledger, run_id):
            while _count(ledger, row):
                pass
    finally:
        ledger.close()


def _uncounted(ledger: SqliteLedger, run_id: str) -> list[dict[str, Any]]:
    """Looked at first: a write for each session there ever was would take minutes."""
    with ledger.begin() as tx:
        rows = tx.all("sessions_to_count", run_id=run_id)
        counted = {row["path"]: row["position"] for row in tx.all("counted_up_to")}
    return [row for row in rows if is_behind(_agent(row), row["transcript_path"], counted)]


def _agent(row: dict[str, Any]) -> Any:
    """A job has no client of its own: what has a transcript in its run is one that a command of it started."""
    return AGENTS.get(row["client"], AGENTS[CLIENT])


def _count(ledger: SqliteLedger, row: dict[str, Any]) -> bool:
    with ledger.begin() as tx:
        whose = (row["run_id"], row["session_id"], row["transcript_path"])
        more = count(tx, _agent(row), *whose, limit=BYTES_A_TURN)
        tx.commit()
    return more


def _project_of(ledger: SqliteLedger, session_id: str) -> str:
    """What a project wants redacted holds wherever somebody stands who has its records read."""
    with ledger.begin() as tx:
        session = tx.one("session", session_id=session_id)
        run = None if session is None else tx.one("run", run_id=session["run_id"])
    return "" if run is None else str(run["project"] or "")


def _redactor(state: str, project: str) -> Redactor:
    return Redactor.of(load_policy(state, project, os.environ))


def fold_in(ledger: SqliteLedger, state: str, redactor: Redactor) -> None:
    """What waits in the spool, and the times without enforcement."""
    marker = switch.read_marker(os.environ)
    news = True
    while news:
        tx = ledger.begin()
        with tx:
            start = tx.seq
            fold = Fold(state, os.environ, FOLD_S)
            fold.into(tx, redactor)
            if marker is not None:
                switch.record(tx, marker, redactor)
            news = tx.seq > start
            tx.commit()
        fold.sweep()
    if marker is not None:
        switch.remove(marker, os.environ)


def _turn(ledger: SqliteLedger, session_id: str, redactor: Redactor) -> bool:
    """One transaction's worth of a session; whether there is more to read."""
    tx: Transaction = ledger.begin()
    with tx:
        reconciler = Reconciler(tx, redactor, BYTES_A_TURN)
        reconciler.session(session_id)
        reconciler.dead_owners(session_id)
        tx.commit()
    return reconciler.unfinished
