"""The ledger as the tests read it: rows as dicts, what blobs hold in place of their digests.

Read-only and without the code under test, so that it can say what really stands on disk. As a
script, `ledger_view.py STATE_DIRECTORY TOOL_USE_ID`, it lets a tool look at its own row.
"""

import json
import sqlite3
import sys
from pathlib import Path

BY_DIGEST = ("input", "effective_input", "output", "error")


def connect(state):
    ledger = sqlite3.connect(f"file:{Path(state) / 'ledger.db'}?mode=ro", uri=True, timeout=5)
    ledger.row_factory = sqlite3.Row
    return ledger


def steps(state, **wanted):
    """All steps in ledger order, or those whose columns have the wanted values."""
    ledger = connect(state)
    try:
        blobs = dict(ledger.execute("SELECT digest, bytes FROM blobs"))
        rows = [dict(row) for row in ledger.execute("SELECT * FROM steps ORDER BY seq")]
    finally:
        ledger.close()
    for row in rows:
        row.update({name: content(blobs[row[name]]) for name in BY_DIGEST if row[name]})
    return [row for row in rows if all(row[name] == value for name, value in wanted.items())]


def step(state, **wanted):
    """The one step with the wanted values."""
    found = steps(state, **wanted)
    seen = [brief(row) for row in found or steps(state)]
    assert len(found) == 1, f"{len(found)} steps with {wanted}: {seen}"
    return found[0]


def content(stored):
    text = bytes(stored).decode("utf-8", "surrogateescape")
    try:
        return json.loads(text)
    except ValueError:
        return text


def brief(row):
    return f"{row['tool_name']} {row['tool_use_id']} {row['status']} by {row['closed_by']}"


if __name__ == "__main__":
    print(json.dumps(step(sys.argv[1], tool_use_id=sys.argv[2])))
