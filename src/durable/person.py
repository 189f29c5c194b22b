"""What a person decides about a step, however it reaches us: typed at the prompt, or in the CLI.

allow         one more of this call may run: a grant for each of its claims, used once
happened      a step that nobody could tell about did take effect
not-happened  it did not: its claims are free
approve, deny a call that waits for an answer; what was decided stays decided
retry         a step that is over no longer counts: the same call may run again
"""

from __future__ import annotations

from durable import owner as owners
from durable import row
from durable.closing import closing
from durable.errors import UsageError
from durable.native import dumps
from durable.step import IN_DOUBT, NOT_DONE, OPEN, PREPARED, REFUSED, RUNNING, SUCCEEDED, way_on

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from durable.ledger.transaction import Transaction
    from durable.redact import Redactor
    from durable.step import Step

LEAST = 4  # characters of an id: fewer name too many


class Said:
    """`by` is who said it and how; `text` their reason, `receipt` what they know of the result."""

    __slots__ = ("by", "name", "receipt", "text", "verb")

    def __init__(self, verb: str, name: str, text: str, by: str, receipt: str = "") -> None:
        self.verb = verb
        self.name = name
        self.text = text
        self.by = by
        self.receipt = receipt


def carry_out(tx: Transaction, said: Said, redactor: Redactor) -> str:
    """Writes the decision down and says in a sentence what follows from it. UsageError if it makes no sense."""
    step = _step(tx, said.name)
    kept = Said(said.verb, step.step_id, redactor.text(said.text), redactor.text(said.by), redactor.text(said.receipt))
    body = {"verb": kept.verb, "step_id": kept.name, "by": kept.by, "text": kept.text}
    tx.append("person.said", step.run_id, step.step_id, body)
    return VERBS[said.verb](tx, step, kept)


def _step(tx: Transaction, name: str) -> Step:
    found = tx.steps("steps_named", least=name, beyond=name + "~") if len(name) >= LEAST else []
    if len(found) == 1:
        return found[0]
    what = f"{name!r} names more than one step" if found else f"there is no step {name!r}"
    raise UsageError(what, "copy the id from the message, or from durable open")


def _allow(tx: Transaction, step: Step, said: Said) -> str:
    if step.status == PREPARED:
        raise UsageError(f"step {step.step_id} waits for an answer", f"durable approve {step.step_id}")
    if tx.one("unused_grant_of_step", step_id=step.step_id) is not None:
        # Whoever says it twice means it once.
        again = f"one more call like step {step.step_id} was allowed already and may run: it was not made yet"
        raise UsageError(again, "have the agent try it again")
    for claim in _claims(tx, step):
        body = {"for_step": step.step_id, **claim, "by": said.by, "reason": said.text}
        tx.append("grant.given", step.run_id, "g" + row.random_text(11), body)
    return f"one more {step.tool_name} call like step {step.step_id} may run; the agent can try it again now"


def _claims(tx: Transaction, step: Step) -> list[dict[str, str]]:
    """Fingerprint and project of each."""
    run = tx.one("run", run_id=step.run_id)
    ran_in = run["project"] if run else ""
    claims = tx.all("claims_of_step", step_id=step.step_id)
    return [{"fingerprint": claim["fingerprint"], "project": claim["project"] or ran_in} for claim in claims]


def _happened(tx: Transaction, step: Step, said: Said) -> str:
    step = _in_doubt(tx, step)
    output = tx.put(dumps({"stdout": said.receipt}).encode()) if said.receipt else None
    tx.close_step(step, closing(SUCCEEDED, "operator", output=output))
    if any(tx.one("grant_for", **claim, step_id="") for claim in _claims(tx, step)):
        return f"step {step.step_id} counts as done; one more was allowed before, and may still run"
    return f"step {step.step_id} counts as done, and is not run again"


def _not_happened(tx: Transaction, step: Step, said: Said) -> str:
    step = _in_doubt(tx, step)
    _refuse_while_it_goes_on(tx, step)
    error = tx.put_text(said.text or "a person says that it did not happen")
    tx.close_step(step, closing(NOT_DONE, "operator", error=error))
    return f"step {step.step_id} counts as not done; the agent can run it again now"


def _refuse_while_it_goes_on(tx: Transaction, step: Step) -> None:
    """Made again beside it, the call would take effect twice."""
    from durable.probing import left_of

    left = left_of(tx, step)
    if left is not None and left.found:
        pid = left.found[0].pid
        problem = f"process {pid} of step {step.step_id} still runs, and may yet bring its effect"
        raise UsageError(problem, f"wait for its end, or end it (kill {pid}), and look again")


def _in_doubt(tx: Transaction, step: Step) -> Step:
    """A call whose client lives will still tell by itself, and would contradict whoever knows better now."""
    if step.status == RUNNING and _owner_lives(tx, step):
        raise UsageError(f"step {step.step_id} is still running", "wait for its end, or stop its client")
    if step.status == RUNNING:
        tx.doubt(step, "a person settles it")
        found = tx.step("step", step_id=step.step_id)
        assert found is not None
        return found
    if step.status != IN_DOUBT:
        raise UsageError(f"step {step.step_id} is {step.status}, there is nothing to settle", "see durable open")
    return step


def _owner_lives(tx: Transaction, step: Step) -> bool:
    found = tx.one("owner_row", owner_id=step.owner_id)
    return found is not None and not found["ended_at"] and owners.liveness(owners.from_row(found))[0] == owners.ALIVE


def _approve(tx: Transaction, step: Step, said: Said) -> str:
    _decide(tx, step, "approved", said)
    run = tx.one("run", run_id=step.run_id)
    if run is not None and run["status"] == "cancelled":
        raise UsageError(f"its run {step.run_id} is cancelled", "durable cancel RUN --undo comes first")
    return f"step {step.step_id} is approved; it runs once its session is resumed: {way_on(step.row)}"


def _deny(tx: Transaction, step: Step, said: Said) -> str:
    _decide(tx, step, "denied", said)
    error = tx.put_text(f"{said.by} refused it" + (f": {said.text}" if said.text else ""))
    tx.close_step(step, closing(REFUSED, "operator", error=error))
    return f"step {step.step_id} is refused, and will not run"


def _decide(tx: Transaction, step: Step, approval: str, said: Said) -> None:
    if step.approval is not None:
        when = f"{step.approval_at[:10]} {step.approval_at[11:19]} UTC"
        said_by = f"step {step.step_id} was {step.approval} by {step.approval_by} at {when}"
        raise UsageError(said_by, "what is decided stays")
    if step.status != PREPARED or step.deferred_at is None:
        raise UsageError(f"step {step.step_id} waits for no approval", "durable approvals lists what does")
    tx.append("step.approval", step.run_id, step.step_id, {"approval": approval, "by": said.by})


def _retry(tx: Transaction, step: Step, said: Said) -> str:
    if step.status in OPEN:
        settle = f"settle it first: durable happened {step.step_id}, or durable not-happened {step.step_id}"
        raise UsageError(f"step {step.step_id} is {step.status}", settle)
    if step.released_at is not None:
        raise UsageError(f"step {step.step_id} no longer counts already", "the agent can run it again now")
    if step.status != SUCCEEDED:
        counts = f"the one that counts: durable retry {step.duplicate_of}" if step.duplicate_of else "try it again"
        raise UsageError(f"step {step.step_id} is {step.status}, and holds nothing back", counts)
    release(tx, step, said.by, said.text)
    follows = f"step {step.step_id} no longer counts"
    here = {"scope": "", "everywhere": 0, "except": step.step_id}
    others = [other.step_id for claim in _claims(tx, step) for other in tx.steps("done_twins", **claim, **here)]
    return f"{follows}, step {others[0]} still does" if others else f"{follows}; the same call may run again"


def release(tx: Transaction, step: Step, by: str, reason: str) -> None:
    """Nothing is deleted: the row stays, its claims hold nothing any more."""
    tx.append("step.released", step.run_id, step.step_id, {"by": by, "reason": reason})


VERBS: dict[str, Callable[[Transaction, Step, Said], str]] = {
    "allow": _allow,
    "happened": _happened,
    "not-happened": _not_happened,
    "approve": _approve,
    "deny": _deny,
    "retry": _retry,
}
