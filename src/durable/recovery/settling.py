"""Brings a cut-off run as far as evidence goes, before anybody goes on with it: its records, its owners, its probes."""

from __future__ import annotations

import time

from filelock import FileLock, Timeout

from durable import crash
from durable import owner as owners
from durable.brief.look import items_of
from durable.home import secure_dir
from durable.ledger.lock import DIRECTORY as LOCKS
from durable.native import sha256
from durable.policy.claimed import settle_s
from durable.probing import Question, ask, can_be_probed, settle_by_probe
from durable.recovery.lease import RunBusy
from durable.resume import GOES_ON, plan
from durable.step import IN_DOUBT, ONCE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from durable.ledger.sqlite import SqliteLedger
    from durable.ledger.transaction import Transaction
    from durable.policy.policy import Policy
    from durable.policy.rule import Rule
    from durable.redact import Redactor
    from durable.resume import Item
    from durable.step import Step

    Watch = Callable[[list[Item]], None]

PROBE_S = 60.0
LOOKS_EVERY_S = 0.2


def hold(home: str, run_id: str) -> FileLock:
    """One at a time; the lock ends with its process, however that ends."""
    folder = f"{home}/{LOCKS}"
    secure_dir(folder)
    lock = FileLock(f"{folder}/resume-{sha256(run_id.encode())[:16]}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        problem = f"another process is at work on the run {run_id}"
        raise RunBusy(problem, "wait for it to finish, or end it first") from None
    return lock


def refuse_while_at_work(tx: Transaction, run_id: str) -> None:
    for row in tx.all("unended_owners_of_run", run_id=run_id):
        if owners.liveness(owners.from_row(row))[0] == owners.ALIVE:
            since = row["seen_at"][:19].replace("T", " ")
            problem = f"the run {run_id} is at work: its client, process {row['pid']}, lives (since {since} UTC)"
            raise RunBusy(problem, "go on there, or end it first")


class Settling:
    """`up_to_date` folds in what waits and reads the records to their end; `own` are the rules of a job's steps."""

    def __init__(
        self,
        ledger: SqliteLedger,
        run_id: str,
        policy: Policy,
        redactor: Redactor,
        env: Mapping[str, str],
        up_to_date: Callable[[], None],
        own: Mapping[str, Rule] | None = None,
    ) -> None:
        self.ledger = ledger
        self.run_id = run_id
        self.policy = policy
        self.redactor = redactor
        self.env = env
        self.up_to_date = up_to_date
        self.own = own or {}

    def settle(self, wait_s: float, waiting: Watch) -> dict[str, list[Item]]:
        """What is left when nothing more can be known. `waiting` hears what still runs while it is waited for,
        and in the end of nothing."""
        self.up_to_date()
        crash.point("mid-resume")
        self._wait(wait_s, waiting)
        self._probe()
        return planned(self.ledger, self.run_id)

    def _wait(self, wait_s: float, waiting: Watch) -> None:
        until = time.monotonic() + wait_s
        while running := planned(self.ledger, self.run_id).get(GOES_ON):
            if time.monotonic() >= until:
                break
            waiting(running)
            time.sleep(LOOKS_EVERY_S)
            self.up_to_date()
        waiting([])

    def _probe(self) -> None:
        """Outside of lock and transaction, like any probe."""
        with self.ledger.begin() as tx:
            asked = list(self._questions(tx))
        for question, settle in asked:
            verdict = ask(question, PROBE_S, self.env)
            crash.point("resume-probed")
            with self.ledger.begin() as tx:
                step = tx.step("step", step_id=question.step_id)
                if step is not None and step.status == IN_DOUBT:
                    settle_by_probe(tx, step, verdict, settle, self.redactor)
                tx.commit()

    def _questions(self, tx: Transaction) -> Iterator[tuple[Question, float]]:
        for step in tx.steps("steps_that_matter", run_id=self.run_id):
            rule = self._rule_of(tx, step) if (step.status, step.effect) == (IN_DOUBT, ONCE) else None
            if rule is not None and can_be_probed(step, rule):
                settle = settle_s(rule, step.tool_name)
                yield Question(tx, step, rule, settle), settle

    def _rule_of(self, tx: Transaction, step: Step) -> Rule | None:
        """The one that claimed it, as it stands now. A job knows its own step best, if it has a probe for it."""
        named = {claim["rule"] for claim in tx.all("claims_of_step", step_id=step.step_id)}
        rules = [rule for layer in reversed(self.policy.layers) for rule in layer.rules() if rule.name in named]
        own = [self.own[name] for name in named if name in self.own]
        return next((rule for rule in [*own, *rules] if can_be_probed(step, rule)), None)


def planned(ledger: SqliteLedger, run_id: str) -> dict[str, list[Item]]:
    with ledger.begin() as tx:
        return plan(items_of(tx, run_id))
