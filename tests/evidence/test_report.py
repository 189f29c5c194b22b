"""`durable report`: where the page goes, what it is written over, what is said. How it looks: tests/browser."""

from __future__ import annotations

import json
import os
import sqlite3
import stat

import pytest

from cli.cli_machine import SESSION, Machine
from durable.cli.report import _write
from durable.evidence import audit, verify
from durable.evidence.reporting.looks import looks_at
from durable.ledger.reading import Reader

NAME = f"run-{SESSION}.html"


@pytest.fixture(scope="module")
def lived(tmp_path_factory):
    """Tests here read one ledger, and write beside it."""
    machine = Machine(tmp_path_factory.mktemp("machine"))
    machine.ran("Bash", {"stdout": "told </script>"}, command="echo told")
    machine.before("Read", file_path="/a")
    yield machine
    machine.close()


@pytest.fixture
def machine(lived):
    for path in lived.project.iterdir():
        path.unlink()
    return lived


def data_of(html):
    return json.loads(html.split('id="data">')[1].split("</script>")[0])


def test_without_a_name_it_lies_in_this_directory_for_its_owner_alone(machine):
    said = machine.said("report")
    path = machine.project / NAME
    assert f"ok: {path}" in said and "2 steps" in said
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    data = data_of(path.read_text("ascii"))
    assert data["run"]["run_id"] == SESSION and data["made_at"] > data["origin"]
    assert [step["status"] for step in data["steps"]] == ["succeeded", "running"]
    assert ["stdout", "told </script>"] in data["texts"][data["steps"][0]["texts"]["output"]]["fields"]


def test_json_says_what_was_written(machine):
    found = machine.json("report", SESSION[:6], "-o", "r.html")
    path = machine.project / "r.html"
    assert (found["path"], found["bytes"]) == (str(path), path.stat().st_size)
    assert (found["run_id"], found["steps"], found["left_out"], found["need_somebody"]) == (SESSION, 2, 0, 0)
    assert list(found["verdicts"]) == ["consistent", "authentic", "audit", "check"]


def test_the_record_is_looked_at(machine):
    verdicts = machine.json("report", "-o", "r.html")["verdicts"]
    assert (verdicts["consistent"], verdicts["authentic"]) == ("PASS", "PASS")
    looks = data_of((machine.project / "r.html").read_text("ascii"))["looks"]
    assert looks[3]["name"] == "check" and looks[3]["findings"]


def test_what_check_says_on_the_page_is_what_it_says_by_itself_and_nobody_looks_twice(tmp_path, monkeypatch):
    machine = Machine(tmp_path)
    try:
        machine.ran("Bash", command="echo told")
        connection = sqlite3.connect(machine.state / "ledger.db")
        connection.execute("UPDATE steps SET duration_ms = 5")
        connection.commit()
        connection.close()
        (check,) = [one for one in data_of(machine.said("report", "-o", "-"))["looks"] if one["name"] == "check"]
        alone = [(one["name"], look["code"]) for one in machine.json("check", code=1)["invariants"]
                 for look in one["findings"]]  # fmt: skip
        assert ("chain_valid", "row_changed") in alone and ("tool_trace_consistency", "transcript_gone") in alone
        told = [one["code"] for one in check["findings"] if one["verdict"] != "PASS"]
        assert sorted(told) == sorted(code for _, code in alone)
        looked = []
        for module, name in ((verify, "verify_run"), (audit, "audit")):
            monkeypatch.setattr(module, name, counting(getattr(module, name), looked))
        with Reader(str(machine.state)) as reader:
            looks_at(reader, SESSION, {}, {})
        assert looked == ["verify_run", "audit"]
    finally:
        machine.close()


def test_a_step_of_which_something_was_redacted_says_so_in_a_form_that_the_page_reads(tmp_path):
    machine = Machine(tmp_path)
    try:
        machine.ran("Bash", command="echo sk-ant-api03-abcdefghijklmnopqrstuvwxyz0123456789")
        machine.ran("Bash", command="echo told")
        steps = data_of(machine.said("report", "-o", "-"))["steps"]
        (kind,) = machine.steps()[0]["redacted"]
        assert [step["redacted"] for step in steps] == [[kind], []]
    finally:
        machine.close()


def counting(function, calls):
    def counted(*given):
        calls.append(function.__name__)
        return function(*given)

    return counted


def test_a_directory_gets_a_file_of_the_runs_name_and_stdout_the_page(machine):
    page = machine.cli("report", "-o", "-").stdout
    assert page.startswith("<!doctype html>") and page.endswith("</html>\n") and data_of(page)["steps"]
    assert list(machine.project.iterdir()) == []
    assert machine.json("report", "-o", str(machine.project))["path"] == str(machine.project / NAME)


def test_a_report_is_written_over_and_anything_else_is_not(machine):
    path = machine.project / "r.html"
    machine.said("report", "-o", "r.html")
    first = path.stat().st_ino
    machine.said("report", "-o", "r.html")
    assert path.stat().st_ino != first
    path.write_text("a letter")
    refused = machine.cli("report", "-o", "r.html")
    assert (refused.returncode, refused.stdout, path.read_text()) == (2, "", "a letter")
    remedy = "name another, or write over it with --force"
    assert refused.stderr == f"durable: {path} is there already, and is no report; {remedy}\n"
    machine.said("report", "-o", "r.html", "--force")
    assert data_of(path.read_text("ascii"))["steps"]
    assert [one.name for one in machine.project.iterdir()] == ["r.html"]


@pytest.mark.parametrize("force", [(), ("--force",)])
def test_what_is_no_file_or_belongs_to_the_ledger_stays(machine, force):
    letter, link, pipe = (machine.project / name for name in ("letter", "link", "pipe"))
    letter.write_text("a letter")
    link.symlink_to(letter)
    os.mkfifo(pipe)
    for target in (link, pipe, machine.state / "ledger.db", machine.state / "r.html", machine.state):
        refused = machine.cli("report", "-o", str(target), *force)
        assert (refused.returncode, refused.stdout) == (2, ""), target
    assert letter.read_text() == "a letter" and stat.S_ISFIFO(pipe.stat().st_mode)
    assert not (machine.state / "r.html").exists()
    nowhere = machine.cli("report", "-o", "no/such/page.html")
    assert nowhere.returncode == 2 and "there is no directory" in nowhere.stderr


def test_nothing_is_left_behind_where_the_page_can_not_be_put(tmp_path):
    place = tmp_path / "page.html"
    place.mkdir()
    with pytest.raises(IsADirectoryError):
        _write(str(place), b"page")
    assert [one.name for one in tmp_path.iterdir()] == ["page.html"]


def test_it_is_opened_in_the_browser(machine):
    browser = machine.root / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {machine.root}/opened\n')
    browser.chmod(0o755)
    machine.said("report", "--open", env={"BROWSER": f"{browser} %s"})
    assert (machine.root / "opened").read_text().strip() == (machine.project / NAME).as_uri()
    assert "no browser could be started" in machine.said("report", "--open", env={"BROWSER": "/no/such", "PATH": "/no"})


@pytest.mark.parametrize("more", ["--open", "--force"])
def test_what_goes_to_the_screen_is_in_no_file(machine, more):
    assert machine.cli("report", "-o", "-", more).returncode == 2


def test_a_bundle_has_its_page_without_a_ledger(machine, tmp_path):
    machine.said("export", SESSION, "-o", "run.durable.json")
    elsewhere = {"DURABLE_HOME": str(tmp_path / "none")}
    found = machine.json("report", "run.durable.json", "-o", "r.html", env=elsewhere)
    assert (found["steps"], found["verdicts"]["consistent"], found["verdicts"]["authentic"]) == (2, "PASS", "UNKNOWN")


def test_a_name_that_no_file_can_have_is_made_one(tmp_path):
    machine = Machine(tmp_path)
    try:
        machine.ran("Read", file_path="/a", env={"DURABLE_RUN_ID": "../night of x"})
        assert machine.json("report")["path"] == str(machine.project / "run-..-night-of-x.html")
        assert machine.cli("report", "nosuch").returncode == 2
    finally:
        machine.close()


def test_without_a_ledger_there_is_nothing_to_report(tmp_path):
    machine = Machine(tmp_path)
    try:
        refused = machine.cli("report")
        assert (refused.returncode, refused.stdout) == (2, "") and "no ledger yet" in refused.stderr
        assert refused.stderr.endswith("; name a bundle: durable report FILE\n")
        assert "name a bundle: durable check FILE\n" in machine.cli("check").stderr
        (machine.root / "g").write_text('{"schema": "durable.golden.v1", "status": "completed", "calls": []}')
        refused = machine.cli("diff", "--golden", str(machine.root / "g"))
        assert "name a bundle: durable diff --golden GOLDEN FILE\n" in refused.stderr
        assert not machine.state.exists() and list(machine.project.iterdir()) == []
    finally:
        machine.close()
