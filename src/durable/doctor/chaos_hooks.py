"""The registered hooks as victims: a client asks, one of its hooks is struck down, the client dies, and the next
session wants the same call."""

from __future__ import annotations

import os
import subprocess
import uuid
from typing import TYPE_CHECKING

from durable.doctor.chaos_judge import FAULT, Cell, Found, judge
from durable.doctor.firing import LET_THROUGH, environment, verdict, words_of
from durable.doctor.payloads import Session
from durable.errors import DurableError
from durable.home import config_dir
from durable.ledger.reading import Reader

if TYPE_CHECKING:
    from typing import Any

    from durable.doctor.chaos_children import Children
    from durable.doctor.firing import Answer
    from durable.doctor.surroundings import Surroundings
    from durable.settings.registered import RegisteredHook

BEFORE, AFTER = "hook before a call", "hook after a call"
EVENTS = {BEFORE: "PreToolUse", AFTER: "PostToolUse"}
# By what has been reached: the point in the source.
POINTS = {
    BEFORE: {
        "row not written yet": "appended-step.prepared",
        "row not on disk yet": "before-commit",
        "row on disk, head not": "after-commit",
        "permit not given yet": "before-answer",
        "permit given": "answered",
    },
    AFTER: {
        "receipt not on disk yet": "before-commit",
        "receipt on disk, head not": "after-commit",
        "receipt recorded": "before-answer",
    },
}
KILL, TERM = "kill", "term"
CALL = "durable-doctor-chaos --to witness"
RULE = """[rules.doctor-chaos]
match = "Bash(durable-doctor-chaos *)"
effect = "once"
scope = "project"
key = ["--to"]
"""
EFFECT = ("sh", "-c", 'printf "it happened\\n" >> "$1"', "effect")
# Two run at once on a machine that may be busy: what is late is no fault.
PATIENT = {"DURABLE_DEADLINE_S": "15"}


def hook_cells() -> list[Cell]:
    cells = [Cell(BEFORE, "no accident", "", "")]
    for victim, points in POINTS.items():
        cells += [Cell(victim, point, where, ending) for point, where in points.items() for ending in (KILL, TERM)]
    return cells


class HookTrial:
    """One cell, in a directory of its own: one PreToolUse handler, and the handlers of the other events beside it."""

    def __init__(self, around: Surroundings, children: Children, root: str, cell: Cell, guard: RegisteredHook) -> None:
        self.around = around
        self.children = children
        self.cell = cell
        self.guard = guard
        self.state, self.config = os.path.join(root, "state"), os.path.join(root, "config")
        self.witness = os.path.join(root, "witness")
        self.transcript = os.path.join(root, "transcript.jsonl")
        self.run_id = f"doctor-{uuid.uuid4()}"
        self.struck: list[Answer] = []

    def play(self) -> Found:
        self._write_rule()
        self._session(self.cell)
        told = self._session(None)
        found = judge(self._times(), self._rows(), told)
        if found.outcome != FAULT and self.cell.ending == KILL and all(one.code == 0 for one in self.struck):
            return Found(FAULT, "nothing was struck: no hook that is registered here came to this point")
        return found

    def _write_rule(self) -> None:
        folder = config_dir(self.env_of(self.guard, "", 0))
        os.makedirs(folder, mode=0o700)
        with open(os.path.join(folder, "policy.toml"), "w", encoding="utf-8") as file:
            file.write(RULE)

    def _session(self, struck: Cell | None) -> str:
        """From start to a sudden end; what the model was told, if its call was denied."""
        client = self._client()
        try:
            return _Client(self, client.pid, struck).wants_it()
        finally:
            client.kill()
            client.communicate()

    def _client(self) -> subprocess.Popen[bytes]:
        """Something that lives, and ends with us: for then nobody holds the other end of its input."""
        return self.children.start(["cat"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, start_new_session=True)

    def env_of(self, hook: RegisteredHook, session_id: str, client: int) -> dict[str, str]:
        env = environment(hook, self.around.hooks_env, self.state, self.config, session_id)
        return {**env, **PATIENT, "CLAUDE_PID": str(client), "DURABLE_RUN_ID": self.run_id}

    def _times(self) -> int:
        try:
            with open(self.witness, encoding="utf-8") as file:
                return len(file.readlines())
        except FileNotFoundError:
            return 0

    def _rows(self) -> list[dict[str, Any]]:
        try:
            with Reader(self.state) as reader:
                return reader.all("steps_of_run", run_id=self.run_id)
        except DurableError:
            return []  # Then nothing was recorded, which is all that is asked.


class _Client:
    """As far as one call goes it does what the real one was seen to do."""

    def __init__(self, trial: HookTrial, pid: int, struck: Cell | None) -> None:
        self.trial = trial
        self.pid = pid
        self.struck = struck
        self.session = Session(f"doctor-{uuid.uuid4()}", trial.around.cwd, trial.transcript, CALL)

    def wants_it(self) -> str:
        use_id = f"toolu_{self.session.session_id}"
        self._tell("SessionStart", self.session.start())
        answer = self._fire(self.trial.guard, BEFORE, self.session.before(use_id))
        if verdict(answer, self.trial.guard) != LET_THROUGH:
            return answer.out + answer.err
        self._effect()
        self._tell("PostToolUse", self.session.after(use_id))
        return ""

    def _effect(self) -> None:
        """Its processes carry the session's id, by which one that outlives the client is known."""
        env = {"PATH": os.environ.get("PATH", os.defpath), "CLAUDE_CODE_SESSION_ID": self.session.session_id}
        self.trial.children.run([*EFFECT, self.trial.witness], "", env, "/")

    def _tell(self, event: str, payload: str) -> None:
        for hook in self.trial.around.of_event(event):
            self._fire(hook, AFTER, payload)

    def _fire(self, hook: RegisteredHook, victim: str, payload: str) -> Answer:
        env = self.trial.env_of(hook, self.session.session_id, self.pid)
        struck = self.struck is not None and self.struck.ending and EVENTS.get(self.struck.victim) == hook.event
        if struck and self.struck is not None:
            env["DURABLE_TEST_CRASH"] = f"{self.struck.where}:{self.struck.ending}"
        answer = self.trial.children.run(words_of(hook), payload, env, self.trial.around.cwd)
        if struck:
            self.trial.struck.append(answer)
        return answer
