"""A stand-in for the client, as far as running a tool goes: it does what the real one was seen to do.

A tool runs if its hook left with exit 0 and did not say no; also if it said something that is no JSON. A hook that
failed in any other way, or was killed, blocks it (`"onFailure": "block"`). After the call comes its receipt.
"""

from __future__ import annotations

import json
from typing import Any

from hooks.door import Answer, Door, FakeClient, bash, failed, ran, recorded

from .accident import NONE, Accident
from .witness import Witness


class Client:
    def __init__(self, door: Door, witness: Witness, session: str, run: str) -> None:
        self.door = door
        self.witness = witness
        self.session = session
        self.run = run
        self.answers: list[Answer] = []
        self._process = FakeClient()

    def kill(self) -> None:
        self._process.kill()

    def call(self, command: str, use_id: str, before: Accident = NONE, after: Accident = NONE) -> str:
        """What kept it from running, or ""."""
        no = self.asks(command, use_id, before)
        if not no:
            self.witness.effect(command, self.session)
            self.tells(command, use_id, after)
        return no

    def asks(self, command: str, use_id: str, accident: Accident = NONE) -> str:
        answer = self.hook("pre_tool_use", self.asking(command, use_id), accident)
        return refusal(answer)

    def tells(self, command: str, use_id: str, accident: Accident = NONE) -> Answer:
        return self.hook("post_tool_use", self.receipt(command, use_id), accident)

    def starts(self, source: str, accident: Accident = NONE) -> Answer:
        return self.hook("lifecycle", recorded(f"SessionStart-{source}", **self._fields()), accident)

    def fails(self, command: str, use_id: str, accident: Accident = NONE) -> Answer:
        payload = failed(command, use_id, error="Exit code 3\nlost the connection", **self._fields())
        return self.hook("post_tool_use", payload, accident)

    def ends(self, accident: Accident = NONE) -> Answer:
        return self.hook("lifecycle", recorded("SessionEnd-other", **self._fields()), accident)

    def asking(self, command: str, use_id: str) -> dict[str, Any]:
        return bash(command, use_id, **self._fields())

    def receipt(self, command: str, use_id: str) -> dict[str, Any]:
        return ran(command, use_id, stdout=f"done: {command}", **self._fields())

    @property
    def env(self) -> dict[str, str]:
        return {"CLAUDE_PID": str(self._process.pid), "DURABLE_RUN_ID": self.run, "DURABLE_DEADLINE_S": "25"}

    def hook(self, name: str, payload: dict[str, Any], accident: Accident) -> Answer:
        argv = [*accident.before, *self.door.argv(name)]
        answer = self.door.run_argv(argv, payload, **self.env, **accident.env)
        self.answers.append(answer)
        return answer

    def _fields(self) -> dict[str, str]:
        return {
            "session_id": self.session,
            "cwd": str(self.door.project),
            "transcript_path": f"{self.door.root}/{self.session}.jsonl",
        }


def refusal(answer: Answer) -> str:
    if answer.code != 0:
        return answer.err or f"the hook ended with {answer.code}"
    try:
        said = json.loads(answer.out)["hookSpecificOutput"] if answer.out else {}
    except (ValueError, KeyError):
        return ""
    return said["permissionDecisionReason"] if said.get("permissionDecision", "allow") != "allow" else ""
