"""Serial, all or nothing, durable."""

import multiprocessing

import pytest

from conformance.past import RUN, all_events, count, move, prepare, seat, step_in
from durable.errors import IllegalMove, LedgerBusy, LedgerError, TwinHolds

SPAWN = multiprocessing.get_context("spawn")


def commit_and_die(backend):
    with backend.make_ledger().begin() as tx:
        seat(tx)
        tx.commit()
        multiprocessing.process.os._exit(9)


def die_before_commit(backend):
    tx = backend.make_ledger().begin()
    seat(tx)
    multiprocessing.process.os._exit(9)


class Transactions:
    def test_what_was_committed_is_there_for_the_next_one(self, backend):
        with backend.make_ledger().begin() as tx:
            seat(tx)
            tx.commit()
        with backend.make_ledger().begin() as tx:
            assert tx.one("run", run_id=RUN)["status"] == "open"

    def test_what_was_not_committed_never_was(self, backend):
        ledger = backend.make_ledger()
        before = len(all_events(ledger))
        with ledger.begin() as tx:
            seat(tx)
        with backend.make_ledger().begin() as tx:
            assert tx.one("run", run_id=RUN) is None
            assert count(tx) == before

    def test_an_error_in_the_middle_leaves_nothing(self, backend):
        ledger = backend.make_ledger()
        with pytest.raises(RuntimeError), ledger.begin() as tx:
            seat(tx)
            raise RuntimeError
        with ledger.begin() as tx:
            assert tx.one("run", run_id=RUN) is None

    def test_a_commit_outlives_its_process(self, backend):
        backend.make_ledger().begin().__exit__(None, None, None)
        self._in_another_process(commit_and_die, backend)
        with backend.make_ledger().begin() as tx:
            assert tx.one("run", run_id=RUN) is not None

    def test_a_process_that_dies_in_the_middle_leaves_nothing_and_holds_nobody_up(self, backend):
        backend.make_ledger().begin().__exit__(None, None, None)
        self._in_another_process(die_before_commit, backend)
        with backend.make_ledger(patience=5).begin() as tx:
            assert tx.one("run", run_id=RUN) is None

    def test_a_second_writer_waits_for_as_long_as_it_may(self, backend):
        with backend.make_ledger().begin() as tx:
            with pytest.raises(LedgerBusy):
                backend.make_ledger(patience=0.05).begin()
            seat(tx)
            tx.commit()
        with backend.make_ledger(patience=5).begin() as tx:
            assert tx.one("run", run_id=RUN) is not None

    def test_one_handle_serves_one_transaction_after_the_other(self, backend):
        ledger = backend.make_ledger()
        for number in range(3):
            with ledger.begin() as tx:
                seat(tx, f"run-{number}", f"session-{number}", f"owner-{number}")
                tx.commit()
        assert len([row for row in all_events(ledger) if row["type"] == "run.opened"]) == 3

    def test_a_write_that_failed_halfway_cannot_be_committed(self, backend):
        ledger = backend.make_ledger()
        with ledger.begin() as tx:
            seat(tx)
            step = step_in(tx, "succeeded")
            with pytest.raises(IllegalMove):
                move(tx, step, "failed")
            with pytest.raises(LedgerError):
                tx.commit()
        with ledger.begin() as tx:
            assert tx.one("run", run_id=RUN) is None

    def test_an_event_of_no_known_type_is_refused(self, backend):
        with backend.make_ledger().begin() as tx:
            with pytest.raises(KeyError):
                tx.append("step.suceeded", RUN, "s1", {})
            with pytest.raises(LedgerError):
                tx.commit()

    # ---- parts ----

    def test_a_part_that_fails_leaves_nothing_of_itself_and_spares_the_rest(self, backend):
        ledger = backend.make_ledger()
        with ledger.begin() as tx:
            seat(tx)
            prepare(tx, "s1", "f1")

            def second():
                prepare(tx, "s2", "f2")
                prepare(tx, "s3", "f1")

            assert isinstance(tx.attempt(second), TwinHolds)
            prepare(tx, "s4", "f4")
            tx.commit()
        with ledger.begin() as tx:
            assert [tx.step("step", step_id=f"s{n}") is not None for n in (1, 2, 3, 4)] == [True, False, False, True]
        assert [row["seq"] for row in all_events(ledger)] == list(range(1, len(all_events(ledger)) + 1))

    def test_a_part_that_works_stays(self, backend):
        ledger = backend.make_ledger()
        with ledger.begin() as tx:
            seat(tx)
            assert tx.attempt(lambda: prepare(tx) and None) is None
            tx.commit()
        with ledger.begin() as tx:
            assert tx.step("step", step_id="s1") is not None

    def _in_another_process(self, target, backend):
        child = SPAWN.Process(target=target, args=(backend,))
        child.start()
        child.join(30)
        assert child.exitcode == 9
