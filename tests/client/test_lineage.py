"""With the real client: however a session goes on, and under whatever id, what was paid is not paid again."""

from __future__ import annotations

import os
import signal
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import ledger_view

from .client import Client, Running
from .scripted_model import Turn, bash, say
from .terminal import Terminal
from .test_once import PAY, shop
from .waiting import wait_for

__all__ = ["shop"]

PAID: list[Turn] = [[bash(PAY, "toolu_1")], [say("first answer")]]


def again(use_id: str, turns: int = len(PAID)) -> list[Turn]:
    """What the model says next, having said that many things."""
    return [*[[say("unused")]] * turns, [bash(PAY, use_id)], [say("second answer")]]


def sessions(client: Client) -> list[dict[str, Any]]:
    with ledger_view.connect(client.state) as ledger:
        return [dict(row) for row in ledger.execute("SELECT * FROM sessions ORDER BY seq")]


def runs_of_steps(client: Client) -> set[str]:
    return {row["run_id"] for row in ledger_view.steps(client.state)}


def was_not_paid_again(client: Client, use_id: str) -> None:
    wait_for(lambda: ledger_view.steps(client.state, tool_use_id=use_id), "the second call")
    assert client.effects == ["paid bob 5"]
    step = ledger_view.step(client.state, tool_use_id=use_id)
    assert (step["status"], step["verdict"]) == ("refused", "duplicate")


def continued(client: Client, turns: list[Turn], *args: str) -> None:
    client.model.scripts["main"] = turns
    settings = str(client.write_settings(client.settings))
    mode = ["--permission-mode", "bypassPermissions"]
    command = [str(client.binary), "-p", "go on", "--continue", "--settings", settings, *mode, *args]
    running = Running(client, command, client.environment(), "")
    client.started.append(running)
    running.wait()


def test_a_fork_hears_of_the_payment_and_does_not_make_it_again(shop: Client) -> None:
    first = shop.run(PAID)
    told = shop.run(again("toolu_2"), prompt="go on", resume=first.session_id, args=["--fork-session"]).told
    was_not_paid_again(shop, "toolu_2")
    assert "Its result: " in told and "receipt 77 for bob 5" in told
    assert [row["continues"] for row in sessions(shop)] == [None, first.session_id]
    assert runs_of_steps(shop) == {first.session_id}


def test_neither_does_a_fork_of_a_fork(shop: Client) -> None:
    first = shop.run(PAID)
    fork, second = str(uuid.uuid4()), str(uuid.uuid4())
    shop.run(again("toolu_2"), prompt="go on", resume=first.session_id, args=["--fork-session", "--session-id", fork])
    args = ["--fork-session", "--session-id", second]
    shop.run(again("toolu_3", 4), prompt="go on", resume=fork, args=args)
    was_not_paid_again(shop, "toolu_3")
    assert [row["continues"] for row in sessions(shop)] == [None, first.session_id, fork]
    assert runs_of_steps(shop) == {first.session_id}


def test_a_fork_of_whatever_came_last_is_known_by_the_calls_it_repeats(shop: Client) -> None:
    """Nothing on its command line names the parent."""
    first = shop.run(PAID)
    continued(shop, again("toolu_2"), "--fork-session")
    was_not_paid_again(shop, "toolu_2")
    assert [row["continues"] for row in sessions(shop)] == [None, first.session_id]


def test_nor_does_a_session_that_is_continued(shop: Client) -> None:
    first = shop.run(PAID)
    continued(shop, again("toolu_2"))
    was_not_paid_again(shop, "toolu_2")
    assert [row["session_id"] for row in sessions(shop)] == [first.session_id]


def test_nor_one_that_is_resumed_under_a_run_somebody_names(shop: Client) -> None:
    first = shop.run(PAID)
    shop.run(again("toolu_2"), prompt="go on", resume=first.session_id, env={"DURABLE_RUN_ID": "R"})
    was_not_paid_again(shop, "toolu_2")
    assert ledger_view.step(shop.state, tool_use_id="toolu_2")["run_id"] == "R"


# ---- at a terminal ----------------------------------------------------------------------------------


@pytest.fixture
def paid(shop: Client, terminal: Terminal) -> Terminal:
    terminal.start(again("toolu_2"), permission_mode="bypassPermissions")
    shop.model.scripts["main"][:2] = PAID
    terminal.submit("please pay")
    terminal.wait_for_text("first answer")
    assert shop.effects == ["paid bob 5"]
    return terminal


def test_after_clear_it_is_not_paid_again(shop: Client, paid: Terminal) -> None:
    shop.model.scripts["main"] = again("toolu_2", 0)
    paid.submit("/clear")
    wait_for(lambda: len(sessions(shop)) == 2, "the new session")
    paid.submit("pay")
    paid.wait_for_text("second answer")
    was_not_paid_again(shop, "toolu_2")
    assert [row["continues"] for row in sessions(shop)] == [None, paid.session_id]
    assert "receipt 77 for bob 5" in shop.model.last.told


def test_after_a_branch_it_is_not_paid_again(shop: Client, paid: Terminal) -> None:
    paid.submit("/branch")
    paid.wait_for_text("Branched session")
    paid.submit("pay again")
    paid.wait_for_text("second answer")
    was_not_paid_again(shop, "toolu_2")
    assert [row["continues"] for row in sessions(shop)] == [None, paid.session_id]


def test_after_compaction_it_is_not_paid_again(shop: Client, paid: Terminal) -> None:
    paid.submit("/compact")
    paid.wait_for_text("Compacted")
    assert sessions(shop)[0]["source"] == "compact"
    shop.model.scripts["main"] = again("toolu_2", 1)  # Of what the model said the client keeps one message.
    paid.submit("pay again")
    paid.wait_for_text("second answer")
    was_not_paid_again(shop, "toolu_2")
    assert [row["session_id"] for row in sessions(shop)] == [paid.session_id]


def test_a_fork_at_a_terminal_does_not_pay_again(shop: Client, terminal: Terminal) -> None:
    """At its first call its transcript does not hold the parent's calls yet."""
    first = shop.run(PAID)
    args = ["--resume", first.session_id, "--fork-session"]
    terminal.start(again("toolu_2"), permission_mode="bypassPermissions", args=args)
    terminal.submit("pay again")
    terminal.wait_for_text("second answer")
    was_not_paid_again(shop, "toolu_2")
    assert [row["continues"] for row in sessions(shop)] == [None, first.session_id]


@pytest.fixture
def background(shop: Client) -> Iterator[None]:
    """Ends what a fork into the background starts beside the session: it would outlive the test."""
    yield
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            its = (folder / "environ").read_bytes()
        except OSError:
            continue
        if f"\0HOME={shop.home}\0".encode() in b"\0" + its:
            os.kill(int(folder.name), signal.SIGKILL)


def test_a_fork_into_the_background_does_not_pay_again(shop: Client, background: None, paid: Terminal) -> None:
    paid.submit("/fork pay again")
    was_not_paid_again(shop, "toolu_2")
    assert [row["continues"] for row in sessions(shop)] == [None, paid.session_id]
    assert runs_of_steps(shop) == {paid.session_id}
