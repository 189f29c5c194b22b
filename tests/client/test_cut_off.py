"""The real client, killed with -9 round a payment, and whoever goes on after that: it is paid once at most.

Each cut is made once; before each way on, the machine is put back to where the cut left it. What outlived the client
lives on through all of them, and comes to its end in the last test of its cut.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from .cut_off import (
    CUT,
    CUTS,
    GO_ON,
    INSIDE,
    PAY,
    WAYS,
    Cut,
    behind_our_hook,
    between_two_tools,
    by_durable_resume,
    by_having_it_replayed,
    by_the_clients_own_resume,
    in_bash,
    in_our_hook,
    new_words,
    other_names,
    repeated,
    same_words,
)
from .scripted_model import Block, ScriptedModel, ToolResult, bash, call
from .shop import Shop, kill
from .waiting import wait_for

PAID = ["paid bob 5"]
ANN = "pay ann 7"
LEFT_NOTHING_KNOWN = ("bash-orphan-gone", "mcp-call", "sub-agent")
LIVES_ON = ("bash-orphan-lives", "mcp-call", "background")


def held(cut: Cut) -> list[Block]:
    return new_words(cut) if cut.in_doubt else []


WORDS = {"same-words": same_words, "other-words": lambda cut: [*held(cut), *other_names(cut)]}


@pytest.fixture
def shop(tmp_path: Path, binary: Path) -> Iterator[Shop]:
    with ScriptedModel() as model, closing(Shop(tmp_path, binary, model)) as shop:
        yield shop


@pytest.fixture(scope="module", params=CUTS)
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, binary: Path) -> Iterator[Cut]:
    root = tmp_path_factory.mktemp("cut")
    with ScriptedModel() as model, closing(Shop(root, binary, model)) as shop:
        cut = CUTS[request.param](shop)
        shop.keep()
        yield cut


@pytest.fixture
def cut(made: Cut) -> Cut:
    made.shop.put_back()
    return made


def briefed(cut: Cut) -> bool:
    told = cut.shop.model.requests[0].told
    return f"on record (run {cut.run_id})" in told and f"step {cut.step_id}" in told


def names_the_step(cut: Cut, heard: dict[str, ToolResult], calls: list[Block]) -> bool:
    """Each call was refused with the step that was cut off. Under the old id, the client tells of the cut instead."""
    ids = {block["id"] for block in calls} - {CUT} | {INSIDE}
    return all(heard[use_id].is_error and cut.step_id in heard[use_id].text for use_id in ids)


@pytest.mark.parametrize("words", WORDS)
@pytest.mark.parametrize("way", WAYS)
def test_what_was_cut_off_is_not_done_again(cut: Cut, way: str, words: str) -> None:
    before = cut.shop.effects
    calls: list[Block] = WORDS[words](cut)
    heard = repeated(cut, calls, WAYS[way])
    assert cut.shop.effects == before
    assert names_the_step(cut, heard, calls), heard
    assert briefed(cut) is (way != "fresh")
    assert cut.shop.step(cut.step_id)["status"] == ("in_doubt" if cut.in_doubt else "succeeded")


@pytest.mark.parametrize("made", LEFT_NOTHING_KNOWN, indirect=True)
def test_nor_is_it_when_the_rest_is_to_be_executed_again(cut: Cut) -> None:
    before = cut.shop.effects
    calls = same_words(cut)
    heard = repeated(cut, calls, by_having_it_replayed)
    assert cut.shop.effects == before
    assert names_the_step(cut, heard, calls), heard


@pytest.mark.parametrize("made", LIVES_ON, indirect=True)
def test_what_lived_on_brings_its_effect_once(cut: Cut) -> None:
    shop = cut.shop
    shop.pay_gate.open()
    shop.wait_for_quiet(cut.run_id)
    calls = [*held(cut), *same_words(cut)]
    heard = repeated(cut, calls, by_the_clients_own_resume)
    assert names_the_step(cut, heard, calls), heard
    assert shop.effects == PAID


# ---- round the hook ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("point", "way"),
    [("after-prepare", "fresh"), ("after-permit", "durable-resume"), ("before-answer", "claude-resume")],
)
def test_a_call_whose_permit_never_arrived_did_not_happen_and_is_made_once(shop: Shop, point: str, way: str) -> None:
    session_id = in_our_hook(shop, point)
    assert shop.effects == []
    shop.plays([[bash(PAY, "toolu_1")], [bash(PAY, "toolu_2")]])
    WAYS[way](shop, session_id)
    assert shop.effects == PAID
    assert "Already done" in shop.heard()["toolu_2"].text


def test_a_permit_that_nothing_followed_is_in_doubt_until_a_person_has_looked(shop: Shop) -> None:
    cut = behind_our_hook(shop)
    heard = repeated(cut, same_words(cut), by_the_clients_own_resume)
    assert names_the_step(cut, heard, same_words(cut)), heard
    assert shop.effects == []
    assert shop.durable("not-happened", cut.step_id, "--reason", "not in the books").returncode == 0
    repeated(cut, same_words(cut), by_the_clients_own_resume)
    assert shop.effects == PAID


# ---- again and again --------------------------------------------------------------------------------


def test_a_resume_that_is_cut_off_itself_leaves_both_payments_to_be_made_once(shop: Shop) -> None:
    cut = between_two_tools(shop)
    gate = shop.hold()
    shop.plays([[bash(PAY, "toolu_1")], [bash(ANN, "toolu_2")]])
    begun = shop.begins("resume", "--run-id", cut.run_id, *GO_ON)
    gate.wait_until_reached()
    kill(begun)
    again = [[bash(PAY, "toolu_3")], [bash(ANN, "toolu_4")], [bash("pay --to=ann 7", "toolu_5")]]
    shop.plays(again)
    by_durable_resume(shop, cut.run_id)
    assert briefed(cut)
    assert "Processes" in shop.model.requests[0].told
    gate.open()
    shop.wait_for_quiet(cut.run_id)
    shop.plays(again)
    by_durable_resume(shop, cut.run_id)
    assert "nobody knows whether it took effect" in shop.model.requests[0].told
    assert shop.effects == [*PAID, "paid ann 7"]


def test_what_outlives_two_clients_is_still_known(shop: Shop) -> None:
    cut = in_bash(shop, lives=True)
    played = shop.plays([], pauses_at=0)
    begun = shop.begins("resume", "--run-id", cut.run_id, *GO_ON)
    wait_for(lambda: shop.model.requests, "the first request")
    kill(begun)
    played.speak.set()
    heard = repeated(cut, same_words(cut), by_durable_resume)
    assert names_the_step(cut, heard, same_words(cut)), heard
    assert briefed(cut)
    assert shop.effects == []
    shop.pay_gate.open()
    shop.wait_for_quiet(cut.run_id)
    assert shop.effects == PAID


# ---- known to remain open ---------------------------------------------------------------------------


@pytest.mark.xfail(strict=True, reason="what is done is known by its fingerprint; in new words it is another call")
def test_what_is_done_is_not_done_again_in_new_words(shop: Shop) -> None:
    """The brief tells the model; a rule with a `key` tells the hook."""
    cut = between_two_tools(shop)
    repeated(cut, new_words(cut), by_the_clients_own_resume)
    assert shop.effects == PAID


@pytest.mark.xfail(strict=True, reason="what was cut off is looked for among the calls of the same tool and words")
def test_what_was_cut_off_is_not_done_by_another_tool(shop: Shop) -> None:
    cut = in_bash(shop, lives=False)
    shop.args = shop.lab()
    shop.plays([[call("mcp__lab__send", {"text": "paid bob 5"})]])
    by_the_clients_own_resume(shop, cut.run_id)
    assert shop.effects == PAID
