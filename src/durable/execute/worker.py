"""One step, from permit to receipt, in a process of its own.

    stdin (the request) ─▶ running ─▶ the effect ─▶ receipt ─▶ stdout (how it ended)

Whoever asked may be killed meanwhile: this process goes on, and whoever saw the effect writes its receipt.
It carries the session's mark from its start, so while it lives the step is known to be still running.
"""

from __future__ import annotations

import json
import os
import signal
import sys

from durable import crash
from durable.agents import ourselves
from durable.clock import monotonic
from durable.closing import News, apply, closing
from durable.ending import Ending
from durable.errors import DurableError
from durable.event import Call
from durable.execute.outcome import Outcome
from durable.execute.own import Own, OwnReceipt, Place, after, marked, us
from durable.fingerprint import input_hash
from durable.ledger.sqlite import SqliteLedger
from durable.policy.files import load_policy
from durable.recovery import lease
from durable.redact import Redactor
from durable.spool import RECEIPT, spool
from durable.step import FAILED, REFUSED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from durable.ledger.transaction import Transaction
    from durable.step import Step

NOT_BEGUN = "not begun"
WITHHELD = "withheld"  # beside a response of which a secret was taken out before it was kept
TRUNCATED = "truncated"


class Stopped(DurableError):
    """Asked to end before anything of it had begun."""

    code = "stopped"


class Worker:
    def __init__(self, request: dict[str, Any]) -> None:
        self.request = request
        self.home: str = request["home"]
        self.place = Place(request["run_id"], request["session_id"], request["project"])
        self.call = Call(request["use_id"], request["tool"], request["input"], request["agent_id"])
        self.cwd: str = request["cwd"]
        self.own = None if request["own"] is None else Own(**request["own"])
        self.policy = load_policy(self.home, self.place.project, os.environ)
        self.ledger = SqliteLedger(self.home, patience=None)
        self.stopped = False
        self.took_ms = 0

    def work(self) -> dict[str, Any]:
        try:
            step = self._permit()
        except DurableError as error:
            return {"status": NOT_BEGUN, "error": str(error)}
        if step is None:
            return {"status": REFUSED, "error": "the run was cancelled"}
        crash.point("job-before-effect")
        began = monotonic()
        outcome = self._execute(step)
        self.took_ms = int((monotonic() - began) * 1000)
        crash.point("after-effect")
        return self._record(step, outcome)

    def stop(self, *_: object) -> None:
        self.stopped = True

    # ---- permit -------------------------------------------------------------------------------

    def _permit(self) -> Step | None:
        """The prepared row must still be there for us: whoever took the run over has closed it."""
        with self.ledger.begin() as tx:
            lease.check(tx, self.place.run_id, self.request["token"])
            if self.stopped:
                raise Stopped("it was to end before it had begun, and nothing of it ran", "")
            step = self._row(tx)
            run = tx.one("run", run_id=self.place.run_id)
            if run is None or run["status"] == "cancelled":
                error = tx.put_text("the run was cancelled")
                tx.close_step(step, closing(REFUSED, "resume", error=error))
                tx.commit()
                return None
            tx.mark_running(step)
            tx.commit()
        return step

    def _row(self, tx: Transaction) -> Step:
        step = tx.step("step", step_id=self.request["step_id"])
        assert step is not None
        return step

    # ---- effect -------------------------------------------------------------------------------

    def _execute(self, step: Step) -> Outcome:
        from durable.execute.tools import execute

        env = marked(os.environ, self.place, step)
        try:
            return execute(self.call, self.cwd, self.place.project, env, lambda: self.stopped, self._unchanged)
        except DurableError as error:
            return Outcome.failed(str(error), not_begun=True)

    def _unchanged(self, path: str) -> str:
        """Why the file is no longer what it was when the step was first prepared; "" if it is."""
        from durable.execute.files.write import file_guard

        known = self.request["file"]
        if known is None:
            return ""
        return file_guard(known["before"], known["since"], self.ledger.key.fingerprint)(path)

    # ---- receipt ------------------------------------------------------------------------------

    def _record(self, step: Step, outcome: Outcome) -> dict[str, Any]:
        redactor = Redactor.of(self.policy)
        event = after(self.place, self.call, self.cwd, outcome)
        event.duration_ms = self.took_ms
        said = {"output": outcome.response, "error": outcome.error, "truncated": outcome.truncated}
        self._mark_response(event.response, outcome, redactor)
        try:
            with self.ledger.begin() as tx:
                receipt = OwnReceipt(tx, redactor, us(), self.policy, by="resume")
                receipt.own = self.own
                news = _not_begun(outcome, redactor) if outcome.not_begun else receipt.of_step(step, event)
                apply(tx, self._row(tx), news)
                crash.point("receipt-before-commit")
                tx.commit()
                now = self._row(tx)
        except Exception as error:  # noqa: BLE001 - the effect is there, so whatever is wrong its receipt must be too
            where = self._spooled(event, redactor)
            return {**said, "status": "spooled", "why": str(error), "where": where}
        return {**said, "status": now.status, "why": now.doubt or ""}

    def _mark_response(self, response: Any, outcome: Outcome, redactor: Redactor) -> None:
        if isinstance(response, dict):
            if redactor.value(response) != response:
                response[WITHHELD] = True
            if outcome.truncated:
                response[TRUNCATED] = True

    def _spooled(self, event: Any, redactor: Redactor) -> str | None:
        hashed = input_hash(self.ledger.key.fingerprint, self.call.input)
        fields = {
            "client": ourselves.NAME,
            "payload": redactor.value(ourselves.payload(event)),
            "input_hash": hashed,
            "mode": self.policy.mode,
            "policy": self.policy.digest,
        }
        return spool(RECEIPT, fields, self.home, os.environ | us())


def _not_begun(outcome: Outcome, redactor: Redactor) -> News:
    from durable.native import dumps

    return News(Ending(FAILED), "resume", error=dumps(redactor.text(outcome.error or "")).encode())


def main() -> None:
    worker = Worker(json.load(sys.stdin))
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, worker.stop)
    answer = json.dumps(worker.work())
    crash.point("job-before-answer")
    try:
        sys.stdout.write(answer)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever asked is gone. The ledger knows.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


if __name__ == "__main__":
    main()
