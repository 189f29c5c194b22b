"""Does the registered hook do what is promised? It is started on a scratch ledger, and the rows are
read back; then that ledger is broken, one way at a time, and each time the hook must deny."""

from __future__ import annotations

import os
import uuid
from typing import TYPE_CHECKING, Any

from durable.doctor.breaking import breaks
from durable.doctor.check import FAIL, PASS, UNKNOWN, WARN, Check
from durable.doctor.firing import HELD, LET_THROUGH, environment, fire, verdict
from durable.doctor.payloads import Session
from durable.errors import DurableError
from durable.home import command
from durable.ledger.reading import Reader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from durable.doctor.firing import Answer
    from durable.doctor.scratch import Scratch
    from durable.doctor.surroundings import Surroundings
    from durable.settings.registered import RegisteredHook

    Row = dict[str, Any]

RECORDS, CLOSED, KEPT = "records", "fails closed", "keeps receipts"
SUCCEEDS, FAILS, UNANSWERED, OPEN = "doctor-1", "doctor-2", "doctor-3", "doctor-4"
# A hook that waits for a lock waits its whole deadline.
SHORT_DEADLINE = {"DURABLE_DEADLINE_S": "1.5"}
NAMED = 4
HALF = '{"hook_event_name": "PreToolUse", "tool_name": "Ba'


def proof(around: Surroundings, scratch: Scratch) -> Iterator[Check]:
    for hook, objection in around.objections():
        if hook.event == "PreToolUse":
            sentence = f"the PreToolUse hook in {hook.file} was not tried: {objection.problem}"
            yield Check(UNKNOWN, CLOSED, sentence, objection.remedy, essential=True)
    for guard in around.of_event("PreToolUse"):
        yield from Trial(around, scratch, guard).checks()


class Trial:
    """One PreToolUse handler, with the handlers of all other events beside it."""

    def __init__(self, around: Surroundings, scratch: Scratch, guard: RegisteredHook) -> None:
        self.around = around
        self.scratch = scratch
        self.guard = guard
        self.state = scratch.new_state()
        session = f"doctor-{uuid.uuid4()}"
        self.session = Session(session, around.cwd, os.path.join(scratch.root, "transcript.jsonl"))
        self.older = ""
        self.recorded: dict[str, bool] = {}
        self.answers: list[Row] = []

    def checks(self) -> Iterator[Check]:
        permit = self._play()
        yield self._records(permit)
        if self.recorded["PreToolUse"]:
            yield self._fails_closed()
            if self.around.of_event("PostToolUse"):
                yield self._keeps_receipts()

    # ---- on a healthy ledger ------------------------------------------------------------------

    def _play(self) -> Answer:
        """A session from start to end. What each event should leave in the ledger is read back at once."""
        at = self.session
        self._event("SessionStart", at.start(), lambda: bool(self._session()))
        permit = self._before(SUCCEEDS)
        self.recorded["PreToolUse"] = self._is(SUCCEEDS, status="running") and bool(self._step(SUCCEEDS)["prepared_at"])
        if not self.recorded["PreToolUse"]:
            return permit
        self.older = self.scratch.copy_of(self.state)
        self._event("PostToolUse", at.after(SUCCEEDS), lambda: self._is(SUCCEEDS, closed_by="PostToolUse"))
        self._before(FAILS)
        self._event("PostToolUseFailure", at.failed(FAILS), lambda: self._is(FAILS, closed_by="PostToolUseFailure"))
        self._before(UNANSWERED)
        self._event("PostToolBatch", at.batch(UNANSWERED), lambda: bool(self._step(UNANSWERED).get("returned_at")))
        self._before(OPEN)
        whole = self.scratch.copy_of(self.state)
        self._event("SessionEnd", at.end(), lambda: bool(self._session().get("ended_at")))
        self.state = whole
        return permit

    def _records(self, permit: Answer) -> Check:
        missed = [event for event, there in self.recorded.items() if not there]
        if "PreToolUse" in missed:
            return self._no_row(permit)
        if missed:
            sentence = f"what {_listed(missed)} should leave in the ledger is not there"
            return self._check(FAIL, RECORDS, sentence, f"register them again: {command()} init")
        count = len(self.recorded)
        return self._check(PASS, RECORDS, f"{count} kinds of event left their rows in a scratch ledger")

    def _no_row(self, permit: Answer) -> Check:
        register = f"register ours again: {command()} init"
        if verdict(permit, self.guard) == LET_THROUGH:
            sentence = f"{self._where()} lets a call run without a row in the ledger ({permit.words()})"
            return self._check(FAIL, RECORDS, sentence, register)
        what = "denies a harmless call" if self._step(SUCCEEDS) else "records nothing, and so denies every call"
        sentence = f"{self._where()} {what}, on a sound ledger: {permit.reason or permit.words()}"
        return self._check(FAIL, RECORDS, sentence, f"remove the cause that it names, or {register}")

    # ---- on a broken one ----------------------------------------------------------------------

    def _fails_closed(self) -> Check:
        found = {"half its input is missing": verdict(self._fire(self.guard, HALF, self.state), self.guard)}
        for name in breaks():
            found[f"the ledger is {name}"] = self._broken(name)
        self.answers += [{"when": when, "call": what} for when, what in found.items()]
        let = [when for when, what in found.items() if what == LET_THROUGH]
        held = [when for when, what in found.items() if what == HELD]
        if let:
            when = f"whatever is wrong with the ledger or its input ({len(let)} ways tried)"
            if len(let) < len(found):
                when = f"when {_listed(let, 'or')} ({len(let)} of {len(found)} ways tried)"
            sentence = f"{self._where()} lets calls run {when}"
            return self._check(FAIL, CLOSED, sentence, f"register ours again: {command()} init")
        if held:
            sentence = f"{self._where()} crashes, and only onFailure holds the call, when {_listed(held, 'or')}"
            return self._check(WARN, CLOSED, sentence, f"register ours again: {command()} init")
        return self._check(PASS, CLOSED, f"it denied in all {len(found)} ways of breaking ledger or input")

    def _broken(self, name: str) -> str:
        copy = self.scratch.copy_of(self.state)
        mend = breaks()[name](copy, self.older)
        try:
            answer = self._fire(self.guard, self.session.before("doctor-5"), copy, SHORT_DEADLINE if mend else {})
        finally:
            if mend:
                mend()
        return verdict(answer, self.guard)

    def _keeps_receipts(self) -> Check:
        """After the call nothing may be lost, whatever became of the ledger."""
        copy = self.scratch.copy_of(self.state)
        breaks()["full of garbage"](copy, self.older)
        answers = [self._fire(hook, self.session.after(OPEN), copy) for hook in self.around.of_event("PostToolUse")]
        waiting = [name for name in _names(f"{copy}/spool") if name.endswith(".json")]
        if waiting:
            return Check(PASS, KEPT, "a receipt that found the ledger broken waits in the spool")
        sentence = f"a receipt that finds the ledger broken is lost ({answers[0].words()})"
        return Check(FAIL, KEPT, sentence, f"register ours again: {command()} init")

    # ---- starting and reading back ------------------------------------------------------------

    def _event(self, event: str, payload: str, left_its_row: Callable[[], bool]) -> None:
        hooks = self.around.of_event(event)
        for hook in hooks:
            self._fire(hook, payload, self.state)
        if hooks:
            self.recorded[event] = left_its_row()

    def _before(self, use_id: str) -> Answer:
        return self._fire(self.guard, self.session.before(use_id), self.state)

    def _fire(self, hook: RegisteredHook, payload: str, state: str, more: Row | None = None) -> Answer:
        base = self.around.hooks_env
        env = environment(hook, base, state, self.scratch.config, self.session.session_id)
        return fire(hook, payload, {**env, **(more or {})}, self.around.cwd)

    def _is(self, use_id: str, **wanted: str) -> bool:
        step = self._step(use_id)
        return all(step.get(name) == value for name, value in wanted.items())

    def _step(self, use_id: str) -> Row:
        return next((row for row in self._rows("steps_of_run") if row["tool_use_id"] == use_id), {})

    def _session(self) -> Row:
        return next(iter(self._rows("sessions_of_run")), {})

    def _rows(self, query: str) -> list[Row]:
        try:
            with Reader(self.state) as reader:
                return reader.all(query, run_id=self.session.session_id)
        except DurableError:
            return []  # Then nothing was recorded, which is all that is asked.

    def _where(self) -> str:
        return f"the PreToolUse hook in {self.guard.file}"

    def _check(self, status: str, name: str, sentence: str, remedy: str = "") -> Check:
        rows = [{"event": event, "recorded": there} for event, there in self.recorded.items()]
        hook = {"hook": self.guard.file + self.guard.pointer}
        return Check(status, name, sentence, remedy, seen=[hook, *(self.answers if name == CLOSED else rows)])


def _listed(names: list[str], word: str = "and") -> str:
    if len(names) > NAMED:
        names = [*names[: NAMED - 1], f"{len(names) - NAMED + 1} more"]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} {word} {names[-1]}"


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []
