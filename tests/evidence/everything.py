"""A ledger with a row in every table, written by the ledger's own verbs, and what somebody else can do to it."""

import shutil
import sqlite3
from pathlib import Path

from conformance.past import OWNER, RUN, SESSION, move, owner_body, prepare, seat, session_body, step_in
from durable.ledger.sqlite import SqliteLedger

OTHER = "run-2"
GUARDS = ("events_stay", "events_remain", "only_legal_moves")


def write(home):
    ledger = SqliteLedger(str(home))
    for part in (_seats, _steps, _beside, _ends):
        with ledger.begin() as tx:
            part(tx)
            tx.commit()
    ledger.close()


def _seats(tx):
    seat(tx)
    seat(tx, OTHER, "session-2", "owner-2")
    tx.append("session.joined", OTHER, SESSION, session_body("resume"))
    tx.append("owner.seen", OTHER, OWNER, owner_body())


def _steps(tx):
    for number, status in enumerate(("succeeded", "failed", "in_doubt", "not_done", "refused", "replayed", "running")):
        step_in(tx, status, f"s{number}", f"f{number}")
    done = move(tx, prepare(tx, "s8", "f8", nonce="n", error=None, duplicate_of="s0"), "running")
    output = tx.put_text("dön\u0000e \u2028")
    move(tx, done, "succeeded")
    tx.append("step.late_receipt", RUN, "s8", {"status": "succeeded", "output": output, "error": None})
    prepare(tx, "s9", "f9", run=OTHER, session_id="session-2", owner_id="owner-2", cwd="/tmp/é")


def _beside(tx):
    tx.append("run.leased", RUN, RUN, {"token": 1, "what": "resume", "pid": 1, "started": 2, "boot": "b", "host": "h",
                                      "pidns": "1", "lasts_s": 60.0})  # fmt: skip
    tx.append("job.loaded", OTHER, OTHER, {"name": "j", "path": "/j", "content": tx.put(b"{}"), "hash": "h"})
    tx.append("run.noted", RUN, RUN, {"name": "n", "value": "v", "version": 1, "by": "ada"})
    tx.append("grant.given", RUN, "g1", {"for_step": "s0", "fingerprint": "f0", "project": "/project", "by": "ada",
                                         "reason": "once more"})  # fmt: skip
    said = {"message_id": "m1", "session_id": SESSION, "agent_id": "", "model": "x", "said_at": tx.at}
    tx.append("usage.counted", RUN, SESSION, {"messages": [said | dict.fromkeys(COUNTS, 7)]})
    tx.append("cost.stated", RUN, SESSION, {"micro_usd": 1200, "said_at": tx.at})
    tx.append("spool.folded", "", "a.json", {"why": "receipt"})
    tx.move_cursor("/t.jsonl", 10)
    tx.beat(RUN, 1, tx.at)


COUNTS = ("input", "output", "cache_read", "cache_write")


def _ends(tx):
    gone = {"digest": "0" * 64, "bytes": 3, "class": "read"}
    tx.append("evidence.expired", "", "", {"blobs": [gone]})
    tx.append("turn.started", RUN, SESSION, {"prompt_id": "p"})
    tx.append("run.completed", OTHER, OTHER, {})


def copy(home, place):
    """Only what is on disk: a hook leaves its WAL behind, and so do we."""
    shutil.copytree(home, place)
    return Path(place)


def shell(home, *statements, guards=False):
    """What somebody with write access to the file can do, our triggers out of the way and put back."""
    connection = sqlite3.connect(Path(home) / "ledger.db", isolation_level=None)
    try:
        marks = ", ".join("?" * len(GUARDS))
        sql = f"SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND name IN ({marks})"
        triggers = connection.execute(sql, GUARDS).fetchall()
        for name, _ in [] if guards else triggers:
            connection.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            connection.execute(*(statement if isinstance(statement, tuple) else (statement,)))
        for _, made in [] if guards else triggers:
            connection.execute(made)
    finally:
        connection.close()
