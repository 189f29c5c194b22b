"""The client as the victim, while its tool is at work: no hook hears how the call ended."""

from __future__ import annotations

from collections.abc import Callable

from .accident import KILL, TERM, Accident
from .hooks_struck import BOOK, PAY, Places, Scenario, a_call_before
from .world import World


def amid_the_effect(command: str) -> Callable[[World, Accident], None]:
    """Killed, it leaves its tool at work; told to stop, it stops its tool as well; without power nobody lives on."""

    def strike(world: World, accident: Accident) -> None:
        client = world.clients[-1]
        assert not client.asks(world.want(command), "toolu_struck", accident)
        effect = world.witness.slow_effect(command, client.session)
        if accident.ending == KILL:
            client.kill()
            world.client().call(command, "toolu_beside")  # beside the orphan
            effect.go_on()
        else:
            effect.die()
            _ends(world, accident)

    return strike


def after_the_effect(command: str) -> Callable[[World, Accident], None]:
    def strike(world: World, accident: Accident) -> None:
        client = world.clients[-1]
        assert not client.asks(world.want(command), "toolu_struck", accident)
        world.witness.effect(command, client.session)
        _ends(world, accident)

    return strike


def _ends(world: World, accident: Accident) -> None:
    """Told to stop, it says goodbye."""
    client = world.clients[-1]
    if accident.ending == TERM:
        client.ends()
    client.kill()


CLIENT: Places = {
    "mid-effect": [
        (Scenario(a_call_before, amid_the_effect(PAY)), ("what can't be looked up",)),
        (Scenario(a_call_before, amid_the_effect(BOOK)), ("what can be looked up",)),
    ],
    "after effect, before receipt": [
        (Scenario(a_call_before, after_the_effect(PAY)), ("what can't be looked up",)),
        (Scenario(a_call_before, after_the_effect(BOOK)), ("what can be looked up",)),
    ],
}
