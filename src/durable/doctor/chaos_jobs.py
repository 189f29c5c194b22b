"""A job as the victim: whoever runs it or executes its step is killed, and it is resumed."""

from __future__ import annotations

import json
import os
import site
import sys
from typing import TYPE_CHECKING

import durable
from durable.doctor.chaos_judge import FAULT, IN_DOUBT, ONCE, Cell, Found, judge
from durable.errors import DurableError
from durable.ledger.reading import Reader

if TYPE_CHECKING:
    from typing import Any

    from durable.doctor.chaos_children import Children
    from durable.doctor.firing import Answer

VICTIM = "job"
POINTS = {
    "row on disk": "job-step-prepared",
    "permit given": "job-before-effect",
    "effect made": "after-effect",
    "receipt not on disk yet": "receipt-before-commit",
    "end not on disk yet": "job-before-end",
}
STEPS = ("one", "two")
# What came to an end of its own: all is done, or something waits for a person.
AN_END = (0, 1)
PATIENCE_S = 60.0
_KEPT_BACK = ("ANTHROPIC_", "CLAUDE", "DURABLE_", "XDG_")


def job_cells() -> list[Cell]:
    return [Cell(VICTIM, point, where, "kill") for point, where in POINTS.items()]


def runs_jobs(children: Children, root: str) -> str:
    """Why no job can be run by this Python, or ""."""
    words = [sys.executable, "-P", "-c", "import durable.cli.main, durable.cli.run, durable.cli.resume"]
    answer = children.run(words, "", _environment(root), root, PATIENCE_S)
    return "" if answer.code == 0 else (answer.err.strip().splitlines() or [answer.words()])[-1]


class JobTrial:
    """One cell, in a directory of its own that is home, state and project to whatever it starts."""

    def __init__(self, children: Children, root: str, cell: Cell) -> None:
        self.children = children
        self.cell = cell
        self.root = root
        self.run_id = f"doctor-{os.path.basename(root)}"
        self.env = _environment(root)

    def play(self) -> Found:
        self._write_job()
        begun = self._durable("run", "job.json", "--at-once", "1", DURABLE_TEST_CRASH=f"{self.cell.where}:kill")
        if begun.code == 0:
            return Found(FAULT, "nothing was struck: the job ran to its end")
        resumed = self._resume()
        if resumed.code not in AN_END:
            return Found(FAULT, f"it can't be resumed: {resumed.reason or resumed.words()}")
        return _worst([judge(self._times(name), self._rows(name), resumed.out) for name in STEPS])

    def _write_job(self) -> None:
        """The steps don't wait for each other: one in doubt keeps the other from nothing."""
        steps = [{"id": name, "tool": "Bash", "input": _effect(name), "needs": []} for name in STEPS]
        with open(os.path.join(self.root, "job.json"), "w", encoding="utf-8") as file:
            json.dump({"name": "doctor", "steps": steps}, file)

    def _resume(self) -> Answer:
        return self._durable("resume", "--wait", "5")

    def _durable(self, *words: str, **more: str) -> Answer:
        argv = [sys.executable, "-P", "-m", "durable", *words, "--run-id", self.run_id, "--json"]
        return self.children.run(argv, "", {**self.env, **more}, self.root, PATIENCE_S)

    def _times(self, name: str) -> int:
        try:
            with open(os.path.join(self.root, "witness"), encoding="utf-8") as file:
                return file.read().splitlines().count(name)
        except FileNotFoundError:
            return 0

    def _rows(self, name: str) -> list[dict[str, Any]]:
        try:
            with Reader(os.path.join(self.root, "state")) as reader:
                rows = reader.all("steps_of_run", run_id=self.run_id)
        except DurableError:
            return []  # Then nothing was recorded, which is all that is asked.
        return [row for row in rows if row["tool_use_id"] == name]


def _effect(name: str) -> dict[str, str]:
    return {"command": f"echo {name} >> witness"}


def _worst(found: list[Found]) -> Found:
    return next(one for outcome in (FAULT, IN_DOUBT, ONCE) for one in found if one.outcome == outcome)


def _environment(root: str) -> dict[str, str]:
    """Nothing of the person's own but the programs, and this package under the same Python."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(_KEPT_BACK)}
    places = dict.fromkeys(("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"), os.path.join(root, "home"))
    return {
        **env,
        **places,
        "DURABLE_HOME": os.path.join(root, "state"),
        # It hangs on HOME, and what durable needs may be installed there.
        "PYTHONUSERBASE": env.get("PYTHONUSERBASE") or site.getuserbase(),
        "PYTHONPATH": os.path.dirname(os.path.dirname(os.path.abspath(durable.__file__))),
    }
