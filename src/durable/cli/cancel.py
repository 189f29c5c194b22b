from __future__ import annotations

from durable import home
from durable.cli.deciding import REASON, by, written
from durable.cli.options import argument, flag
from durable.cli.reading import find_run
from durable.errors import UsageError
from durable.ledger.reading import Reader

TYPE_CHECKING = False
if TYPE_CHECKING:
    from durable.cli.result import Result
    from durable.ledger.transaction import Transaction
    from durable.redact import Redactor

OPTIONS = (
    argument("RUN", "The run: its id or the beginning of it."),
    REASON,
    flag("--undo", "Let its calls run again."),
)


def run(run: str, reason: str = "", undo: bool = False) -> Result:
    """Deny every further call of a run."""
    with Reader(home.data_home()) as reader:
        run_id = find_run(reader, run)

    def work(tx: Transaction, redactor: Redactor) -> str:
        found = tx.one("run", run_id=run_id)
        cancelled = found is not None and found["status"] == "cancelled"
        if cancelled != undo:
            told = "is cancelled already" if cancelled else "is not cancelled"
            raise UsageError(f"the run {run_id} {told}", "nothing was changed")
        body = {"verb": "cancel --undo" if undo else "cancel", "by": by(), "text": redactor.text(reason)}
        tx.append("person.said", run_id, run_id, body)
        tx.append("run.reopened" if undo else "run.cancelled", run_id, run_id, {})
        return f"the calls of run {run_id} run again" if undo else f"no further call of run {run_id} runs"

    return written("cancel", run_id, work)
