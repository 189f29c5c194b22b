"""One holder per claim, whatever the look-ups have missed."""

import multiprocessing
from _thread import allocate_lock
from threading import Barrier, Thread

import pytest

from conformance.past import prepare, seat, step_in
from durable.errors import TwinHolds

SPAWN = multiprocessing.get_context("spawn")
RACERS = 6


def claim(backend, number, start, results):
    """Without any look-up: the index alone has to stop all but one."""
    ledger = backend.make_ledger()
    start.wait(30)
    try:
        with ledger.begin() as tx:
            prepare(tx, f"s{number}", "f1")
            tx.commit()
        results.put("won")
    except TwinHolds:
        results.put("twin holds")


class Results:
    def __init__(self):
        self.all, self.lock = [], allocate_lock()

    def put(self, result):
        with self.lock:
            self.all.append(result)


class Claims:
    @pytest.mark.parametrize("status", ["prepared", "running", "in_doubt", "succeeded"])
    def test_a_step_that_may_have_happened_keeps_its_claim(self, backend, status):
        with backend.make_ledger().begin() as tx:
            seat(tx)
            step_in(tx, status)
            with pytest.raises(TwinHolds):
                prepare(tx, "s2", "f1")

    @pytest.mark.parametrize("status", ["failed", "not_done", "refused"])
    def test_a_step_that_came_to_nothing_frees_its_claim(self, backend, status):
        with backend.make_ledger().begin() as tx:
            seat(tx)
            step_in(tx, status)
            assert prepare(tx, "s2", "f1", attempt=2).status == "prepared"

    def test_an_allowed_duplicate_has_a_nonce_and_holds_nothing(self, backend):
        with backend.make_ledger().begin() as tx:
            seat(tx)
            step_in(tx, "failed", "s1", "f1")
            prepare(tx, "s2", "f1", nonce="grant-1")
            assert prepare(tx, "s3", "f1", attempt=2).status == "prepared"

    def test_another_scope_is_another_claim(self, backend):
        with backend.make_ledger().begin() as tx:
            seat(tx)
            prepare(tx, "s1", "f1")
            assert prepare(tx, "s2", "f1", scope="project:/other").status == "prepared"

    def test_of_processes_that_race_for_a_claim_exactly_one_wins(self, backend):
        self._seated(backend)
        start, results = SPAWN.Barrier(RACERS), SPAWN.Queue()
        racers = [SPAWN.Process(target=claim, args=(backend, n, start, results)) for n in range(RACERS)]
        for racer in racers:
            racer.start()
        outcomes = sorted(results.get(timeout=60) for _ in racers)
        for racer in racers:
            racer.join(30)
        assert outcomes == ["twin holds"] * (RACERS - 1) + ["won"]

    def test_of_threads_that_race_for_a_claim_exactly_one_wins(self, backend):
        self._seated(backend)
        start, results = Barrier(RACERS), Results()
        racers = [Thread(target=claim, args=(backend, n, start, results)) for n in range(RACERS)]
        for racer in racers:
            racer.start()
        for racer in racers:
            racer.join(60)
        assert sorted(results.all) == ["twin holds"] * (RACERS - 1) + ["won"]

    def _seated(self, backend):
        with backend.make_ledger().begin() as tx:
            seat(tx)
            tx.commit()
