"""Waiting for an event with a bound, and the gates that hold a tool in mid-call."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
PATIENCE_S = 20.0


def wait_for(look: Callable[[], T], what: str, seconds: float = PATIENCE_S) -> T:
    """The first true answer of `look`; the test fails, naming `what`, when none comes in time."""
    until = time.monotonic() + seconds
    while not (seen := look()):
        if time.monotonic() > until:
            raise AssertionError(f"{what}: not within {seconds:.0f} s")
        time.sleep(0.02)
    return seen


class Gate:
    """Holds a tool call between its start and its effect, until the test opens it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def wait_until_reached(self) -> None:
        wait_for(Path(f"{self.path}.reached").exists, f"a tool at the gate {self.path.name}")

    def open(self) -> None:
        Path(f"{self.path}.open").touch()

    def command(self, then: str) -> str:
        """A Bash line that reports its arrival, waits for the gate and goes on with `then`."""
        wait = f'for i in $(seq 600); do [ -e "{self.path}.open" ] && break; sleep 0.05; done'
        return f'touch "{self.path}.reached"; {wait}; {then}'
