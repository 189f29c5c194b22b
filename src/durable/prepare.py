"""Before the call: the row that must be on disk before anything may run.

join ─▶ answered or deferred earlier? ─▶ rules ─▶ what the ledger knows of the claims ─▶ decide
     ─▶ row ─▶ running | closed | deferred
"""

from __future__ import annotations

from durable import crash, row
from durable.closing import closing
from durable.fingerprint import input_hash
from durable.join import join
from durable.marks import add_holders, marks
from durable.native import loads
from durable.policy.decide import (
    ASK,
    DEFER,
    DENY,
    MAY_RUN,
    PERMIT,
    PROBE,
    REPLAYED,
    Decision,
    Situation,
    decide,
)
from durable.policy.effects import WRITES_A_FILE
from durable.policy.policy import OBSERVE
from durable.policy.quiet import unruled
from durable.step import ONCE, REFUSED
from durable.step import REPLAYED as HANDED_OVER

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from durable.event import Event
    from durable.join import Seat
    from durable.ledger.transaction import Transaction
    from durable.policy.claimed import Claimed
    from durable.policy.policy import Policy
    from durable.policy.ruling import Ruling
    from durable.probing import Question, Verdicts
    from durable.redact import Redactor
    from durable.step import Step


class Prepared:
    """The answer, and the step it is about; `step` is None where nothing was written: on a second start,
    and when the `question` has to be asked first. `replacement` is the input of a call that is replayed."""

    __slots__ = ("decision", "question", "replacement", "step")

    def __init__(self, decision: Decision) -> None:
        self.decision = decision
        self.step: Step | None = None
        self.question: Question | None = None
        self.replacement: dict[str, Any] | None = None


class Preparation:
    """One call under one policy, within one transaction; the caller commits."""

    def __init__(
        self,
        tx: Transaction,
        event: Event,
        policy: Policy,
        redactor: Redactor,
        env: Mapping[str, str],
        verdicts: Verdicts,
    ) -> None:
        assert event.call is not None
        self.tx = tx
        self.event = event
        self.call = event.call
        self.policy = policy
        self.redactor = redactor
        self.env = env
        self.verdicts = verdicts

    def prepare(self, elapsed_us: int | None, tampers: str = "") -> Prepared:
        seat = join(self.tx, self.event, self.env)
        hashed = input_hash(self.tx.key.fingerprint, self.call.input)
        answered, waiting = self._earlier(seat, hashed)
        if answered is not None:
            return answered
        ruling = self._ruling()
        if ruling.claims and seat.astray:
            seat = join(self.tx, self.event, self.env, look=True)
        step_id = waiting.step_id if waiting is not None else row.new_step_id()
        claims = marks(self.tx.key.fingerprint, self.event, seat.run_id, ruling)
        if ruling.claims:
            from durable.lookup import LookUp

            LookUp(self.tx, self.event, seat, self.redactor, self.verdicts, step_id).complete(claims)
        # After that: settling a twin may have freed a claim, or filled it.
        add_holders(self.tx, claims, step_id)
        found = Prepared(decide(self._situation(seat, ruling, claims, step_id, waiting, tampers)))
        if found.decision.verdict == PROBE:
            found.question = self._question(found.decision)
            return found
        self._try_replay(found)
        found.step = self._written(found.decision, seat, step_id, hashed, claims, elapsed_us, waiting)
        found.decision = self._answer(found)
        if found.decision.verdict in (PERMIT, ASK):
            found.replacement = self._with_key(ruling, found.step)
        if ruling.claims and found.decision.verdict == PERMIT:
            from durable.hint import rewording_hint

            found.decision.hint = rewording_hint(self.tx, self.call, claims, seat.run_id, self.redactor)
        return found

    def _question(self, decision: Decision) -> Question:
        from durable.probing import Question

        assert decision.step is not None and decision.claim is not None
        claimed = decision.claim
        return Question(self.tx, decision.step, claimed.rule, claimed.settle_s(decision.step.tool_name))

    def _ruling(self) -> Ruling:
        found = unruled(self.call, self.policy)
        if found is not None:
            return found
        from durable.policy.match import rules_for

        return rules_for(self.call, self.event.cwd, self.event.project, self.policy)

    # ---- what is there already ----------------------------------------------------------------

    def _earlier(self, seat: Seat, hashed: str) -> tuple[Prepared | None, Step | None]:
        """An answer that stands already, and the row of a call that has waited for a person's."""
        tx, event = self.tx, self.event
        found = tx.one("session_so_far", session_id=event.session_id, tool_use_id=self.call.use_id)
        if found is None or not any(found.values()):
            return None, None
        from durable import earlier

        started = earlier.started_before(tx, event, seat, hashed)
        if started is not None:
            answered = Prepared(earlier.answer_again(started))
            answered.replacement = self._with_key(self._ruling(), started)
            return answered, None
        earlier.settle_overtaken(tx, event, seat, self.redactor)
        waiting = earlier.waiting_for_a_person(tx, event, hashed, self.redactor)
        refused = None if waiting is None else earlier.refused_by_a_person(waiting)
        return (None if refused is None else Prepared(refused)), waiting

    def _situation(
        self,
        seat: Seat,
        ruling: Ruling,
        claims: list[Claimed],
        step_id: str,
        waiting: Step | None,
        tampers: str,
    ) -> Situation:
        found = Situation(self.call, self.policy, ruling, claims, step_id)
        run = self.tx.one("run", run_id=seat.run_id)
        found.now = self.tx.at
        found.attended = self.event.attended is True
        found.cancelled = run is not None and run["status"] == "cancelled"
        found.approved = waiting is not None and waiting.approval == "approved"
        found.tampers = tampers
        # What waits for a person's answer has its row already, and would lose the answer with it.
        if run is not None and run["strict"] and waiting is None:
            from durable.recovery.strict import held_back

            found.strict = held_back(self.tx, run, self.event, ruling, claims, self.redactor)
        if self.policy.budgets:
            from durable.budget import over_budget

            found.over_budget = over_budget(self.tx, self.policy.budgets, self.event, seat.run_id)
        if not found.over_budget and any(rule.calls for rule in ruling.matched):
            from durable.budget import over_rule

            found.over_budget = over_rule(self.tx, ruling.matched, seat.run_id)
        return found

    # ---- writing ------------------------------------------------------------------------------

    def _written(
        self,
        decision: Decision,
        seat: Seat,
        step_id: str,
        hashed: str,
        claims: list[Claimed],
        elapsed_us: int | None,
        waiting: Step | None,
    ) -> Step:
        if waiting is not None:
            self._use_grants(waiting, claims, decision)
            return self._taken_up_again(waiting, seat, decision)
        runs = decision.observed() if self.policy.mode == OBSERVE else decision
        fields = (
            row.of_call(self.event, self.call, seat)
            | row.of_input(self.tx, self.call, hashed, self.redactor)
            | row.of_decision(decision, self.policy, self.redactor)
            | row.of_claims(self.tx, claims, runs, self.event.project)
            | {"hook_us": elapsed_us, "flag": None, "file_before": self._file_before(decision)}
        )
        step = self.tx.prepare(step_id, seat.run_id, fields)
        self._use_grants(step, claims, decision)
        crash.point("after-prepare")
        return step

    def _use_grants(self, step: Step, claims: list[Claimed], decision: Decision) -> None:
        for claimed in claims:
            if claimed.grant is not None and claimed.grant["used_by"] is None and decision.verdict in MAY_RUN:
                self.tx.append("grant.used", step.run_id, claimed.grant["grant_id"], {"used_by": step.step_id})

    def _taken_up_again(self, waiting: Step, seat: Seat, decision: Decision) -> Step:
        """Under whoever asks now: the process that asked first has ended."""
        body = {
            "verdict": decision.code or decision.verdict,
            "tool_use_id": self.call.use_id,
            "owner_id": seat.owner_id,
            "prompt_id": self.event.prompt_id,
            "transcript_pos": row.transcript_end(self.event),
        }
        self.tx.append("step.decided", waiting.run_id, waiting.step_id, body)
        found = self.tx.step("step", step_id=waiting.step_id)
        assert found is not None
        return found

    def _file_before(self, decision: Decision) -> str | None:
        """What the file holds now, for whoever asks later whether the call took effect."""
        if decision.effect != ONCE or self.call.tool not in WRITES_A_FILE:
            return None
        from durable.file_probe import FIELDS, file_state

        return file_state(str(self.call.input.get(FIELDS[self.call.tool], "")), self.tx.key.fingerprint) or None

    def _try_replay(self, found: Prepared) -> None:
        decision = found.decision
        if decision.verdict != REPLAYED or decision.step is None:
            return
        from durable.replay import replacement, stands_in_the_way

        kept = self.tx.content(decision.step.output) if decision.step.output else None
        found.replacement = replacement(loads(kept) if kept is not None else None, self.call.input)
        if found.replacement is None or stands_in_the_way(self.env, self.event.project):
            found.replacement = None
            decision.verdict = DENY

    def _answer(self, found: Prepared) -> Decision:
        decision, step = found.decision, found.step
        assert step is not None
        if self.policy.mode == OBSERVE:
            decision = decision.observed()
        if decision.verdict == DENY:
            error = self.tx.put_text(self.redactor.text(decision.reason))
            self.tx.close_step(step, closing(REFUSED, "PreToolUse", error=error))
        elif decision.verdict == REPLAYED:
            self._hand_over(step, decision, found.replacement)
        elif decision.verdict == DEFER:
            if step.deferred_at is None:
                self.tx.append("step.deferred", step.run_id, step.step_id, {})
        else:
            self._permit(step, decision)
        crash.point("after-permit")
        return decision

    def _permit(self, step: Step, decision: Decision) -> None:
        self.tx.mark_running(step, asked=decision.verdict == ASK)

    def _with_key(self, ruling: Ruling, step: Step) -> dict[str, Any] | None:
        """The input with the key that its provider knows a second request by, where a rule wants it there.
        Observe mode changes no input."""
        if self.policy.mode == OBSERVE:
            return None
        field = next((claim.rule.inject for claim in ruling.claims if claim.rule.inject), "")
        return {**self.call.input, field: step.idempotency_key} if field else None

    def _hand_over(self, step: Step, decision: Decision, replacement: dict[str, Any] | None) -> None:
        assert decision.step is not None
        body = {"replay": input_hash(self.tx.key.fingerprint, replacement)}
        self.tx.append("step.handed_over", step.run_id, step.step_id, body)
        twin = decision.step
        self.tx.close_step(
            step, closing(HANDED_OVER, "PreToolUse", output=twin.output, exit_code=twin.exit_code, exit_known=1)
        )
