"""A run that was cut off, made strict as resume makes it; what the ledger then says."""

from __future__ import annotations

from collections.abc import Callable

import ledger_view
from durable.ledger.sqlite import SqliteLedger
from durable.ledger.transaction import Transaction
from durable.recovery import strict
from ledger.whole import bodies

from .door import Door, bash, recorded
from .test_once import PAY, RULES, cut_off

SESSION = bash()["session_id"]
TEST = "npm test"
ELSEWHERE = "touch built"
ATTENDED = {"CLAUDE_CODE_SESSION_ATTENDED": "1", "CLAUDE_CODE_ENTRYPOINT": "cli"}


def cut_off_twice(door: Door) -> Door:
    """In a test run and in a payment, and strict."""
    door.policy(RULES)
    left_behind(door, TEST, "toolu_test")
    left_behind(door, PAY, "toolu_pay")
    turn_on(door)
    return door


def left_behind(door: Door, command: str, use_id: str, **fields: object) -> str:
    """In doubt, and its run reconciled: as resume leaves it."""
    cut_off(door, use_id, command, **fields)
    start(door)
    step = ledger_view.step(door.state, tool_use_id=use_id)
    assert step["status"] == "in_doubt", step
    return str(step["step_id"])


def start(door: Door) -> None:
    assert door.lifecycle(recorded("SessionStart-resume", session_id=SESSION)).code == 0


def turn_on(door: Door, run_id: str = SESSION) -> None:
    _in_ledger(door, lambda tx: strict.turn_on(tx, run_id))


def turn_off(door: Door, run_id: str = SESSION) -> None:
    _in_ledger(door, lambda tx: strict.turn_off(tx, run_id, "a person wants it so"))


def _in_ledger(door: Door, work: Callable[[Transaction], None]) -> None:
    ledger = SqliteLedger(str(door.state))
    try:
        with ledger.begin() as tx:
            work(tx)
            tx.commit()
    finally:
        ledger.close()


def is_on(door: Door, run_id: str = SESSION) -> bool:
    ledger = ledger_view.connect(door.state)
    try:
        return bool(ledger.execute("SELECT strict FROM runs WHERE run_id = ?", (run_id,)).fetchone()[0])
    finally:
        ledger.close()


def switched(door: Door) -> list[int]:
    return [body["on"] for body in bodies(door.state, "run.strict")]


def verdict(door: Door, use_id: str) -> tuple[str, str]:
    step = ledger_view.step(door.state, tool_use_id=use_id)
    return step["status"], step["verdict"]


def say(door: Door, verb: str, use_id: str) -> None:
    """A person types it at the prompt."""
    step = ledger_view.step(door.state, tool_use_id=use_id)["step_id"]
    event = recorded("UserPromptSubmit", prompt=f"durable {verb} {step}", session_id=SESSION)
    assert door.lifecycle(event, **ATTENDED).json["decision"] == "block"
