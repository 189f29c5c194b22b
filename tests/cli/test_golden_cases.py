"""What hooks of an earlier day did with a session, today's do as well: each case against what was kept of it."""

from pathlib import Path

import pytest
from cli_machine import SESSION

from golden.cases import CASES

KEPT = Path(__file__).resolve().parents[1] / "golden"


@pytest.mark.parametrize("name", CASES)
def test_a_case_is_played_as_it_was_kept(machine, name):
    CASES[name](machine)
    for kept in (KEPT / f"{name}.golden", KEPT / f"{name}.json"):
        data = machine.json("diff", "--golden", str(kept), SESSION)
        assert (data["verdict"], data["findings"]) == ("PASS", [])
    assert data["differences"] == [] and data["a"]["calls"] == data["b"]["calls"] >= 3


@pytest.mark.parametrize("name", CASES)
def test_no_case_passes_for_another(machine, name):
    (other,) = [one for one in CASES if one > name][:1] or [min(CASES)]
    data = machine.json("diff", str(KEPT / f"{name}.json"), str(KEPT / f"{other}.json"), code=1)
    assert data["differences"] != []
