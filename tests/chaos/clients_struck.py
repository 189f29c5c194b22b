"""The client as the victim, while its tool is at work: no hook hears how the call ended."""

from __future__ import annotations

from hooks.door import recorded

from .accident import KILL, NONE, POWER, Accident
from .hooks_struck import PAY, Places, Scenario, a_call_before
from .world import World


def amid_the_effect(world: World, accident: Accident) -> None:
    client = world.clients[-1]
    assert not client.asks(world.want(PAY), "toolu_struck", accident)
    effect = world.witness.slow_effect(PAY, client.session)
    if accident.ending == KILL:
        client.kill()
        another = world.client()
        assert another.call(PAY, "toolu_beside"), "let through beside the orphan"
        effect.go_on()
        return
    effect.die()
    _ends(world, accident)


def after_the_effect(world: World, accident: Accident) -> None:
    client = world.clients[-1]
    assert not client.asks(world.want(PAY), "toolu_struck", accident)
    world.witness.effect(PAY, client.session)
    _ends(world, accident)


def _ends(world: World, accident: Accident) -> None:
    """Told to stop, it stops its tool and says goodbye."""
    client = world.clients[-1]
    if accident.ending not in (KILL, POWER):
        fields = {"session_id": client.session, "transcript_path": f"{world.door.root}/{client.session}.jsonl"}
        client.hook("lifecycle", recorded("SessionEnd-other", **fields), NONE)
    client.kill()


CLIENT: Places = {
    "mid-effect": [(Scenario(a_call_before, amid_the_effect), ("the effect",))],
    "after effect, before receipt": [(Scenario(a_call_before, after_the_effect), ("the receipt",))],
}
