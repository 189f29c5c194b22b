"""After any kill and any power cut: each effect happened exactly once, or its step is in doubt and says so.

The matrix of named points, and some random kills; `make chaos` makes ten thousand of them. What a power cut
leaves is told by `test_power_cut.py`.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from chaos import matrix
from chaos.__main__ import Standing, keep
from chaos.checkout import checkout_with
from chaos.judge import FLAGS, judge
from chaos.lives import Broken, live
from chaos.trace import can_trace
from chaos.witness import Witness
from hooks.door import ROOT

needs_strace = pytest.mark.skipif(not can_trace(), reason="strace is not installed or may not trace here")


# ---- the matrix -----------------------------------------------------------------------------------

# Before the call a hook that is told to stop has to deny still. Elsewhere SIGKILL is struck at the same points, and
# SIGTERM is left to the longer run.
only_in_the_matrix = pytest.mark.skipif("EVERY_CELL" not in os.environ, reason="`make matrix` plays it")


def marks(cell: matrix.Cell) -> tuple[pytest.MarkDecorator, ...]:
    if cell.ending == matrix.POWER:
        return (needs_strace,)
    left = cell.ending == matrix.TERM and cell.victim != "the hook before the call"
    return (only_in_the_matrix,) if left else ()


CELLS = [pytest.param(cell, id=str(cell), marks=marks(cell)) for cell in matrix.cells(matrix.HOOKS)]


@pytest.mark.parametrize("cell", CELLS)
def test_whoever_is_struck_wherever_no_effect_is_doubled_and_none_is_lost(cell: matrix.Cell) -> None:
    assert matrix.play(cell) == ""


def test_a_cell_whose_point_nobody_passes_is_no_proof() -> None:
    cell = next(cell for cell in matrix.cells(matrix.HOOKS) if cell.ending == matrix.KILL)
    assert matrix.play(replace(cell, where="no-such-point")) == "nothing was struck"


BROKEN = {
    "a hook that fails lets the call run": (
        ("failure.py", "    return 2, ", "    return 0, "),
        (matrix.TERM, "the hook before the call", "after permit"),
        "ran, and no row had said that it would",
    ),
    "an orphan is overlooked": (
        ("orphans.py", "        if look.found or", "        look.found.clear()\n        if look.found or"),
        (matrix.KILL, "the client", "mid-effect"),
        "happened more than once",
    ),
}


@pytest.mark.parametrize("which", BROKEN)
def test_a_guard_that_is_missing_is_noticed(which: str, tmp_path: Path) -> None:
    change, place, verdict = BROKEN[which]
    checkout = checkout_with(tmp_path / "checkout", *change)
    struck = [cell for cell in matrix.cells(matrix.HOOKS) if (cell.ending, cell.victim, cell.point) == place]
    assert any(verdict in matrix.play(cell, checkout) for cell in struck)


HOOK_PATH = ("hook", "prepare", "spool", "fold", "ledger/create", "ledger/head", "ledger/sqlite")
WITH_THE_LEDGER = {"head-not-written", "before-key-rename"}  # tests/ledger/test_kills.py


def test_every_point_that_a_hook_can_pass_is_in_the_matrix() -> None:
    text = "".join((ROOT / "src" / "durable" / f"{name}.py").read_text(encoding="utf-8") for name in HOOK_PATH)
    found = set(re.findall(r'crash\.point\("([^"]+)"\)', text))
    assert found - WITH_THE_LEDGER <= {cell.where for cell in matrix.cells(matrix.HOOKS)}


# ---- the judge ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("times", "statuses", "verdict"),
    [
        (1, ["succeeded"], ""),
        (1, ["refused", "in_doubt"], ""),
        (0, ["in_doubt"], ""),
        (2, ["succeeded", "succeeded"], "more than once"),
        (2, ["in_doubt"], "more than once"),
        (1, [], "no row at all"),
        (1, ["refused"], "nothing says so"),
        (1, ["not_done"], "nothing says so"),
        (0, ["succeeded"], "did not happen"),
        (0, ["refused"], "was lost"),
        (0, [], "was lost"),
        (1, ["running"], "is held to be under way"),
    ],
)
def test_the_judge_lets_pass_only_what_happened_once_or_is_in_doubt(
    times: int, statuses: list[str], verdict: str
) -> None:
    rows = [{"input": {"command": "pay bob"}, "status": status, "flag": None} for status in statuses]
    said = judge(Counter({"pay bob": times}), rows, ["pay bob"])
    assert verdict in said
    assert bool(said) == bool(verdict)


@pytest.mark.parametrize("flag", FLAGS)
def test_nor_does_it_let_pass_what_the_ledger_itself_calls_a_failure(flag: str) -> None:
    row = {"input": {"command": "pay bob"}, "status": "succeeded", "flag": flag}
    assert FLAGS[flag] in judge(Counter({"pay bob": 1}), [row], ["pay bob"])


# ---- at random ------------------------------------------------------------------------------------


def chaos(*args: object) -> str:
    env = {**os.environ, "PYTHONPATH": f"{ROOT}/src:{ROOT}/tests"}
    argv = [sys.executable, "-m", "chaos", *map(str, args)]
    done = subprocess.run(argv, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_hooks_struck_at_random_double_nothing_and_lose_nothing(tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    said = chaos(150, "--state", state).splitlines()[-1]
    struck = sum(int(number) for number in re.findall(r"(\d+) (?:killed|stopped)", said))
    assert struck >= 150
    assert said.endswith("; 0 broken")
    assert not state.exists()


def test_after_an_interruption_it_goes_on_where_it_was_with_the_same_seed(tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    keep(state, Standing("7", life=3, counted={"killed": 9}))
    said = chaos(10, "--state", state)
    assert said.startswith("seed 7, from life 3\n")
    assert int(re.findall(r"(\d+) killed", said)[-1]) > 9 or "stopped" in said


def test_a_broken_life_says_how_to_play_it_again_and_is_kept(tmp_path: Path) -> None:
    standing = Standing("7", life=3)
    standing.take("'pay bob' was lost; life 7-3")
    keep(tmp_path / "state.json", standing)
    assert standing.broken == ["'pay bob' was lost; life 7-3"]
    assert Standing(**json.loads((tmp_path / "state.json").read_text())) == standing


def test_a_life_whose_receipts_tell_what_nobody_saw_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Witness, "counted", lambda _: Counter())
    with pytest.raises(Broken, match=r"did not happen .*; life 7-3"):
        live("7-3", traced=False)
