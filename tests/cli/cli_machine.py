"""One person's machine for the tests of the verbs: a home, a ledger written by the real hooks, the CLI.

machine.before("Bash", command="ls"); machine.after("Bash", {"stdout": "x"}, command="ls")
machine.cli("show", "--json")
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAYLOADS = ROOT / "tests" / "fixtures" / "payloads"
FULL = [sys.executable, "-m", "durable"]
CHECKOUT = [sys.executable, "-I", "-S", str(ROOT / "bin" / "durable")]
SESSION = "11111111-aaaa-4aaa-8aaa-111111111111"


def line_of(screen, word):
    (found,) = [line for line in screen.splitlines() if word in line]
    return found


def cells(line):
    return re.split(r" {2,}", line)


class Machine:
    def __init__(self, root):
        self.root, self.home, self.state = root, root / "home", root / "state"
        self.project = root / "project"
        self.config = self.home / ".config" / "durable"
        for folder in (self.home, self.project):
            folder.mkdir()
        self.clients = []
        self.client = self.new_client()
        self.calls = 0

    # ---- the client and its hooks -------------------------------------------------------------

    def new_client(self):
        """A living process to be the client; it ends with us, for its stdin closes."""
        client = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        self.clients.append(client)
        return client

    def close(self):
        for client in self.clients:
            client.kill()
            client.wait()
            client.stdin.close()

    def env(self, **more):
        base = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "DURABLE_HOME": str(self.state),
            "LOGNAME": "ada",
            "TZ": "UTC",
            "PYTHONPATH": str(ROOT / "src"),
        }
        return base | {name: str(value) for name, value in more.items()}

    def hook(self, door, payload, **env):
        client = {"CLAUDE_PID": self.client.pid, "CLAUDE_PROJECT_DIR": self.project, "CLAUDE_CODE_ENTRYPOINT": "cli"}
        command = [sys.executable, "-I", "-S", str(ROOT / "hooks" / f"{door}.py")]
        text = json.dumps(payload)
        return subprocess.run(
            command, env=self.env(**(client | env)), input=text, capture_output=True, text=True, timeout=60
        )

    def _tell(self, door, name, env, **fields):
        payload = json.loads((PAYLOADS / f"{name}.json").read_text(encoding="utf-8"))
        transcript = str(self.root / "transcript.jsonl")
        payload |= {"session_id": SESSION, "cwd": str(self.project), "transcript_path": transcript} | fields
        done = self.hook(door, payload, **env)
        assert (done.returncode, done.stderr) == (0, ""), done
        return done

    def tell(self, door, name, **fields):
        return self._tell(door, name, {}, **fields)

    def before(self, tool, use_id="", session=SESSION, env=(), **given):
        """The call is announced and permitted. Returns its id."""
        self.calls += 1
        use_id = use_id or f"toolu_{self.calls}"
        call = {"tool_name": tool, "tool_input": given, "tool_use_id": use_id, "session_id": session}
        self._tell("pre_tool_use", "PreToolUse-Bash", dict(env), **call)
        return use_id

    def after(self, tool, use_id, response, session=SESSION, env=(), **given):
        call = {"tool_name": tool, "tool_input": given, "tool_use_id": use_id, "session_id": session}
        self._tell("post_tool_use", "PostToolUse-Bash", dict(env), tool_response=response, **call)

    def failed(self, tool, use_id, error, session=SESSION, **given):
        call = {"tool_name": tool, "tool_input": given, "tool_use_id": use_id, "session_id": session}
        self._tell("post_tool_use", "PostToolUseFailure-Bash", {}, error=error, **call)

    def ran(self, tool, response=None, **given):
        use_id = self.before(tool, **given)
        self.after(tool, use_id, {"stdout": "done"} if response is None else response, **given)
        return use_id

    def ended(self, session=SESSION):
        self._tell("lifecycle", "SessionEnd-other", {}, session_id=session)

    def kill_client(self):
        self.client.kill()
        self.client.wait()

    # ---- the CLI ------------------------------------------------------------------------------

    def cli(self, *words, command=FULL, env=(), **more):
        return subprocess.run(
            [*command, *words],
            env=self.env(**dict(env)),
            cwd=self.project,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            **more,
        )

    def rescue(self, *words, **more):
        return self.cli(*words, command=CHECKOUT, **more)

    def said(self, *words, **more):
        """What a person sees on a screen."""
        done = self.cli(*words, **more)
        assert done.stderr == "" and done.returncode in (0, 1), done
        return done.stdout

    def json(self, *words, code=0, **more):
        """The data of the envelope."""
        done = self.cli(*words, "--json", **more)
        assert (done.returncode, done.stderr) == (code, ""), done
        answer = json.loads(done.stdout)
        assert set(answer) == {"schema", "data"} and answer["schema"] == f"durable.{words[0]}.v1"
        return answer["data"]

    def steps(self, *words):
        return self.json("show", *words)["steps"]

    # ---- what no hook of today writes -----------------------------------------------------------

    def permitted(self, use_id, **changes):
        """A running step like that of the call `use_id`, with other columns: `effect="once"`. Its id."""
        from durable.ledger.sqlite import SqliteLedger

        ledger = SqliteLedger(str(self.state))
        try:
            with ledger.begin() as tx:
                like = tx.one("call_unsettled", session_id=SESSION, tool_use_id=use_id)
                step_id = f"s{os.urandom(6).hex()[:11]}"
                fresh = {"fingerprint": os.urandom(16).hex(), "scope": "run:x", "nonce": None, "duplicate_of": None}
                step = tx.prepare(step_id, like["run_id"], like | fresh | changes)
                tx.mark_running(step)
                tx.commit()
        finally:
            ledger.close()
        return step_id
