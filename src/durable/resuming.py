"""Brings a cut-off run as far as evidence goes, before anybody goes on with it: its records, its owners, its probes."""

from __future__ import annotations

from filelock import FileLock, Timeout

from durable import owner as owners
from durable.briefing import items_of
from durable.home import secure_dir
from durable.lease import RunBusy
from durable.ledger.lock import DIRECTORY as LOCKS
from durable.native import sha256
from durable.policy.claimed import settle_s
from durable.probing import Question, ask, can_be_probed, settle_by_probe
from durable.resume import plan
from durable.step import IN_DOUBT, ONCE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from durable.ledger.sqlite import SqliteLedger
    from durable.ledger.transaction import Transaction
    from durable.policy.policy import Policy
    from durable.policy.rule import Rule
    from durable.redact import Redactor
    from durable.resume import Item
    from durable.step import Step

PROBE_S = 60.0


def hold(home: str, run_id: str) -> FileLock:
    """One at a time; the lock ends with its process, however that ends."""
    folder = f"{home}/{LOCKS}"
    secure_dir(folder)
    lock = FileLock(f"{folder}/resume-{sha256(run_id.encode())[:16]}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise RunBusy(f"the run {run_id} is being resumed by another process", "wait for it to finish") from None
    return lock


def refuse_while_at_work(tx: Transaction, run_id: str) -> None:
    for row in tx.all("unended_owners_of_run", run_id=run_id):
        if owners.liveness(owners.from_row(row))[0] == owners.ALIVE:
            problem = f"the run {run_id} is at work: its client, process {row['pid']}, lives (seen {row['seen_at']})"
            raise RunBusy(problem, "go on there, or end it first")


def probe_doubts(ledger: SqliteLedger, run_id: str, policy: Policy, redactor: Redactor, env: Mapping[str, str]) -> None:
    """Outside of lock and transaction, like any probe."""
    with ledger.begin() as tx:
        asked = [(question, settle) for question, settle in _questions(tx, run_id, policy)]
    for question, settle in asked:
        verdict = ask(question, PROBE_S, env)
        with ledger.begin() as tx:
            step = tx.step("step", step_id=question.step_id)
            if step is not None and step.status == IN_DOUBT:
                settle_by_probe(tx, step, verdict, settle, redactor)
            tx.commit()


def planned(ledger: SqliteLedger, run_id: str) -> dict[str, list[Item]]:
    with ledger.begin() as tx:
        return plan(items_of(tx, run_id))


def _questions(tx: Transaction, run_id: str, policy: Policy) -> Iterator[tuple[Question, float]]:
    for step in tx.steps("steps_that_matter", run_id=run_id):
        rule = _rule_of(tx, step, policy) if (step.status, step.effect) == (IN_DOUBT, ONCE) else None
        if rule is not None and can_be_probed(step, rule):
            settle = settle_s(rule, step.tool_name)
            yield Question(tx, step, rule, settle), settle


def _rule_of(tx: Transaction, step: Step, policy: Policy) -> Rule | None:
    """The one that claimed it, as it stands now."""
    named = {claim["rule"] for claim in tx.all("claims_of_step", step_id=step.step_id)}
    rules = (rule for layer in reversed(policy.layers) for rule in layer.rules())
    return next((rule for rule in rules if rule.name in named), None)
