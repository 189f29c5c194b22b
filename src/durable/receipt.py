"""After the call: what came back goes to the row of the call that it belongs to."""

from __future__ import annotations

from durable import event as ev
from durable import row
from durable.closing import News, apply
from durable.ending import Ending, of_error, of_response
from durable.fingerprint import input_hash
from durable.join import join
from durable.native import dumps
from durable.policy.decide import DENY, PERMIT, Answer, Decision
from durable.reconcile import Reconciler
from durable.report import Report, ending_of
from durable.step import FAILED, ONCE, REPLAYED, UNPREPARED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from durable.event import Call, Event
    from durable.ledger.transaction import Transaction
    from durable.policy.policy import Policy
    from durable.policy.ruling import Ruling
    from durable.redact import Redactor
    from durable.step import Step

TASK_READERS = ("BashOutput", "TaskOutput")
TASK_ENDERS = ("KillShell", "TaskStop")


class Receipt:
    """One hook's worth of news. `by` is the event's name, or "spool" when it comes from there."""

    def __init__(
        self, tx: Transaction, redactor: Redactor, env: Mapping[str, str], policy: Policy, by: str = ""
    ) -> None:
        self.tx = tx
        self.redactor = redactor
        self.env = env
        self.policy = policy
        self.by = by

    def record(self, event: Event, hashed: str = "") -> None:
        """`hashed`: the input's hash where only the redacted input is at hand."""
        if event.kind == ev.BATCH_ENDED:
            self._batch(event)
            return
        call = event.call
        assert call is not None
        hashed = hashed or input_hash(self.tx.key.fingerprint, call.input)
        step = self._step_of(event, call, hashed) or self._unprepared(event, call, hashed)
        if step.replay is not None and step.status == REPLAYED:
            self._of_replayed(step, event, call, hashed)
            return
        self._keep_effective_input(step, call, hashed)
        apply(self.tx, step, self._news(event, call, step))
        self._end_of_task(event, call)

    def let_through(self, event: Event, hashed: str, why: str, transcript_pos: int) -> None:
        """Observe mode let it run though no row could be written. Now there is one."""
        call = event.call
        assert call is not None
        found = self._step_of(event, call, hashed)
        if found is not None and found.input_hash == hashed and _is_of_this_start(found):
            return
        self.tx.mark_running(self._unprepared(event, call, hashed, why, {"transcript_pos": transcript_pos}))

    # ---- one call -----------------------------------------------------------------------------

    def _step_of(self, event: Event, call: Call, hashed: str) -> Step | None:
        return self.tx.step(
            "call_awaiting_receipt",
            session_id=event.session_id,
            tool_use_id=call.use_id,
            agent_id=event.agent_id,
            input_hash=hashed,
        )

    def _of_replayed(self, step: Step, event: Event, call: Call, hashed: str) -> None:
        """It was to print a receipt. Another input means that another hook had the last word, and something ran."""
        if hashed == step.replay:
            self.tx.append("step.returned", step.run_id, step.step_id, {"task_id": None})
            return
        self._keep_effective_input(step, call, hashed)
        apply(self.tx, step, self._news(event, call, step))
        self.tx.append("step.replay_overridden", step.run_id, step.step_id, {})
        self.tx.append("step.flagged", step.run_id, step.step_id, {"flag": UNPREPARED})

    def _news(self, event: Event, call: Call, step: Step) -> News:
        by = self.by or event.name
        if event.kind == ev.CALL_FAILED:
            error = event.error if isinstance(event.error, str) else dumps(event.error)
            ending = of_error(call.tool, step.effect, error, event.interrupted)
            ending = self._by_its_rules(ending, event, call, step, error)
            return News(ending, by, error=self._text(error), duration_ms=event.duration_ms, returned=True)
        ending = self._by_its_rules(of_response(call.tool, event.response), event, call, step, event.response)
        kept = dumps(self.redactor.value(event.response)).encode()
        if ending.status == FAILED:
            return News(ending, by, error=kept, duration_ms=event.duration_ms, returned=True)
        return News(ending, by, output=kept, duration_ms=event.duration_ms, returned=True)

    def _by_its_rules(self, ending: Ending, event: Event, call: Call, step: Step, said: Any) -> Ending:
        """A rule may know what shows that nothing happened; and a line may hide what its commands came to."""
        if step.effect != ONCE or event.interrupted:
            return ending
        from durable.no_effect import judged

        return judged(ending, self._ruling(call, step.cwd, event.project).claims, said)

    def _ruling(self, call: Call, cwd: str, project: str) -> Ruling:
        from durable.policy.match import rules_for

        return rules_for(call, cwd, project, self.policy)

    def _keep_effective_input(self, step: Step, call: Call, hashed: str) -> None:
        """Another hook may have rewritten the input: what was asked and what ran are both kept."""
        if hashed != step.input_hash and step.effective_input is None:
            digest = self.tx.put(dumps(self.redactor.value(call.input)).encode())
            self.tx.append("step.rewritten", step.run_id, step.step_id, {"effective_input": digest})

    def _unprepared(
        self, event: Event, call: Call, hashed: str, why: str = "", known: dict[str, Any] | None = None
    ) -> Step:
        """It ran, and no row said so first. The record says that much about itself. Without `why` nobody
        was asked about it either, and nothing can be said of what would have become of it."""
        seat = join(self.tx, event, self.env)
        from durable.marks import marks

        ruling = self._ruling(call, event.cwd, event.project)
        claims = marks(self.tx.key.fingerprint, event, seat.run_id, ruling)
        whys = [UNPREPARED] * len(claims)
        decision = Decision(Answer(DENY if why else PERMIT, "", why), ruling, whys)
        ran = Decision(Answer(PERMIT), ruling, whys)
        fields = (
            row.of_call(event, call, seat)
            | row.of_input(self.tx, call, hashed, self.redactor)
            | row.of_decision(decision, self.policy, self.redactor)
            | ({} if why else {"would": None})
            # It ran without asking, so it may not take a claim from one that asked: it has a nonce.
            | row.of_claims(self.tx, claims, ran, event.project)
            | (known or {})
        )
        return self.tx.prepare(row.new_step_id(), seat.run_id, fields | {"hook_us": None, "flag": UNPREPARED})

    # ---- background tasks ---------------------------------------------------------------------

    def _end_of_task(self, event: Event, call: Call) -> None:
        """Asking after a background task, or ending it, says how the call that started it ended."""
        if call.tool not in TASK_READERS + TASK_ENDERS or event.kind != ev.CALL_SUCCEEDED:
            return
        step = self._started_task(event, call)
        if step is None or step.status not in ("running", "in_doubt"):
            return
        if call.tool in TASK_ENDERS:
            apply(self.tx, step, News(Ending("in_doubt", "the agent stopped it"), event.name))
            return
        report = _task_report(event.response, step)
        if report is not None:
            ending = ending_of(report, step)
            kept = dumps(self.redactor.value(event.response)).encode()
            apply(self.tx, step, News(ending, event.name, output=kept))

    def _started_task(self, event: Event, call: Call) -> Step | None:
        for field in ("task_id", "shell_id", "bash_id"):
            task_id = call.input.get(field)
            if isinstance(task_id, str):
                return self.tx.step("step_of_task", session_id=event.session_id, task_id=task_id)
        return None

    # ---- a batch ------------------------------------------------------------------------------

    def _batch(self, event: Event) -> None:
        key = self.tx.key.fingerprint
        steps = [self._step_of(event, call, input_hash(key, call.input)) for call in event.calls]
        found = [step for step in steps if step is not None]
        waiting = [step for step in found if step.status == "running" and step.returned_at is None]
        if not waiting:
            return
        reader = Reconciler(self.tx, self.redactor)
        reader.read(waiting)
        for step in waiting:
            now = self.tx.step("step", step_id=step.step_id)
            if now is not None and now.status == "running" and now.returned_at is None:
                self.tx.append("step.returned", step.run_id, step.step_id, {"task_id": None})

    def _text(self, text: str) -> bytes:
        return dumps(self.redactor.text(text)).encode()


def _is_of_this_start(step: Step) -> bool:
    """A client may start a hook twice for one call, and a receipt may overtake what came before it.
    A model that reuses an id makes another call under it."""
    return step.returned_at is None or step.flag == UNPREPARED


def _task_report(response: Any, step: Step) -> Report | None:
    """TaskOutput's answer, where it says that the task is over."""
    task = response.get("task", response) if isinstance(response, dict) else None
    if not isinstance(task, dict) or task.get("status") not in ("completed", "failed", "killed", "stopped"):
        return None
    report = Report(step.tool_use_id, "task ended")
    report.task_status = task["status"]
    code = task.get("exitCode", task.get("exit_code"))
    report.exit_code = code if isinstance(code, int) else None
    return report
