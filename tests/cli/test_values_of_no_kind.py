"""SQLite keeps whatever it is given. Where somebody put bytes or a word in the place of a text or a number, verbs
that prove name it, and all others say where to look."""

import sqlite3

import pytest

BYTES = "CAST('x' AS BLOB)"


def changed(machine, table, column, value):
    ledger = sqlite3.connect(machine.state / "ledger.db")
    with ledger:
        ledger.execute("PRAGMA ignore_check_constraints = ON")
        ledger.execute("DROP TRIGGER IF EXISTS only_legal_moves")
        ledger.execute(f"UPDATE {table} SET {column} = {value} WHERE rowid = (SELECT max(rowid) FROM {table})")
    ledger.close()


@pytest.fixture
def lived_in(machine):
    machine.ran("Read", file_path="/a")
    use_id = machine.before("mcp__lab__touch", to="bob")
    machine.permitted(use_id, effect="once")
    machine.kill_client()
    machine.cli("reconcile")
    return machine


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [("claims", "fingerprint", BYTES), ("steps", "closed_by", BYTES), ("steps", "prepared_at", "-1")],
)
def test_verify_of_the_run_names_it_for_people_and_as_json(lived_in, table, column, value):
    changed(lived_in, table, column, value)
    run = lived_in.json("runs")[0]["run_id"]
    found = lived_in.json("verify", run, code=1)["findings"]
    assert any(one["where"].get("table") == table for one in found), found
    assert table in lived_in.said("verify", run)


def test_a_run_whose_name_is_no_text_is_among_the_latest_all_the_same(lived_in):
    changed(lived_in, "runs", "run_id", BYTES)
    done = lived_in.cli("show", "nowhere")
    assert done.returncode == 2 and "the latest are b'x'" in done.stderr, done.stderr


def test_doctor_finds_it_where_it_looks_for_something_else(machine):
    machine.before("Read", file_path="/a")
    changed(machine, "owners", "boot", BYTES)
    failed = {check["name"]: check for check in machine.json("doctor", code=1)["checks"] if check["status"] == "FAIL"}
    assert "can't be judged" in failed["open steps"]["sentence"]
    assert "durable verify" in failed["open steps"]["remedy"]


def test_a_verb_that_comes_upon_it_says_that_verify_may_know_why(lived_in):
    changed(lived_in, "steps", "prepared_at", "-1")
    done = lived_in.cli("show")
    assert done.returncode == 3 and len(done.stderr.splitlines()) == 1
    assert "durable verify" in done.stderr and "report this line" in done.stderr
