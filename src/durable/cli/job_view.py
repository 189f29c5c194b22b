"""What a job's run looks like: its id first, in the end a line for each step."""

from __future__ import annotations

import textwrap

from durable.cli.blocks import Note, Paragraph, Table, Verbatim
from durable.cli.result import Result
from durable.cli.resume_view import settling
from durable.cli.screen import columns
from durable.job import standing as at
from durable.step import ONCE
from durable.view import counted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from durable.cli.blocks import Block
    from durable.job.runner import Runner
    from durable.job.standing import Standing
    from durable.job.store import Loaded
    from durable.view import Row

INTERRUPTED = 130
INTERRUPTED_STEP = "interrupted"
LINES = 12  # of what a step said, on the screen
NAMES = {
    at.DONE: "done",
    at.TO_DO: "to_do",
    at.DOUBT: "in_doubt",
    at.GOES_ON: "still_running",
    at.WAITS: "waits",
    at.FAILED: "failed",
    at.STOPPED: "stopped",
    INTERRUPTED_STEP: "interrupted",
}


def begun(verb: str, run_id: str, loaded: Loaded) -> Result:
    data = {"run_id": run_id, "job": loaded.job.name, "steps": len(loaded.job.steps), "status": "begun"}
    return Result(verb, data, view=[Paragraph(f"run {run_id}")], begins=True)


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
    return Result(verb, data, code, [*_view(runner), *_last(run_id, finished, runner)])


def _kind(standing: Standing) -> str:
    """Only what must not happen twice is in doubt in a way that anybody has to settle."""
    free = standing.kind == at.DOUBT and standing.step is not None and standing.step.effect != ONCE
    return INTERRUPTED_STEP if free else standing.kind


def _row(name: str, standing: Standing) -> Row:
    step = standing.step
    return {
        "id": name,
        "standing": NAMES[_kind(standing)],
        "step_id": step.step_id if step is not None else None,
        "attempt": step.attempt if step is not None else None,
        "why": standing.why or None,
    }


def _view(runner: Runner) -> Iterator[Block]:
    rows = [
        [name, _kind(standing), standing.step.step_id if standing.step is not None else "", _attempt(standing)]
        for name, standing in runner.found.items()
    ]
    yield Table(["step", "status", "id", ""], rows)
    for name, standing in runner.found.items():
        if standing.kind not in (at.DONE, at.TO_DO):
            yield Verbatim("\n".join([*_why(name, standing), *_helps(standing)]))


def _why(name: str, standing: Standing) -> list[str]:
    """A command may have said a lot: its exit code and its last words are most of what there is to know."""
    said = (standing.why or _kind(standing)).strip().splitlines()
    if standing.kind == at.WAITS:
        said = said[:1]  # The rest says in other words which lines answer it.
    first, *more = _wrapped(f"{name}: {said[0]}", "")
    more += [part for line in said[1:] for part in _wrapped(line, "  ")]
    if len(more) < LINES or standing.step is None:
        return [first, *more]
    left_out = len(more) - LINES + 1
    return [first, f"  … {left_out} lines more: durable step {standing.step.step_id} --full", *more[left_out:]]


def _wrapped(line: str, indent: str) -> list[str]:
    """Between words alone: an id or a path that is broken can't be copied."""
    return textwrap.wrap(
        line,
        columns() - 1,
        initial_indent=indent,
        subsequent_indent="  ",
        break_long_words=False,
        break_on_hyphens=False,
    ) or [""]


def _helps(standing: Standing) -> list[str]:
    step, kind = standing.step, _kind(standing)
    if step is not None and kind == at.WAITS:
        return [f"  durable approve {step.step_id}, or durable deny {step.step_id}"]
    # One that was never permitted is held back by another's doubt, and the reason says how to settle that.
    if step is not None and kind == at.DOUBT and step.running_at is not None:
        return [f"  {settling(step.step_id)}"]
    return []


def _attempt(standing: Standing) -> str:
    return f"attempt {standing.step.attempt}" if standing.step is not None and standing.step.attempt > 1 else ""


def _last(run_id: str, finished: bool, runner: Runner) -> Iterator[Block]:
    if finished:
        yield Note("ok", f"{counted(len(runner.found), 'step')} done")
        return
    done = sum(standing.kind == at.DONE for standing in runner.found.values())
    begin = "interrupted: " if runner.interrupted else ""
    yield Note("warning", f"{begin}{done} of {counted(len(runner.found), 'step')} done; what is done stays done")
    yield Paragraph(f"To go on: durable resume --run-id {run_id}")
