from __future__ import annotations

import os
import re

from durable import home
from durable.cli.job_view import begun, ended
from durable.cli.options import argument, value
from durable.cli.progress import progress
from durable.errors import UsageError
from durable.job.runner import Runner
from durable.job.store import read_job
from durable.job.work import LONGEST_ID, begin, end, new_run_id
from durable.ledger.sqlite import SqliteLedger
from durable.policy.files import load_policy
from durable.recovery.settling import hold

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from durable.cli.result import Result

OPTIONS = (
    argument("JOB", "A file like examples/mail/job.json."),
    value("--run-id", "RUN", "The id that the run shall have (else a new one)."),
    value("--at-once", "N", "At most so many steps at the same time (4).", kind=int),
)
_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def run(job: str, run_id: str = "", at_once: int = 4) -> Iterator[Result]:
    """Run a job step by step, each prepared before it runs, so that it can be resumed wherever it is cut off."""
    loaded = read_job(job)
    run_id = _checked_id(run_id or _given_id() or new_run_id())
    if at_once < 1:
        raise UsageError(f"--at-once can't be {at_once}", "take 1 or more")
    state, cwd = home.data_home(), os.getcwd()
    home.secure_dir(state)
    lock = hold(state, run_id)
    ledger = SqliteLedger(state, patience=30.0)
    try:
        hand = begin(state, ledger, load_policy(state, cwd, os.environ), loaded, run_id, cwd)
        yield begun("run", run_id, loaded)
        with progress(loaded.job) as watch:
            runner = Runner(hand, loaded.job, cwd, at_once, watch)
            runner.look({})
            runner.run()
        status = end(hand, runner)
        yield ended("run", run_id, status, runner)
    finally:
        ledger.close()
        lock.release()


def _given_id() -> str:
    """A job that a step of another one starts is a run of its own."""
    return "" if "DURABLE_STEP_ID" in os.environ else os.environ.get("DURABLE_RUN_ID", "")


def _checked_id(run_id: str) -> str:
    if len(run_id) <= LONGEST_ID and _RUN_ID.fullmatch(run_id):
        return run_id
    raise UsageError(f"a run can't be called {run_id[:40]!r}", "take letters, digits, dots, dashes, underscores")
