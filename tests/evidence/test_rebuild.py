"""Rows made anew from the events: the same as those on record, or put in their place."""

import json
import os
import sqlite3
import subprocess
import sys

import everything
import pytest

from durable.errors import TamperError
from durable.evidence.findings import PASS
from durable.evidence.rebuilding import replace
from durable.evidence.verify import verify_ledger
from durable.ledger.reading import Reader
from hooks.door import ROOT, bash
from ledger import rescues
from ledger.whole import assert_whole, bodies

EDITED = ("UPDATE steps SET cwd = '/elsewhere' WHERE tool_use_id = 'toolu_first'", "DROP TRIGGER events_stay")
REPLACE = "from durable.evidence.rebuilding import replace\nreplace(home, 'test', [])"


def rebuild(door, *words):
    env = {"PATH": os.environ["PATH"], "HOME": str(door.root), "DURABLE_HOME": str(door.state),
           "PYTHONPATH": str(ROOT / "src")}  # fmt: skip
    command = [sys.executable, "-m", "durable", "rebuild", *words]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=60)


def rows(state):
    with Reader(str(state)) as reader:
        return [reader.all(query) for query in ("runs", "open_steps", "spooled")]


def test_of_an_untouched_ledger_every_row_is_what_follows(lived_in):
    done = rebuild(lived_in, "--json")
    data = json.loads(done.stdout)["data"]
    assert (done.returncode, data["equal"], data["findings"], data["replaced"]) == (0, True, [], False)
    assert rebuild(lived_in, "--replace", "--reason", "to be sure").returncode == 0
    assert bodies(lived_in.state, "ledger.rebuilt") == []


def test_what_differs_is_named_and_with_a_reason_put_right(lived_in):
    right = rows(lived_in.state)
    everything.shell(lived_in.state, *EDITED, guards=True)
    done = rebuild(lived_in, "--json")
    found = json.loads(done.stdout)["data"]["findings"]
    assert (done.returncode, [one["code"] for one in found]) == (1, ["row_changed", "schema_missing"])
    assert found[0]["where"]["columns"] == ["cwd"]
    done = rebuild(lived_in, "--replace", "--reason", "an edit by hand")
    assert (done.returncode, done.stderr) == (0, "")
    assert rows(lived_in.state) == right
    assert_whole(lived_in.state)
    assert verify_ledger(str(lived_in.state)).verdict == PASS
    (said,) = bodies(lived_in.state, "ledger.rebuilt")
    assert (said["reason"], said["differences"]) == ("an edit by hand", 2)
    assert len(list(lived_in.state.glob("ledger.db.replaced-*Z"))) == 1
    assert lived_in.pre(bash("echo next", "toolu_next")).permits


def test_rows_that_can_not_be_read_are_not_known_to_differ_and_are_put_right(lived_in):
    path = lived_in.state / "ledger.db"
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (size,) = connection.execute("PRAGMA page_size").fetchone()
        (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'steps'").fetchone()
    connection.close()
    data = path.read_bytes()
    path.write_bytes(data[: (page - 1) * size] + b"\xff" * size + data[page * size :])
    done = rebuild(lived_in, "--json")
    assert (done.returncode, json.loads(done.stdout)["data"]["equal"]) == (3, None)
    assert "can be read" in rebuild(lived_in).stdout
    assert rebuild(lived_in, "--replace", "--reason", "a bad page").returncode == 0
    assert rebuild(lived_in).returncode == 0


def test_without_a_reason_nothing_is_replaced(lived_in):
    everything.shell(lived_in.state, *EDITED, guards=True)
    assert rebuild(lived_in, "--replace").returncode == 2
    assert rebuild(lived_in).returncode == 1


def test_what_follows_from_no_event_is_taken_over(tmp_path):
    everything.write(tmp_path / "state")
    everything.shell(tmp_path / "state", "UPDATE notes SET value = 'w'")
    before = beside(tmp_path / "state")
    replace(str(tmp_path / "state"), "an edit", verify_ledger(str(tmp_path / "state")).findings)
    assert beside(tmp_path / "state") == before and all(before)
    assert verify_ledger(str(tmp_path / "state")).findings == []


def beside(home):
    connection = sqlite3.connect(home / "ledger.db")
    try:
        tables = ("blobs", "cursors", "heartbeats")
        return [sorted(connection.execute(f"SELECT * FROM {table}")) for table in tables]
    finally:
        connection.close()


@pytest.mark.parametrize(
    "statement", ["UPDATE events SET body = '{}' WHERE seq = 3", "DELETE FROM events WHERE seq > 40"]
)
def test_nothing_is_made_from_events_that_are_in_doubt(tmp_path, statement):
    everything.write(tmp_path / "state")
    everything.shell(tmp_path / "state", statement)
    before = (tmp_path / "state" / "ledger.db").read_bytes()
    with pytest.raises(TamperError, match="in doubt"):
        replace(str(tmp_path / "state"), "no", [])
    assert (tmp_path / "state" / "ledger.db").read_bytes() == before


@pytest.mark.parametrize("point", ["mid-swap", "after-swap", "after-commit", "before-head-rename"])
def test_killed_on_the_way_either_ledger_is_whole_and_it_can_be_run_again(lived_in, point):
    everything.shell(lived_in.state, *EDITED, guards=True)
    killed = rescues.run(lived_in, REPLACE, DURABLE_TEST_CRASH=f"{point}:kill")
    assert killed.code == -9
    assert lived_in.pre(bash("echo next", "toolu_next")).permits
    assert len(bodies(lived_in.state, "ledger.rebuilt")) == (0 if point == "mid-swap" else 1)
    done = rescues.run(lived_in, REPLACE)
    assert (done.code, done.err) == (0, "")
    assert_whole(lived_in.state)
    assert verify_ledger(str(lived_in.state)).findings == []
    assert lived_in.pre(bash("echo last", "toolu_last")).permits
