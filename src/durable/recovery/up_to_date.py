"""Takes in whatever the ledger has not heard of yet: waiting receipts, and the records that clients keep."""

from __future__ import annotations

import os

from durable import switch
from durable.fold import Fold
from durable.ledger.sqlite import SqliteLedger
from durable.policy.files import load_policy
from durable.reconcile import Reconciler
from durable.redact import Redactor

TYPE_CHECKING = False
if TYPE_CHECKING:
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
