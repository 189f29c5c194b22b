"""What `durable resume` was asked for on its line."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Asked:
    dry_run: bool
    only_print: bool
    yes: bool
    wait_s: float
    at_once: int
    replay: bool
    only: frozenset[str]
    prompt: str
    strict: bool
    no_strict: bool
    anyway: bool
