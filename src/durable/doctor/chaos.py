"""`doctor --chaos`: the registered hooks and a job are struck down at named points, in scratch directories, and a
witness that the ledger knows nothing of counts the effects."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import TYPE_CHECKING

from durable.doctor.chaos_children import Children
from durable.doctor.chaos_hooks import HookTrial, hook_cells
from durable.doctor.chaos_jobs import JobTrial, job_cells, runs_jobs
from durable.doctor.chaos_judge import FAULT, Cell, Found
from durable.doctor.scratch import Scratch

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from durable.doctor.surroundings import Surroundings
    from durable.settings.registered import RegisteredHook

    Tell = Callable[[int, int], None]
    Play = Callable[[str], Found]

# More would only wait for each other on a small machine, and be late for their deadlines.
LANES = 2


class Played:
    """`handler` is the file of the hook, where it was one."""

    __slots__ = ("cell", "found", "handler")

    def __init__(self, cell: Cell, handler: str, found: Found) -> None:
        self.cell = cell
        self.handler = handler
        self.found = found


class Planned:
    """`play` is given a directory of its own."""

    __slots__ = ("cell", "handler", "play")

    def __init__(self, cell: Cell, handler: str, play: Play) -> None:
        self.cell = cell
        self.handler = handler
        self.play = play


class Chaos:
    """`missing`: which hook could not be struck; `left_out`: why there are no jobs. Empty where all was tried."""

    __slots__ = ("left_out", "missing", "played")

    def __init__(self, played: Sequence[Played], missing: str, left_out: str) -> None:
        self.played = list(played)
        self.missing = missing
        self.left_out = left_out

    @property
    def faults(self) -> list[Played]:
        return [one for one in self.played if one.found.outcome == FAULT]


def wreak(around: Surroundings, tell: Tell) -> Chaos:
    """Writes nothing but a scratch directory. Interrupted or not: when it is left, that is gone, and so is whatever
    it started."""
    with Scratch() as scratch, Children() as children:
        left_out = runs_jobs(children, scratch.root)
        guards = around.of_event("PreToolUse")
        cells = [_of_hook(around, children, cell, guard) for guard in guards for cell in hook_cells()]
        if not left_out:
            cells += [_of_job(children, cell) for cell in job_cells()]
        played = _all(cells, scratch.root, children, tell)
    return Chaos(played, _missing(around, guards), left_out)


def _of_hook(around: Surroundings, children: Children, cell: Cell, guard: RegisteredHook) -> Planned:
    return Planned(cell, guard.file, lambda root: HookTrial(around, children, root, cell, guard).play())


def _of_job(children: Children, cell: Cell) -> Planned:
    return Planned(cell, "", lambda root: JobTrial(children, root, cell).play())


def _all(planned: Sequence[Planned], root: str, children: Children, tell: Tell) -> list[Played]:
    """In the order of the plan. Whatever ends it early ends what is under way first."""
    tell(0, len(planned))
    with ThreadPoolExecutor(LANES) as pool:
        try:
            futures = [pool.submit(_played, one, os.path.join(root, f"cell-{at}")) for at, one in enumerate(planned)]
            for done, future in enumerate(as_completed(futures), 1):
                future.result()
                tell(done, len(planned))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            children.end()
            tell(len(planned), len(planned))
            raise
        return [future.result() for future in futures]


def _played(planned: Planned, root: str) -> Played:
    try:
        os.mkdir(root)
        found = planned.play(root)
    except OSError as error:
        found = Found(FAULT, f"it could not be tried ({error.strerror or error})")
    return Played(planned.cell, planned.handler, found)


def _missing(around: Surroundings, guards: Sequence[RegisteredHook]) -> str:
    for hook, objection in around.objections():
        if hook.event == "PreToolUse":
            return f"the PreToolUse hook in {hook.file} was not tried: {objection.problem}"
    return "" if guards else "no PreToolUse hook of durable is registered here"
