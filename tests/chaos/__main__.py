"""Kills at random until NUMBER hooks were killed or stopped, and says what came of it.

PYTHONPATH=src:tests python -m chaos [NUMBER] [--seed SEED] [--from LIFE] [--state FILE]

Started again after an interruption it goes on where it was, with the same seed. One life of a seed is played with
--seed SEED --from LIFE and NUMBER 1.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import asdict, dataclass, field
from itertools import count
from pathlib import Path

from .lives import STRUCK, Broken, live
from .trace import can_trace

PERSONAL = ("DURABLE_", "XDG_", "CLAUDE", "ANTHROPIC_")
STATE = Path(".pytest_cache/chaos.json")
SAID_EVERY_S = 30


@dataclass
class Standing:
    """How far it has come; on disk after each life."""

    seed: str
    life: int = 0
    counted: dict[str, int] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)

    @property
    def struck(self) -> int:
        return sum(self.counted.get(fate, 0) for fate in STRUCK)

    def take(self, found: Counter[str] | str) -> None:
        self.life += 1
        if isinstance(found, str):
            self.broken.append(found)
            print(found, flush=True)
        else:
            self.counted = dict(Counter(self.counted) + found)

    def __str__(self) -> str:
        said = ", ".join(f"{number} {what}" for what, number in sorted(self.counted.items()))
        return f"seed {self.seed}, {self.life} lives: {said}; {len(self.broken)} broken"


def main() -> int:
    options = _options()
    for name in [name for name in os.environ if name.startswith(PERSONAL)]:
        del os.environ[name]
    standing = _standing(options)
    print(f"seed {standing.seed}, from life {standing.life}", flush=True)
    said = time.monotonic()
    for found in _lives(standing, options.number):
        standing.take(found)
        keep(options.state, standing)
        if time.monotonic() - said > SAID_EVERY_S:
            print(standing, flush=True)
            said = time.monotonic()
    print(standing, flush=True)
    options.state.unlink(missing_ok=True)
    return 1 if standing.broken else 0


def _options() -> argparse.Namespace:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("number", nargs="?", type=int, default=10_000)
    options.add_argument("--seed")
    options.add_argument("--from", dest="first", type=int)
    options.add_argument("--state", type=Path, default=STATE)
    return options.parse_args()


def _standing(options: argparse.Namespace) -> Standing:
    chosen = options.seed is not None or options.first is not None
    if not chosen and options.state.exists():
        return Standing(**json.loads(options.state.read_text()))
    return Standing(options.seed or str(random.SystemRandom().randrange(10**9)), options.first or 0)


def _lives(standing: Standing, number: int) -> Iterator[Counter[str] | str]:
    """In order, so that the number of the next life says all there is to know; two more than processors under way."""
    traced = can_trace()
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        coming: list[Future[Counter[str] | str]] = []
        for life in count(standing.life):
            coming.append(pool.submit(_lived, f"{standing.seed}-{life}", traced))
            if len(coming) > (os.cpu_count() or 1) + 2:
                yield coming.pop(0).result()
            if standing.struck >= number:
                break
        pool.shutdown(cancel_futures=True)


def _lived(seed: str, traced: bool) -> Counter[str] | str:
    try:
        return live(seed, traced)
    except Broken as broken:
        return str(broken)


def keep(path: Path, standing: Standing) -> None:
    path.parent.mkdir(exist_ok=True)
    beside = path.with_suffix(".new")
    beside.write_text(json.dumps(asdict(standing)))
    beside.replace(path)


if __name__ == "__main__":
    sys.exit(main())
