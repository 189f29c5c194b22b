"""What the ledger knows about a call's claims, gathered within the transaction that will decide.

A twin is looked for in the whole project, and what is found open is first settled as far as evidence goes:
its owner may be dead, the transcript may tell, a probe may have answered.
"""

from __future__ import annotations

from durable import owner as owners
from durable.policy.rule import GLOBAL, PROJECT_WIDE, REPLAY, is_own
from durable.probe import HAPPENED, NOT_HAPPENED
from durable.probing import Verdicts, can_be_probed, record_probe, settle_by_probe, still_possible
from durable.reconcile import Reconciler
from durable.step import IN_DOUBT, OPEN, RUNNING, Step

TYPE_CHECKING = False
if TYPE_CHECKING:
    from durable.event import Event
    from durable.join import Seat
    from durable.ledger.transaction import Transaction
    from durable.policy.claim import Claim
    from durable.policy.claimed import Claimed, Receipt
    from durable.redact import Redactor


class LookUp:
    """`except_id` is the call's own row, if it has one already: a deferred call that starts again."""

    def __init__(
        self, tx: Transaction, event: Event, seat: Seat, redactor: Redactor, verdicts: Verdicts, except_id: str = ""
    ) -> None:
        assert event.call is not None
        self.tx = tx
        self.event = event
        self.call = event.call
        self.seat = seat
        self.redactor = redactor
        self.verdicts = verdicts
        self.except_id = except_id
        self._cut_off: dict[str, bool] = {}

    def complete(self, claims: list[Claimed]) -> None:
        """Adds what is known of each claim that a rule makes."""
        for claimed in claims:
            if claimed.claim is not None:
                self._add_twins(claimed, claimed.claim)

    def _add_twins(self, claimed: Claimed, claim: Claim) -> None:
        claimed.open = self._open_twin(claimed)
        claimed.done = self._done_twins(claimed)
        if claimed.open is None and not claimed.done and claim.rule.key is None:
            claimed.kin = self._open_kin(claimed, claim)
        mark, project = claimed.fingerprint, self.event.project
        # A call that had to wait for a person's approval has used its grant already, and keeps it.
        claimed.grant = self.tx.one("grant_for", fingerprint=mark, project=project, step_id=self.except_id)
        if claimed.done:
            self._add_receipt(claimed, claimed.done[0])

    # ---- twins --------------------------------------------------------------------------------

    def _twins(self, query: str, claimed: Claimed) -> list[Step]:
        everywhere = int(claimed.rule.scope == GLOBAL)
        return self.tx.steps(
            query,
            fingerprint=claimed.fingerprint,
            project=self.event.project,
            scope=claimed.scope,
            everywhere=everywhere,
            **{"except": self.except_id},
        )

    def _open_twin(self, claimed: Claimed) -> Step | None:
        for step in self._twins("open_twins", claimed):
            left = self._still_open(step, claimed)
            if left is not None:
                claimed.owner, claimed.owner_why = self._owner_of(left)
                return left
        return None

    def _done_twins(self, claimed: Claimed) -> list[Step]:
        return [step for step in self._twins("done_twins", claimed) if self._counts(step, claimed)]

    def _counts(self, step: Step, claimed: Claimed) -> bool:
        """In scope; or from a run that was cut off: whoever goes on with its work goes on elsewhere."""
        if claimed.rule.scope in (GLOBAL, PROJECT_WIDE) or step.run_id == self.seat.run_id:
            return True
        if is_own(claimed.rule.name) and self._is_over(step.run_id):
            return False  # That job came to its end. Whoever runs it now means it anew.
        if step.doubted_at is not None or self._was_cut_off(step.run_id):
            return True
        return self._is_of_this_conversation(step) or self._was_told_to_wait(step)

    def _is_over(self, run_id: str) -> bool:
        run = self.tx.one("run", run_id=run_id)
        return run is not None and run["status"] == "completed"

    def _is_of_this_conversation(self, step: Step) -> bool:
        """Made in this session, in one it goes on from, or in one that is of this run by now: a run may have
        been given to each later. Where nobody knows what it goes on from, it may be any of the project."""
        line = self.tx.all("conversation", session_id=self.event.session_id)
        if any(row["continues"] == "" or row["session_id"] == step.session_id for row in line):
            return True
        session = self.tx.one("session", session_id=step.session_id)
        return session is not None and session["run_id"] == self.seat.run_id

    def _was_told_to_wait(self, step: Step) -> bool:
        """This run was denied a claim of the step while it was open: of a line with several it heard of each."""
        run_id, given = self.seat.run_id, {"step_id": step.step_id, "seq": step.seq, "closed_at": step.closed_at}
        return self.tx.one("denied_in_flight", run_id=run_id, **given) is not None

    def _was_cut_off(self, run_id: str) -> bool:
        if run_id not in self._cut_off:
            known = self.tx.one("cut_off", run_id=run_id) is not None
            self._cut_off[run_id] = known or any(
                owners.liveness(owners.from_row(row))[0] == owners.DEAD
                for row in self.tx.all("unended_owners_of_run", run_id=run_id)
            )
        return self._cut_off[run_id]

    def _open_kin(self, claimed: Claimed, claim: Claim) -> Step | None:
        """A model words its retry anew. A call of the same rule that is merely in flight is another call."""
        kin = self.tx.steps(
            "open_kin",
            project=self.event.project,
            rule=claim.rule.name,
            words=claim.words,
            tool_name=self.call.tool,
            **{"except": self.except_id},
        )
        for step in kin:
            left = self._still_open(step, claimed)
            if left is not None and (left.status == IN_DOUBT or self._is_left_behind(left)):
                return left
        return None

    def _is_left_behind(self, step: Step) -> bool:
        return step.status == RUNNING and self._owner_of(step)[0] == owners.DEAD

    # ---- settling -----------------------------------------------------------------------------

    def _still_open(self, step: Step, claimed: Claimed) -> Step | None:
        if step.deferred_at is None:
            step = self._after_evidence(step)
        if step.status == IN_DOUBT:
            claimed.probes = can_be_probed(step, claimed.rule)
            claimed.probed = step.step_id in self.verdicts
            if claimed.probed:
                verdict = self.verdicts[step.step_id]
                settle_s = claimed.settle_s(step.tool_name)
                claimed.doubt = settle_by_probe(self.tx, step, verdict, settle_s, self.redactor)
                step = self._again(step)
        return step if step.status in OPEN else None

    def _after_evidence(self, step: Step) -> Step:
        reconciler = Reconciler(self.tx, self.redactor)
        if step.status == IN_DOUBT:
            reconciler.session(step.session_id)
        elif step.session_id != self.event.session_id or step.owner_id != self.seat.owner_id:
            reconciler.dead_owners(step.session_id)
        return self._again(step)

    def _again(self, step: Step) -> Step:
        found = self.tx.step("step", step_id=step.step_id)
        assert found is not None
        return found

    def _owner_of(self, step: Step) -> tuple[str, str]:
        row = self.tx.one("owner_row", owner_id=step.owner_id)
        if row is None:
            return owners.UNKNOWN, "its client is not on record"
        if row["ended_at"] is not None:
            return owners.DEAD, str(row["end_reason"] or "its session ended")
        return owners.liveness(owners.from_row(row))

    # ---- receipts -----------------------------------------------------------------------------

    def _add_receipt(self, claimed: Claimed, step: Step) -> None:
        from durable.receipt_text import receipt_of

        claimed.receipt = receipt_of(self.tx, step)
        if not claimed.receipt.sure and claimed.open is None and claimed.rule.probe:
            self._add_second_opinion(claimed, claimed.receipt, step)
        if claimed.rule.on_duplicate == REPLAY:
            from durable.replay import same_command

            claimed.replayable = same_command(self.tx, step, self.call) and claimed.receipt.sure

    def _add_second_opinion(self, claimed: Claimed, receipt: Receipt, step: Step) -> None:
        """The line hid whether it succeeded. A probe may know."""
        claimed.probes = True
        verdict = self.verdicts.get(step.step_id)
        if verdict is None:
            return
        claimed.probed = True
        record_probe(self.tx, step, verdict, self.redactor)
        receipt.sure = verdict.says == HAPPENED
        settled = verdict.says == NOT_HAPPENED and not verdict.possible
        claimed.disproved = settled and not still_possible(self.tx, step, claimed.settle_s(step.tool_name))
