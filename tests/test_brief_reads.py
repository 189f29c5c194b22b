"""What a starting session costs does not grow with its run: rows come by index, the rest has bounds."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from durable.brief import look as briefing
from durable.brief.look import Look, brief_of, items_of
from durable.ledger.sqlite import SqliteLedger
from durable.ledger.statements import named_statements
from durable.ledger.transaction import Transaction
from hooks.door import Door, bash
from hooks.test_brief import PAY, cut_off, like, recorded_by

QUERIES = ("matters_in_run", "steps_that_matter", "open_by_effect", "done_once", "last_calls", "undone_of_run")
RUN = bash()["session_id"]


@pytest.fixture
def door(tmp_path: Path) -> Door:
    door = Door(tmp_path)
    door.policy('[rules.pay]\nmatch = "Bash(pay *)"\neffect = "once"\n')
    cut_off(door, PAY, "toolu_1")
    return door


def ordinary(door: Door, number: int) -> None:
    """Look-ups that succeeded, straight into the table: how they came there is not what is asked here."""
    ledger = sqlite3.connect(door.state / "ledger.db")
    ledger.row_factory = sqlite3.Row
    row = dict(ledger.execute("SELECT * FROM steps").fetchone())
    row |= {"status": "succeeded", "effect": "read", "tool_name": "Read", "closed_at": row["prepared_at"]}
    row |= {"closed_by": "PostToolUse", "fingerprint": "f"}
    columns = ", ".join(row)
    marks = ", ".join(f":{name}" for name in row)
    last = ledger.execute("SELECT max(seq) FROM steps").fetchone()[0]
    rows = [row | {"step_id": f"r{last + at}", "seq": last + at} for at in range(1, number + 1)]
    ledger.executemany(f"INSERT INTO steps ({columns}) VALUES ({marks})", rows)
    ledger.commit()
    ledger.close()


def work_of(door: Door, query: str) -> int:
    """In steps of SQLite's own machine."""
    ledger = sqlite3.connect(door.state / "ledger.db")
    count = [0]

    def one() -> int:
        count[0] += 1
        return 0

    ledger.set_progress_handler(one, 1)
    ledger.execute(named_statements("queries.sql")[query], {"run_id": RUN, "most": 5}).fetchall()
    ledger.close()
    return count[0]


@pytest.mark.parametrize("query", QUERIES)
def test_a_hundred_times_as_many_calls_are_not_more_work(door: Door, query: str) -> None:
    ordinary(door, 250)
    before = work_of(door, query)
    ordinary(door, 25_000)
    assert work_of(door, query) <= before + 100


def test_the_events_of_a_run_are_not_searched_for_what_a_probe_said(door: Door) -> None:
    ledger = sqlite3.connect(door.state / "ledger.db")
    plan = ledger.execute("EXPLAIN QUERY PLAN " + named_statements("queries.sql")["last_probed"], {"step_id": "s"})
    assert ["events_probed" in row[3] for row in plan] == [True]
    ledger.close()


def looked(door: Door, work: Any) -> Any:
    ledger = SqliteLedger(str(door.state))
    try:
        with ledger.begin() as tx:
            return work(tx)
    finally:
        ledger.close()


def doubts(door: Door, number: int, size: int = 0) -> None:
    (first,) = looked(door, lambda tx: items_of(tx, RUN))

    def fill(tx: Transaction) -> None:
        for at in range(number):
            digest = tx.put(json.dumps({"command": f"pay {at} {'x' * size}"}).encode())
            body = like(tx, first.step.step_id, input=digest, idempotency_key=str(at))
            tx.mark_running(tx.prepare(f"s{at:05}", RUN, body))

    recorded_by(door, fill)


def test_all_calls_of_a_dead_client_take_one_look_at_the_processes(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    doubts(door, 60)
    looks: list[Any] = []
    real = briefing.orphans
    monkeypatch.setattr(briefing, "orphans", lambda *given: looks.append(given) or real(*given))
    assert len(looked(door, lambda tx: items_of(tx, RUN))) == 61
    assert len(looks) == 1


def test_what_is_read_of_contents_has_an_end_and_the_latest_doubt_comes_first(door: Door) -> None:
    doubts(door, 20, size=10_000)
    items = looked(door, lambda tx: Look(tx, most_bytes=50_000).items(RUN))
    titles = [item.title for item in items if item.step.step_id != items[0].step.step_id]
    assert [title.startswith("Bash `pay ") for title in titles] == [False] * 16 + [True] * 4
    assert titles[0].startswith("Bash `(10,0")


def test_a_doubt_is_never_pushed_out_by_what_is_done_or_by_others(door: Door) -> None:
    doubts(door, 250)
    told = looked(door, lambda tx: brief_of(tx, RUN))
    named = told.count("durable happened")
    assert named >= 5 and f"- {251 - named} more: durable show" in told
