"""Many writers at once: nothing is lost and the chain stays whole."""

import multiprocessing
from threading import Thread

from conformance.past import all_events, move, prepare, seat, session_body
from conformance.record import keys_of
from durable.ledger.walk import Walk, walked

SPAWN = multiprocessing.get_context("spawn")
PROCESSES, THREADS, EACH = 8, 4, 25


def write_many(backend, writer, times):
    ledger = backend.make_ledger(patience=60)
    run, session, owner = f"run-{writer}", f"session-{writer}", f"owner-{writer}"
    for number in range(times):
        with ledger.begin() as tx:
            if number == 0:
                seat(tx, run, session, owner)
            # Every writer also adds to one run that all of them share.
            tx.append("session.joined", "run-shared", session, session_body(f"{writer}-{number}"))
            names = {"session_id": session, "owner_id": owner, "scope": f"run:{run}"}
            step = prepare(tx, f"s-{writer}-{number}", f"f-{number}", run, **names)
            move(tx, step, "running")
            tx.commit()


class Concurrency:
    def test_processes_that_write_at_once_lose_nothing(self, backend):
        self._race(backend, SPAWN.Process, PROCESSES)

    def test_threads_that_write_at_once_lose_nothing(self, backend):
        self._race(backend, Thread, THREADS)

    def _race(self, backend, kind, writers):
        ledger = backend.make_ledger()
        with ledger.begin() as tx:
            seat(tx, "run-shared", "session-shared", "owner-shared")
            tx.commit()
        racers = [kind(target=write_many, args=(backend, n, EACH)) for n in range(writers)]
        for racer in racers:
            racer.start()
        for racer in racers:
            racer.join(120)
        events = all_events(ledger)
        assert walked(Walk(keys_of(ledger)), events, ledger.key.key_id).faults == []
        running = {row["subject"] for row in events if row["type"] == "step.running"}
        assert running == {f"s-{writer}-{number}" for writer in range(writers) for number in range(EACH)}
        assert backend.tables() == backend.rebuilt(events)
