"""One machine of its own: how its hooks are started, what its world shows a probe, and what its ledger holds."""

from __future__ import annotations

import os
import sqlite3
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path

import ledger_view
from durable.ledger.sqlite import SqliteLedger
from durable.ledger.walk import Walk, walked

from ..door import Door
from . import rules
from .actors import Call
from .book import Book, Client, Made, Violation

STAMP = "%Y-%m-%dT%H:%M:%S.%fZ"


class Machine:
    def __init__(self, root: Path) -> None:
        self.name = f"w{os.getpid()}-{root.parent.name}"  # orphans are known by the session's name
        self.door = Door(root, DURABLE_DEADLINE_S="25")
        self.book = Book()
        self.counted: Counter[str] = Counter()
        self.happened = root / "happened"
        self.happened.mkdir()
        probe = root / "probe"
        probe.write_text(f'#!/bin/sh\ntest -e {self.happened}/"$DURABLE_STEP_ID" || exit 1\necho found\n')
        probe.chmod(0o755)
        self.door.policy(rules.policy(str(probe)))

    # ---- hooks ----------------------------------------------------------------------------------

    def _heard(self, client: Client, door: str, payload: dict[str, object], **env: str) -> None:
        answer = self.door.run(door, payload, **self._env(client), **env)
        # A session that goes on may be told where its run stands.
        told = payload["hook_event_name"] == "SessionStart" and (answer.code, answer.err) == (0, "")
        if "DURABLE_TEST_CRASH" not in env and not (answer.permits or told):
            raise Violation(f"{payload['hook_event_name']} of {client.name}: {answer}")

    def _env(self, client: Client) -> dict[str, str]:
        return {
            "CLAUDE_PID": str(client.process.pid),
            "CLAUDE_PROJECT_DIR": self._project(client),
            "CLAUDE_CODE_SESSION_ATTENDED": "1" if client.attended else "0",
            "CLAUDE_CODE_ENTRYPOINT": "cli" if client.attended else "sdk-cli",
            **client.env,
        }

    def _project(self, client: Client) -> str:
        return str(self.door.project / client.project)

    def _fields(self, client: Client, agent: str = "main", prompt: int = 0) -> dict[str, object]:
        fields: dict[str, object] = {
            "session_id": client.session,
            "cwd": str(self.door.project),
            "transcript_path": f"{self.door.root}/{client.session}.jsonl",
            "prompt_id": f"{client.name}-{prompt or client.prompt_of(agent)}",
        }
        return fields if agent == "main" else fields | {"agent_id": agent, "agent_type": "general-purpose"}

    # ---- what happens, and what is on record ----------------------------------------------------

    def _effect(self, made: Made) -> None:
        if made.step_id:
            (self.happened / made.step_id).touch()
        self.counted["effects"] += 1
        self.book.happen(made)

    def _check_record(self) -> None:
        """What ran was prepared before, and the chain is whole."""
        ledger = SqliteLedger(str(self.door.state), patience=30.0, busy_s=30.0)
        with ledger.begin():
            events = ledger.all("events_after", {"seq": 0})
        faults = walked(Walk({ledger.key.key_id: ledger.key.chain}), events, ledger.key.key_id).faults
        if faults:
            raise Violation(f"the chain is not whole: {faults}")
        order = {(event["type"], event["subject"]): event["seq"] for event in reversed(events)}
        for made in self.book.made:
            if made.step_id and not (order["step.prepared", made.step_id] < order["step.running", made.step_id]):
                raise Violation(f"{made} was let through before it was prepared")

    def _rows(self) -> set[str]:
        return {row["step_id"] for row in ledger_view.steps(self.door.state)} if self.book.clients else set()

    def _row(self, call: Call, before: set[str]) -> str:
        """Prepared before it was let through, or this fails."""
        known = before | {made.step_id for made in self.book.made}
        asked = {"agent_id": "", **self._asks(call)}
        wanted = {name: asked[name] for name in ("session_id", "tool_use_id", "agent_id", "prompt_id")}
        rows = ledger_view.steps(self.door.state, input=asked["tool_input"], **wanted)
        rows = [row for row in rows if row["step_id"] not in known and row["running_at"]]
        if len(rows) != 1 or not rows[0]["prepared_at"]:
            raise Violation(f"{call} was let through, and its rows are {rows}")
        return str(rows[0]["step_id"])

    def _asks(self, call: Call) -> dict[str, object]:
        return rules.asks(call.line, call.use_id, **self._fields(call.client, call.agent))

    def _move_an_hour_back(self) -> None:
        """Beginnings and ends, since the clock can't be moved: not so the times that processes are compared with."""
        ledger = sqlite3.connect(self.door.state / "ledger.db", timeout=30)
        ledger.create_function("hour_before", 1, _hour_before)
        with ledger:
            for name in ("prepared_at", "closed_at"):
                ledger.execute(f"UPDATE steps SET {name} = hour_before({name})")
        ledger.close()


def _hour_before(at: str | None) -> str | None:
    return at and (datetime.strptime(at, STAMP) - timedelta(hours=1)).strftime(STAMP)
