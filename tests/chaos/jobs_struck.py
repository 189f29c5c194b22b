"""A job as the victim: `durable run` or its worker is struck, then `durable resume`; and the same of a resume."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hooks.door import Answer

from .accident import ACTIONS, KILL, NONE, Accident, at_point
from .hooks_struck import Places, Scenario
from .world import World

RUN = ("run", "job.json", "--run-id", "the-job", "--at-once", "1", "--json")
UNKNOWN = 2
# One at a time: where the power goes, whatever another worker did behind the kill would count as done.
RESUME = ("resume", "--run-id", "the-job", "--wait", "10", "--at-once", "1", "--json")
# The first thing it does may be to strike down the process that started it.
EFFECT = """#!/bin/sh
if signal=$(cat {root}/strike 2>/dev/null); then rm {root}/strike; kill -s "$signal" $PPID; fi
printf '%s\\n' "exec $0 $1" >> {root}/witness
"""


def durable(world: World, *words: str, accident: Accident = NONE) -> Answer:
    argv = [*accident.before, sys.executable, "-P", "-m", "durable", *words]
    env = {"PYTHONPATH": str(world.door.checkout / "src"), "CLAUDE_PROJECT_DIR": None, "CLAUDE_CODE_ENTRYPOINT": None}
    answer = world.door.run_argv(argv, b"", **env, **accident.env)
    world.ended.append(answer.code)
    return answer


# ---- before ---------------------------------------------------------------------------------------


def a_job(world: World, first: str = "one") -> None:
    """Two steps that don't need each other. The second can be looked up."""
    effect = world.root / "effect"
    effect.write_text(EFFECT.format(root=world.root))
    effect.chmod(0o755)
    steps = [_step(effect, "one"), _step(effect, "two", probe=f"exec {world.root}/probe", settle=0)]
    steps.sort(key=lambda step: step["id"] != first)
    for step in steps:
        world.want(step["input"]["command"])
    job = {"name": "demo", "steps": steps}
    (world.door.project / "job.json").write_text(json.dumps(job), encoding="utf-8")


def _step(effect: Path, name: str, **more: Any) -> dict[str, Any]:
    return {"id": name, "tool": "Bash", "input": {"command": f"exec {effect} {name}"}, "needs": [], **more}


def a_job_cut_off(world: World) -> None:
    """At its first step, of which only the row was made."""
    a_job(world)
    durable(world, *RUN, accident=at_point("job-step-prepared", KILL))


def a_job_in_doubt(world: World) -> None:
    """Its worker died when the effect was made, of which a probe can tell."""
    a_job(world, first="two")
    durable(world, *RUN, accident=at_point("after-effect", KILL))


# ---- strike ---------------------------------------------------------------------------------------


def running(world: World, accident: Accident) -> None:
    durable(world, *RUN, accident=accident)


def running_what_strikes_back(world: World, accident: Accident) -> None:
    (world.root / "strike").write_text(ACTIONS[accident.ending].upper())
    durable(world, *RUN, accident=accident)


def resuming(world: World, accident: Accident) -> None:
    durable(world, *RESUME, accident=accident)


# ---- and on ---------------------------------------------------------------------------------------


def until_it_is_done(world: World, times: int) -> str:
    """Resumed, or run if it had not got so far as to be known; and once more, which must change nothing."""
    for _ in range(times):
        if durable(world, *RESUME).code == UNKNOWN:
            durable(world, *RUN)
    return world.verdict()


def itself_was_killed(world: World) -> bool:
    return world.ended[-1] == -9


def somebody_was_killed(world: World) -> bool:
    """It, or its worker: undisturbed it would have ended well."""
    return world.ended[-1] != 0


# ---- all of them ----------------------------------------------------------------------------------


def job(
    before: Callable[[World], None],
    strike: Callable[[World, Accident], None],
    was_reached: Callable[[World], bool] = somebody_was_killed,
) -> Scenario:
    return Scenario(before, strike, go_on=until_it_is_done, was_reached=was_reached)


STRUCK = job(a_job, running)
STRIKES_BACK = job(a_job, running_what_strikes_back)
CUT_OFF = job(a_job_cut_off, resuming)
IN_DOUBT = job(a_job_in_doubt, resuming, itself_was_killed)

JOB: Places = {
    "before prepare": [(STRUCK, ("job-begun",))],
    "after prepare": [(STRUCK, ("appended-step.prepared", "job-step-prepared"))],
    "after permit": [(STRUCK, ("appended-step.running", "job-before-effect"))],
    "mid-effect": [(STRIKES_BACK, ("the effect",))],
    "after effect, before receipt": [(STRUCK, ("after-effect",))],
    "after receipt, before commit": [(STRUCK, ("appended-step.succeeded", "receipt-before-commit"))],
    "after commit, before head": [(STRUCK, ("after-commit", "before-head-rename"))],
    "before the answer is printed": [(STRUCK, ("job-step-answered", "job-before-end"))],
}
RESUMED: Places = {
    "mid-resume": [
        (
            IN_DOUBT,
            ("resume-before-lock", "mid-resume", "resume-probed", "appended-step.succeeded", "appended-run.recovered"),
        )
    ],
    "after prepare": [(CUT_OFF, ("job-step-prepared",))],
    "after permit": [(CUT_OFF, ("job-before-effect",))],
    "after effect, before receipt": [(CUT_OFF, ("after-effect",))],
    "after receipt, before commit": [(CUT_OFF, ("receipt-before-commit",))],
    "before the answer is printed": [(CUT_OFF, ("job-step-answered", "job-before-end"))],
}
