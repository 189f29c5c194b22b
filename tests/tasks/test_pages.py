"""Whoever follows a page of docs/tasks to the letter gets what it says."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cli.cli_machine import ROOT, SESSION, Machine
from client.client import Client
from client.scripted_model import bash, say
from tasks.page import TASKS, Command, File, parts

RULE = '[rules."a payment"]\nmatch = "Bash(./pay *)"\neffect = "once"\n'
NOT_CLONED = (".git", ".venv", "__pycache__", ".*_cache", ".hypothesis", "dist", "build")


class Reader:
    """Somebody who follows a page: types its commands one after the other, in one directory."""

    def __init__(self, whose: Machine | Client, cwd: Path, **words: str) -> None:
        self.home, self.cwd, self.words = whose.home, cwd, words
        path = [str(whose.home / ".local" / "bin"), str(Path(sys.executable).parent), "/usr/bin", "/bin"]
        names = {"HOME": str(whose.home), "DURABLE_HOME": str(whose.state), "LOGNAME": "ada", "TZ": "UTC"}
        self.env = names | {"PATH": os.pathsep.join(path)}

    def follow(self, name: str) -> dict[str, str]:
        """What each command printed."""
        said = {}
        for part in parts(name):
            if isinstance(part, File):
                self.write(part)
            else:
                said[part.line.partition("#")[0].strip()] = self.type(part)
        assert said, name
        return said

    def write(self, file: File) -> None:
        path = self.cwd / file.path.replace("~", str(self.home), 1)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(file.text, "utf-8")

    def type(self, command: Command) -> str:
        line = command.line
        for word, meant in self.words.items():
            line = line.replace(word, meant)
        done = subprocess.run(
            ["bash", "-c", line], cwd=self.cwd, env=self.env, stdin=subprocess.DEVNULL, capture_output=True, text=True
        )
        assert done.returncode == command.code, (command.line, done.returncode, done.stdout, done.stderr)
        return done.stdout + done.stderr


@pytest.fixture
def machine(tmp_path: Path) -> Any:
    found = Machine(tmp_path)
    put_on_path(found.home)
    yield found
    found.close()


def put_on_path(home: Path) -> None:
    durable = home / ".local" / "bin" / "durable"
    durable.parent.mkdir(parents=True)
    durable.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT}/src exec {sys.executable} -P -m durable "$@"\n', "utf-8")
    durable.chmod(durable.stat().st_mode | stat.S_IXUSR)


@pytest.fixture
def worked(guarded: Client) -> tuple[Client, str]:
    """A machine on which the real client has worked, and the run's id."""
    put_on_path(guarded.home)
    session = guarded.run([[bash(guarded.effect("a"))], [bash("false")], [say("done")]])
    return guarded, session.session_id


def paying(machine: Machine) -> str:
    """A run that was cut off in the middle of a payment. The id of that step."""
    machine.config.mkdir(parents=True, exist_ok=True)
    (machine.config / "policy.toml").write_text(RULE, "utf-8")
    machine.ran("Bash", command="ls")
    machine.before("Bash", command="./pay 12")
    machine.kill_client()
    machine.client = machine.new_client()
    machine.cli("reconcile")
    (step,) = [step for step in machine.steps() if step["status"] == "in_doubt"]
    return str(step["step_id"])


def test_every_page_is_followed_here() -> None:
    named = {name.removeprefix("test_").partition("__")[0] for name in globals() if "__" in name}
    assert {page.stem for page in TASKS.glob("*.md")} == named - {""}


def test_install__puts_the_hooks_in_and_takes_them_out(machine: Machine) -> None:
    (machine.home / ".local" / "bin" / "durable").unlink()
    clone = machine.root / "clone"
    shutil.copytree(ROOT, clone, ignore=shutil.ignore_patterns(*NOT_CLONED), symlinks=True)
    said = Reader(machine, clone).follow("install")
    assert said["durable --version"].startswith("durable ")
    assert "no run yet" in said["durable runs"] or "no ledger yet" in said["durable runs"]
    settings = machine.home / ".claude" / "settings.json"
    assert not settings.exists() or "durable" not in settings.read_text("utf-8")


def test_rules__make_of_a_call_one_that_happens_once(machine: Machine) -> None:
    explained = [part for part in parts("rules") if isinstance(part, Command) and "./pay" in part.line]
    reader = Reader(machine, machine.project)
    before = reader.type(explained[0])
    said = reader.follow("rules")
    after = said["durable policy explain 'Bash(./pay 12)'"]
    assert "once" in said["durable policy explain 'Bash(gh pr create --fill)'"]
    assert ("a payment" in before, "a payment" in after) == (False, True)


def test_resume__settles_the_payment_and_ends_the_job(machine: Machine) -> None:
    step = paying(machine)
    said = Reader(machine, machine.project, RUN=SESSION, STEP=step).follow("resume")
    assert "./pay 12" in said["durable open"]
    assert machine.json("step", step)["status"] == "succeeded"
    assert "claude --resume" in said["durable resume --run-id RUN --print"]
    assert (machine.project / "done").read_text("utf-8").split() == ["invoice", "letter"]


def test_trouble__leads_out_of_it(machine: Machine) -> None:
    step = paying(machine)
    machine.cli("happened", step)
    older = machine.project / "older-ledger.db"
    machine.cli("init", "--user", "--yes")
    subprocess.run([sys.executable, "-c", COPY, machine.state / "ledger.db", older], check=True)
    said = Reader(machine, machine.project, RUN=SESSION, STEP=step).follow("trouble")
    assert "enforcement" in said["durable off --for 10m --reason 'the customer waits'"]
    machine.ran("Bash", command="ls again")
    assert machine.steps()[-1]["status"] == "succeeded"


def test_prove__finds_nothing_wrong_with_a_session_of_the_real_client(worked: tuple[Client, str]) -> None:
    client, run_id = worked
    said = Reader(client, client.project, RUN=run_id).follow("prove")
    assert "PASS" in said["durable check RUN"]
    assert (client.project / "report.html").read_text("utf-8").startswith("<!doctype html>")


def test_share__gives_a_run_to_somebody_who_finds_it_whole(worked: tuple[Client, str]) -> None:
    client, run_id = worked
    said = Reader(client, client.project, RUN=run_id, CLONE=str(ROOT)).follow("share")
    assert "consistent" in said["python3 CLONE/docs/verify_bundle.py run.json"]
    assert said["durable diff run.json RUN"]


COPY = """
import sqlite3, sys
source, target = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True), sqlite3.connect(sys.argv[2])
source.backup(target)
target.close()
"""
