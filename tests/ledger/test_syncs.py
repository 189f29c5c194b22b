"""What is on disk when a hook answers, as the kernel was asked for it (strace)."""

import re
import shutil
import subprocess

import pytest

from hooks.door import bash, ran

CALLS = "openat,write,pwrite64,ftruncate,fsync,fdatasync,rename,renameat,renameat2,exit_group"
LINE = re.compile(r"^(?:\d+ +)?(?P<call>\w+)\((?P<rest>.*)$")
PATH = re.compile(r"^\d+<(?P<path>[^>]*)>")
RENAMED = re.compile(r'"(?P<old>[^"]*)", (?:AT_FDCWD<[^>]*>, )?"(?P<new>[^"]*)"')
WRITES = ("write", "pwrite64", "ftruncate")
SYNCS = ("fsync", "fdatasync")


def can_trace():
    if shutil.which("strace") is None:
        return False
    return subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True, check=False).returncode == 0


pytestmark = pytest.mark.skipif(not can_trace(), reason="strace is not installed or may not trace here")


class Trace:
    """The calls of one hook in order, each as (what, path)."""

    def __init__(self, door, name, payload):
        log = door.root / "strace.log"
        argv = ["strace", "-f", "-y", "-qq", "-e", f"trace={CALLS}", "-o", str(log), *door.argv(name)]
        assert door.run_argv(argv, payload).code == 0
        self.state = f"{door.state}/"
        self.calls = [call for line in log.read_text(errors="replace").splitlines() if (call := parsed(line))]

    def at(self, what, path):
        """Positions of that call on that path below the state directory."""
        calls = WRITES if what == "write" else SYNCS if what == "sync" else (what,)
        return [n for n, (call, found) in enumerate(self.calls) if call in calls and found == self.state + path]

    def syncs(self):
        return [path.removeprefix(self.state) for call, path in self.calls if call in SYNCS]


def parsed(line):
    match = LINE.match(line)
    if match is None:
        return None
    call, rest = match["call"], match["rest"]
    if call.startswith("rename"):
        return "rename", RENAMED.search(rest)["new"]
    path = PATH.match(rest)
    return call, path["path"] if path else ""


ENDINGS = [("pre_tool_use", bash("echo 3", "toolu_3")), ("post_tool_use", ran("echo second", "toolu_second"))]


@pytest.mark.parametrize(("name", "payload"), ENDINGS)
def test_a_hook_answers_only_when_its_row_is_on_disk(lived_in, name, payload):
    trace = Trace(lived_in, name, payload)
    written, synced = trace.at("write", "ledger.db-wal"), trace.at("sync", "ledger.db-wal")
    answers = [n for n, (call, path) in enumerate(trace.calls) if call == "exit_group" or "pipe:" in path]
    assert written
    assert max(written) < max(synced) < min(answers)


def test_the_head_is_on_disk_before_it_takes_its_name_and_after_its_event(lived_in):
    trace = Trace(lived_in, "pre_tool_use", bash("echo 3", "toolu_3"))
    (synced,), (renamed,) = trace.at("sync", "heads/ledger.new"), trace.at("rename", "heads/ledger")
    assert max(trace.at("sync", "ledger.db-wal")) < synced < renamed
    assert max(trace.at("write", "heads/ledger.new")) < synced


def test_a_new_ledger_is_on_disk_in_the_order_of_its_creation(door):
    trace = Trace(door, "pre_tool_use", bash("echo 1", "toolu_1"))
    key_synced, key = trace.at("sync", "key.new")[0], trace.at("rename", "key")[0]
    database_synced, database = max(trace.at("sync", "ledger.db.new")), trace.at("rename", "ledger.db")[0]
    head_synced, head = trace.at("sync", "heads/ledger.new")[0], trace.at("rename", "heads/ledger")[0]
    assert key_synced < key < database_synced < database < head_synced < head
    # Each name is on disk before the next one depends on it; the head's before its ledger grows.
    folder = [n for n, (call, path) in enumerate(trace.calls) if call in SYNCS and path == trace.state.rstrip("/")]
    assert any(key < n < database for n in folder)
    assert any(database < n < head for n in folder)
    assert head < trace.at("sync", "heads")[0] < trace.at("write", "ledger.db-wal")[0]


def test_a_long_wal_is_taken_in_only_after_the_row_is_on_disk(lived_in):
    for number in range(60):
        trace = Trace(lived_in, "pre_tool_use", bash("echo " + "x" * 20_000, f"toolu_x{number}"))
        if trace.at("write", "ledger.db"):
            break
    row, taken_in = trace.at("sync", "ledger.db-wal")[0], trace.at("write", "ledger.db")
    assert row < min(taken_in)
    assert max(taken_in) < max(trace.at("sync", "ledger.db"))
    # Only then may the WAL start over.
    truncated = [
        n for n, (call, path) in enumerate(trace.calls) if call == "ftruncate" and path.endswith("ledger.db-wal")
    ]
    assert max(trace.at("sync", "ledger.db")) < min(truncated)


def test_a_hook_costs_three_syncs(lived_in, capsys):
    """Its row, its head, and the directory of the WAL, which SQLite can't know to be there already."""
    counts = {}
    for name, payload in (("pre_tool_use", bash("echo 3", "toolu_3")), ("post_tool_use", ran("echo 3", "toolu_3"))):
        counts[name] = Trace(lived_in, name, payload).syncs()
    with capsys.disabled():
        print(f"\nsyncs per hook: {counts}")
    expected = {"ledger.db-wal", str(lived_in.state), "heads/ledger.new"}
    assert [(len(paths), set(paths)) for paths in counts.values()] == [(3, expected)] * 2
