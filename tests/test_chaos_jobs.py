"""A job that is run or resumed is struck wherever it can be: no effect is doubled and none is lost."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from chaos import matrix
from chaos.checkout import checkout_with
from chaos.trace import can_trace

needs_strace = pytest.mark.skipif(not can_trace(), reason="strace is not installed or may not trace here")
# Three seconds a cell: where SIGKILL is struck at the same point, SIGTERM is left to the longer run.
only_in_the_matrix = pytest.mark.skipif("EVERY_CELL" not in os.environ, reason="`make matrix` plays it")
MARKS = {matrix.POWER: needs_strace, matrix.TERM: only_in_the_matrix}
CELLS = [pytest.param(cell, id=str(cell), marks=MARKS.get(cell.ending, ())) for cell in matrix.cells(matrix.JOBS)]


@pytest.mark.parametrize("cell", CELLS)
def test_whoever_is_struck_wherever_no_effect_is_doubled_and_none_is_lost(cell: matrix.Cell) -> None:
    assert matrix.play(cell) == ""


def test_a_worker_that_died_and_is_taken_for_one_that_failed_is_noticed(tmp_path: Path) -> None:
    checkout = checkout_with(tmp_path, "job/runner.py", "Ending(IN_DOUBT, why)", 'Ending("failed", why)')
    killed = [cell for cell in matrix.cells(matrix.JOBS) if (cell.ending, cell.where) == (matrix.KILL, "after-effect")]
    assert "happened more than once" in matrix.play(killed[0], checkout)
