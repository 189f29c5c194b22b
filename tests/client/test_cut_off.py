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
    INSIDE,
    WAYS,
    Cut,
    Shop,
    by_the_clients_own_resume,
    new_words,
    other_names,
    repeated,
    same_words,
)
from .scripted_model import Block, ScriptedModel, ToolResult
from .waiting import wait_for

PAID = ["paid bob 5"]
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


@pytest.mark.parametrize("made", LIVES_ON, indirect=True)
def test_what_lived_on_brings_its_effect_once(cut: Cut) -> None:
    shop = cut.shop
    shop.pay_gate.open()
    wait_for(lambda: shop.effects and not shop.processes(cut.run_id), "the end of what lived on")
    calls = [*held(cut), *same_words(cut)]
    heard = repeated(cut, calls, by_the_clients_own_resume)
    assert names_the_step(cut, heard, calls), heard
    assert shop.effects == PAID
