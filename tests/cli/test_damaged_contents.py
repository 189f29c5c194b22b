"""An input or output whose bytes were changed in the database is never shown as what was recorded."""

import sqlite3

import pytest

from durable.doctor.ledger import LedgerFile

STANDS = "echo the true one"


def altered(machine, column, value):
    """Changes what a column of the latest step stands for, past every guard of ours."""
    ledger = sqlite3.connect(machine.state / "ledger.db")
    with ledger:
        (digest,) = ledger.execute(f"SELECT {column} FROM steps ORDER BY seq DESC").fetchone()
        ledger.execute("UPDATE blobs SET bytes = ? WHERE digest = ?", [value, digest])
    ledger.close()
    return digest


@pytest.fixture
def step_id(machine):
    machine.ran("Read", file_path="/a")
    machine.ran("Bash", {"stdout": "true words"}, command=STANDS)
    return machine.steps()[1]["step_id"]


@pytest.mark.parametrize("value", [b'{"command": "rm -rf /"}', '{"command": "rm -rf /"}', b"\xff\xfe", "", 7])
def test_a_changed_input_is_marked_and_the_rest_is_shown(machine, step_id, value):
    digest = altered(machine, "input", value)
    (whole, step) = machine.json("show", code=1)["steps"]
    assert (step["input"]["damaged"], step["output"]) == (f"sha256:{digest}", {"stdout": "true words"})
    assert whole["input"] == {"file_path": "/a"}
    screen = machine.said("show")
    assert f"problem: the input of step {step_id} was changed after it was recorded, and is not shown" in screen
    assert "doctor --repair" in screen and "Bash  (damaged)" in screen and "rm -rf" not in screen


def test_so_is_a_changed_output(machine, step_id):
    digest = altered(machine, "output", b'{"stdout": "false words"}')
    assert machine.json("step", step_id, code=1)["output"]["damaged"] == f"sha256:{digest}"
    for words in (("step", step_id), ("step", step_id, "--full")):
        screen = machine.said(*words)
        assert f"the output of step {step_id} was changed" in screen
        assert "false words" not in screen and STANDS in screen


def test_one_that_says_it_is_damaged_is_still_shown_as_it_was_recorded(machine):
    machine.ran("mcp__x__y", {"damaged": "sha256:0", "bytes": 7}, lost="sha256:0")
    (step,) = machine.steps()
    assert (step["input"], step["output"]) == ({"lost": "sha256:0"}, {"damaged": "sha256:0", "bytes": 7})
    assert "problem" not in machine.said("show")


def test_open_does_not_show_it_either(machine):
    machine.after("Bash", "toolu_sly", {"stdout": ""}, command="echo sly")
    altered(machine, "input", b'{"command": "echo honest"}')
    (item,) = machine.json("open", code=1)["items"]
    assert item["what"] == "Bash  (damaged)"
    assert "was changed after it was recorded" in machine.said("open")


def test_doctor_names_the_step_and_the_repair_takes_the_false_bytes_out(machine, step_id):
    altered(machine, "input", b'{"command": "rm -rf /"}')
    checks = {check["name"]: check for check in machine.json("doctor", code=1)["checks"]}
    assert checks["contents"]["status"] == "FAIL"
    assert step_id in checks["contents"]["sentence"] and "--repair" in checks["contents"]["remedy"]
    assert machine.json("doctor", "--repair")["repaired"]["lost_blobs"] == 1
    assert machine.steps()[1]["input"]["lost"].startswith("sha256:")
    screen = machine.said("show")
    assert f"warning: the input of step {step_id} was lost" in screen and "Bash  (lost)" in screen
    checks = {check["name"]: check for check in machine.json("doctor", code=1)["checks"]}
    assert checks["contents"]["status"] == "PASS"
    assert "true words" in machine.said("step", step_id)


def test_where_the_time_does_not_suffice_nothing_is_said_of_the_rest(machine, step_id):
    altered(machine, "output", b"{}")
    with LedgerFile(str(machine.state / "ledger.db")) as file:
        assert (file.changed_content(-1.0), file.changed_content(None)[:14]) == (None, "an input or ou")


@pytest.mark.parametrize("words", [("show",), ("show", "--json"), ("report", "-o", "-")])
def test_a_row_of_which_a_part_can_not_be_read_is_named_with_what_says_more(machine, words):
    machine.ran("Read", file_path="/a")
    (step,) = machine.steps()
    connection = sqlite3.connect(machine.state / "ledger.db")
    connection.execute("UPDATE steps SET redacted = 'no JSON'")
    connection.commit()
    connection.close()
    done = machine.cli(*words)
    said = f"the row of step {step['step_id']} can't be read: what it says of redaction is no JSON"
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr == f"durable: {said}; durable verify {step['run_id']} says whether it was changed\n"
