"""READ THIS FIRST. One hook, from stdin to stdout.

    stdin ─▶ agents/….parse ─▶ Event ─▶ ledger transaction { what happened ─▶ decide ─▶ step } ─▶ stdout

Three doors lead here, one per file in hooks/. What differs between them is what a failure means:
before the call nothing has happened yet, so whatever keeps us from knowing is a deny; after the call
nothing may be lost, so the news is spooled and the model is told; in between nobody is stopped.
This is the one place that turns a failure into an answer.
"""

from __future__ import annotations

import os
import sys
import time

from durable import crash, switch
from durable.agents.registry import AGENTS
from durable.alarm import Alarm
from durable.errors import DeadlineError, DurableError, InputError
from durable.home import data_home
from durable.ledger.sqlite import SqliteLedger
from durable.policy.files import load_policy
from durable.policy.policy import OBSERVE, Policy
from durable.redact import Redactor
from durable.spool import NOT_ANSWERED, Fold, spool

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import NoReturn

    from durable.event import Event
    from durable.ledger.transaction import Transaction
    from durable.step import Step

CLIENT = "claude-code"


class Hook:
    """What one hook knows so far. Filled from top to bottom; a failure uses what is there."""

    def __init__(self, door: str, env: Mapping[str, str]) -> None:
        self.door = door
        self.env = env
        self.started = time.monotonic()
        self.agent = AGENTS[CLIENT]
        self.alarm = Alarm(env)
        self.home = ""
        self.text = ""
        self.event: Event | None = None
        self.policy: Policy | None = None
        self.redactor = Redactor()
        self.permitted: Step | None = None  # committed as running, and not yet answered

    def read(self) -> Event:
        self.home = data_home(self.env)
        raw = _stdin()
        # Kept even if it can't be understood: after the call it is all there is to spool.
        self.text = raw.decode("utf-8", "backslashreplace")
        try:
            self.event = self.agent.parse(_decoded(raw), self.door, self.env)
        finally:
            self._read_policy()
        return self.event

    def _read_policy(self) -> None:
        """Even for input that can't be read: whether we may deny at all is the policy's to say."""
        project = self.event.project if self.event else self.env.get("CLAUDE_PROJECT_DIR", "")
        self.policy = load_policy(self.home, project, self.env)
        self.redactor = Redactor(self.policy.redact_patterns, self.policy.redact)

    def transaction(self) -> tuple[Transaction, Fold]:
        """A write that has already taken in what waited for one."""
        ledger = SqliteLedger(self.home, patience=None, busy_s=self.alarm.left() - 0.3)
        tx = ledger.begin()
        try:
            fold = Fold(self.home, self.env)
            fold.into(tx, self.redactor)
        except BaseException:
            ledger.rollback()
            raise
        return tx, fold

    def elapsed_us(self) -> int:
        return int((time.monotonic() - self.started) * 1_000_000)


def main(door: str) -> NoReturn:
    hook = Hook.__new__(Hook)
    try:
        hook.__init__(door, os.environ)  # type: ignore[misc]
        marker = switch.read_marker(hook.env)
        if marker is not None and marker.active():
            _leave(0)
        hook.alarm.arm()
        answer = DOORS[door](hook)
        crash.point("before-answer")
        _write(1, answer)
        hook.permitted = None
    except BaseException as error:  # noqa: BLE001 - whatever it is, it must end in an answer
        _fail(hook, door, error)
    crash.point("after-answer")
    _leave(0)


# ---- the three doors --------------------------------------------------------------------------


def before_call(hook: Hook) -> str:
    from durable.policy.decide import DENY
    from durable.prepare import prepare

    event = hook.read()
    assert hook.policy is not None
    tx, fold = hook.transaction()
    with tx:
        decision, step = prepare(tx, event, hook.policy, hook.redactor, hook.env, hook.elapsed_us())
        hook.alarm.check(event.client_pid)
        denied = decision.verdict == DENY and hook.policy.mode != OBSERVE
        hook.permitted = None if denied else step
        tx.commit()
    fold.sweep()
    return hook.agent.render_deny(decision.reason) if denied else hook.agent.render_permit()


def after_call(hook: Hook) -> str:
    from durable.receipt import Receipt

    event = hook.read()
    tx, fold = hook.transaction()
    with tx:
        Receipt(tx, hook.redactor, hook.env).record(event)
        tx.commit()
    fold.sweep()
    return ""


def between_calls(hook: Hook) -> str:
    from durable.lifecycle import Lifecycle

    event = hook.read()
    tx, fold = hook.transaction()
    with tx:
        Lifecycle(tx, hook.redactor, hook.env).record(event)
        tx.commit()
    fold.sweep()
    return ""


DOORS = {"pre_tool_use": before_call, "post_tool_use": after_call, "lifecycle": between_calls}


# ---- failure ----------------------------------------------------------------------------------


def _fail(hook: Hook, door: str, error: BaseException) -> NoReturn:
    try:
        from durable.failure import answer_failure

        code, out, err = answer_failure(hook, door, error)
    except BaseException as second:  # noqa: BLE001 - even the way out may be broken
        code, out, err = 2, "", f"durable: {type(error).__name__}, then {type(second).__name__}; see durable doctor\n"
    _write(1, out, quiet=True)
    _write(2, err, quiet=True)
    _leave(code)


# ---- the edges --------------------------------------------------------------------------------


def _stdin() -> bytes:
    parts = []
    while True:
        part = os.read(0, 1 << 20)
        if not part:
            return b"".join(parts)
        parts.append(part)


def _decoded(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise InputError(f"the input is not UTF-8 (byte {error.start})", "") from None


def _write(descriptor: int, text: str, quiet: bool = False) -> None:
    """Whole or not at all: half a JSON document would let the call run."""
    data = text.encode("utf-8", "backslashreplace")
    try:
        while data:
            data = data[os.write(descriptor, data) :]
    except OSError:
        if not quiet:
            raise


def _leave(code: int) -> NoReturn:
    """Without closing the database: closing the last connection checkpoints, at three more syncs."""
    sys.stdout = sys.stderr = None  # type: ignore[assignment]
    os._exit(code)
