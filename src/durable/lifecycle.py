"""Every other event: sessions, turns, sub-agents, permissions, and the closings that they prove."""

from __future__ import annotations

from durable import event as ev
from durable.agents.registry import AGENTS
from durable.closing import News, apply, closing
from durable.ending import Ending
from durable.join import complete_if_over, join
from durable.native import dumps
from durable.reconcile import Reconciler
from durable.step import REFUSED, RUNNING, SUCCEEDED, overtaken
from durable.usage import count

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from durable.event import Event
    from durable.join import Seat
    from durable.ledger.transaction import Transaction
    from durable.redact import Redactor


class Lifecycle:
    def __init__(self, tx: Transaction, redactor: Redactor, env: Mapping[str, str]) -> None:
        self.tx = tx
        self.redactor = redactor
        self.env = env
        self.reconciler = Reconciler(tx, redactor)

    def record(self, event: Event) -> str:
        """What a person hears in answer to a prompt that was for us, or the model as its session goes on; "" else."""
        handler = HANDLERS.get(event.kind)
        if handler is None:
            return ""
        seat = join(self.tx, event, self.env)
        said = self._decision(event) if event.kind == ev.PROMPT else ""
        if not said:
            handler(self, event, seat)
        return self._brief(seat) if event.kind == ev.SESSION_STARTED else said

    def _brief(self, seat: Seat) -> str:
        """A run that has just begun has nothing that could be told."""
        if self.tx.one("matters_in_run", run_id=seat.run_id) is None:
            return ""
        from durable.brief.look import brief_of

        return brief_of(self.tx, seat.run_id)

    def _decision(self, event: Event) -> str:
        """Only what a person typed counts, and only the words that are meant for us."""
        from durable.prompts import decision_in

        said = decision_in(event, self.tx)
        if said is None:
            return ""
        from durable.errors import UsageError
        from durable.person import carry_out

        answered: list[str] = []

        def work() -> None:
            answered.append(carry_out(self.tx, said, self.redactor))

        failed = self.tx.attempt(work)
        if isinstance(failed, UsageError):
            return f"{failed.problem}; {failed.remedy}"
        if failed is not None:
            raise failed
        return answered[0]

    def session_started(self, event: Event, seat: Seat) -> None:
        self.reconciler.dead_owners()
        self.reconciler.session(event.session_id)

    def prompt(self, event: Event, seat: Seat) -> None:
        self.tx.append("turn.started", seat.run_id, event.session_id, {"prompt_id": event.prompt_id})
        report = AGENTS[event.client].task_report(event.prompt)
        if report is not None:
            self.reconciler.task_ended(event.session_id, report)
        # A prompt may be typed while a call runs: it starts a look, and proves nothing.
        running = self.tx.steps("running_of_session", session_id=event.session_id)
        late = [step for step in running if overtaken(step, seat.owner_id, event.agent_id, event.prompt_id)]
        self.reconciler.read(late)

    def permission_asked(self, event: Event, seat: Seat) -> None:
        tool = event.asked_tool
        body = {"tool_name": tool, "agent_id": event.agent_id, "prompt_id": event.prompt_id}
        self.tx.append("step.permission_asked", seat.run_id, event.session_id, body)

    def permission_denied(self, event: Event, seat: Seat) -> None:
        call = event.call
        assert call is not None
        step = self.tx.step("call_unsettled", session_id=event.session_id, tool_use_id=call.use_id)
        if step is not None:
            error = self.tx.put_text(self.redactor.text(event.reason or "permission denied"))
            self.tx.close_step(step, closing(REFUSED, "PermissionDenied", error=error, returned=1))

    def subagent_started(self, event: Event, seat: Seat) -> None:
        body = {"agent_id": event.agent_id, "agent_type": event.agent_type}
        self.tx.append("subagent.started", seat.run_id, event.session_id, body)

    def subagent_stopped(self, event: Event, seat: Seat) -> None:
        body = {"agent_id": event.agent_id, "agent_type": event.agent_type}
        self.tx.append("subagent.stopped", seat.run_id, event.session_id, body)
        step = self.tx.step("step_of_task", session_id=event.session_id, task_id=event.agent_id)
        if step is not None and step.status in (RUNNING, "in_doubt"):
            kept = dumps(self.redactor.text(event.last_message)).encode()
            apply(self.tx, step, News(Ending(SUCCEEDED), "SubagentStop", output=kept))
        self._count(event, seat)

    def turn_ended(self, event: Event, seat: Seat) -> None:
        self.tx.append("turn.ended", seat.run_id, event.session_id, {"prompt_id": event.prompt_id})
        self.reconciler.turn_ended(event)
        self._count(event, seat)

    def turn_failed(self, event: Event, seat: Seat) -> None:
        said = self.redactor.text(event.error if isinstance(event.error, str) else "")
        body = {"prompt_id": event.prompt_id, "error": said[:500]}
        self.tx.append("turn.failed", seat.run_id, event.session_id, body)

    def session_ended(self, event: Event, seat: Seat) -> None:
        reason = self.redactor.text(event.reason or "unknown")
        self.reconciler.owner_over(event.session_id, seat.owner_id, f"the session ended ({reason}) without its result")
        owner = self.tx.one("owner", owner_id=seat.owner_id)
        if owner is not None and owner["ended_at"] is None:
            self.tx.append("owner.ended", seat.run_id, seat.owner_id, {"reason": reason})
        self._count(event, seat)
        self.tx.append("session.ended", seat.run_id, event.session_id, {"reason": reason})
        complete_if_over(self.tx, seat.run_id, event.session_id)

    def _count(self, event: Event, seat: Seat) -> None:
        count(self.tx, AGENTS[event.client], seat.run_id, event.session_id, event.transcript_path)


HANDLERS: dict[str, Callable[[Lifecycle, Event, Seat], None]] = {
    ev.SESSION_STARTED: Lifecycle.session_started,
    ev.PROMPT: Lifecycle.prompt,
    ev.PERMISSION_ASKED: Lifecycle.permission_asked,
    ev.PERMISSION_DENIED: Lifecycle.permission_denied,
    ev.SUBAGENT_STARTED: Lifecycle.subagent_started,
    ev.SUBAGENT_STOPPED: Lifecycle.subagent_stopped,
    ev.TURN_ENDED: Lifecycle.turn_ended,
    ev.TURN_FAILED: Lifecycle.turn_failed,
    ev.SESSION_ENDED: Lifecycle.session_ended,
}
