"""What the reading verbs cost on a ledger with a long past, each a whole process, next to `durable --version`.

    python bench/read.py [--calls 100000] [--rounds 5] [--dir DIR] [--json] [VERB ...]

In one round every verb runs once on the long ledger and once on one that holds a single run as long, after
`python -c "import typer"` and `durable --version`; ratios are taken round by round against the
`--version` of the same round, so that whatever else the machine does falls on both. Memory is the
most that a process held at any time (`peak`), and what the long past added to it. With --dir the
ledgers are kept there and used again: writing the long one takes minutes. Nothing here fails by being slow.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import NamedTuple

from past import CALLS_OF_A_RUN, Past

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "src"))

from durable.ledger.reading import Reader  # noqa: E402

FEW = CALLS_OF_A_RUN
DURABLE = (sys.executable, "-m", "durable")
AT_A_TERMINAL = "terminal: "
TYPER, VERSION = 'python -c "import typer"', "--version"
# RUN is the latest, of 2,000 calls, three of them in doubt; EARLIER the first, which ended well; STEP one of its calls.
VERBS = (
    "runs", "runs --json", "terminal: runs", "show RUN", "show RUN --json", "terminal: show RUN",
    "show EARLIER --tool Edit", "step STEP", "step STEP --json", "open", "approvals --all",
    "stats", "stats --by model", "stats --by day", "stats --run RUN", "cost", "cost RUN", "events --count",
    "events RUN", "failures RUN", "tail --once", "tail --once --run EARLIER --lines 100", "note RUN", "policy unknown",
)  # fmt: skip


class Took(NamedTuple):
    wall_ms: float
    cpu_ms: float
    peak_mb: float


class Machine:
    """A ledger of `calls` calls in `home`, and the verbs run on it."""

    def __init__(self, folder: Path, calls: int) -> None:
        self.home = folder / f"calls-{calls}"
        if not (self.home / "heads" / "ledger").exists():
            Past(self.home).grow(calls)
        self.env = {"PATH": os.environ["PATH"], "HOME": str(folder), "DURABLE_HOME": str(self.home),
                    "COLUMNS": "120", "TERM": "xterm-256color",
                    "PYTHONPATH": str(ROOT / "src")}  # fmt: skip
        with Reader(str(self.home)) as reader:
            runs = [row["run_id"] for row in reader.all("latest_runs", most=1_000)]
            step = reader.all("steps_of_run", run_id=runs[-1])[-1]
            self.names = {"RUN": runs[0], "EARLIER": runs[-1], "STEP": step["step_id"]}

    def verb(self, line: str) -> Took:
        words = line.removeprefix(AT_A_TERMINAL).split()
        way = "terminal" if line.startswith(AT_A_TERMINAL) else "pipe"
        return self.run([*DURABLE, *(self.names.get(word, word) for word in words)], way)

    def run(self, words: list[str], way: str = "pipe") -> Took:
        told = self.home.with_name("took")
        launch = [sys.executable, "-I", "-S", str(ROOT / "bench" / "launch.py"), str(told), way]
        done = subprocess.run(
            [*launch, *words], env=self.env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        code, *took = told.read_text().split()
        if int(code) not in (0, 1):
            raise SystemExit(f"{' '.join(words[3:])} ended with {code}: {done.stderr}")
        return Took(*map(float, took))


def main() -> None:
    wanted = arguments()
    with tempfile.TemporaryDirectory(prefix="durable-bench-") as folder:
        kept = Path(wanted.dir or folder)
        kept.mkdir(parents=True, exist_ok=True)
        few, many = Machine(kept, min(FEW, wanted.calls)), Machine(kept, wanted.calls)
        rounds = [one_round(few, many, wanted.verbs or list(VERBS)) for _ in range(wanted.rounds)]
    results = {name: summary(rounds, name) for name in rounds[0]}
    print(json.dumps(results, indent=1) if wanted.json else table(results, wanted.calls))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="What the reading verbs cost on a ledger with a long past.")
    parser.add_argument("verbs", nargs="*", help="only these, each quoted with its options")
    parser.add_argument("--calls", type=int, default=50 * CALLS_OF_A_RUN, help="calls in the long ledger")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--dir", help="where the ledgers are kept")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def one_round(few: Machine, many: Machine, verbs: list[str]) -> dict[str, tuple[Took, Took]]:
    """What each took on the short ledger and on the long one."""
    typer = many.run([sys.executable, "-c", "import typer"])
    version = many.verb(VERSION)
    found = {TYPER: (typer, typer), VERSION: (version, version)}
    return found | {verb: (few.verb(verb), many.verb(verb)) for verb in verbs}


def summary(rounds: list[dict[str, tuple[Took, Took]]], name: str) -> dict[str, float]:
    long = [each[name][1] for each in rounds]
    versions = [each[VERSION][1] for each in rounds]
    added = [each[name][1].peak_mb - each[name][0].peak_mb for each in rounds]
    pairs = list(zip(long, versions, strict=True))
    found = {
        "wall_ms": median(took.wall_ms for took in long),
        "wall_ratio": median(took.wall_ms / version.wall_ms for took, version in pairs),
        "cpu_ms": median(took.cpu_ms for took in long),
        "cpu_ratio": median(took.cpu_ms / version.cpu_ms for took, version in pairs),
        "peak_mb": median(took.peak_mb for took in long),
        "added_mb": median(added),
    }
    return {key: round(value, 2) for key, value in found.items()}


def table(results: dict[str, dict[str, float]], calls: int) -> str:
    lines = [f"{calls:,} calls", f"{'':<40}{'wall ms':>9}{'x':>6}{'cpu ms':>9}{'x':>6}{'peak MB':>9}{'added':>7}"]
    for name, found in results.items():
        cells = f"{found['wall_ms']:>9.0f}{found['wall_ratio']:>6.2f}{found['cpu_ms']:>9.0f}{found['cpu_ratio']:>6.2f}"
        lines.append(f"{name:<40}{cells}{found['peak_mb']:>9.1f}{found['added_mb']:>7.1f}")
    return "\n".join(
        [*lines, f"x: by the {VERSION} of the same round; added: to the peak on a ledger of {FEW:,} calls"]
    )


if __name__ == "__main__":
    main()
