"""Evidence → closings: what no hook closed is closed from the client's own record.

The transcript is read forward from where the last reading stopped. Nothing here guesses: a step
that the transcript does not settle is in doubt once its owner or its turn is provably over, and
stays running while that can't be known.
"""

from __future__ import annotations

from durable import owner as owners
from durable.agents.registry import AGENTS, CLIENT
from durable.closing import News, apply, closing
from durable.ending import Ending
from durable.native import dumps
from durable.report import REPORT_TASK_ENDED, ending_of
from durable.step import IN_DOUBT, PREPARED, REFUSED, RUNNING

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from durable.event import Event
    from durable.ledger.transaction import Transaction
    from durable.redact import Redactor
    from durable.report import Report
    from durable.step import Step

# What one hook reads of a transcript at most; the next one goes on from there.
HOOK_BYTES = 4_000_000


class Reconciler:
    """One pass over one ledger transaction. `limit` bounds the bytes read of each transcript."""

    def __init__(self, tx: Transaction, redactor: Redactor, limit: int = HOOK_BYTES) -> None:
        self.tx = tx
        self.redactor = redactor
        self.limit = limit
        self.unfinished = False

    # ---- occasions ----------------------------------------------------------------------------

    def overtaken(self, steps: list[Step]) -> None:
        """A later prompt, or a batch that is over, proves that these foreground calls have ended."""
        self.read(steps)
        self._doubt_if_running(steps, "a later prompt began and no result was recorded")

    def turn_ended(self, event: Event) -> None:
        running = self._running(event.session_id)
        gone = [step for step in running if step.task_id and step.task_id not in (event.background or ())]
        if event.background is None or not (gone or [step for step in running if not step.task_id]):
            return
        self.read(running)
        self._doubt_if_running(gone, "it left the client's list of background tasks without a result")

    def owner_over(self, session_id: str, owner_id: str, why: str) -> None:
        """Nobody is left who could still report on these."""
        steps = self.tx.steps("unsettled_of_session", session_id=session_id)
        steps = [step for step in steps if step.owner_id == owner_id]
        self.read([step for step in steps if step.status != PREPARED])
        for step in self._again(steps):
            if step.status == PREPARED and step.deferred_at is None:
                self.tx.close_step(
                    step, closing(REFUSED, "SessionEnd", error=self.tx.put_text("it was never permitted"))
                )
        self._doubt_if_running(steps, why)

    def dead_owners(self, session_id: str = "") -> None:
        """Owners that are provably gone end here, with what they left. Age proves nothing."""
        for row in self.tx.all("owners_with_unsettled"):
            if session_id and row["session_id"] != session_id:
                continue
            owner = owners.from_row(row)
            verdict, why = (owners.DEAD, str(row["end_reason"])) if row["ended_at"] else owners.liveness(owner)
            if verdict == owners.DEAD:
                self._bury(row, why)

    def session(self, session_id: str) -> None:
        """Looks up everything unsettled of a session, without concluding anything from silence."""
        self.read(self.tx.steps("unsettled_of_session", session_id=session_id))

    # ---- reading ------------------------------------------------------------------------------

    def read(self, steps: list[Step]) -> None:
        for session_id, path in sorted({self._place(step) for step in steps}):
            if path:
                self._read_one(session_id, path, [step for step in steps if self._place(step) == (session_id, path)])

    def _place(self, step: Step) -> tuple[str, str]:
        session = self.tx.one("session", session_id=step.session_id)
        if session is None:
            return step.session_id, ""
        return step.session_id, self._agent(step).transcript_of(session["transcript_path"], step.agent_id)

    def _agent(self, step: Step) -> Any:
        """A job keeps no transcript: what has one in its run is a client that one of its commands started."""
        run = self.tx.one("run", run_id=step.run_id)
        assert run is not None
        return AGENTS.get(run["client"], AGENTS[CLIENT])

    def _read_one(self, session_id: str, path: str, steps: list[Step]) -> None:
        cursor = self.tx.one("cursor", path=path)
        start = min(step.transcript_pos for step in steps)
        start = max(start, cursor["position"]) if cursor else start
        reports, reached, whole = self._agent(steps[0]).transcript_news(path, start, self.limit)
        for report in reports:
            self._settle(session_id, steps[0].agent_id, report)
        if reached > start:
            self.unfinished |= not whole
        if reached != start:
            self.tx.move_cursor(path, reached)

    def _settle(self, session_id: str, agent_id: str, report: Report) -> None:
        """Looked up after the lines were read: a step that was prepared meanwhile is found as well.
        A line that was there before a call began says nothing about it, even under the same id."""
        if report.kind == REPORT_TASK_ENDED:
            self.task_ended(session_id, report)
            return
        step = self.tx.step(
            "call_of_result",
            session_id=session_id,
            agent_id=agent_id,
            tool_use_id=report.use_id,
            position=report.position,
            at=report.at,
        )
        if step is not None:
            self.apply_report(step, report, "transcript")

    def task_ended(self, session_id: str, report: Report) -> None:
        """Only a call that was launched as this very task can end so: the words alone could be anybody's."""
        step = self.tx.step("call_of_task", session_id=session_id, tool_use_id=report.use_id, task_id=report.task_id)
        if step is not None:
            self.apply_report(step, report, "notification")

    def apply_report(self, step: Step, report: Report, by: str) -> None:
        ending = ending_of(report, step)
        if _says_no_more(ending, step):
            return
        failed = ending.status not in ("succeeded", RUNNING)
        text = self._bytes(report.text)
        response = text if report.response is None else dumps(self.redactor.value(report.response)).encode()
        news = News(ending, by, output=None if failed else response, error=text if failed else None)
        apply(self.tx, step, news)

    # ---- conclusions --------------------------------------------------------------------------

    def _doubt_if_running(self, steps: list[Step], why: str) -> None:
        if self.unfinished:
            return  # The rest of the transcript may still tell.
        for step in self._again(steps):
            if step.status == RUNNING:
                apply(self.tx, step, News(Ending(IN_DOUBT, why), "transcript"))

    def _bury(self, row: dict[str, object], why: str) -> None:
        owner_id = str(row["owner_id"])
        if row["ended_at"] is None:
            self.tx.append("owner.ended", str(row["run_id"]), owner_id, {"reason": f"found dead: {why}"})
        self.owner_over(str(row["session_id"]), owner_id, f"its client is gone ({why}) and left no result")

    def _running(self, session_id: str) -> list[Step]:
        return self.tx.steps("running_of_session", session_id=session_id)

    def _again(self, steps: list[Step]) -> list[Step]:
        found = (self.tx.step("step", step_id=step.step_id) for step in steps)
        return [step for step in found if step is not None]

    def _bytes(self, text: str) -> bytes:
        return dumps(self.redactor.text(text)).encode()


def _says_no_more(ending: Ending, step: Step) -> bool:
    if ending.status == RUNNING:
        return step.status == IN_DOUBT or step.returned_at is not None
    return ending.status == IN_DOUBT and step.status == IN_DOUBT
