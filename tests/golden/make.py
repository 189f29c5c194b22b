"""Plays every case once more and keeps what it does: `PYTHONPATH=src:tests:tests/cli python -m golden.make`.

The bundle shows that records of today can still be opened later; the golden file, what is expected.
"""

import tempfile
from pathlib import Path

from cli_machine import SESSION, Machine

from golden.cases import CASES

HERE = Path(__file__).parent


def make(name):
    machine = Machine(Path(tempfile.mkdtemp(prefix="golden-")))
    try:
        CASES[name](machine)
        machine.said("export", SESSION, "-o", str(HERE / f"{name}.json"), "--force")
        print(machine.said("diff", "--golden", str(HERE / f"{name}.golden"), SESSION, "--update"), end="")
    finally:
        machine.close()


if __name__ == "__main__":
    for name in CASES:
        make(name)
