from __future__ import annotations

import os
import uuid

from durable import home
from durable.cli.options import flag, rest, value
from durable.cli.result import Result, complain
from durable.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from durable.policy.policy import Policy
    from durable.view import Row

OPTIONS = (
    value("--run-id", "RUN", "The run that it belongs to (else a new one)."),
    flag("--keep-going", "Resume it by itself when the client was killed or lost its connection."),
    value("--times", "N", "How often, at most (5).", kind=int),
    value("--client", "PATH", "The client to start (else `claude` from the PATH)."),
    rest("ARGS", "What the client is given, as it is."),
)
TIMES = 5
WAIT_S = 30.0


def run(
    run_id: str = "", keep_going: bool = False, times: int = TIMES, client: str = "", args: list[str] | None = None
) -> Result:
    """Start Claude Code with the hooks on, whatever a project's settings say."""
    from durable.supervision import launch as launching
    from durable.supervision.keep_going import keep_going as supervised
    from durable.supervision.session import Session

    words = args or []
    if times < 0:
        raise UsageError(f"--times can't be {times}", "give 0 or more")
    launching.check(words, os.environ, keep_going)
    launching.check_managed(os.environ, os.getcwd())
    state = home.data_home()
    with Settings(state) as settings:
        launch = launching.Launch(launching.client_at(client), words, settings.path)
        settings.write(launching.settings_for(launch.words.value("--settings"), os.getcwd()))
        session = Session(state, launch, run_id, os.environ, bring_up_to_date, complain)
        if keep_going:
            session.keep_input()
        session.announce()
        code = supervised(session, times if keep_going else 0)
        session.miss_record()
    data = {"run_id": session.run_id or None, "session_id": session.session_id or None, "exit_code": code}
    return Result("claude", data, code)


class Settings:
    """A file in our own directory, which an agent's tools are kept from: the client may read it at any time."""

    def __init__(self, state: str) -> None:
        for folder in (state, f"{state}/settings"):
            home.secure_dir(folder)
        self.path = f"{state}/settings/{uuid.uuid4().hex}.json"

    def __enter__(self) -> Settings:
        return self

    def __exit__(self, *_: object) -> None:
        if os.path.exists(self.path):
            os.unlink(self.path)

    def write(self, settings: dict[str, object]) -> None:
        import json

        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(settings, file)


def bring_up_to_date(run_id: str, why: str) -> None:
    """As `durable resume` does. DurableError where a run must not go on."""
    from functools import partial

    from durable.cli.reading import has_ledger, no_ledger
    from durable.cli.resume_view import tell_waiting
    from durable.ledger.reading import Reader
    from durable.ledger.sqlite import SqliteLedger
    from durable.policy.files import load_policy
    from durable.recovery import lease, up_to_date
    from durable.recovery.settling import Settling, hold, refuse_while_at_work
    from durable.redact import Redactor

    state = home.data_home()
    if not has_ledger(state):
        raise UsageError(no_ledger(state), "see durable doctor")
    with Reader(state) as reader:
        sessions = [row["session_id"] for row in reader.all("sessions_of_run", run_id=run_id)]
    policy = load_policy(state, os.getcwd(), os.environ)
    redactor = Redactor.of(policy)
    lock = hold(state, run_id)
    ledger = SqliteLedger(state, patience=30.0)
    try:
        with ledger.begin() as tx:
            _check(tx.one("run", run_id=run_id), run_id, policy)
            refuse_while_at_work(tx, run_id)
            token = lease.take(tx, run_id, "durable claude --keep-going")
            tx.commit()
        reads = partial(up_to_date.bring_up_to_date, state, sessions)
        Settling(ledger, run_id, policy, redactor, os.environ, reads).settle(WAIT_S, tell_waiting)
        with ledger.begin() as tx:
            tx.append("run.recovered", run_id, run_id, {"by": "durable claude", "why": why})
            lease.release(tx, run_id, token)
            tx.commit()
    finally:
        ledger.close()
        lock.release()


def _check(row: Row | None, run_id: str, policy: Policy) -> None:
    from durable.cli.resume import OFTEN_ENOUGH, TooOften
    from durable.policy.policy import MAX_RECOVERIES

    if row is None:
        raise UsageError(f"no hook has written anything of the run {run_id}", "see durable doctor")
    if row["status"] == "cancelled":
        raise UsageError(f"the run {run_id} is cancelled", f"take that back first: durable cancel {run_id} --undo")
    if row["recoveries"] >= policy.budgets.get(MAX_RECOVERIES, OFTEN_ENOUGH):
        often = "once" if row["recoveries"] == 1 else f"{row['recoveries']} times"
        problem = f"the run {run_id} was resumed {often} and has not come to its end"
        raise TooOften(problem, f"look into it: durable show {run_id}")
