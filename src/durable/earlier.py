"""What a session has had before the call that is about to run: the same call, one that waits, one that is over."""

from __future__ import annotations

from durable.fingerprint import REWORDED
from durable.native import loads
from durable.policy.decide import ASK, DENY, PERMIT, Answer, Decision
from durable.policy.ruling import Ruling
from durable.step import RUNNING, overtaken
from durable.waiting import void_note

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from durable.event import Call, Event
    from durable.join import Seat
    from durable.ledger.transaction import Transaction
    from durable.redact import Redactor
    from durable.step import Step


def started_before(tx: Transaction, event: Event, seat: Seat, hashed: str) -> Step | None:
    """The client may start a hook twice for one call; a model may also reuse an id for another call.
    The same start has the same owner, agent, prompt, id and input, and nothing has come back for it yet."""
    assert event.call is not None
    found = tx.step(
        "same_call_in_flight",
        session_id=event.session_id,
        tool_use_id=event.call.use_id,
        owner_id=seat.owner_id,
        agent_id=event.agent_id,
        prompt_id=event.prompt_id,
        input_hash=hashed,
    )
    if found is None or found.status != RUNNING:
        return None
    void_note(tx, found.step_id)
    return found


def answer_again(started: Step) -> Decision:
    """The same answer to the second start: a permit beside a question could let the call run unasked."""
    answer = Answer(PERMIT)
    if started.asked_at is not None:
        from durable.policy import reasons

        answer = Answer(ASK, started.verdict or "", reasons.asked_before(started))
    return Decision(answer, Ruling(started.effect, started.rule), [])


def waiting_for_a_person(tx: Transaction, event: Event, hashed: str, redactor: Redactor) -> Step | None:
    """A call that was deferred: the client starts it again under the same id. Of several in one batch it starts
    only the last, and the model, who no longer sees the others, asks for them anew."""
    assert event.call is not None
    found = tx.step(
        "deferred_call",
        session_id=event.session_id,
        tool_use_id=event.call.use_id,
        agent_id=event.agent_id,
        input_hash=hashed,
    )
    return found or _asked_for_anew(tx, event, event.call, hashed, redactor)


def _asked_for_anew(tx: Transaction, event: Event, call: Call, hashed: str, redactor: Redactor) -> Step | None:
    waiting = tx.steps(
        "deferred_of_session",
        session_id=event.session_id,
        tool_name=call.tool,
        cwd=event.cwd,
        agent_id=event.agent_id,
    )
    wanted = _kept(call.tool, redactor.value(call.input)) if waiting else {}
    for step in waiting:
        if step.input_hash == hashed:
            return step
        text = tx.content(step.input)
        # What was taken out of both may have been different.
        if text is not None and not step.redacted and _kept(call.tool, loads(text)) == wanted:
            return step
    return None


def _kept(tool: str, given: Any) -> Any:
    return {name: value for name, value in given.items() if name not in REWORDED.get(tool, ())}


def refused_by_a_person(waiting: Step) -> Decision | None:
    if waiting.approval != "denied":
        return None
    from durable.policy import reasons

    answer = Answer(DENY, "approval", reasons.refused_by_person(waiting.approval_by))
    return Decision(answer, Ruling(waiting.effect, waiting.rule), [])


def settle_overtaken(tx: Transaction, event: Event, seat: Seat, redactor: Redactor) -> None:
    running = tx.steps("running_of_session", session_id=event.session_id)
    late = [step for step in running if overtaken(step, seat.owner_id, event.agent_id, event.prompt_id)]
    if late:
        from durable.reconcile import Reconciler

        Reconciler(tx, redactor).overtaken(late)
