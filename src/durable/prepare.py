"""Before the call: the row that must be on disk before anything may run."""

from __future__ import annotations

from durable import crash, row
from durable.fingerprint import fingerprint, input_hash
from durable.join import join
from durable.policy.decide import DENY, PERMIT, Decision, decide
from durable.policy.policy import OBSERVE
from durable.spool import void_note
from durable.step import REFUSED, RUNNING, overtaken

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from durable.event import Event
    from durable.join import Seat
    from durable.ledger.transaction import Transaction
    from durable.policy.policy import Policy
    from durable.redact import Redactor
    from durable.step import Step


def prepare(
    tx: Transaction, event: Event, policy: Policy, redactor: Redactor, env: Mapping[str, str], elapsed_us: int
) -> tuple[Decision, Step | None]:
    """Decides about the call and writes it down; the caller commits. The step is None on a second start."""
    call = event.call
    assert call is not None
    seat = join(tx, event, env)
    hashed = input_hash(tx.key.fingerprint, call.input)
    if _started_twice(tx, event, seat, hashed):
        return Decision(PERMIT, "", ""), None
    _settle_overtaken(tx, event, redactor)
    mark = fingerprint(tx.key.fingerprint, call.tool, call.input, event.cwd)
    scope = f"run:{seat.run_id}"
    twin = tx.step("twin_in_scope", fingerprint=mark, scope=scope)
    decision = decide(call, policy, twin)
    fields = (
        row.of_call(event, call, seat)
        | row.of_input(tx, call, hashed, redactor)
        | row.of_decision(decision, policy)
        | row.of_claim(tx, mark, scope, decision, twin)
    )
    step = tx.prepare(row.new_step_id(), seat.run_id, fields | {"hook_us": elapsed_us, "flag": None})
    crash.point("after-prepare")
    _answer(tx, step, decision, policy)
    return decision, step


def _started_twice(tx: Transaction, event: Event, seat: Seat, hashed: str) -> bool:
    """The client may start a hook twice for one call; a model may also reuse an id for another call.
    The same start has the same owner, agent, prompt, id and input, and nothing has come back for it yet."""
    call = event.call
    assert call is not None
    found = tx.step(
        "same_call_in_flight",
        session_id=event.session_id,
        tool_use_id=call.use_id,
        owner_id=seat.owner_id,
        agent_id=event.agent_id,
        prompt_id=event.prompt_id,
        input_hash=hashed,
    )
    if found is None or found.status != RUNNING:
        return False
    void_note(tx, found.step_id)
    return True


def _settle_overtaken(tx: Transaction, event: Event, redactor: Redactor) -> None:
    running = tx.steps("running_of_session", session_id=event.session_id)
    late = [step for step in running if overtaken(step, event.agent_id, event.prompt_id)]
    if late:
        from durable.reconcile import Reconciler

        Reconciler(tx, redactor).overtaken(late)


def _answer(tx: Transaction, step: Step, decision: Decision, policy: Policy) -> None:
    if decision.verdict == DENY and policy.mode != OBSERVE:
        from durable.closing import closing

        tx.close_step(step, closing(REFUSED, "PreToolUse", error=tx.put_text(decision.reason)))
    else:
        tx.mark_running(step)
    crash.point("after-permit")
