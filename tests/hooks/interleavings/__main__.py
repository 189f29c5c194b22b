"""Plays any number of plans, and says what came of them.

PYTHONPATH=src:tests python -m hooks.interleavings [NUMBER] [--from SEED] [--seed SEED] [--plan FILE]
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from .book import Violation
from .play import play, play_lines

PERSONAL = ("DURABLE_", "XDG_", "CLAUDE", "ANTHROPIC_")


def main() -> int:
    options = _options()
    for name in [name for name in os.environ if name.startswith(PERSONAL)]:
        del os.environ[name]
    if options.plan:
        play_lines(options.plan.read_text(encoding="utf-8").splitlines(), f"--plan {options.plan}")
        return 0
    one = options.seed is not None
    seeds = [options.seed] if one else range(options.first, options.first + options.number)
    began = time.monotonic()
    played = broken = 0
    counted: Counter[str] = Counter()
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        for found in pool.map(_played, seeds):
            played += 1
            if isinstance(found, str):
                broken += 1
                print(found, end="\n\n", flush=True)
            else:
                counted += found
            if played % 50 == 0 or played == len(seeds):
                said = ", ".join(f"{number} {what}" for what, number in sorted(counted.items()))
                print(f"{played} plans in {time.monotonic() - began:.0f} s: {said}; {broken} broken", flush=True)
    return 1 if broken else 0


def _options() -> argparse.Namespace:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("number", nargs="?", type=int, default=1000)
    options.add_argument("--from", dest="first", type=int, default=0)
    options.add_argument("--seed", type=int)
    options.add_argument("--plan", type=Path)
    return options.parse_args()


def _played(seed: int) -> Counter[str] | str:
    try:
        return play(seed)
    except Violation as broken:
        return str(broken)


if __name__ == "__main__":
    sys.exit(main())
