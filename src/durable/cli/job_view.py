"""What a job's run looks like: its id first, in the end a line for each step."""

from __future__ import annotations

from durable.cli.result import Note, Paragraph, Result, Table, Verbatim
from durable.cli.resume_view import settling
from durable.job import standing as at
from durable.view import counted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from durable.cli.result import Block
    from durable.job.runner import Runner
    from durable.job.standing import Standing
    from durable.job.store import Loaded
    from durable.view import Row

INTERRUPTED = 130
NAMES = {
    at.DONE: "done",
    at.TO_DO: "to_do",
    at.DOUBT: "in_doubt",
    at.GOES_ON: "still_running",
    at.WAITS: "waits",
    at.FAILED: "failed",
    at.STOPPED: "stopped",
}


def begun(verb: str, run_id: str, loaded: Loaded) -> Result:
    data = {"run_id": run_id, "job": loaded.job.name, "steps": len(loaded.job.steps), "status": "begun"}
    return Result(verb, data, view=[Paragraph(f"run {run_id}")])


def ended(verb: str, run_id: str, status: str, runner: Runner) -> Result:
    found = runner.found
    data = {
        "run_id": run_id,
        "job": runner.job.name,
        "status": "interrupted" if runner.interrupted else status,
        "steps": [_row(name, standing) for name, standing in found.items()],
    }
    finished = all(standing.kind == at.DONE for standing in found.values())
    code = 0 if finished else INTERRUPTED if runner.interrupted else 1
    return Result(verb, data, code, [*_view(run_id, runner), *_last(run_id, finished, runner)])


def _row(name: str, standing: Standing) -> Row:
    step = standing.step
    return {
        "id": name,
        "standing": NAMES[standing.kind],
        "step_id": step.step_id if step is not None else None,
        "attempt": step.attempt if step is not None else None,
        "why": standing.why or None,
    }


def _view(run_id: str, runner: Runner) -> Iterator[Block]:
    rows = [
        [name, standing.kind, standing.step.step_id if standing.step is not None else "", _attempt(standing)]
        for name, standing in runner.found.items()
    ]
    yield Table(["step", "", "id", ""], rows)
    for name, standing in runner.found.items():
        if standing.why and standing.kind != at.DONE:
            yield Verbatim(f"{name}: {standing.why.strip()}")
        if standing.kind == at.DOUBT and standing.step is not None:
            yield Verbatim(f"  {settling(standing.step.step_id)}")
        if standing.kind == at.WAITS and standing.step is not None:
            yield Verbatim(f"  durable approve {standing.step.step_id}, or durable deny {standing.step.step_id}")


def _attempt(standing: Standing) -> str:
    return f"attempt {standing.step.attempt}" if standing.step is not None and standing.step.attempt > 1 else ""


def _last(run_id: str, finished: bool, runner: Runner) -> Iterator[Block]:
    if finished:
        yield Note("ok", f"{counted(len(runner.found), 'step')} done, each once")
        return
    left = sum(standing.kind != at.DONE for standing in runner.found.values())
    yield Note("warning", f"{counted(left, 'step')} of {len(runner.found)} not done; what is done stays done")
    yield Paragraph(f"To go on: durable resume --run-id {run_id}")
