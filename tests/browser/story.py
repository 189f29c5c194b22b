"""What happens in a run, each thing at its second; told in any order, written in the order of time."""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

from conformance.past import owner_body, session_body, step_body
from durable.clock import nanoseconds, stamp
from durable.closing import closing
from durable.ledger.sqlite import SqliteLedger
from durable.native import dumps

RUN = "4f1d2c3b-1111-4aaa-8aaa-0123456789ab"
BEGIN = nanoseconds("2026-11-20T15:02:11Z")
PROJECT = "/home/ada/shop"


class Story:
    def __init__(self, seed: int = 5) -> None:
        self.random = random.Random(seed)
        self.numbers = count(1)
        self.acts: list[tuple[float, int, Callable[[Any], None]]] = []
        self.session, self.owner = "", ""
        self.event(0, "run.opened", RUN, {"project": PROJECT, "client": "claude-code"})

    def write(self, home: Path) -> None:
        ledger = SqliteLedger(str(home))
        try:
            with ledger.begin() as tx:
                for second, _, act in sorted(self.acts, key=lambda one: one[:2]):
                    tx.at = stamp(BEGIN + int(second * 1_000_000) * 1000)
                    act(tx)
                tx.commit()
        finally:
            ledger.close()

    def at(self, second: float, act: Callable[[Any], None]) -> None:
        self.acts.append((second, len(self.acts), act))

    def event(self, second: float, kind: str, subject: str, body: dict[str, Any]) -> None:
        self.at(second, lambda tx: tx.append(kind, RUN, subject, body))

    def joins(self, second: float, session: str, owner: str, source: str, continues: str | None = None) -> None:
        self.session, self.owner = session, owner
        body = {**session_body(source), "cwd": PROJECT, "continues": continues}
        self.event(second, "session.joined", session, body)
        self.event(second, "owner.seen", owner, owner_body(session))

    # ---- steps --------------------------------------------------------------------------------

    def prepared(self, second: float, tool: str, effect: str, given: Any, **over: Any) -> str:
        number = next(self.numbers)
        step_id = f"s{number:05d}{'kmnpq'[number % 5]}7wx"
        seat = {"session_id": self.session, "owner_id": self.owner, "tool_name": tool, "effect": effect, "cwd": PROJECT}
        seat |= {"tool_use_id": f"toolu_{number:04d}", "claims": [], "verdict": "permit", "rule": f"built-in {effect}"}

        def prepare(tx: Any) -> None:
            body = step_body(tx, f"f{number}", **(seat | over))
            tx.append("step.prepared", RUN, step_id, {**body, "input": tx.put(dumps(given).encode())})

        self.at(second, prepare)
        return step_id

    def begun(self, second: float, tool: str, effect: str, given: Any, **over: Any) -> str:
        step_id = self.prepared(second, tool, effect, given, **over)
        self.event(second, "step.running", step_id, {"asked_at": None})
        return step_id

    def ends(self, second: float, step_id: str, status: str, by: str = "PostToolUse", **fields: Any) -> None:
        """`output` and `error` are values."""

        def close(tx: Any) -> None:
            kept = {name: tx.put(dumps(fields[name]).encode()) for name in ("output", "error") if name in fields}
            body = closing(status, by, **{"returned": 1, **fields, **kept})
            tx.append(f"step.{status}", RUN, step_id, {name: body[name] for name in body if name != "status"})

        self.at(second, close)

    def done(self, second: float, lasts: float, tool: str, effect: str, given: Any, output: Any, **over: Any) -> str:
        step_id = self.begun(second, tool, effect, given, **over)
        self.ends(second + lasts, step_id, "succeeded", output=output, duration_ms=int(lasts * 1000))
        return step_id

    def stopped(self, second: float, status: str, tool: str, given: Any, told: Any, **over: Any) -> str:
        """Answered by the hook: it never began."""
        step_id = self.prepared(second, tool, "once", given, **over)
        said = {"error": told} if status == "refused" else {"output": told}
        self.ends(second + 0.02, step_id, status, "PreToolUse", returned=0, **said)
        return step_id

    def doubted(self, second: float, step_id: str, why: str) -> None:
        self.event(second, "step.in_doubt", step_id, {"doubt": why, "error": None, "returned": 0})
