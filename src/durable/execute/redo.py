"""Executes here what an agent's run was cut off in, where that was asked for and is safe: see on_resume.py."""

from __future__ import annotations

from durable import owner as owners
from durable.errors import UsageError
from durable.event import Call
from durable.execute.original import original_input
from durable.execute.own import Place, us
from durable.execute.signals import heard_by
from durable.policy.decide import DEFER, MAY_RUN
from durable.policy.match import rules_for
from durable.policy.rule import REPLAY
from durable.receipt_text import gone_of
from durable.recovery.on_resume import Asked, Way, way_of
from durable.step import PREPARED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from durable.execute.start import Hand, Working
    from durable.ledger.sqlite import SqliteLedger
    from durable.ledger.transaction import Transaction
    from durable.policy.policy import Policy
    from durable.policy.rule import Rule
    from durable.step import Step

WAITS = "waits for a person"
REFUSED = "refused"
LOST = "in_doubt"
NOT_BEGUN = "not begun"
TICK_S = 1.0


class Unfinished:
    """A step without a receipt, and what resume does with it. `given` is its input, if that can be had."""

    __slots__ = ("given", "step", "way")

    def __init__(self, step: Step, way: Way, given: dict[str, Any] | None) -> None:
        self.step = step
        self.way = way
        self.given = given


class Redone:
    """`status` is the new row's, or why there is none that ran."""

    __slots__ = ("again", "status", "step", "why")

    def __init__(self, step: Step, status: str, why: str, again: str) -> None:
        self.step = step
        self.status = status
        self.why = why
        self.again = again


def unfinished(
    ledger: SqliteLedger,
    run_id: str,
    asked: Asked,
    left: Mapping[str, str],
    policy: Policy,
) -> list[Unfinished]:
    """In ledger order. `left` says of a step what of it still runs."""
    with ledger.begin() as tx:
        _check_picked(tx, run_id, asked)
        found = []
        for step in tx.steps("without_receipt", run_id=run_id):
            given = original_input(tx, step)
            rule = _rule_of(tx, step, given, policy)
            gone = gone_of(tx, step.input) if tx.content(step.input) is None else ""
            way = way_of(step, rule, asked, given, left.get(step.step_id, ""), gone)
            found.append(Unfinished(step, way, given))
        return found


def _rule_of(tx: Transaction, step: Step, given: dict[str, Any] | None, policy: Policy) -> Rule | None:
    """What the policy says of that call now; where its input is lost, the rule that claimed it then."""
    if given is not None:
        run = tx.one("run", run_id=step.run_id)
        project = run["project"] if run is not None else ""
        matched = rules_for(Call(step.tool_use_id, step.tool_name, given), step.cwd, project, policy).matched
        return matched[0] if matched else None
    named = {claim["rule"] for claim in tx.all("claims_of_step", step_id=step.step_id)}
    rules = (rule for layer in reversed(policy.layers) for rule in layer.rules())
    return next((rule for rule in rules if rule.name in named), None)


def _check_picked(tx: Transaction, run_id: str, asked: Asked) -> None:
    for step_id in sorted(asked.only):
        step = tx.step("step", step_id=step_id)
        if step is None or step.run_id != run_id:
            raise UsageError(f"the run {run_id} has no step {step_id}", f"see durable show {run_id}")


class Redo:
    """One after the other, in the order of the run. A signal ends the one under way and starts no other."""

    def __init__(self, hand: Hand) -> None:
        self.hand = hand
        self.interrupted = 0
        self._working: Working | None = None

    def all(self, those: list[Unfinished]) -> list[Redone]:
        with heard_by(self._interrupt):
            return [self._one(one) for one in those if not self.interrupted]

    def close(self) -> None:
        """What we opened for it: our session, and ourselves as its owner."""
        run_id, session_id = self.hand.place.run_id, self.hand.place.session_id
        with self.hand.ledger.begin() as tx:
            owner_id = owners.current(session_id, us()).owner_id
            if tx.one("owner", owner_id=owner_id) is not None:
                tx.append("owner.ended", run_id, owner_id, {"reason": "done"})
                tx.append("session.ended", run_id, session_id, {"reason": "done"})
                tx.commit()

    def _interrupt(self, number: int, frame: object) -> None:
        self.interrupted = number
        if self._working is not None:
            self._working.stop()

    def _one(self, one: Unfinished) -> Redone:
        step = one.step
        assert one.given is not None
        call = Call(f"again-{step.step_id}", step.tool_name, one.given)
        place = self.hand.place
        if step.status == PREPARED:
            # What a person approved is that very call: it is taken up as whoever asked would take it up.
            place = self._place_of(step)
            call = Call(step.tool_use_id, step.tool_name, one.given, step.agent_id)
        prepared = self.hand.prepare(call, step.cwd, place=place)
        again = prepared.step.step_id if prepared.step is not None else ""
        if prepared.decision.verdict == DEFER or prepared.decision.verdict not in MAY_RUN:
            status = WAITS if prepared.decision.verdict == DEFER else REFUSED
            return Redone(step, status, prepared.decision.reason, again)
        if self.interrupted:
            return Redone(step, NOT_BEGUN, "a signal came first", again)
        file = {"before": step.file_before or "", "since": step.prepared_at}
        self._working = self.hand.start(prepared, call, step.cwd, file=file, place=place)
        if self.interrupted:
            self._working.stop()
        while not self._working.ended(TICK_S):
            self.hand.beat()
        answer = self._working.answer()
        self._working = None
        if answer is None:
            return Redone(step, LOST, "the process that executed it was killed", again)
        return Redone(step, answer["status"], answer.get("error") or answer.get("why") or "", again)

    def _place_of(self, step: Step) -> Place:
        with self.hand.ledger.begin() as tx:
            talk = tx.one("session_row", session_id=step.session_id)
        return Place(step.run_id, step.session_id, self.hand.place.project, talk)


def replayed(those: list[Unfinished]) -> list[Unfinished]:
    return [one for one in those if one.way.what == REPLAY]
