"""What the verbs share by which a person decides about a step."""

from __future__ import annotations

import os

from durable import home
from durable.cli.options import argument, value
from durable.cli.reading import has_ledger, no_ledger
from durable.cli.result import Note, Result
from durable.errors import UsageError
from durable.ledger.sqlite import SqliteLedger
from durable.person import Said, carry_out
from durable.policy.files import load_policy
from durable.redact import Redactor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from durable.ledger.transaction import Transaction

STEP = argument("STEP", "The step: its id or the beginning of it.")
REASON = value("--reason", "TEXT", "Why; it goes on record.")


def decide(verb: str, step: str, text: str) -> Result:
    def work(tx: Transaction, redactor: Redactor) -> str:
        return carry_out(tx, Said(verb, step, text, by()), redactor)

    return written(verb, step, work)


def written(verb: str, subject: str, work: Callable[[Transaction, Redactor], str]) -> Result:
    """One decision, in a transaction of its own."""
    state = home.data_home()
    if not has_ledger(state):
        raise UsageError(no_ledger(state), "there is nothing to decide about")
    policy = load_policy(state, os.getcwd(), os.environ)
    redactor = Redactor(policy.redact_patterns, policy.redact)
    ledger = SqliteLedger(state)
    try:
        with ledger.begin() as tx:
            sentence = work(tx, redactor)
            tx.commit()
    finally:
        ledger.close()
    return Result(verb, {"subject": subject, "follows": sentence}, view=[Note("ok", sentence)])


def by() -> str:
    return f"{os.environ.get('USER') or os.geteuid()} by the command line"
