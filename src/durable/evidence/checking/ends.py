"""What has to hold of a run's beginning and its ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from durable.evidence.findings import FAIL, UNKNOWN, WARN, Finding
from durable.owner import ALIVE, DEAD
from durable.step import PREPARED, RUNNING
from durable.view import needs_a_person

if TYPE_CHECKING:
    from collections.abc import Iterator

    from durable.evidence.checking.record import Record
    from durable.view import Row

# A person's cancelling ends no work: it may come before the end, and after it.
ENDS = {"run.completed": "completed", "run.failed": "failed"}
GIVEN_UP, CANCELLED = "run.cancelled", "cancelled"
STATES = {**ENDS, "run.opened": "open", "run.reopened": "open", GIVEN_UP: CANCELLED}


def finalization(record: Record) -> Iterator[Finding]:
    run = record.run
    if run is None:
        yield Finding(FAIL, "run_without_row", f"there is no row of run {record.run_id}", {"run": record.run_id})
    elif run["status"] == "open":
        yield _open(record)
    else:
        yield from _ended(record, run)


def _ended(record: Record, run: Row) -> Iterator[Finding]:
    where, cancelled = {"run": record.run_id}, run["status"] == CANCELLED
    ends, left = ({GIVEN_UP}, WARN) if cancelled else (ENDS.keys(), FAIL)
    if not run["ended_at"] or not any(event.type in ends for event in record.events):
        yield Finding(FAIL, "end_missing", f"the run is {run['status']}, and no event says when", where)
    for session in record.sessions:
        if not session["ended_at"]:
            says = f"session {session['session_id']} has no end, though the run is {run['status']}"
            yield Finding(left, "session_open", says, where | {"session": session["session_id"]})
    for owner in record.owners:
        if not owner["ended_at"]:
            says = f"nothing says how client {owner['pid']} ended, though the run is {run['status']}"
            yield Finding(WARN, "owner_open", says, where | {"owner": owner["owner_id"]})
    for step in record.steps:
        if step["status"] in (PREPARED, RUNNING) or needs_a_person(step):
            says = f"step {step['step_id']} is {step['status']}, though the run is {run['status']}"
            yield Finding(left, "step_open", says, where | {"step": step["step_id"]})


def _open(record: Record) -> Finding:
    from durable.cli.living import Living

    living = Living(record.reader)
    judged = [(owner, *living.client(owner)) for owner in record.owners]
    where = {"run": record.run_id}
    for owner, verdict, _ in judged:
        if verdict == ALIVE:
            says = f"the run goes on: client {owner['pid']} is alive"
            return Finding(WARN, "run_open", says, where | {"owner": owner["owner_id"]})
    for owner, verdict, reason in judged:
        if verdict != DEAD:
            says = f"the run has no end, and whether it goes on can't be told: {reason}"
            return Finding(UNKNOWN, "run_not_judged", says, where | {"owner": owner["owner_id"]})
    return Finding(UNKNOWN, "run_cut_off", "the run has no end, and no client of it is alive", where)


def single_end(record: Record) -> Iterator[Finding]:
    """One end in each epoch. A run that is gone on with begins another."""
    ended, state, epoch = False, "", 0
    for event in record.events:
        where = {"run": record.run_id, "event": event.seq}
        if event.type in ENDS and ended:
            yield Finding(FAIL, "ended_twice", f"event {event.seq} ends the run again, in the same epoch", where)
        if event.type == "run.opened" and epoch:
            yield Finding(FAIL, "opened_twice", f"event {event.seq} opens the run again", where)
        if event.type in ("run.opened", "run.reopened"):
            ended, epoch = False, epoch + 1
        ended = ended or event.type in ENDS
        state = STATES.get(event.type, state)
    yield from _agrees(record, state, epoch)


def _agrees(record: Record, state: str, epoch: int) -> Iterator[Finding]:
    run, where = record.run, {"run": record.run_id, "table": "runs"}
    if not epoch:
        yield Finding(FAIL, "never_opened", "no event opened the run", where)
    elif run is not None and run["epoch"] != epoch:
        says = f"the run is in epoch {run['epoch']} by its row, and {epoch} by its events"
        yield Finding(FAIL, "epoch_differs", says, where | {"column": "epoch"})
    elif run is not None and run["status"] != state:
        says = f"the run is {run['status']} by its row, and {state} by its events"
        yield Finding(FAIL, "end_differs", says, where | {"column": "status"})
