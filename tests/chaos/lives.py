"""A life: clients that come, call at once, and die, hooks struck at random; then somebody repeats all of it.

Everything about it is drawn from its seed but the order in which processes that run at once get their turn.
"""

from __future__ import annotations

import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from hooks.door import Answer

from .accident import NONE, Accident, random_accident
from .client import Client
from .world import World, a_world

COMMANDS = ("pay --to bob", "pay --to eve", "book --to bob", "book --to eve")
ROUNDS = 4
KILLED, STOPPED = STRUCK = ("killed", "stopped")
TOLD_TO_STOP = "signal 15"


class Broken(AssertionError):
    pass


def live(seed: str, traced: bool) -> Counter[str]:
    """What was counted; Broken if an effect was doubled or lost."""
    dice = random.Random(seed)
    with a_world() as world:
        for number in range(ROUNDS):
            _round(world, dice, number, traced)
        wrong = world.go_on(times=1)
        if wrong:
            raise Broken(f"{wrong}; life {seed}")
        return _counted(world)


def _round(world: World, dice: random.Random, number: int, traced: bool) -> None:
    clients = [world.client(dice.choice(("the-run", "the-run", "another"))) for _ in range(dice.choice((1, 2, 2)))]
    for client in clients:
        if dice.random() < 0.3:
            client.starts(dice.choice(("startup", "resume")), _perhaps(dice, traced))
    plans = [_plan(world, dice, clients, f"toolu_{number}_{at}", traced) for at in range(dice.choice((2, 3)))]
    with ThreadPoolExecutor(len(plans)) as at_once:
        for done in [at_once.submit(client.call, *rest) for client, *rest in plans]:
            done.result()
    for client in clients:
        if dice.random() < 0.7:
            client.kill()


def _plan(
    world: World, dice: random.Random, clients: list[Client], use_id: str, traced: bool
) -> tuple[Client, str, str, Accident, Accident]:
    command = world.want(dice.choice(COMMANDS))
    return dice.choice(clients), command, use_id, _perhaps(dice, traced), _perhaps(dice, traced)


def _perhaps(dice: random.Random, traced: bool) -> Accident:
    return random_accident(dice, traced) if dice.random() < 0.75 else NONE


def _counted(world: World) -> Counter[str]:
    counted = Counter(_fate(answer) for client in world.clients for answer in client.answers)
    counted["effects"] = world.witness.counted().total()
    return counted


def _fate(answer: Answer) -> str:
    if answer.code == -9:
        return KILLED
    return STOPPED if TOLD_TO_STOP in answer.out + answer.err else "undisturbed"
