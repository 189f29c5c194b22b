"""Where a step may go, and where not."""

import pytest

from conformance.past import (
    WAYS,
    all_events,
    count,
    move,
    prepare,
    receipt,
    seat,
    step_in,
)
from durable.errors import IllegalMove
from durable.step import CONTRADICTED, MOVES, PREPARED

TARGETS = [status for status in MOVES if status != PREPARED]
LEGAL = [(status, to) for status, leads in MOVES.items() for to in leads]
ILLEGAL = [(status, to) for status in MOVES for to in TARGETS if to not in MOVES[status]]


class Moves:
    @pytest.mark.parametrize(("status", "to"), LEGAL)
    def test_each_legal_move_works(self, backend, status, to):
        with backend.make_ledger().begin() as tx:
            seat(tx)
            step = move(tx, step_in(tx, status), to)
            tx.commit()
        assert step.status == to
        with backend.make_ledger().begin() as tx:
            assert tx.step("step", step_id="s1").row == step.row

    @pytest.mark.parametrize(("status", "to"), ILLEGAL)
    def test_each_illegal_move_is_refused_and_leaves_no_event(self, backend, status, to):
        with backend.make_ledger().begin() as tx:
            seat(tx)
            step = step_in(tx, status)
            before = count(tx)
            assert isinstance(tx.attempt(lambda: move(tx, step, to)), IllegalMove)
            assert count(tx) == before
            assert tx.step("step", step_id="s1").status == status

    @pytest.mark.parametrize(("status", "to"), ILLEGAL)
    def test_each_illegal_move_is_refused_to_a_database_shell_as_well(self, backend, status, to):
        with backend.make_ledger().begin() as tx:
            seat(tx)
            step_in(tx, status)
            tx.commit()
        with pytest.raises(Exception, match="illegal move"):
            backend.direct(f"UPDATE steps SET status = '{to}' WHERE step_id = 's1'")

    def test_the_way_to_each_state_is_known_to_these_tests(self):
        assert set(WAYS) == set(MOVES)

    def test_a_step_of_an_unknown_id_goes_nowhere(self, backend):
        with backend.make_ledger().begin() as tx:
            seat(tx)
            step = prepare(tx)
            step.row["step_id"] = "nobody"
            with pytest.raises(IllegalMove):
                tx.mark_running(step)

    def test_only_a_prepared_step_is_permitted(self, backend):
        with backend.make_ledger().begin() as tx:
            seat(tx)
            step = prepare(tx)
            tx.mark_running(step)
            with pytest.raises(IllegalMove):
                tx.mark_running(step)

    def test_a_closing_names_its_source(self, backend):
        with backend.make_ledger().begin() as tx:
            seat(tx)
            step = step_in(tx, "running")
            with pytest.raises(Exception, match=r"closed_by|CHECK|check"):
                tx.close_step(step, receipt() | {"closed_by": "hearsay"})

    # ---- a receipt that comes late ----

    @pytest.mark.parametrize("status", ["failed", "not_done", "refused"])
    def test_a_late_receipt_makes_a_closed_step_succeeded(self, backend, status):
        with backend.make_ledger().begin() as tx:
            seat(tx)
            tx.close_step(step_in(tx, status), receipt())
            step = tx.step("step", step_id="s1")
        assert (step.status, step.flag) == ("succeeded", None)

    @pytest.mark.parametrize("newer", ["prepared", "running", "in_doubt", "succeeded"])
    def test_a_late_receipt_beside_a_newer_attempt_contradicts_both(self, backend, newer):
        with backend.make_ledger().begin() as tx:
            seat(tx)
            old = step_in(tx, "failed", "s1", "f1")
            step_in(tx, newer, "s2", "f1", attempt=2)
            before = count(tx)
            tx.close_step(old, receipt())
            tx.commit()
        with backend.make_ledger().begin() as tx:
            steps = [tx.step("step", step_id=step_id) for step_id in ("s1", "s2")]
            late = tx.all("events_after", seq=before)
        assert [(step.status, step.flag) for step in steps] == [("failed", CONTRADICTED), (newer, CONTRADICTED)]
        assert "step.late_receipt" in [row["type"] for row in late]

    def test_a_late_receipt_beside_a_newer_attempt_that_came_to_nothing_counts(self, backend):
        with backend.make_ledger().begin() as tx:
            seat(tx)
            old = step_in(tx, "failed", "s1", "f1")
            step_in(tx, "failed", "s2", "f1", attempt=2)
            tx.close_step(old, receipt())
            assert tx.step("step", step_id="s1").status == "succeeded"

    def test_two_attempts_with_late_receipts_contradict_each_other_in_any_order(self, backend):
        with backend.make_ledger().begin() as tx:
            seat(tx)
            old = step_in(tx, "failed", "s1", "f1")
            new = step_in(tx, "failed", "s2", "f1", attempt=2)
            tx.close_step(old, receipt())
            tx.close_step(new, receipt())
            steps = [tx.step("step", step_id=step_id) for step_id in ("s1", "s2")]
        assert [step.flag for step in steps] == [CONTRADICTED, CONTRADICTED]

    def test_a_late_receipt_of_a_repeatable_call_is_only_recorded(self, backend):
        with backend.make_ledger().begin() as tx:
            seat(tx)
            old = step_in(tx, "failed", "s1", "f1", effect="repeatable")
            step_in(tx, "succeeded", "s2", "f1", effect="repeatable", attempt=2)
            tx.close_step(old, receipt())
            steps = [tx.step("step", step_id=step_id) for step_id in ("s1", "s2")]
        assert [(step.status, step.flag) for step in steps] == [("failed", None), ("succeeded", None)]

    @pytest.mark.parametrize("status", ["succeeded", "replayed"])
    def test_a_second_receipt_changes_nothing_but_the_record(self, backend, status):
        ledger = backend.make_ledger()
        with ledger.begin() as tx:
            seat(tx)
            step = step_in(tx, status)
            tx.close_step(step, receipt(output=tx.put(b"again")))
            assert tx.step("step", step_id="s1").row == step.row
            tx.commit()
        assert all_events(ledger)[-1]["type"] == "step.late_receipt"
