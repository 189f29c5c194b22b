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


def struck_at(command: str, strike: Callable[[str], Callable[[World, Accident], None]]) -> Scenario:
    return Scenario(a_call_before, strike(command), was_reached=lambda _: True)


CLIENT: Places = {
    "mid-effect": [
        (struck_at(PAY, amid_the_effect), ("what can't be looked up",)),
        (struck_at(BOOK, amid_the_effect), ("what can be looked up",)),
    ],
    "after effect, before receipt": [
        (struck_at(PAY, after_the_effect), ("what can't be looked up",)),
        (struck_at(BOOK, after_the_effect), ("what can be looked up",)),
    ],
}
