"""A call that durable makes itself walks the way of every other: prepared, permitted, receipted.

Two things differ. The permit is given by whoever is about to execute, in a transaction of its own; and a
job may have said of its step what a rule says of a call.
"""

from __future__ import annotations

import os

from durable.agents import ourselves
from durable.event import BEFORE_CALL, CALL_FAILED, CALL_SUCCEEDED, Call, Event
from durable.job.rule import own_rule, with_own
from durable.prepare import Preparation
from durable.receipt import Receipt

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from durable.closing import News
    from durable.execute.outcome import Outcome
    from durable.policy.decide import Decision
    from durable.policy.ruling import Ruling
    from durable.step import Step

# Executed commands carry it, so that one that outlives us is known by it.
MARK = "DURABLE_SESSION_ID"


class Place:
    """On whose behalf, and where: the run, our session in it, the project it belongs to. `talk` is the row of a
    session that is not ours, where one of its calls is taken up."""

    __slots__ = ("project", "run_id", "session_id", "talk")

    def __init__(self, run_id: str, session_id: str, project: str, talk: dict[str, Any] | None = None) -> None:
        self.run_id = run_id
        self.session_id = session_id
        self.project = project
        self.talk = talk


class Own:
    """What a job says of a step; `None` where nobody said more than the policy does."""

    __slots__ = ("effect", "fields", "job", "step")

    def __init__(self, job: str, step: str, effect: str, fields: dict[str, Any]) -> None:
        self.job = job
        self.step = step
        self.effect = effect
        self.fields = fields

    def rule(self) -> Any:
        return own_rule(self.job, self.step, self.effect, self.fields)

    def ruling(self, ruling: Ruling, call: Call, cwd: str) -> Ruling:
        return with_own(ruling, self.rule(), call, cwd)


class OwnPreparation(Preparation):
    own: Own | None = None

    def _ruling(self) -> Ruling:
        found = super()._ruling()
        return found if self.own is None else self.own.ruling(found, self.call, self.event.cwd)

    def _permit(self, step: Step, decision: Decision) -> None:
        """Not yet: see worker.py."""


class OwnReceipt(Receipt):
    own: Own | None = None

    def of_step(self, step: Step, event: Event) -> News:
        assert event.call is not None
        return self._news(event, event.call, step)

    def _ruling(self, call: Call, cwd: str, project: str) -> Ruling:
        found = super()._ruling(call, cwd, project)
        return found if self.own is None else self.own.ruling(found, call, cwd)


def us() -> dict[str, str]:
    """The environment that a hook would find, if we were the client: we own what we execute."""
    return {"CLAUDE_PID": str(os.getpid())}


def before(place: Place, call: Call, cwd: str, permission_mode: str = "") -> Event:
    event = _event(BEFORE_CALL, place, call, cwd)
    event.client_pid = os.getpid()
    event.permission_mode = permission_mode
    return event


def after(place: Place, call: Call, cwd: str, outcome: Outcome) -> Event:
    event = _event(CALL_SUCCEEDED if outcome.error is None else CALL_FAILED, place, call, cwd)
    event.response = outcome.response
    event.error = outcome.error
    event.interrupted = outcome.interrupted
    return event


def _event(kind: str, place: Place, call: Call, cwd: str) -> Event:
    event = Event(kind, "resume", place.session_id)
    event.agent_id = call.agent_id
    event.call = call
    event.client = ourselves.NAME
    event.cwd = cwd
    event.attended = False
    event.project = place.project
    event.run_id = place.run_id
    talk = place.talk or {}
    event.entrypoint = talk.get("entrypoint", ourselves.NAME)
    event.source = talk.get("source", ourselves.NAME)
    event.transcript_path = talk.get("transcript_path", "")
    return event


def marked(env: Mapping[str, str], place: Place, step: Step) -> dict[str, str]:
    """What an executed step finds in its environment."""
    return {
        **env,
        MARK: place.session_id,
        "DURABLE_RUN_ID": place.run_id,
        "DURABLE_STEP_ID": step.step_id,
        "DURABLE_IDEMPOTENCY_KEY": step.idempotency_key,
    }
