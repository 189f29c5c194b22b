"""Stands in for an agent's client: starts the hooks that the settings register, as a client would.

    agent.py SESSION startup|resume COMMAND…

Before each command it asks the PreToolUse hooks; one that denies keeps the command from running.
"""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

DENIED = 2


class Agent:
    def __init__(self, session: str, settings: dict[str, Any]) -> None:
        self.hooks = settings["hooks"]
        self.common = {
            "session_id": session,
            "cwd": os.getcwd(),
            "transcript_path": f"{os.getcwd()}/{session}.jsonl",
            "permission_mode": "bypassPermissions",
        }
        self.env = {
            **os.environ,
            "CLAUDE_PID": str(os.getpid()),
            "CLAUDE_PROJECT_DIR": os.getcwd(),
            "CLAUDE_CODE_SESSION_ID": session,
            "CLAUDE_CODE_ENTRYPOINT": "sdk-cli",
        }
        self.ids = (f"toolu_{os.getpid()}_{number}" for number in itertools.count(1))

    def fire(self, event: str, **fields: Any) -> str:
        """Starts every hook of the event. The reason of one that denies, else nothing."""
        payload = json.dumps({**self.common, "hook_event_name": event, **fields})
        commands = [handler["command"] for group in self.hooks.get(event, []) for handler in group["hooks"]]
        return "".join(reason_to_deny(self.start(command, payload)) for command in commands)

    def start(self, command: str, payload: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["sh", "-c", command], input=payload, env=self.env, capture_output=True, text=True, check=False
        )

    def call(self, command: str) -> None:
        call = {"tool_name": "Bash", "tool_input": {"command": command}, "tool_use_id": next(self.ids)}
        print(f"  agent: {command}", flush=True)
        reason = self.fire("PreToolUse", **call)
        if reason:
            print("  DENIED, not run: " + reason.replace("\n", "\n    "), flush=True)
        else:
            self.run(command, call)
        self.fire("PostToolBatch", tool_calls=[{**call, "tool_response": reason}])

    def run(self, command: str, call: dict[str, Any]) -> None:
        began = time.monotonic()
        done = self.start(command)
        call = {**call, "duration_ms": int(1000 * (time.monotonic() - began))}
        print(f"  it ran: {(done.stdout + done.stderr).strip() or 'no output'}", flush=True)
        if done.returncode:
            error = f"Exit code {done.returncode}\n{done.stdout}{done.stderr}"
            self.fire("PostToolUseFailure", error=error, is_interrupt=False, **call)
        else:
            response = {"stdout": done.stdout, "stderr": done.stderr, "interrupted": False, "isImage": False}
            self.fire("PostToolUse", tool_response=response, **call)


def reason_to_deny(hook: subprocess.CompletedProcess[str]) -> str:
    if hook.returncode == DENIED:
        return hook.stderr.strip()
    output = json.loads(hook.stdout or "{}").get("hookSpecificOutput", {})
    reason: str = output["permissionDecisionReason"] if output.get("permissionDecision") == "deny" else ""
    return reason


def main(session: str, source: str, *commands: str) -> None:
    agent = Agent(session, json.loads((Path.home() / ".claude" / "settings.json").read_text("utf-8")))
    agent.fire("SessionStart", source=source)
    for command in commands:
        agent.call(command)
    agent.fire("SessionEnd", reason="other")


if __name__ == "__main__":
    main(*sys.argv[1:])
