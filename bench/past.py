"""A ledger with a long past, written through the same transactions as any other, many calls to a commit.

Runs of 2,000 calls each: tests run over and over, files read and edited, look-ups, some calls that
must not happen twice, some that failed or were refused, and in the latest run some that were cut off.
"""

import json
import os
import random
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "src"))

from durable.ledger.sqlite import SqliteLedger  # noqa: E402

CALLS_OF_A_RUN = 2_000
COMMIT_EVERY = 2_000
# Nobody cuts the power under a benchmark, and its pages are better kept in memory than read again.
HASTE = ("PRAGMA synchronous = OFF", "PRAGMA cache_size = -200000", "PRAGMA foreign_keys = OFF")
CUT_OFF = 3
OUTPUT = "tests/test_basket.py::test_case_{at} PASSED                                   [ {at:>4}]\n"
TEXT = "    def total(self, rows):  # {at}\n        return sum(row.price * row.count for row in rows)\n"
# What is called, in the proportions of a working day: the tool, its input, what came back, the effect.
CALLS = (
    ("Bash", lambda at: {"command": f"pytest -q tests/test_{at % 40}.py", "description": "Run the tests"},
     lambda at: {"stdout": "".join(OUTPUT.format(at=at + n) for n in range(at % 24)), "stderr": ""},
     "repeatable"),
    ("Read", lambda at: {"file_path": f"/home/someone/project/src/part_{at % 300}.py"},
     lambda at: {"type": "text", "file": {"content": TEXT.format(at=at) * (at % 40), "numLines": 2 * (at % 40)}},
     "read"),
    ("Edit", lambda at: {"file_path": f"/home/someone/project/src/part_{at % 300}.py",
                         "old_string": TEXT.format(at=at), "new_string": TEXT.format(at=at + 1)},
     lambda at: {"filePath": f"/home/someone/project/src/part_{at % 300}.py", "userModified": False}, "repeatable"),
    ("Grep", lambda at: {"pattern": f"case_{at}", "path": "src"},
     lambda at: {"numFiles": at % 7, "content": "x" * (at % 900)}, "read"),
    ("mcp__shop__create_order", lambda at: {"customer": f"c{at}", "amount": at % 1000},
     lambda at: {"order": f"o{at}"}, "once"),
)  # fmt: skip
WEIGHTS = (40, 30, 18, 10, 2)


class Past:
    """Grows by whole runs. The same seed gives the same past, ids of events aside."""

    def __init__(self, home: Path) -> None:
        self.ledger = SqliteLedger(str(home))
        self.random = random.Random(7)
        self.calls = 0

    def grow(self, calls: int) -> None:
        runs = -(-calls // CALLS_OF_A_RUN)
        for number in range(1, runs + 1):
            self._run(
                f"{number:08x}-3f1c-4d7e-9a51-0123456789ab", min(calls - self.calls, CALLS_OF_A_RUN), number == runs
            )
        self.ledger.close()

    def _run(self, run_id: str, calls: int, latest: bool) -> None:
        owner_id = f"box/4026531836/{run_id}"
        with self.ledger.begin() as tx:
            self._open(tx, run_id, owner_id)
            tx.commit()
        for pragma in HASTE:
            self.ledger.execute(pragma)
        last: dict[str, str] = {}
        for start in range(0, calls, COMMIT_EVERY):
            with self.ledger.begin() as tx:
                for at in range(start, min(start + COMMIT_EVERY, calls)):
                    self._call(tx, run_id, owner_id, at, last, cut=latest and at >= calls - CUT_OFF)
                tx.commit()
        with self.ledger.begin() as tx:
            tx.append("owner.ended", run_id, owner_id, {"reason": "found dead" if latest else "SessionEnd: other"})
            tx.append("session.ended", run_id, run_id, {"reason": "other"})
            if not latest:
                tx.append("run.completed", run_id, run_id, {})
            tx.commit()

    def _open(self, tx, run_id: str, owner_id: str) -> None:
        tx.append("run.opened", run_id, run_id, {"project": "/home/someone/project", "client": "claude-code"})
        session = {"source": "startup", "continues": None, "transcript_path": "", "cwd": "/home/someone/project",
                   "entrypoint": "cli", "permission_mode": "default", "attended": 1}  # fmt: skip
        tx.append("session.joined", run_id, run_id, session)
        owner = {
            "session_id": run_id,
            "pid": 2**22 + 1,
            "started": 1,
            "boot": "b",
            "host": os.uname().nodename,
            "pidns": "",
        }
        tx.append("owner.seen", run_id, owner_id, owner)

    def _call(self, tx, run_id: str, owner_id: str, at: int, last: dict[str, str], cut: bool) -> None:
        self.calls += 1
        number = self.calls
        tool, given, came, effect = self.random.choices(CALLS, WEIGHTS)[0]
        asked = json.dumps(given(number), separators=(",", ":")).encode()
        step_id = f"s{self.random.getrandbits(55):011x}"[:12]
        body = self._row(tx, run_id, owner_id, number, step_id, tool, effect, asked, last)
        step = tx.prepare(step_id, run_id, body)
        if self.random.random() < 0.01 and not cut:
            tx.close_step(step, self._closing("refused", "PreToolUse"))
            return
        tx.mark_running(step)
        step.row["status"] = "running"
        if cut:
            tx.doubt(step, "the client died")
            return
        failed = effect != "once" and self.random.random() < 0.03
        output = tx.put(json.dumps(came(number), separators=(",", ":")).encode())
        error = tx.put(json.dumps(f"Exit code 1\n{number} failed").encode()) if failed else None
        status, by = ("failed", "PostToolUseFailure") if failed else ("succeeded", "PostToolUse")
        came_back = {"output": None if failed else output, "error": error, "exit_code": 1 if failed else None}
        tx.close_step(step, self._closing(status, by, duration_ms=number * 37 % 9000, **came_back))

    def _row(self, tx, run_id, owner_id, number, step_id, tool, effect, asked, last):
        digest = tx.put(asked)
        twin = last.get(digest)
        last[digest] = step_id
        nonce = None if twin is None else f"{effect}-{number:08x}"
        claim = {"scope": f"run:{run_id}", "fingerprint": digest, "nonce": nonce, "project": "/home/someone/project"}
        return {
            "session_id": run_id, "owner_id": owner_id, "tool_use_id": f"toolu_{number:020d}", "tool_name": tool,
            "agent_id": "" if number % 9 else "a1b2c3", "agent_type": "" if number % 9 else "Explore",
            "cwd": "/home/someone/project", "prompt_id": f"4b36a3c0-2ad0-437d-ad04-{number // 40:012x}",
            "permission_mode": "default", "transcript_pos": number * 900, "effect": effect, "rule": "built-in",
            "policy": "9" * 64, "mode": "enforce", "would": None, "verdict": "permit", "attempt": 1,
            "fingerprint": digest, "idempotency_key": f"{digest}-1-{nonce}", "nonce": nonce, "duplicate_of": twin,
            "input": digest, "input_hash": digest, "redacted": None, "hook_us": 9000 + number % 5000, "flag": None,
            "file_before": None, "evidence": None, "claims": [claim],
        }  # fmt: skip

    def _closing(self, status, by, **more):
        nothing = dict.fromkeys(("duration_ms", "exit_code", "exit_known", "output", "error"))
        return nothing | {"status": status, "closed_by": by, "returned": 1} | more


if __name__ == "__main__":
    Past(Path(sys.argv[1])).grow(int(sys.argv[2]))
