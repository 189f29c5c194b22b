"""What befalls a hook: nothing, a signal at a named point of the source, or one at the n-th call of some kind to the
kernel. The client sees the same: a process that answered, or that ended by a signal."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from pathlib import Path

from .trace import under_trace

# How often a hook asks the kernel for each, roughly; reading is no reason to be killed, but a moment like any other.
REACHED = {"pwrite64": 50, "fcntl": 36, "pread64": 80, "fsync": 3, "fdatasync": 2, "rename": 2, "write": 2, "mkdir": 4}
POINTS = (
    "appended-owner.seen", "appended-step.prepared", "after-prepare", "appended-step.running", "after-permit",
    "appended-step.refused", "appended-step.in_doubt", "appended-step.succeeded", "before-commit", "after-commit",
    "before-head-rename", "after-head", "before-answer", "answered", "mid-spool", "mid-fold",
)  # fmt: skip
KILL, TERM, POWER = "SIGKILL", "SIGTERM", "power"
ACTIONS = {KILL: "kill", TERM: "term", POWER: "kill"}


@dataclass(frozen=True)
class Accident:
    ending: str = ""
    env: dict[str, str] = field(default_factory=dict)
    before: tuple[str, ...] = ()  # what the command line of the hook begins with


NONE = Accident()


def at_point(name: str, ending: str) -> Accident:
    return Accident(ending, {"DURABLE_TEST_CRASH": f"{name}:{ACTIONS[ending]}"})


def power_cut(name: str, log: Path) -> Accident:
    """A kill, and the trace of what the hook had asked for by then."""
    return Accident(POWER, at_point(name, POWER).env, tuple(under_trace(log)))


def at_call(name: str, number: int, ending: str) -> Accident:
    """strace sends the signal before the kernel does what it was asked for. Its faster way of tracing
    (--seccomp-bpf) loses the signal."""
    inject = f"inject={name}:signal={ending}:when={number}"
    return Accident(ending, before=("strace", "-qq", "-e", f"trace={name}", "-e", inject, "-o", "/dev/null"))


def random_accident(dice: random.Random, traced: bool) -> Accident:
    ending = dice.choice((KILL, KILL, KILL, TERM))
    if not traced or dice.random() < 0.5:
        return at_point(dice.choice(POINTS), ending)
    name = dice.choice(list(REACHED))
    return at_call(name, dice.randint(1, REACHED[name]), ending)
