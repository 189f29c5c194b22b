from __future__ import annotations

import os

from durable import crash, home
from durable.cli.options import flag, value
from durable.cli.reading import find_run, has_ledger, no_ledger
from durable.cli.result import Result
from durable.cli.resume_agent import AgentRun
from durable.cli.resume_asked import Asked, CutOff
from durable.cli.resume_job import JobRun
from durable.cli.resume_view import tell_waiting
from durable.errors import UsageError
from durable.ledger.reading import Reader
from durable.ledger.sqlite import SqliteLedger
from durable.policy.files import load_policy
from durable.policy.policy import MAX_RECOVERIES
from durable.recovery import lease
from durable.recovery.settling import Settling, hold, planned, refuse_while_at_work
from durable.recovery.up_to_date import bring_up_to_date
from durable.redact import Redactor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from durable.resume import Item
    from durable.view import Row

OPTIONS = (
    value("--run-id", "RUN", "The run: its id or the beginning of it (else the latest)."),
    flag("--dry-run", "Show where the run stands as it is on record: look nothing up, start nothing."),
    flag("--print", "Look up what can be known, and show what would be started.", name="only_print"),
    flag("--yes", "Go on without asking."),
    value("--wait", "SECONDS", "How long to wait for what still runs (30).", kind=float),
    value("--at-once", "N", "Of a job: at most so many steps at the same time (4).", kind=int),
    flag("--replay", "Of an agent's run: execute its interrupted calls here, where that is safe."),
    value("--only", "STEPS", "The same for these steps alone, named with commas between."),
    value("--prompt", "TEXT", "Start the client headless, with this prompt (claude -p)."),
    flag("--strict", "The agent must deal with what was interrupted before it does anything else."),
    flag("--no-strict", "It need not any more."),
    flag("--anyway", "Though it was resumed as often as max_recoveries allows."),
)
WAIT_S = 30.0
OFTEN_ENOUGH = 20


def run(
    run_id: str = "",
    dry_run: bool = False,
    only_print: bool = False,
    yes: bool = False,
    wait: float = WAIT_S,
    at_once: int = 4,
    replay: bool = False,
    only: str = "",
    prompt: str = "",
    strict: bool = False,
    no_strict: bool = False,
    anyway: bool = False,
) -> Iterator[Result]:
    """Go on with a run that was cut off: what is done stays done, what nobody knows is looked up."""
    asked = Asked(
        dry_run=dry_run,
        only_print=only_print,
        yes=yes,
        wait_s=wait,
        at_once=at_once,
        replay=replay,
        only=frozenset(name for name in only.split(",") if name),
        prompt=prompt,
        strict=strict,
        no_strict=no_strict,
        anyway=anyway,
    )
    _check(asked)
    state = home.data_home()
    if not has_ledger(state):
        raise UsageError(no_ledger(state), "there is nothing to resume")
    with Reader(state) as reader:
        found = find_run(reader, run_id)
    crash.point("resume-before-lock")
    lock = hold(state, found)
    ledger = SqliteLedger(state, patience=30.0)
    try:
        # Behind the lock: whoever held it may have brought the run to its end.
        with Reader(state) as reader:
            row = reader.one("run", run_id=found) or {}
            sessions = reader.all("sessions_of_run", run_id=found)
        _refuse_what_is_over(found, row, sessions)
        policy = load_policy(state, row["project"] or os.getcwd(), os.environ)
        yield from _resumed(CutOff(state, ledger, policy, found, row, sessions, asked))
    finally:
        ledger.close()
        lock.release()


def _resumed(cut: CutOff) -> Iterator[Result]:
    with cut.ledger.begin() as tx:
        refuse_while_at_work(tx, cut.run_id)
        lease.refuse_if_held(tx, cut.run_id)
        is_job = tx.one("job", run_id=cut.run_id) is not None
    work = JobRun(cut) if is_job else AgentRun(cut)
    if cut.asked.dry_run:
        yield work.shown(planned(cut.ledger, cut.run_id))
        return
    items = _settled(cut, work)
    yield work.shown(items) if cut.asked.only_print else work.begun(items)
    if not cut.asked.only_print and _may_go_on(cut, work):
        yield from work.go_on(items)


def _settled(cut: CutOff, work: JobRun | AgentRun) -> dict[str, list[Item]]:
    sessions = [row["session_id"] for row in cut.sessions]
    settling = Settling(
        cut.ledger,
        cut.run_id,
        cut.policy,
        Redactor.of(cut.policy),
        os.environ,
        lambda: bring_up_to_date(cut.state, sessions),
        work.rules(),
    )
    return settling.settle(cut.asked.wait_s, tell_waiting)


def _may_go_on(cut: CutOff, work: JobRun | AgentRun) -> bool:
    most = cut.policy.budgets.get(MAX_RECOVERIES, OFTEN_ENOUGH)
    if cut.row["recoveries"] >= most and not cut.asked.anyway:
        problem = f"the run {cut.run_id} was resumed {cut.row['recoveries']} times and has not come to its end"
        raise TooOften(problem, f"look into it (durable show {cut.run_id}), then resume it with --anyway")
    return cut.asked.yes or work.agreed()


class TooOften(UsageError):
    """It waits for a person: going on by itself leads nowhere."""

    code = "too-often"
    exit_code = 1


def _check(asked: Asked) -> None:
    if asked.at_once < 1:
        raise UsageError(f"--at-once can't be {asked.at_once}", "take 1 or more")
    if not 0 <= asked.wait_s <= 86_400:
        raise UsageError(f"--wait can't be {asked.wait_s:g}", "take a number of seconds up to a day")
    if asked.strict and asked.no_strict:
        raise UsageError("--strict and --no-strict say the opposite", "choose one")


def _refuse_what_is_over(run_id: str, row: Row, sessions: list[Row]) -> None:
    if row["status"] == "cancelled":
        raise UsageError(f"the run {run_id} is cancelled", f"take that back first: durable cancel {run_id} --undo")
    if row["status"] == "completed":
        at = row["ended_at"][:19].replace("T", " ")
        talk = [one["session_id"] for one in sessions if one["transcript_path"]]
        more = f"; talk on with: claude --resume {talk[-1]}" if talk else ""
        raise UsageError(f"the run {run_id} is finished since {at} UTC", f"nothing of it is left to do{more}")
