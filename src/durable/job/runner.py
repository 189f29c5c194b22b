"""Runs what a job has left to do: each step prepared, started, receipted, several at once where they may.

It ends when nothing more can begin. Whatever ends it earlier, the ledger says how far it came.
"""

from __future__ import annotations

import os
import selectors

from durable import crash
from durable.errors import DurableError
from durable.event import Call
from durable.execute.own import Own
from durable.execute.signals import heard_by
from durable.execute.tools import FILES
from durable.job import standing as at
from durable.job.model import TOOLS
from durable.job.references import filled, mentioned
from durable.job.standing import Standing, ready, standings
from durable.native import loads
from durable.policy.decide import DEFER, DENY
from durable.receipt_text import gone_of, text_of
from durable.step import IN_DOUBT, SUCCEEDED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from durable.execute.start import Hand, Working
    from durable.job.model import Job, JobStep
    from durable.step import Step

    Watch = Callable[[Mapping[str, Standing]], None]

TICK_S = 0.2
RUNS = "running"


class Stuck(Exception):
    """A step whose input can't be put together."""


class Runner:
    """`found` holds where each step stands, from the first look to the end. `interrupted`: a signal ended it."""

    def __init__(self, hand: Hand, job: Job, cwd: str, at_once: int, watch: Watch) -> None:
        self.hand = hand
        self.job = job
        self.cwd = cwd
        self.at_once = at_once
        self.watch = watch
        self.interrupted = 0
        self.failed = False
        self.found: dict[str, Standing] = {}
        self._outputs: dict[str, Any] = {}
        self._under_way: dict[str, Working] = {}
        self._selector = selectors.DefaultSelector()

    def look(self, left: Mapping[str, str]) -> dict[str, Standing]:
        with self.hand.ledger.begin() as tx:
            steps = tx.steps("steps_of_session", session_id=self.hand.place.session_id)
        self.found = standings(self.job, steps, left)
        return self.found

    def run(self) -> None:
        with heard_by(self._interrupt):
            while self._begin() or self._under_way:
                self._wait()

    def _interrupt(self, number: int, frame: object) -> None:
        self.interrupted = number
        for working in self._under_way.values():
            working.stop()

    # ---- beginning ----------------------------------------------------------------------------

    def _begin(self) -> bool:
        """Whether anything was begun."""
        begun = False
        while not (self.failed or self.interrupted) and len(self._under_way) < self.at_once:
            waiting = ready(self.job, self.found)
            if not waiting:
                break
            self._begin_one(self.job.step(waiting[0]))
            self.watch(self.found)
            begun = True
        return begun

    def _begin_one(self, step: JobStep) -> None:
        try:
            given = self._input(step)
        except Stuck as error:
            self._ended(step.id, Standing(at.FAILED, None, str(error)))
            return
        fields = step.rule_fields() | ({"gate": step.gate} if step.gate else {})
        own = Own(self.job.name, step.id, step.effect, fields)
        call = Call(step.id, step.tool, given)
        cwd = self._cwd(step)
        prepared = self.hand.prepare(call, cwd, own)
        decision, row = prepared.decision, prepared.step
        if decision.verdict in (DENY, DEFER):
            kind = at.WAITS if decision.verdict == DEFER else at.DOUBT if decision.code == IN_DOUBT else at.STOPPED
            self._ended(step.id, Standing(kind, row, decision.reason))
            return
        if self.interrupted:
            return  # While a probe was asked, or the ledger was busy. It stays prepared, and nothing of it runs.
        working = self.hand.start(prepared, call, cwd, own)
        self.found[step.id] = Standing(RUNS, row)
        self._under_way[step.id] = working
        self._selector.register(working.outlet, selectors.EVENT_READ, step.id)
        if self.interrupted:
            working.stop()

    def _input(self, step: JobStep) -> dict[str, Any]:
        outputs = {name: self._output(name) for name in mentioned(step.input)}
        given = filled(step.tool, step.input, outputs)
        if step.tool in FILES:
            # What is on record must name the file wherever somebody asks after it.
            field = TOOLS[step.tool]
            given[field] = os.path.join(self._cwd(step), os.path.expanduser(given[field]))
        return given

    def _cwd(self, step: JobStep) -> str:
        return os.path.join(self.cwd, step.cwd) if step.cwd else self.cwd

    def _output(self, name: str) -> str:
        if name not in self._outputs:
            self._outputs[name] = self._kept_output(name, self.found[name].step)
        response = self._outputs[name]
        if isinstance(response, dict) and response.get("truncated"):
            raise Stuck(f"the output of {name} was too long to be kept whole, or is no text: pass it on in a file")
        return text_of(response).rstrip("\n")

    def _kept_output(self, name: str, step: Step | None) -> Any:
        with self.hand.ledger.begin() as tx:
            kept = tx.content(step.output) if step is not None and step.output else None
            if step is not None and step.output and kept is None:
                raise Stuck(f"the output of {name} was {gone_of(tx, step.output)}")
        response = None if kept is None else loads(kept)
        if isinstance(response, dict) and response.get("withheld"):
            raise Stuck(
                f"the output of {name} held what looks like a secret, which no ledger keeps: pass it on in a file"
            )
        return response

    # ---- waiting ------------------------------------------------------------------------------

    def _wait(self) -> None:
        for key, _ in self._selector.select(TICK_S):
            name = key.data
            working = self._under_way[name]
            if working.listen():
                self._selector.unregister(working.outlet)
                del self._under_way[name]
                self._take(name, working)
        self.hand.beat()
        self.watch(self.found)

    def _take(self, name: str, working: Working) -> None:
        answer = working.answer()
        crash.point("job-step-answered")
        row = self._row(working.step_id)
        if answer is None:
            self._ended(name, self._lost(row))
        elif row.status == SUCCEEDED or (answer["status"] == "spooled" and answer["error"] is None):
            self._outputs[name] = answer.get("output")
            self._ended(name, Standing(at.DONE, row))
        else:
            kind = at.DOUBT if row.status == IN_DOUBT else at.FAILED
            self._ended(name, Standing(kind, row, answer.get("error") or answer.get("why") or ""))

    def _ended(self, name: str, standing: Standing) -> None:
        self.found[name] = standing
        self.failed = self.failed or standing.kind in (at.FAILED, at.STOPPED, at.DOUBT)

    def _lost(self, row: Step) -> Standing:
        """Its worker died. What it had begun may go on, and nobody will hear how it ended."""
        from durable.closing import News, apply
        from durable.ending import Ending

        why = "the process that executed it was killed"
        if row.status == "running":
            with self.hand.ledger.begin() as tx:
                apply(tx, row, News(Ending(IN_DOUBT, why), "resume"))
                tx.commit()
        row = self._row(row.step_id)
        kind = {IN_DOUBT: at.DOUBT, SUCCEEDED: at.DONE}.get(row.status, at.FAILED)
        return Standing(kind, row, why)

    def _row(self, step_id: str) -> Step:
        with self.hand.ledger.begin() as tx:
            found = tx.step("step", step_id=step_id)
        if found is None:
            raise DurableError(f"the row of step {step_id} is gone", "look into it with durable doctor")
        return found
