"""The hooks as victims: what there was before, and where each is struck."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from unittest.mock import patch

from durable.home import secure_dir
from durable.ledger import create
from durable.ledger.statements import migrations

from .accident import ACTIONS, TERM, Accident, at_point
from .client import refusal
from .world import World

PAY, BOOK, EARLIER = "pay --to bob", "book --to bob", "pay --to eve"


@dataclass(frozen=True)
class Scenario:
    """`strike` runs the one process that the accident is for, after all that `before` has done; `again` is what a
    client that outlives it does next. `put_right` comes before anybody goes on with the work. `go_on` does that, as
    often as it is told, and gives the verdict. A cell whose point nobody passed (`was_reached`) shows nothing."""

    before: Callable[[World], None]
    strike: Callable[[World, Accident], None]
    again: Callable[[World], None] = lambda world: None
    put_right: Callable[[World], None] = lambda world: None
    go_on: Callable[[World, int], str] = World.go_on
    was_reached: Callable[[World], bool] = World.saw_a_hook_killed


Places = dict[str, list[tuple[Scenario, tuple[str, ...]]]]


# ---- before ---------------------------------------------------------------------------------------


def nothing(world: World) -> None:
    world.client()


def a_call_before(world: World) -> None:
    world.client().call(world.want(EARLIER), "toolu_earlier")


def a_call_that_ran(world: World) -> None:
    a_call_before(world)
    client = world.clients[-1]
    assert not client.asks(world.want(PAY), "toolu_struck")
    world.witness.effect(PAY, client.session)


def a_call_cut_off(world: World) -> None:
    """Nobody heard whether it took effect, and it did."""
    a_call_that_ran(world)
    world.kill_clients()
    world.client()


def a_booking_cut_off(world: World) -> None:
    client = world.client()
    assert not client.asks(world.want(BOOK), "toolu_booked")
    world.kill_clients()
    world.client()


def a_receipt_that_waits(world: World) -> None:
    client = world.client()
    client.call(world.want(EARLIER), "toolu_earlier", after=at_point("before-commit", TERM))
    assert world.door.spooled()


def a_receipt_that_waits_and_a_call_that_ran(world: World) -> None:
    client = world.client()
    assert not client.asks(world.want(PAY), "toolu_struck")
    a_receipt_that_waits(world)
    world.witness.effect(PAY, client.session)


def a_call_that_ran_while_the_ledger_is_gone(world: World) -> None:
    a_call_that_ran(world)
    os.rename(world.door.state / "ledger.db", world.root / "aside")


def the_ledger_comes_back(world: World) -> None:
    shutil.copy(world.root / "aside", world.door.state / "ledger.db")


def a_ledger_of_an_earlier_version(world: World) -> None:
    state = str(world.door.state)
    for path in (state, f"{state}/locks", f"{state}/heads", f"{state}/spool"):
        secure_dir(path)
    first = migrations()[:1]
    with patch.object(create, "migrations", lambda: first), patch.object(create, "MINOR", 0):
        create.complete_creation(state)
    world.client()


# ---- strike ---------------------------------------------------------------------------------------


def asking(world: World, accident: Accident) -> None:
    world.clients[-1].call(world.want(PAY), "toolu_struck", before=accident)


def asking_what_is_probed(world: World, accident: Accident) -> None:
    """The probe itself strikes down the hook that asked it."""
    (world.root / "strike").write_text(ACTIONS[accident.ending].upper())
    world.clients[-1].call(BOOK, "toolu_struck", before=accident)


def telling(world: World, accident: Accident) -> None:
    world.clients[0].tells(PAY, "toolu_struck", accident)


def starting(world: World, accident: Accident) -> None:
    world.clients[-1].starts("resume", accident)


def failing(world: World, accident: Accident) -> None:
    """The tool had its effect, and then failed."""
    world.clients[0].fails(PAY, "toolu_struck", accident)


def ending(world: World, accident: Accident) -> None:
    world.clients[0].ends(accident)


# ---- and again ------------------------------------------------------------------------------------


def asking_again(world: World) -> None:
    """Its client lives, and hears that the hook failed."""
    client = world.clients[-1]
    if refusal(client.answers[-1]):
        client.call(world.asked[-1], "toolu_again")


# ---- all of them ----------------------------------------------------------------------------------

BORN = ("before-creation", "after-key", "before-ledger-rename", "after-ledger-rename", "before-head-rename")
JOINED = ("appended-run.opened", "appended-session.joined", "appended-owner.seen")
COMMITTED = ("after-commit", "before-head-rename")
RECORDED = ("after-head", "after-checkpoint", "before-answer")

FIRST = Scenario(nothing, asking, asking_again)
ASKED = Scenario(a_call_before, asking, asking_again)
FOLDS = Scenario(a_receipt_that_waits, asking, asking_again)
PROBES = Scenario(a_booking_cut_off, asking_what_is_probed, asking_again)
MIGRATES = Scenario(a_ledger_of_an_earlier_version, asking, asking_again)
TOLD = Scenario(a_call_that_ran, telling)
TOLD_AND_FOLDS = Scenario(a_receipt_that_waits_and_a_call_that_ran, telling)
SPOOLS = Scenario(a_call_that_ran_while_the_ledger_is_gone, telling, put_right=the_ledger_comes_back)
FAILED = Scenario(a_call_that_ran, failing)
ENDED = Scenario(a_call_that_ran, ending)
STARTED = Scenario(a_call_cut_off, starting)
STARTED_AND_FOLDS = Scenario(a_receipt_that_waits, starting)
STARTED_AND_MIGRATES = Scenario(a_ledger_of_an_earlier_version, starting)

# By point of the matrix: which scenario, and the named points in the source.
PRE: Places = {
    "before prepare": [(FIRST, BORN), (FIRST, JOINED)],
    "after prepare": [(ASKED, ("appended-step.prepared", "after-prepare"))],
    "after permit": [(ASKED, ("appended-step.running", "after-permit", "before-commit"))],
    "after commit, before head": [(ASKED, COMMITTED), (FIRST, COMMITTED)],
    "before the answer is printed": [(ASKED, RECORDED)],
    "after the answer is printed": [(ASKED, ("answered",))],
    "mid-fold": [(FOLDS, ("mid-fold", *COMMITTED, *RECORDED))],
    "mid-probe": [(PROBES, ("the probe",))],
    "mid-migration": [(MIGRATES, ("mid-migration", "before-commit", *COMMITTED))],
}
POST: Places = {
    "after receipt, before commit": [
        (TOLD, ("appended-step.succeeded", "before-commit")),
        (FAILED, ("appended-step.in_doubt", "before-commit")),
    ],
    "after commit, before head": [(TOLD, COMMITTED), (FAILED, COMMITTED)],
    "before the answer is printed": [(TOLD, RECORDED)],
    "mid-spool": [(SPOOLS, ("before-spool", "mid-spool"))],
    "mid-fold": [(TOLD_AND_FOLDS, ("mid-fold", *COMMITTED))],
}
LIFECYCLE: Places = {
    "after receipt, before commit": [
        (STARTED, ("appended-session.joined", "appended-step.in_doubt", "before-commit")),
        (ENDED, ("before-commit",)),
    ],
    "after commit, before head": [(STARTED, COMMITTED), (ENDED, COMMITTED)],
    "before the answer is printed": [(STARTED, RECORDED)],
    "mid-fold": [(STARTED_AND_FOLDS, ("mid-fold", *COMMITTED))],
    "mid-migration": [(STARTED_AND_MIGRATES, ("mid-migration", *COMMITTED))],
}
