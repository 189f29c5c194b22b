"""With the real client: a session that goes on hears what was cut off and what is done, when it is resumed."""

from __future__ import annotations

import json

import ledger_view

from .client import Client
from .scripted_model import bash, say
from .test_once import PAY, held, shop

__all__ = ["shop"]


def heard(client: Client) -> str:
    """Everything that the model was last told."""
    return json.dumps(client.model.last.messages)


def test_after_the_worst_moment_the_model_hears_of_the_payment(shop: Client) -> None:
    gate = held(shop)
    running = shop.start([[bash(PAY, "toolu_1")]])
    gate.wait_until_reached()
    running.kill()
    gate.open()
    shop.wait_for_effect("paid bob 5")
    shop.run([[say("unused")], [say("done")]], prompt="go on", resume=running.session_id)
    step = ledger_view.step(shop.state, tool_use_id="toolu_1")["step_id"]
    assert "nobody knows whether it took effect" in heard(shop)
    assert f"durable happened {step}" in heard(shop)


def test_what_is_done_is_heard_of_too(shop: Client) -> None:
    first = shop.run([[bash(PAY, "toolu_1")], [say("paid")]])
    shop.run([[say("unused")], [say("unused")], [say("done")]], prompt="go on", resume=first.session_id)
    assert "Its result: `receipt 77 for bob 5`" in heard(shop)
