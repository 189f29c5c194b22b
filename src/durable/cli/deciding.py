"""What the verbs share by which a person decides about a step."""

from __future__ import annotations

import os

from durable import home
from durable.cli.blocks import Note
from durable.cli.options import argument, value
from durable.cli.reading import has_ledger, no_ledger
from durable.cli.result import Result
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
RECEIPT = value("--receipt", "TEXT", "What is known of its result; it is handed over to the model.")


def decide(verb: str, step: str, text: str) -> Result:
    return record(verb, Said(verb, step, text, by()))


def record(verb: str, said: Said) -> Result:
    """`verb` is the one that was typed: it may be another word for what was said."""

    def work(tx: Transaction, redactor: Redactor) -> str:
        return carry_out(tx, said, redactor)

    return written(verb, said.name, work)


def written(verb: str, subject: str, work: Callable[[Transaction, Redactor], str]) -> Result:
    """One decision, in a transaction of its own."""
    state = home.data_home()
    if not has_ledger(state):
        raise UsageError(no_ledger(state), "there is nothing to decide about")
    policy = load_policy(state, os.getcwd(), os.environ)
    redactor = Redactor.of(policy)
    ledger = SqliteLedger(state)
    try:
        with ledger.begin() as tx:
            sentence = work(tx, redactor)
            tx.commit()
    finally:
        ledger.close()
    return Result(verb, {"subject": subject, "follows": sentence}, view=[Note("ok", sentence)])


def by(who: str = "") -> str:
    """`who` says so, if it isn't whoever types it."""
    typed = f"{os.environ.get('USER') or os.geteuid()} by the command line"
    return f"{who} ({typed})" if who else typed
