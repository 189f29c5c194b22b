"""READ THIS FIRST. One hook, from stdin to stdout.

    stdin ─▶ agents/….parse ─▶ Event ─▶ ledger transaction { what happened ─▶ decide ─▶ step } ─▶ stdout

Three doors lead here, one per file in hooks/. What differs between them is what a failure means:
before the call nothing has happened yet, so whatever keeps us from knowing is a deny; after the call
nothing may be lost, so the news is spooled and the model is told; in between nobody is stopped.
This is the one place that turns a failure into an answer.
"""

from __future__ import annotations

import sys
import time

from durable import crash, switch
from durable.agents.registry import AGENTS, CLIENT
from durable.alarm import Alarm
from durable.errors import DurableError, InputError
from durable.home import data_home
from durable.lean import os
from durable.ledger.sqlite import SqliteLedger
from durable.policy.files import load_policy
from durable.policy.policy import Policy
from durable.redact import Redactor
from durable.waiting import waiting

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, NoReturn

    from durable.bundle import Bundle
    from durable.event import Event
    from durable.fold import Fold
    from durable.ledger.transaction import Transaction
    from durable.prepare import Prepared
    from durable.probing import Verdicts
    from durable.step import Step

FOLDED_A_SECOND = 4_000_000  # bytes that a slow machine takes in
TO_ANSWER_S = 1.0  # what a probe leaves of the deadline
LARGEST_INPUT = 100_000_000  # without an end to it the kernel would kill us, and the call would run


class Hook:
    """What one hook knows so far. Filled from top to bottom; a failure uses what is there."""

    def __init__(self, door: str, env: Mapping[str, str]) -> None:
        self.door = door
        self.env = env
        self.started = time.monotonic()
        self.agent = AGENTS[CLIENT]
        self.alarm = Alarm()
        self.marker: switch.Marker | None = None
        self.fold: Fold | None = None
        self.home = ""
        self.text = ""
        self.event: Event | None = None
        self.policy: Policy | None = None
        self.redactor = Redactor()
        self.permitted: Step | None = None  # written as running, and not yet answered
        self.recorded = False
        self.news: list[dict[str, Any]] = []  # for the sinks of the policy

    def read(self) -> Event:
        """Every part is tried, whatever became of those before it: whether we may deny at all is the
        policy's to say, and after the call the text is all there is to keep."""
        parts = [self._arm, self._find_home, self._read_input, self._understand]
        # What the deadline may cut off comes last: after the call the policy, before it the input.
        parts.insert(4 if self.door == "post_tool_use" else 2, self._read_policy)
        troubles = []
        for part in parts:
            try:
                part()
            except DurableError as error:
                troubles.append(error)
        if troubles:
            raise troubles[0]
        assert self.event is not None
        return self.event

    def _arm(self) -> None:
        self.alarm.arm(self.env)

    def _find_home(self) -> None:
        self.home = data_home(self.env)

    def _read_policy(self) -> None:
        project = self.event.project if self.event else self.env.get("CLAUDE_PROJECT_DIR", "")
        self.alarm.doing = "reading the policy files"
        self.policy = load_policy(self.home, project, self.env)
        self.redactor = Redactor.of(self.policy)

    def _read_input(self) -> None:
        self.alarm.doing = "waiting for its input"
        raw = bytearray()
        try:
            _fill(raw)
        finally:
            self.text = raw.decode("utf-8", "backslashreplace")
        _check_utf8(raw)

    def _understand(self) -> None:
        self.event = self.agent.parse(self.text, self.door, self.env)
        if self.policy is not None and not self.env.get("CLAUDE_PROJECT_DIR"):
            self._read_policy()

    def transaction(self) -> Transaction:
        """A write that has already taken in what waited for one."""
        ledger = SqliteLedger(self.home, patience=None, busy_s=self.alarm.left() - 0.3)
        self.alarm.doing = f"waiting for another process to release the ledger in {self.home}"
        tx = ledger.begin()
        self.alarm.doing = "writing its row"
        try:
            if waiting(self.home, self.env):
                self._take_in(tx)
            if self.marker is not None:
                switch.record(tx, self.marker, self.redactor)
        except BaseException:
            ledger.rollback()
            raise
        return tx

    def _take_in(self, tx: Transaction) -> None:
        from durable.fold import Fold

        left = self.alarm.left()
        self.fold = Fold(self.home, self.env, left / 2, int(left * FOLDED_A_SECOND / 2))
        self.fold.into(tx, self.redactor)

    def sweep(self) -> None:
        """After the commit: what was taken in need not wait any longer."""
        self.recorded = True
        if self.fold is not None:
            self.fold.sweep()
        if self.marker is not None:
            switch.remove(self.marker, self.env)

    def gather(self, tx: Transaction, prepared: Prepared | None = None) -> None:
        """Before the commit: what there will be to tell once it has been answered."""
        if self.policy is None or not self.policy.notify:
            return
        from durable import news

        self.news += news.endings(tx)
        if prepared is not None:
            self.news += news.answer(tx, prepared, self.redactor)

    def tell(self) -> None:
        if self.news and self.policy is not None:
            from durable.notify import notify

            notify(self.policy.notify, self.news)

    def still_wanted(self) -> None:
        if self.permitted is not None and self.event is not None:
            self.alarm.check(self.event.client_pid)

    def elapsed_us(self) -> int:
        return int((time.monotonic() - self.started) * 1_000_000)


def main(door: str, marker: switch.Marker | None, bundle: Bundle) -> NoReturn:
    """Ends the process with the answer. `marker`, if there is one, is not in force now."""
    hook = Hook(door, os.environ)
    try:
        _claim_streams()
        hook.marker = marker
        answer = DOORS[door](hook)
        crash.point("before-answer")
        hook.still_wanted()
        _write(1, answer)
        hook.alarm.disarm()
        crash.point("answered")
        hook.tell()
        if bundle.stale:
            _make_bundle(door)
    except BaseException as error:  # noqa: BLE001 - whatever it is, it must end in an answer
        hook.alarm.disarm()
        _fail(hook, error)
    _leave(0)


def _make_bundle(door: str) -> None:
    from durable.bundling import make

    make(door)


# ---- the three doors --------------------------------------------------------------------------


def before_call(hook: Hook) -> str:
    from durable.policy.decide import PROBE

    event = hook.read()
    verdicts: Verdicts = {}
    while True:
        prepared = _prepare(hook, event, verdicts)
        if prepared.decision.verdict != PROBE:
            answer: str = hook.agent.render_decision(prepared.decision, prepared.replacement)
            return answer
        _probe(hook, prepared, verdicts)


def _prepare(hook: Hook, event: Event, verdicts: Verdicts) -> Prepared:
    from durable.policy.decide import MAY_RUN
    from durable.prepare import Preparation

    assert hook.policy is not None
    tx = hook.transaction()
    with tx:
        preparation = Preparation(tx, event, hook.policy, hook.redactor, hook.env, verdicts)
        prepared = preparation.prepare(hook.elapsed_us(), _tampering(hook, event))
        hook.alarm.check(event.client_pid)
        hook.permitted = prepared.step if prepared.decision.verdict in MAY_RUN else None
        hook.gather(tx, prepared)
        tx.commit()
    hook.sweep()
    return prepared


def _tampering(hook: Hook, event: Event) -> str:
    from durable.protection.tampering import tampers

    assert event.call is not None
    return tampers(event.call, event.cwd, hook.home, hook.env, event.project)


def _probe(hook: Hook, prepared: Prepared, verdicts: Verdicts) -> None:
    """Outside lock and transaction: a probe takes as long as it takes, and others must not wait for it."""
    from durable.probing import ask

    question = prepared.question
    assert question is not None
    hook.alarm.doing = f"probing step {question.step_id}"
    seconds = max(hook.alarm.left() - TO_ANSWER_S, 0.1)
    verdicts[question.step_id] = ask(question, seconds, hook.env)


def after_call(hook: Hook) -> str:
    from durable.receipt import Receipt

    event = hook.read()
    tx = hook.transaction()
    with tx:
        assert hook.policy is not None
        Receipt(tx, hook.redactor, hook.env, hook.policy).record(event)
        hook.gather(tx)
        tx.commit()
    hook.sweep()
    return ""


def between_calls(hook: Hook) -> str:
    from durable.lifecycle import Lifecycle

    event = hook.read()
    tx = hook.transaction()
    with tx:
        said = Lifecycle(tx, hook.redactor, hook.env).record(event)
        hook.gather(tx)
        tx.commit()
    hook.sweep()
    answer: str = hook.agent.render_said(event.name, said) if said else ""
    return answer


DOORS = {"pre_tool_use": before_call, "post_tool_use": after_call, "lifecycle": between_calls}


# ---- failure ----------------------------------------------------------------------------------


def _fail(hook: Hook, error: BaseException) -> NoReturn:
    try:
        from durable.failure import answer_failure
    except Exception:  # With the ledger open there may be no descriptor left to load it
        if hook.door == "post_tool_use" and hook.event is not None:
            _write(1, _told_unaided(hook, hook.event.name), quiet=True)
            _leave(0)
        raise
    code, out, err = answer_failure(hook, error)
    _write(1, out, quiet=True)
    _write(2, err, quiet=True)
    _leave(code)


def _told_unaided(hook: Hook, name: str) -> str:
    """The input has been read, so the last resort could no longer find the name the client looks for."""
    if name == "PostToolBatch" or hook.recorded:
        return ""
    said = "durable: this call DID run; do not run it again. Its receipt could not be recorded now."
    told: str = hook.agent.render_told(name, said, said)
    return told


# ---- the edges --------------------------------------------------------------------------------


def _claim_streams() -> None:
    """A closed one is opened the wrong way round, so that using it still fails. Left free, its number
    would go to the next file we open, and our answer into that file."""
    for descriptor, wrong_way in ((0, os.O_WRONLY), (1, os.O_RDONLY), (2, os.O_RDONLY)):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, wrong_way)


def _fill(raw: bytearray) -> None:
    try:
        while part := os.read(0, 1 << 20):
            raw += part
            if len(raw) > LARGEST_INPUT:
                raise InputError(f"the input is larger than {LARGEST_INPUT} bytes", "make the call a smaller one")
    except OSError as error:
        raise InputError(f"the input can't be read ({error.strerror})", "") from None


def _check_utf8(raw: bytearray) -> None:
    try:
        raw.decode()
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
    sys.stdout = sys.stderr = None
    os._exit(code)
