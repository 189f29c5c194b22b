"""Where PreToolUse's time above the floor goes.

    python bench/breakdown.py [--runs 60] [--past 200]

First along the way of the event, then by imported module (`-X importtime`, self time; the watching
itself makes imports look dearer than they are: read it as proportions).
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
from pathlib import Path
from statistics import median

from machine import BENCH, LEAN, Session, script

TOP = 12
Marks = list[tuple[str, float, float]]


def main() -> None:
    parser = argparse.ArgumentParser(description="Where PreToolUse's time goes.")
    parser.add_argument("--runs", type=int, default=60)
    parser.add_argument("--past", type=int, default=200, help="calls in the ledger before anything is measured")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="durable-bench-") as folder:
        session = Session(Path(folder))
        for _ in range(wanted.past):
            session.call()
        print(along_the_way([marks(session) for _ in range(wanted.runs)]))
        print()
        print(by_module([imports(session) for _ in range(wanted.runs // 4 or 1)]))


def started(session: Session, *command: str) -> str:
    session.calls += 1
    payload = session.payload("PreToolUse")
    done = subprocess.run(
        command,
        env=session.env,
        input=payload,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=True,
    )
    return done.stderr


def marks(session: Session) -> Marks:
    lines = [line.split("\t") for line in started(session, *LEAN, str(BENCH / "inside.py")).splitlines()]
    return [(name, float(wall), float(cpu)) for name, wall, cpu in lines]


def along_the_way(runs: list[Marks]) -> str:
    lines = [f"{'until':<42}{'wall ms':>9}{'cpu ms':>9}{'least cpu':>11}"]
    first = [run[0][2] * 1000 for run in runs]
    lines.append(f"{'its first line (the interpreter)':<42}{'':>9}{median(first):>9.2f}{min(first):>11.2f}")
    for number, (name, _, _) in enumerate(runs[0][1:], 1):
        walls = [(run[number][1] - run[number - 1][1]) * 1000 for run in runs]
        cpus = [(run[number][2] - run[number - 1][2]) * 1000 for run in runs]
        lines.append(f"{name:<42}{median(walls):>9.2f}{median(cpus):>9.2f}{min(cpus):>11.2f}")
    return "\n".join(lines)


def imports(session: Session) -> dict[str, float]:
    """Milliseconds by module, of those that the bare interpreter does not load."""
    watched = started(session, *LEAN, "-X", "importtime", script("pre_tool_use.py")[-1])
    bare = set(self_times(started(session, *LEAN, "-X", "importtime", "-c", "pass")))
    return {name: spent for name, spent in self_times(watched).items() if name not in bare}


def self_times(report: str) -> dict[str, float]:
    rows = [line.removeprefix("import time:").split("|") for line in report.splitlines() if "|" in line]
    return {name.strip(): int(spent) / 1000 for spent, _, name in rows if spent.strip().isdigit()}


def by_module(runs: list[dict[str, float]]) -> str:
    found = {name: median(run.get(name, 0) for run in runs) for name in runs[0]}
    dearest = sorted(found, key=lambda name: -found[name])
    ours = sum(spent for name, spent in found.items() if name.startswith("durable"))
    lines = [f"{'module':<42}{'ms':>9}"]
    lines += [f"{name:<42}{found[name]:>9.2f}" for name in dearest[:TOP]]
    lines.append(f"{f'the other {len(found) - TOP}':<42}{sum(found[name] for name in dearest[TOP:]):>9.2f}")
    lines.append(f"{'all of them':<42}{sum(found.values()):>9.2f}")
    lines.append(f"{'of which durable.*':<42}{ours:>9.2f}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
