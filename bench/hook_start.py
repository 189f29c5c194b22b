"""What a hook costs, whole process, next to the bare interpreter and to a hook written naively.

    python bench/hook_start.py [--pairs 60] [--past 200] [--json]

All contenders run in turn, A B C A B C, so that whatever else the machine does falls on all of them;
ratios are taken round by round against the floor of the same round. Two conditions: an empty WAL, and
one just short of its checkpoint, which every hook has to read. CPU time (user + system, of the child
alone) is steadier than wall time; a sync shows in wall time only. Nothing here fails by being slow.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

from machine import BENCH, LEAN, ROOT, Session, Took, script

sys.path.insert(0, str(ROOT / "src"))

from durable.ledger.database import CHECKPOINT_PAGES, PAGE_SIZE

FLOOR, PRE, POST, BATCH, NAIVE = "floor", "PreToolUse", "PostToolUse", "PostToolBatch", "naive PreToolUse"
PROMPT = "UserPromptSubmit"
RULED = f"{PRE}, 200 rules"
# In the order of a round: a Post needs its Pre.
CONTENDERS = {
    FLOOR: ([*LEAN, "-c", "pass"], ""),
    PRE: (script("pre_tool_use.py"), PRE),
    POST: (script("post_tool_use.py"), POST),
    BATCH: (script("post_tool_use.py"), BATCH),
    PROMPT: (script("lifecycle.py"), PROMPT),
    NAIVE: ([sys.executable, str(BENCH / "naive_hook.py")], PRE),
    RULED: (script("pre_tool_use.py"), PRE),
}
WHOLE_CALL = "one whole call"
PARTS_OF_A_CALL = (PRE, POST, BATCH)
ROOM_FOR_A_ROUND = 6 * 24 * 1024  # bytes that one round may write before a checkpoint would fall into it
Round = dict[str, Took]


def main() -> None:
    wanted = arguments()
    with tempfile.TemporaryDirectory(prefix="durable-bench-", dir=wanted.dir) as folder:
        session = Session(Path(folder))
        for _ in range(wanted.past):
            session.call()
        session.take_rules(200)
        session.empty_wal()
        results = {"empty WAL": measured(session, wanted.pairs)}
        nearly_full(session)
        results["WAL near its checkpoint"] = measured(session, wanted.pairs)
    print(json.dumps(results, indent=1) if wanted.json else "\n\n".join(table(*each) for each in results.items()))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="What a hook costs at its start.")
    parser.add_argument("--pairs", type=int, default=60, help="rounds per condition")
    parser.add_argument("--past", type=int, default=200, help="calls in the ledger before anything is measured")
    parser.add_argument("--dir", help="where the ledger lies: choose the disk you mean")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def nearly_full(session: Session) -> None:
    while session.wal_bytes() < CHECKPOINT_PAGES * PAGE_SIZE - ROOM_FOR_A_ROUND:
        session.call()


def measured(session: Session, pairs: int) -> dict[str, Any]:
    """Every round meets the same ledger as the first."""
    wal, calls = session.wal_bytes(), session.calls
    template = session.home.with_name("template")
    shutil.copytree(session.home, template)
    rounds = []
    for _ in range(pairs):
        rounds.append(one_round(session))
        put_back(template, session.home)
    shutil.rmtree(template)
    session.calls = calls
    return {"wal_bytes": wal, "hooks": {name: summary(rounds, name) for name in (*CONTENDERS, WHOLE_CALL)}}


def put_back(template: Path, home: Path) -> None:
    """Without the index in shared memory, which the first to open the database makes anew in any case."""
    shutil.rmtree(home)
    shutil.copytree(template, home, ignore=shutil.ignore_patterns("*-shm"))


def one_round(session: Session) -> Round:
    session.calls += 1
    found: Round = {}
    for name, (command, event) in CONTENDERS.items():
        # A call of its own: the hook answers a second start of the same one without any rule.
        session.calls += name == RULED
        payload = session.payload(event) if event else ""
        found[name] = session.run(command, payload, ruled=name == RULED)
    parts = [found[name] for name in PARTS_OF_A_CALL]
    found[WHOLE_CALL] = Took(sum(part.wall_ms for part in parts), sum(part.cpu_ms for part in parts))
    return found


def summary(rounds: list[Round], name: str) -> dict[str, float]:
    found: dict[str, float] = {}
    for field in Took._fields:
        values = [getattr(each[name], field) for each in rounds]
        ratios = [getattr(each[name], field) / getattr(each[FLOOR], field) for each in rounds]
        floor = min(getattr(each[FLOOR], field) for each in rounds)
        found |= {
            f"{field}_min": min(values),
            f"{field}_median": median(values),
            f"{field}_ratio_median": median(ratios),
            f"{field}_ratio_of_minima": min(values) / floor,
        }
    return {key: round(value, 2) for key, value in found.items()}


def table(condition: str, result: dict[str, Any]) -> str:
    head = f"{'':<23}{'wall ms':>18}{'x floor':>16}{'cpu ms':>18}{'x floor':>16}"
    under = f"{'':<23}" + 2 * f"{'median':>10}{'min':>8}{'pairs':>9}{'minima':>7}"
    lines = [f"{condition} ({result['wal_bytes'] // 1024} KiB)", head, under]
    for name, found in result["hooks"].items():
        cells = [
            f"{found[f'{field}_median']:>10.1f}{found[f'{field}_min']:>8.1f}"
            f"{found[f'{field}_ratio_median']:>9.2f}{found[f'{field}_ratio_of_minima']:>7.2f}"
            for field in Took._fields
        ]
        lines.append(f"{name:<23}" + "".join(cells))
    return "\n".join(lines)


if __name__ == "__main__":
    main()
