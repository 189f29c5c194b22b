"""Every named point × every ending × every victim, and what must hold after each.

    for cell in cells(HOOKS):
        assert play(cell) == ""

A victim is a row of HOOKS or JOBS: for each point it can be struck at, the scenarios and the names of the crash points.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hooks.door import ROOT

from .accident import KILL, POWER, TERM, at_point, power_cut
from .clients_struck import CLIENT
from .disk import Disk, Tree, outcomes
from .hooks_struck import LIFECYCLE, POST, PRE, Places, Scenario
from .jobs_struck import JOB, RESUMED
from .resumes_struck import AGENTS
from .trace import read_trace
from .world import World, a_world

ENDINGS = (KILL, TERM, POWER)
HOOKS: dict[str, Places] = {
    "the hook before the call": PRE,
    "the hook after the call": POST,
    "the hook between calls": LIFECYCLE,
    "the client": CLIENT,
}
JOBS: dict[str, Places] = {"a job": JOB, "a job that is resumed": RESUMED, "an agent's run that is resumed": AGENTS}


@dataclass(frozen=True)
class Cell:
    victim: str
    point: str
    ending: str
    where: str
    scenario: Scenario

    def __str__(self) -> str:
        return f"{self.ending}: {self.victim}, {self.point} ({self.where})"


def cells(victims: dict[str, Places]) -> Iterator[Cell]:
    for victim, places in victims.items():
        for point, scenarios in places.items():
            for scenario, names in scenarios:
                for where in names:
                    yield from (Cell(victim, point, ending, where, scenario) for ending in ENDINGS)


def play(cell: Cell, checkout: Path = ROOT) -> str:
    """What went wrong, or ""."""
    with a_world(checkout) as world:
        cell.scenario.before(world)
        return _without_power(world, cell) if cell.ending == POWER else _struck(world, cell)


def _struck(world: World, cell: Cell) -> str:
    cell.scenario.strike(world, at_point(cell.where, cell.ending))
    if not _was_reached(world, cell):
        return "nothing was struck"
    cell.scenario.again(world)
    cell.scenario.put_right(world)
    return cell.scenario.go_on(world, 2)


def _without_power(world: World, cell: Cell) -> str:
    log = world.root / "trace"
    disk = Disk(world.door.root)
    cell.scenario.strike(world, power_cut(cell.where, log))
    if not _was_reached(world, cell):
        return "nothing was struck"
    for op in read_trace(log, to_the_kill=True):
        disk.follow(op)
    seen = world.witness.path.read_text()
    for name, tree in _distinct(outcomes(disk, seed=0, torn=1)).items():
        world.witness.path.write_text(seen)
        world.lose_power(tree)
        cell.scenario.put_right(world)
        wrong = cell.scenario.go_on(world, 1)
        if wrong:
            return f"{name}: {wrong}"
    return ""


def _distinct(found: dict[str, Tree]) -> dict[str, Tree]:
    return {name: tree for at, (name, tree) in enumerate(found.items()) if tree not in list(found.values())[:at]}


def _was_reached(world: World, cell: Cell) -> bool:
    """Who is told to stop may answer all the same."""
    return cell.ending == TERM or cell.scenario.was_reached(world)
