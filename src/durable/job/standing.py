"""Where each step of a job stands, by what the ledger holds of it. Pure."""

from __future__ import annotations

from durable.step import IN_DOUBT, ONCE, OPEN, PREPARED, RUNNING, SUCCEEDED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from durable.job.model import Job
    from durable.step import Step

DONE = "done"
TO_DO = "to do"
DOUBT = "in doubt"
GOES_ON = "still running"
WAITS = "waits for a person"
FAILED = "failed"
STOPPED = "stopped"


class Standing:
    """`why` is for whoever asks; `step` the row that it speaks of, if there is one."""

    __slots__ = ("kind", "step", "why")

    def __init__(self, kind: str, step: Step | None = None, why: str = "") -> None:
        self.kind = kind
        self.step = step
        self.why = why


def standings(job: Job, steps: Iterable[Step], left: Mapping[str, str]) -> dict[str, Standing]:
    """`left` says of a step which process of it still runs."""
    rows: dict[str, list[Step]] = {step.id: [] for step in job.steps}
    for step in steps:
        rows.get(step.tool_use_id, []).append(step)
    return {name: _standing(_that_counts(those), left) for name, those in rows.items()}


def _that_counts(rows: list[Step]) -> Step | None:
    """What is done or open says more than a later try that was refused because of it."""
    counting = [row for row in rows if row.status in OPEN or (row.status == SUCCEEDED and row.released_at is None)]
    return max(counting, key=lambda row: (row.status == SUCCEEDED, row.seq), default=None)


def _standing(step: Step | None, left: Mapping[str, str]) -> Standing:
    if step is None:
        return Standing(TO_DO)
    if step.status == SUCCEEDED:
        return Standing(DONE, step)
    if step.status == PREPARED:
        waits = step.deferred_at is not None and step.approval != "approved"
        return Standing(WAITS if waits else TO_DO, step)
    if step.step_id in left:
        return Standing(GOES_ON, step, left[step.step_id])
    if step.status == RUNNING:
        return Standing(DOUBT, step, "whoever began it can't be seen from here")
    if step.status == IN_DOUBT and step.effect == ONCE:
        return Standing(DOUBT, step, step.doubt or "")
    return Standing(TO_DO, step)


def ready(job: Job, found: Mapping[str, Standing]) -> list[str]:
    """What can begin now, in the job's order."""
    needs = job.needs()
    return [
        step.id
        for step in job.steps
        if found[step.id].kind == TO_DO and all(found[name].kind == DONE for name in needs[step.id])
    ]
