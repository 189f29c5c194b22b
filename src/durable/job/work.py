"""A job's run from its first row to its last: opened, taken, worked on, closed."""

from __future__ import annotations

from durable import crash
from durable import owner as owners
from durable.agents import ourselves
from durable.errors import UsageError
from durable.event import SESSION_STARTED, Event
from durable.execute.own import Place, us
from durable.execute.start import Hand
from durable.job import standing as at
from durable.job.runner import Runner
from durable.job.store import remember
from durable.join import join
from durable.recovery import lease
from durable.recovery.up_to_date import fold_in
from durable.redact import Redactor
from durable.row import random_text
from durable.step import JOB

TYPE_CHECKING = False
if TYPE_CHECKING:
    from durable.job.store import Loaded
    from durable.ledger.sqlite import SqliteLedger
    from durable.ledger.transaction import Transaction
    from durable.policy.policy import Policy

LONGEST_ID = 128


def new_run_id() -> str:
    return "r" + random_text(11)


def place_of(run_id: str, cwd: str) -> Place:
    """One session for the whole run, whoever works on it: its owners tell them apart."""
    return Place(run_id, run_id + JOB, cwd)


def begin(home: str, ledger: SqliteLedger, policy: Policy, loaded: Loaded, run_id: str, cwd: str) -> Hand:
    """All of it or nothing: a run that is on record has its job beside it."""
    place = place_of(run_id, cwd)
    with ledger.begin() as tx:
        if tx.one("run", run_id=run_id) is not None:
            raise UsageError(f"there is a run {run_id} already", f"go on with it: durable resume --run-id {run_id}")
        _join(tx, place, cwd)
        remember(tx, run_id, loaded, Redactor.of(policy))
        token = lease.take(tx, run_id, "durable run")
        crash.point("job-begun")
        tx.commit()
    return Hand(home, ledger, place, token, policy)


def go_on(home: str, ledger: SqliteLedger, policy: Policy, run_id: str, cwd: str) -> Hand:
    place = place_of(run_id, cwd)
    with ledger.begin() as tx:
        token = lease.take(tx, run_id, "durable resume")
        _join(tx, place, cwd)
        tx.append("run.recovered", run_id, run_id, {"by": "durable resume"})
        tx.commit()
    return Hand(home, ledger, place, token, policy)


def end(hand: Hand, runner: Runner) -> str:
    """Closes what this process opened; how the run stands then. Superseded if that is no longer ours to say."""
    run_id, session_id = hand.place.run_id, hand.place.session_id
    fold_in(hand.ledger, hand.home, Redactor.of(hand.policy))
    reason = "interrupted" if runner.interrupted else "failed" if runner.failed else "done"
    with hand.ledger.begin() as tx:
        lease.check(tx, run_id, hand.token)
        owner_id = owners.current(session_id, us()).owner_id
        tx.append("owner.ended", run_id, owner_id, {"reason": reason})
        tx.append("session.ended", run_id, session_id, {"reason": reason})
        _finalise(tx, run_id, runner)
        lease.release(tx, run_id, hand.token)
        crash.point("job-before-end")
        tx.commit()
        row = tx.one("run", run_id=run_id)
    return str(row["status"]) if row is not None else ""


def _finalise(tx: Transaction, run_id: str, runner: Runner) -> None:
    """Once an epoch, and never over something that is still open."""
    run = tx.one("run", run_id=run_id)
    if run is None or run["status"] != "open" or tx.one("undone_of_run", run_id=run_id) is not None:
        return
    kinds = {standing.kind for standing in runner.found.values()}
    if kinds == {at.DONE}:
        tx.append("run.completed", run_id, run_id, {})
    elif kinds & {at.FAILED, at.STOPPED}:
        tx.append("run.failed", run_id, run_id, {})


def _join(tx: Transaction, place: Place, cwd: str) -> None:
    event = Event(SESSION_STARTED, "resume", place.session_id)
    event.client = ourselves.NAME
    event.cwd = cwd
    event.entrypoint = ourselves.NAME
    event.attended = False
    event.project = place.project
    event.run_id = place.run_id
    event.source = ourselves.NAME
    join(tx, event, us())
