"""`durable resume --replay` of an agent's run as the victim: what never happened is made by us, not by the agent."""

from __future__ import annotations

import os

from .accident import Accident
from .hooks_struck import BOOK, Places, Scenario, a_booking_cut_off
from .jobs_struck import durable, itself_was_killed, somebody_was_killed
from .world import World

RESUME = ("resume", "--run-id", "the-run", "--replay", "--yes", "--wait", "10", "--json")
BOOKING = '#!/bin/sh\nprintf "book %s\\n" "$*" >> {witness}\n'


def a_booking_that_can_be_made(world: World) -> None:
    program = world.root / "bin" / "book"
    program.parent.mkdir()
    program.write_text(BOOKING.format(witness=world.witness.path))
    program.chmod(0o755)
    world.door.env["PATH"] = f"{program.parent}:{os.environ['PATH']}"
    world.want(BOOK)
    a_booking_cut_off(world)
    world.kill_clients()


def replaying(world: World, accident: Accident) -> None:
    durable(world, *RESUME, accident=accident)


def by_us_and_then_by_an_agent(world: World, times: int) -> str:
    durable(world, *RESUME)
    return world.go_on(times)


TAKEN = Scenario(a_booking_that_can_be_made, replaying, go_on=by_us_and_then_by_an_agent, was_reached=itself_was_killed)
MADE = Scenario(
    a_booking_that_can_be_made, replaying, go_on=by_us_and_then_by_an_agent, was_reached=somebody_was_killed
)
AGENTS: Places = {
    "mid-resume": [(TAKEN, ("mid-resume", "resume-probed", "resume-taken"))],
    "after prepare": [(TAKEN, ("job-step-prepared",))],
    "after permit": [(MADE, ("job-before-effect",))],
    "after effect, before receipt": [(MADE, ("after-effect",))],
    "after receipt, before commit": [(MADE, ("receipt-before-commit",))],
}
