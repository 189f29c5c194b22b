"""Exactly once under any interleaving: twins at once and one after the other, crashes, resumes, sub-agents,
ids that are used again, several processes. `make interleavings` plays a thousand of these plans.
"""

from __future__ import annotations

import random

import pytest

from .interleavings.book import Violation
from .interleavings.plan import plan
from .interleavings.play import play, play_lines

FIXED = range(20)


@pytest.mark.parametrize("seed", FIXED)
def test_no_call_has_two_effects_and_none_is_kept_from_running_without_a_twin(seed: int) -> None:
    play(seed)


def test_neither_under_an_interleaving_that_nobody_has_seen_before() -> None:
    play(random.SystemRandom().randrange(10**9))


def test_a_seed_stands_for_one_plan_and_a_broken_one_says_how_to_play_it_again(monkeypatch: pytest.MonkeyPatch) -> None:
    assert plan(7) == plan(7) != plan(8)
    lines = ["open P alone", "call 0,main,pay:bob,u1"]
    monkeypatch.setattr("hooks.interleavings.world.World._row", lambda *_: _broken())
    with pytest.raises(Violation, match=r"(?s)no row.*play it again.*call 0,main,pay:bob,u1"):
        play_lines(lines, "play it again")


def _broken() -> str:
    raise Violation("no row")
