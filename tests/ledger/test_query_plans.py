"""What the reading verbs read does not grow with the ledger: no query of theirs goes through all steps or events.

Work is counted in steps of SQLite's own machine, not in time.
"""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

import pytest

from durable.evidence.tally import KEYS, MODEL
from durable.ledger.create import lay_schema
from durable.ledger.reading import Reader
from durable.ledger.statements import reading_statements
from hooks.door import Door, bash, ran

# What each verb asks on its way; `everything` would be a full reading of a table that grows with every call.
OF_ONE_RUN = (
    "run", "run_counted", "run_in_brief", "heard_of_run", "sessions_of_run", "owners_of_run", "steps_of_run",
    "notes_of_run", "events_of_run", "events_of_step", "latest_events_of_run", "step", "steps_by_prefix",
    "claims_of_step", "claims_of_run", "blob_up_to", "asked_by_run", "tokens_of_run",
)  # fmt: skip
OF_THE_LEDGER = (
    "runs", "runs_matching", "latest_runs", "runs_by_prefix", "open_steps", "interrupted", "flagged_steps",
    "waiting_steps", "deferred_steps", "strict_runs", "latest_events", "events_after", "last_event",
    "unsettled_sessions",
)  # fmt: skip
# A whole table, or an index that holds all its rows. A partial index holds few.
WHOLE = re.compile(r"^SCAN (steps|events|blobs|claims)(?: USING (?:COVERING )?INDEX (\w+))?")
FEW = ("steps_flagged", "steps_observed", "steps_deferred", "steps_waiting", "steps_unsettled", "steps_open_of_run")


@pytest.fixture(scope="module")
def empty() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:")
    lay_schema(connection)  # type: ignore[arg-type]
    return connection


def plan_of(connection: sqlite3.Connection, query: str) -> list[str]:
    sql = reading_statements()[query]
    given = dict.fromkeys(re.findall(r":(\w+)", sql), "")
    return [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}", given)]


@pytest.mark.parametrize("query", [*OF_ONE_RUN, *OF_THE_LEDGER])
def test_no_query_goes_through_all_there_is(empty: sqlite3.Connection, query: str) -> None:
    whole = [line for line in plan_of(empty, query) if (found := WHOLE.match(line)) and found[2] not in FEW]
    # The last events are read from the end, and no further than they are wanted.
    assert query in ("latest_events", "last_event") or not whole, whole


@pytest.mark.parametrize("query", [*(f"calls_by_{by}" for by in KEYS if by != MODEL), "tools_seen"])
def test_what_counts_all_calls_reads_an_index_instead_of_them(empty: sqlite3.Connection, query: str) -> None:
    scans = [line for line in plan_of(empty, query) if re.match(r"^SCAN steps\b", line)]
    assert scans and all("USING COVERING INDEX" in line for line in scans), scans


# ---- counted on a ledger ----------------------------------------------------------------------


@pytest.fixture
def door(tmp_path: Path) -> Door:
    door = Door(tmp_path)
    door.pre(bash("ls", "toolu_1"))
    door.post(ran("ls", "toolu_1"))
    door.pre(bash("pwd", "toolu_2"))
    return door


def grown(door: Door, number: int) -> None:
    """More steps of an earlier run, straight into the table: how they came there is not what is asked here."""
    shell = sqlite3.connect(door.state / "ledger.db")
    shell.row_factory = sqlite3.Row
    columns = [row[1] for row in shell.execute("PRAGMA table_info(steps)")]
    rest = ", ".join(name for name in columns if name not in ("step_id", "seq", "run_id"))
    shell.execute(
        "INSERT INTO runs SELECT 'earlier', 0, 'completed', 1, project, client, started_at, started_at, 0, 0 FROM runs"
    )
    for at in range(number):
        shell.execute(
            f"INSERT INTO steps (step_id, seq, run_id, {rest}) SELECT 'x{at}', {1000 + at}, 'earlier', {rest} "
            "FROM steps WHERE status = 'succeeded' AND run_id <> 'earlier'"
        )
    shell.commit()
    shell.close()


def work_of(door: Door, query: str, **params: object) -> int:
    count = [0]

    def one() -> int:
        count[0] += 1
        return 0

    with Reader(str(door.state)) as reader:
        reader._connection.set_progress_handler(one, 1)
        reader.all(query, **params)
    return count[0]


def test_the_calls_of_other_runs_cost_nothing(door: Door) -> None:
    run_id = bash()["session_id"]
    asked = [("run_counted", {"run_id": run_id}), ("run_in_brief", {"run_id": run_id}), ("open_steps", {}),
             ("interrupted", {}), ("flagged_steps", {}), ("deferred_steps", {})]  # fmt: skip
    before = [work_of(door, query, **params) for query, params in asked]
    grown(door, 300)
    after = [work_of(door, query, **params) for query, params in asked]
    # One more page of an index to go down; each row read would be ten and more.
    assert all(now <= then + 5 for now, then in zip(after, before, strict=True)), (before, after)
