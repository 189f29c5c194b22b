"""Where a client is cut off round a payment, what the model then repeats, and the ways in which somebody goes on."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import ledger_view

from .client import add_hook
from .scripted_model import Block, ToolResult, bash, call, delegate, say
from .shop import Shop
from .waiting import Gate, wait_for

PAY = "pay bob 5"
CUT = "toolu_cut"
INSIDE = "toolu_inside"
GO_ON = ("--yes", "--wait", "0")


class Cut:
    """Where a session was cut off: its run, and the step that it left behind."""

    def __init__(self, shop: Shop, session_id: str) -> None:
        self.shop = shop
        self.run_id = session_id
        left = ledger_view.step(shop.state, tool_use_id=CUT)
        self.step_id = left["step_id"]
        self.in_doubt = left["status"] != "succeeded"


# ---- the cuts ---------------------------------------------------------------------------------------


def in_bash(shop: Shop, lives: bool, **more: Any) -> Cut:
    gate = shop.hold()
    shop.plays([[bash(PAY, CUT, **more)], [say("it goes on")]])
    running = shop.start()
    gate.wait_until_reached()
    if more.get("run_in_background"):
        shop.model.wait_for_turn(1)
    running.kill()
    return _left(shop, running.session_id, gate, lives)


def in_a_sub_agent(shop: Shop) -> Cut:
    gate = shop.hold()
    shop.plays([[delegate("sub", run_in_background=False)]], sub=[[bash(PAY, CUT)]])
    running = shop.start()
    gate.wait_until_reached()
    running.kill()
    return _left(shop, running.session_id, gate, lives=False)


def in_an_mcp_call(shop: Shop) -> Cut:
    shop.args = shop.lab()
    shop.plays([[order(shop, CUT)]])
    running = shop.start()
    shop.pay_gate.wait_until_reached()
    running.kill()
    return Cut(shop, running.session_id)


def between_two_tools(shop: Shop) -> Cut:
    played = shop.plays([[bash(PAY, CUT)]], pauses_at=1)
    running = shop.start()
    shop.model.wait_for_turn(1)
    running.kill()
    played.speak.set()
    return Cut(shop, running.session_id)


def in_our_hook(shop: Shop, point: str) -> str:
    """At a point of the hook before the payment; the hook then goes on without its client. Gives the session."""
    held = shop.root / "held"
    played = shop.plays([[bash(PAY, CUT)]], pauses_at=0)
    running = shop.start(env={"DURABLE_TEST_CRASH": f"{point}:hold={held}"})

    def heard() -> bool:
        held.unlink(missing_ok=True)  # The hooks before the first request have that point as well.
        return bool(shop.model.requests)

    wait_for(heard, "the first request")
    played.speak.set()
    wait_for(held.exists, f"the hook at {point}")
    running.kill()
    held.unlink()
    shop.wait_for_quiet(running.session_id)
    return running.session_id


def behind_our_hook(shop: Shop) -> Cut:
    """It has permitted the payment; another one has not."""
    gate = shop.gate()
    settings = add_hook(shop.settings, "PreToolUse", gate.command("true"))
    shop.plays([[bash(PAY, CUT)]])
    running = shop.start(settings=settings)
    gate.wait_until_reached()
    wait_for(lambda: [row for row in ledger_view.steps(shop.state) if row["status"] == "running"], "our permit")
    running.kill()
    gate.open()
    shop.wait_for_quiet(running.session_id)
    return Cut(shop, running.session_id)


def _left(shop: Shop, session_id: str, gate: Gate, lives: bool) -> Cut:
    if not lives:
        gate.open()
        shop.wait_for_quiet(session_id)
    return Cut(shop, session_id)


CUTS = {
    "bash-orphan-lives": lambda shop: in_bash(shop, lives=True),
    "bash-orphan-gone": lambda shop: in_bash(shop, lives=False),
    "mcp-call": in_an_mcp_call,
    "between-two-tools": between_two_tools,
    "sub-agent": in_a_sub_agent,
    "background": lambda shop: in_bash(shop, lives=True, run_in_background=True),
}


# ---- the model repeats --------------------------------------------------------------------------------


def order(shop: Shop, use_id: str, **more: str) -> Block:
    return call("mcp__lab__slow", {"text": "paid bob 5", "gate": str(shop.pay_gate.path), **more}, use_id)


def same_words(cut: Cut) -> list[Block]:
    """The model may use the old id again, and a description is no part of a call."""
    if cut.shop.args:
        return [order(cut.shop, CUT), order(cut.shop, "toolu_again")]
    described = bash(PAY, "toolu_described", description="try the payment again", timeout=60_000)
    return [bash(PAY, CUT), bash(PAY, "toolu_again"), described, bash(PAY, "toolu_later", run_in_background=True)]


def other_names(cut: Cut) -> list[Block]:
    """Another text, and provably the same call."""
    shop = cut.shop
    if shop.args:
        given = order(shop, "")["input"]
        return [call("mcp__lab__slow", dict(reversed(given.items())), "toolu_reordered")]
    lines = {
        "path": f"{shop.bin}/{PAY}",
        "cd": f"cd {shop.project} && {PAY}",
        "quotes": "true; pay 'bob'  \"5\" || echo no",
        "shell": f"sh -c '{PAY}'",
    }
    return [bash(line, f"toolu_{name}") for name, line in lines.items()]


def new_words(cut: Cut) -> list[Block]:
    """What only a person knows to be the same call."""
    if cut.shop.args:
        return [order(cut.shop, "toolu_more", key="1"), order(cut.shop, "toolu_text", text="paid  bob 5")]
    return [bash("pay --to=bob 5", "toolu_options"), bash(f"cd sub && {PAY}", "toolu_elsewhere")]


def repeated(cut: Cut, calls: Sequence[Block], way: Any) -> dict[str, ToolResult]:
    """What the model hears, by the id of each call, when it makes them that way; a sub-agent makes the last again."""
    inside = [[{**calls[-1], "id": INSIDE}]]
    part = delegate("again", run_in_background=False)
    cut.shop.plays([*([block] for block in calls), [part]], again=inside)
    way(cut.shop, cut.run_id)
    return cut.shop.heard()


# ---- the ways on ----------------------------------------------------------------------------------------


def by_durable_resume(shop: Shop, session_id: str) -> None:
    done = shop.durable("resume", "--run-id", session_id, *GO_ON)
    assert '"is_error":false' in done.stdout, (done.stdout, done.stderr)


def by_having_it_replayed(shop: Shop, session_id: str) -> None:
    """Whoever has all executed again that can be has nothing executed that may have happened."""
    done = shop.durable("resume", "--run-id", session_id, "--replay", "--prompt", "go on", *GO_ON)
    assert '"is_error":false' in done.stdout, (done.stdout, done.stderr)


def by_the_clients_own_resume(shop: Shop, session_id: str) -> None:
    _ended_well(shop, prompt="go on", resume=session_id)


def by_a_fresh_session(shop: Shop, session_id: str) -> None:
    _ended_well(shop, prompt="go")


def _ended_well(shop: Shop, **how: Any) -> None:
    session = shop.start(**how).wait()
    assert not json.loads(session.stdout)["is_error"], session.stdout


WAYS = {
    "durable-resume": by_durable_resume,
    "claude-resume": by_the_clients_own_resume,
    "fresh": by_a_fresh_session,
}
