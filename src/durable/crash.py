"""Named points where a test can kill, stop, raise or hold the process; nothing otherwise.

`DURABLE_TEST_CRASH=name:action` with action kill, term, raise, or hold=PATH (announces itself by
writing PATH and waits until PATH is gone). A point costs one comparison when the variable is unset.
"""

from __future__ import annotations

from durable.lean import os

_PLAN = os.environ.get("DURABLE_TEST_CRASH", "")


def point(name: str) -> None:
    if _PLAN and _PLAN.split(":", 1)[0] == name:
        _act(_PLAN.split(":", 1)[1])


def _act(action: str) -> None:
    if action == "kill":
        os.kill(os.getpid(), 9)
    elif action == "term":
        os.kill(os.getpid(), 15)
    elif action == "raise":
        raise RuntimeError("a crash point asked for this")
    elif action.startswith("hold="):
        _hold(action.removeprefix("hold="))


def _hold(path: str) -> None:
    import time

    with open(path, "w"):
        pass
    while os.path.exists(path):
        time.sleep(0.002)
