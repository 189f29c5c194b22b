"""A PreToolUse hook as one would write it at first: pydantic, sqlite3, WAL, synchronous.

It is what bench/hook_start.py compares ours with. No keyed hash, no chain, no lock, no deadline.
"""

import os
import sqlite3
import sys
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel

SCHEMA = """
CREATE TABLE IF NOT EXISTS steps (
    step_id TEXT PRIMARY KEY, session_id TEXT, tool_use_id TEXT, tool_name TEXT, input TEXT, prepared_at TEXT
)
"""


class Payload(BaseModel):
    session_id: str
    hook_event_name: str
    tool_name: str
    tool_use_id: str
    tool_input: dict[str, Any]
    cwd: str


def main() -> None:
    payload = Payload.model_validate_json(sys.stdin.read())
    home = Path(os.environ["DURABLE_HOME"])
    home.mkdir(parents=True, exist_ok=True)
    ledger = sqlite3.connect(home / "naive.db")
    ledger.execute("PRAGMA journal_mode = WAL")
    ledger.execute("PRAGMA synchronous = FULL")
    with ledger:
        ledger.execute(SCHEMA)
        row = (
            str(uuid.uuid4()),
            payload.session_id,
            payload.tool_use_id,
            payload.tool_name,
            payload.model_dump_json(include={"tool_input"}),
            datetime.now(UTC).isoformat(),
        )
        ledger.execute("INSERT INTO steps VALUES (?, ?, ?, ?, ?, ?)", row)
    ledger.close()


main()
