"""One plan, played from an empty machine; a failure carries all it takes to play it again."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path

from .book import Violation
from .plan import plan
from .world import World

AGAIN = "PYTHONPATH=src:tests python -m hooks.interleavings"


def play(seed: int) -> Counter[str]:
    return play_lines(plan(seed), f"{AGAIN} --seed {seed}, or the plan itself: {AGAIN} --plan FILE")


def play_lines(lines: list[str], again: str) -> Counter[str]:
    with tempfile.TemporaryDirectory(prefix="plan-") as root:
        world = World(Path(root) / "machine")
        try:
            world.play(lines)
        except Violation as broken:
            raise Violation("\n".join((str(broken), "", again, "", *lines))) from None
        finally:
            world.close()
    return world.counted
