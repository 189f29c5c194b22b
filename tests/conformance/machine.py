"""Any sequence of verbs: the ledger agrees with a model of it, and the rows with the events."""

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from conformance.past import all_events, move, prepare, receipt, seat
from conformance.record import keys_of
from durable.errors import IllegalMove, TwinHolds
from durable.ledger.walk import Walk, walked
from durable.step import MOVES, PREPARED, TWINS

SETTINGS = settings(max_examples=15, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck))
targets = st.sampled_from([status for status in MOVES if status != PREPARED])
fingerprints = st.sampled_from(["f1", "f2"])
picks = st.integers(0, 1000)


class LedgerMachine(RuleBasedStateMachine):
    """`make_backend` is set by the store's own test."""

    make_backend = None

    def __init__(self):
        super().__init__()
        self.backend = type(self).make_backend()
        self.ledger = self.backend.make_ledger()
        self.steps = {}  # step id -> [status, fingerprint, nonce]
        with self.ledger.begin() as tx:
            seat(tx)
            tx.commit()

    @rule(fingerprint=fingerprints, allowed=st.booleans(), effect=st.sampled_from(["once", "repeatable"]))
    def prepare(self, fingerprint, allowed, effect):
        step_id = f"s{len(self.steps)}"
        nonce = f"nonce-{step_id}" if allowed else None
        attempt = 1 + sum(
            1 for status, print_, _ in self.steps.values() if print_ == fingerprint and status not in TWINS
        )
        taken = nonce is None and self._holder(fingerprint) is not None
        with self.ledger.begin() as tx:
            error = tx.attempt(
                lambda: prepare(tx, step_id, fingerprint, nonce=nonce, effect=effect, attempt=attempt) and None
            )
            assert isinstance(error, TwinHolds) == taken, error
            tx.commit()
        if not taken:
            self.steps[step_id] = [PREPARED, fingerprint, nonce]

    @precondition(lambda self: self.steps)
    @rule(pick=picks, to=targets, keep=st.booleans())
    def move(self, pick, to, keep):
        step_id = self._pick(pick)
        status, fingerprint, nonce = self.steps[step_id]
        blocked = nonce is None and to in TWINS and status not in TWINS and self._holder(fingerprint) is not None
        legal = to in MOVES[status]
        with self.ledger.begin() as tx:
            step = tx.step("step", step_id=step_id)
            error = tx.attempt(lambda: move(tx, step, to) and None)
            assert isinstance(error, IllegalMove) == (not legal), error
            assert isinstance(error, TwinHolds) == (legal and blocked), error
            if keep:
                tx.commit()
        if legal and not blocked and keep:
            self.steps[step_id][0] = to

    @precondition(lambda self: self.steps)
    @rule(pick=picks)
    def receipt_comes(self, pick):
        """Whatever the state, a receipt is taken in without an error."""
        step_id = self._pick(pick)
        with self.ledger.begin() as tx:
            step = tx.step("step", step_id=step_id)
            if step.status == PREPARED:
                return
            before = tx.seq
            tx.close_step(step, receipt())
            assert tx.seq > before
            self.steps[step_id][0] = tx.step("step", step_id=step_id).status
            tx.commit()

    @rule()
    def another_handle(self):
        self.ledger = self.backend.make_ledger()

    @invariant()
    def at_most_one_holder(self):
        for fingerprint in ("f1", "f2"):
            assert len(self._holders(fingerprint)) <= 1

    def teardown(self):
        events = all_events(self.ledger)
        assert walked(Walk(keys_of(self.ledger)), events, self.ledger.key.key_id).faults == []
        assert self.backend.tables() == self.backend.rebuilt(events)

    def _pick(self, number):
        return sorted(self.steps)[number % len(self.steps)]

    def _holder(self, fingerprint):
        return next(iter(self._holders(fingerprint)), None)

    def _holders(self, fingerprint):
        return [
            step_id
            for step_id, (status, print_, nonce) in self.steps.items()
            if print_ == fingerprint and nonce is None and status in TWINS
        ]
