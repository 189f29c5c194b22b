"""Sixteen clients at once on one ledger: nothing lost, the chain whole, and how long a hook takes.

    python bench/concurrency.py [--clients 16] [--calls 25]

Each client runs the real executables one after the other: PreToolUse and PostToolUse of each call, so
25 calls are 50 hooks. Beside them, in the same run and on the same disk, the least that could be durable: a
process that inserts one row with `_sqlite3` (WAL, FULL) and leaves, with SQLite's own busy timeout
instead of a lock of its own.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "src"))

from call import payload  # noqa: E402

LEAN = """
import os, sys, _sqlite3
data = sys.stdin.read()
connection = _sqlite3.connect(sys.argv[1], timeout=30, isolation_level=None)
connection.execute("PRAGMA synchronous = FULL")
connection.execute("INSERT INTO calls (body) VALUES (?)", (data,))
os._exit(0)
"""


class Race:
    """`argv(event)` is what each client starts for each event of each call."""

    def __init__(self, clients, calls, argv, env):
        self.clients, self.calls, self.argv, self.env = clients, calls, argv, env
        self.times, self.failures = [], []

    def run(self):
        started = time.perf_counter()
        threads = [threading.Thread(target=self._client, args=(client,)) for client in range(self.clients)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.seconds = time.perf_counter() - started
        return self

    def _client(self, client):
        for call in range(self.calls):
            for event in ("PreToolUse", "PostToolUse"):
                sent = payload(f"session-{client}", f"toolu_{client}_{call}", call, event)
                self._one(event, json.dumps(sent).encode())

    def _one(self, event, data):
        started = time.perf_counter()
        done = subprocess.run(self.argv(event), input=data, env=self.env, capture_output=True, check=False)
        self.times.append((time.perf_counter() - started) * 1000)
        if done.returncode or done.stdout or done.stderr:
            self.failures.append((done.returncode, (done.stdout + done.stderr).decode()))

    def report(self, name):
        cuts = statistics.quantiles(self.times, n=100)
        worst = max(self.times)
        rate = len(self.times) / self.seconds
        print(f"{name:14} {cuts[49]:8.0f} {cuts[98]:8.0f} {worst:8.0f} {rate:10.0f}   {len(self.failures)} failures")


def hooks_race(folder, clients, calls):
    home = f"{folder}/state"
    env = {"PATH": os.environ["PATH"], "HOME": folder, "DURABLE_HOME": home, "DURABLE_DEADLINE_S": "45"}
    scripts = {"PreToolUse": "pre_tool_use.py", "PostToolUse": "post_tool_use.py"}
    race = Race(clients, calls, lambda event: [sys.executable, "-I", "-S", str(ROOT / "hooks" / scripts[event])], env)
    return race.run(), home


def lean_race(folder, clients, calls):
    import sqlite3

    path = f"{folder}/lean.db"
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE calls (seq INTEGER PRIMARY KEY, body TEXT)")
    race = Race(clients, calls, lambda event: [sys.executable, "-I", "-S", "-c", LEAN, path], {}).run()
    with sqlite3.connect(path) as connection:
        rows = connection.execute("SELECT count(*) FROM calls").fetchone()[0]
    return race, rows


def lost(home, clients, calls):
    """The calls without a receipt, and what is wrong with the chain."""
    from durable.ledger.keys import read_key
    from durable.ledger.reading import Reader
    from durable.ledger.walk import Walk, walked

    key = read_key(home)
    with Reader(home) as reader:
        events = reader.all("events_after", seq=0, most=10**9)
        done = {
            row["tool_use_id"]
            for n in range(clients)
            for row in reader.all("steps_of_run", run_id=f"session-{n}")
            if row["status"] == "succeeded"
        }
    wanted = {f"toolu_{client}_{call}" for client in range(clients) for call in range(calls)}
    return wanted - done, walked(Walk({key.key_id: key.chain}), events, key.key_id).faults, len(events)


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--clients", type=int, default=16)
    options.add_argument("--calls", type=int, default=25)
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print(f"{given.clients} clients x {2 * given.calls} hooks, {os.cpu_count()} cores; milliseconds")
        print(f"{'':14} {'p50':>8} {'p99':>8} {'max':>8} {'hooks/s':>10}")
        lean, rows = lean_race(folder, given.clients, given.calls)
        lean.report("lean insert")
        race, home = hooks_race(folder, given.clients, given.calls)
        race.report("durable hooks")
        missing, faults, events = lost(home, given.clients, given.calls)
    print(f"lean rows: {rows} of {given.clients * given.calls * 2}")
    print(f"calls without their receipt: {len(missing)}; faults in a chain of {events} events: {len(faults)}")
    for failure in race.failures[:3] + lean.failures[:3]:
        print(failure)
    return 1 if missing or faults or race.failures else 0


if __name__ == "__main__":
    sys.exit(main())
