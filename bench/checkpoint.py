"""What the WAL costs: how much of it a hook writes, how long reading it takes the next one at its start.

    python bench/checkpoint.py

A hook leaves without closing the database, so the next one finds a WAL without an index and reads all
of it. Longer between checkpoints means more to read, shorter means a checkpoint (two more syncs, and
every changed page written again) more often. The last column is what both cost together, per hook.
Opening and writing are timed alone, in fresh processes, the least of many: a whole hook would drown
the difference in its start.
"""

import argparse
import json
import os
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "src"))

from call import payload  # noqa: E402
from durable.ledger.database import connect  # noqa: E402

# The real hook, with another threshold. Compiling the script again is what Python does each time.
HOOK = """
import sys
sys.path.append({src!r})
import durable.ledger.database as database
database.CHECKPOINT_PAGES = {pages}
exec(compile(open({script!r}).read(), {script!r}, "exec"), {{"__file__": {script!r}, "__name__": "__main__"}})
"""
KIB = 1024
ROUNDS = 25
PAST = 2000  # calls in the ledger before anything is measured, so that its trees have grown
THRESHOLDS = (64, 128, 256, 512, 1000, 2000, 4000)
PAGE_SIZES = (1024, 2048, 4096)


class Bench:
    def __init__(self, folder, page_size):
        self.folder, self.page_size, self.calls = Path(folder), page_size, 0
        self.home = self.folder / "home"
        self.env = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "DURABLE_HOME": str(self.home)}

    def hook(self, event, pages=10**9):
        door = "pre_tool_use" if event == "PreToolUse" else "post_tool_use"
        code = HOOK.format(src=str(ROOT / "src"), pages=pages, script=str(ROOT / "hooks" / f"{door}.py"))
        text = json.dumps(self._payload(event))
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", code], env=self.env, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
        )
        process.stdin.write(text.encode())
        process.stdin.close()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        assert process.returncode == 0
        return (used.ru_utime + used.ru_stime) * 1000

    def _payload(self, event):
        if event == "PreToolUse":
            self.calls += 1
        return payload("bench", f"toolu_{self.calls:08d}", self.calls, event)

    def grow(self, calls):
        """A past of `calls` calls, written in this process, and a WAL that starts over."""
        from durable import hook, native
        from durable.agents.registry import AGENTS
        from durable.ledger import create, sqlite
        from durable.policy.policy import Policy
        from durable.prepare import Preparation
        from durable.receipt import Receipt
        from durable.redact import Redactor

        create.PAGE_SIZE = self.page_size
        ledger = sqlite.SqliteLedger(str(self.home))
        agent = AGENTS[hook.CLIENT]
        for _ in range(calls):
            with ledger.begin() as tx:
                event = agent.parse(native.dumps(self._payload("PreToolUse")), "pre_tool_use", self.env)
                Preparation(tx, event, Policy(), Redactor(), self.env, {}).prepare(1)
                tx.commit()
            with ledger.begin() as tx:
                event = agent.parse(native.dumps(self._payload("PostToolUse")), "post_tool_use", self.env)
                Receipt(tx, Redactor(), self.env, Policy()).record(event)
                tx.commit()
        ledger.close()

    def wal(self):
        path = self.home / "ledger.db-wal"
        return path.stat().st_size if path.exists() else 0

    def fill_to(self, size):
        while self.wal() + self.page_size * 20 < size:
            self.hook("PreToolUse")
            self.hook("PostToolUse")

    def written(self, event, rounds=9):
        sizes = []
        for _ in range(rounds):
            if event == "PostToolUse":
                self.hook("PreToolUse")
            before = self.wal()
            self.hook(event)
            sizes.append(self.wal() - before)
        return statistics.median(sizes)

    def opened(self):
        """Until the first row is read."""
        return min(in_child(self._open_and_read) for _ in range(ROUNDS))

    def checkpointed(self):
        """A checkpoint of all there is, on a copy."""
        return min(self._on_a_copy() for _ in range(5))

    def _on_a_copy(self):
        copy = self.folder / "copy"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(self.home, copy)
        return in_child(lambda: self._checkpoint(copy))

    def large_write(self, size=10_000_000):
        return min(in_child(lambda: self._write_large(size)) for _ in range(3))

    def _open_and_read(self):
        started = time.perf_counter()
        connection = connect(f"{self.home}/ledger.db", 5)
        connection.execute("SELECT hash FROM events ORDER BY seq DESC LIMIT 1").fetchone()
        return time.perf_counter() - started

    def _checkpoint(self, home):
        connection = connect(f"{home}/ledger.db", 5)
        connection.execute("SELECT seq FROM events LIMIT 1").fetchone()
        started = time.perf_counter()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return time.perf_counter() - started

    def _write_large(self, size):
        connection = connect(f"{self.home}/ledger.db", 5)
        started = time.perf_counter()
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO blobs VALUES (?, ?)", (os.urandom(8).hex(), os.urandom(size)))
        connection.execute("COMMIT")
        return time.perf_counter() - started


def in_child(work):
    """Milliseconds that `work` says it took, in a process that leaves as a hook does: without closing."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writer, struct.pack("d", work() * 1000))
        os._exit(0)
    os.close(writer)
    (taken,) = struct.unpack("d", os.read(reader, 8))
    os.close(reader)
    os.waitpid(child, 0)
    return taken


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--page-sizes", type=int, nargs="*", default=PAGE_SIZES)
    options.add_argument("--thresholds", type=int, nargs="*", default=THRESHOLDS, help="KiB")
    options.add_argument("--past", type=int, default=PAST, help="calls before anything is measured")
    given = options.parse_args()
    for page_size in given.page_sizes:
        with tempfile.TemporaryDirectory() as folder:
            measure(Bench(folder, page_size), given.past, given.thresholds)


def measure(bench, past, thresholds):
    bench.grow(past)
    per_call = [bench.written(event) for event in ("PreToolUse", "PostToolUse")]
    size = (bench.home / "ledger.db").stat().st_size
    print(f"\npages of {bench.page_size} bytes: after {past} calls ledger.db has {size / past:,.0f} bytes a call")
    print(f"  WAL written: PreToolUse {per_call[0]:,.0f} bytes, PostToolUse {per_call[1]:,.0f} bytes")
    print(f"  {'checkpoint at':>14} {'open before it':>15} {'checkpoint':>13} {'mean per hook':>15}")
    bench.grow(1)
    empty = bench.opened()
    print(f"  {'(empty WAL)':>14} {empty:12.2f} ms")
    for threshold in thresholds:
        bench.fill_to(threshold * KIB)
        full, checkpoint = bench.opened(), bench.checkpointed()
        hooks = threshold * KIB / statistics.mean(per_call)
        mean = (empty + full) / 2 + checkpoint / hooks
        print(f"  {threshold:10} KiB {full:12.2f} ms {checkpoint:10.2f} ms {mean:12.2f} ms")
    print(f"  a blob of 10 MB is written in {bench.large_write():.0f} ms")


if __name__ == "__main__":
    main()
