"""`durable doctor --chaos`: what it shows on a sound machine, what it finds on others, and what it leaves behind."""

import io
import json
import os
import shlex
import signal
import site
import subprocess
import sys
import time

import pytest
from cli_machine import CHECKOUT, FULL, ROOT

from durable.cli import chaos_view, doctor
from durable.cli.render_plain import render
from durable.doctor import chaos, chaos_hooks, chaos_jobs
from durable.doctor.chaos_children import Children, Over
from durable.doctor.chaos_hooks import AFTER, BEFORE, HookTrial, hook_cells
from durable.doctor.chaos_jobs import VICTIM, JobTrial, job_cells
from durable.doctor.chaos_judge import FAULT, IN_DOUBT, ONCE, Cell, judge
from durable.doctor.surroundings import Surroundings
from durable.owner import read_bytes
from durable.settings.registration import installed_hooks

PRE = ROOT / "hooks" / "pre_tool_use.py"
PATIENCE_S = 60.0
SOONER_THAN_A_HOOK_IS_GIVEN_UP_S = 15.0
NOTHING_RUNS = '[rules.nothing]\nmatch = "Bash(*)"\ngate = "deny"\n'
# A hook of ours that answers as each of these says, whatever the one behind it would have said.
FORGETS = "# durable's own? It permits, and writes nothing.\n"
OVERLOOKS = f"""# durable's own, and every no becomes a yes
import subprocess, sys
subprocess.run([sys.executable, "-I", "-S", {str(PRE)!r}], input=sys.stdin.read(), text=True, capture_output=True)
"""
REFUSES = "# durable's own? It denies, and writes nothing.\nimport sys\nsys.exit('not today')\n"
HEEDLESS = f"""# durable's own, which nothing strikes down
import os, sys
os.environ.pop("DURABLE_TEST_CRASH", None)
os.execv(sys.executable, [sys.executable, "-I", "-S", {str(PRE)!r}])
"""


class Doctor:
    def __init__(self, machine):
        self.machine = machine
        self.tmp = machine.root / "tmp"
        self.tmp.mkdir()
        self.env = {"TMPDIR": str(self.tmp)}

    def register(self, command=None):
        settings = {"hooks": installed_hooks()}
        if command is not None:
            settings["hooks"]["PreToolUse"][0]["hooks"][0]["command"] = command
        folder = self.machine.home / ".claude"
        folder.mkdir()
        (folder / "settings.json").write_text(json.dumps(settings))

    def hook(self, text):
        path = self.machine.root / "durable" / "hooks" / "pre_tool_use.py"
        path.parent.mkdir(parents=True)
        path.write_text(text)
        return f"{shlex.quote(sys.executable)} -I -S {path} || exit 2"

    def run(self, *words, cli=FULL):
        done = subprocess.run(
            [*cli, "doctor", "--chaos", *words], env=self.machine.env(**self.env), cwd=self.machine.project,
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        assert done.stderr == ""
        return done

    def data(self, code, **more):
        done = self.run("--json", **more)
        assert done.returncode == code, done.stdout
        answer = json.loads(done.stdout)
        assert answer["schema"] == "durable.doctor.v1"
        return answer["data"]

    def without_jobs(self, monkeypatch):
        """In this process, under a Python that can't run a job."""
        bare = self.machine.root / "python"
        bare.write_text("#!/bin/sh\necho 'No module named pydantic' >&2\nexit 1\n")
        bare.chmod(0o755)
        monkeypatch.setattr(sys, "executable", str(bare))
        monkeypatch.setenv("HOME", str(self.machine.home))
        monkeypatch.chdir(self.machine.project)
        return doctor.run(chaos=True)

    def plays(self, cell):
        """One cell of the hooks that are registered."""
        around = Surroundings(self.machine.env(**self.env), str(self.machine.project))
        (guard,) = around.of_event("PreToolUse")
        with Children() as children:
            return HookTrial(around, children, str(self.tmp), cell, guard).play()


@pytest.fixture
def sick(machine):
    return Doctor(machine)


def everything(*folders):
    """Each path with its content, mode and time."""
    paths = [path for folder in folders for path in (folder, *folder.rglob("*"))]
    return {path: (path.lstat().st_mode, path.lstat().st_mtime_ns, _held(path)) for path in paths}


def _held(path):
    return path.read_bytes() if path.is_file() else b""


def cell_at(victim, where, ending="kill"):
    cells = [*hook_cells(), *job_cells()]
    (found,) = [one for one in cells if (one.victim, one.where, one.ending) == (victim, where, ending)]
    return found


# ---- a sound machine ----------------------------------------------------------------------------


def test_on_a_sound_machine_each_effect_happens_once_or_is_in_doubt_and_nothing_of_the_persons_is_touched(sick):
    sick.register()
    sick.machine.ran("Bash", command="ls")
    sick.machine.before("Bash", command="ls -l")
    config = sick.machine.config
    config.mkdir(parents=True)
    (config / "policy.toml").write_text(NOTHING_RUNS)
    places = (sick.machine.home, sick.machine.state, sick.machine.project)
    before = everything(*places)
    data = sick.data(code=0)
    assert everything(*places) == before
    assert list(sick.tmp.iterdir()) == []
    assert (data["ok"], data["not_tried"]) == (True, [])
    cells = {(one["victim"], one["where"], one["ending"]): one["outcome"] for one in data["cells"]}
    assert len(cells) == len(data["cells"]) == 22
    assert cells[BEFORE, None, None] == ONCE
    assert cells[BEFORE, "before-commit", "kill"] == ONCE
    assert cells[BEFORE, "answered", "kill"] == IN_DOUBT
    assert cells[AFTER, "before-commit", "kill"] == IN_DOUBT
    assert cells[AFTER, "after-commit", "kill"] == ONCE
    assert cells[VICTIM, "job-step-prepared", "kill"] == ONCE
    assert cells[VICTIM, "after-effect", "kill"] == IN_DOUBT
    assert cells[VICTIM, "job-before-end", "kill"] == ONCE


def test_in_an_empty_home_the_jobs_alone_are_struck_and_it_stays_empty(sick):
    policy = sick.machine.root / "policy.toml"
    policy.write_text(NOTHING_RUNS)
    sick.env |= {"DURABLE_POLICY": str(policy), "DURABLE_RUN_ID": "mine", "DURABLE_TEST_CRASH": "job-begun:kill"}
    done = sick.run(cli=CHECKOUT)
    assert (done.returncode, list(sick.machine.home.iterdir()), list(sick.tmp.iterdir())) == (1, [], [])
    assert not sick.machine.state.exists()
    assert "5 cells without a fault, and not every hook was struck" in done.stdout
    assert "no PreToolUse hook of durable is registered here" in done.stdout
    assert "durable init" in done.stdout


# ---- machines on which it finds something -------------------------------------------------------


@pytest.mark.parametrize(
    ("hook", "where", "why"),
    [
        (FORGETS, "", "it happened 2 times"),
        (FORGETS, "before-commit", "it happened 2 times"),
        (OVERLOOKS, "", "it happened 2 times"),
        (OVERLOOKS, "answered", "it happened 2 times"),
        (REFUSES, "before-answer", "it was lost: it never happened, and nothing says so (not today)"),
        (HEEDLESS, "before-answer", "nothing was struck"),
    ],
)
def test_a_hook_that_doubles_loses_or_does_not_hear_is_found(sick, hook, where, why):
    sick.register(sick.hook(hook))
    found = sick.plays(cell_at(BEFORE, where, "kill" if where else ""))
    assert (found.outcome, found.why[: len(why)]) == (FAULT, why)


def test_a_hook_that_only_the_client_could_hold_back_is_found_where_the_client_is_not_told_to(sick):
    sick.register(f"{shlex.quote(sys.executable)} -I -S {PRE}")
    settings = sick.machine.home / ".claude/settings.json"
    settings.write_text(settings.read_text().replace('"onFailure": "block"', '"onFailure": "continue"'))
    assert sick.plays(cell_at(BEFORE, "before-commit")).why == "it ran, and no row had said that it would"


def test_without_a_hook_after_the_call_nothing_is_struck_there(sick):
    sick.register()
    settings = sick.machine.home / ".claude/settings.json"
    settings.write_text(settings.read_text().replace('"PostToolUse"', '"SomethingElse"'))
    assert "nothing was struck" in sick.plays(cell_at(AFTER, "before-answer")).why


def test_a_fault_is_shown_with_what_to_report_and_exits_with_1(sick, monkeypatch):
    sick.register(sick.hook(FORGETS))
    monkeypatch.setattr(chaos, "hook_cells", lambda: [cell_at(BEFORE, "before-commit")])
    result = sick.without_jobs(monkeypatch)
    screen = io.StringIO()
    render(result.view, screen)
    assert (result.exit_code, result.data["ok"]) == (1, False)
    assert "1 cell, and in 1 of them an effect was doubled" in screen.getvalue()
    assert f"FAULT  {BEFORE}, kill at before-commit ({sick.machine.home}/.claude/settings.json)" in screen.getvalue()
    assert "please report it with the output of: " in screen.getvalue()


def test_one_of_two_hooks_that_may_not_be_started_is_named_and_fails(sick, monkeypatch):
    sick.register()
    project = sick.machine.project / ".claude/settings.json"
    project.parent.mkdir()
    handler = {"type": "command", "command": sick.hook(FORGETS)}
    project.write_text(json.dumps({"hooks": {"PreToolUse": [{"hooks": [handler]}]}}))
    monkeypatch.setattr(chaos, "hook_cells", lambda: [cell_at(BEFORE, "", "")])
    result = sick.without_jobs(monkeypatch)
    assert [one["outcome"] for one in result.data["cells"]] == [ONCE]
    assert (result.exit_code, "was not tried" in result.data["not_tried"][0]) == (1, True)


def test_a_cell_that_can_t_be_tried_is_no_cell_that_passed(sick, monkeypatch):
    sick.register()
    monkeypatch.setattr(chaos, "hook_cells", lambda: [cell_at(BEFORE, "", "")])
    monkeypatch.setattr(HookTrial, "_write_rule", lambda self: os.mkdir(self.witness + "/no/such/place"))
    (found,) = sick.without_jobs(monkeypatch).data["cells"]
    assert (found["outcome"], "could not be tried" in found["why"]) == (FAULT, True)


def test_a_job_whose_effect_comes_twice_is_found(tmp_path, monkeypatch):
    monkeypatch.setattr(chaos_jobs, "_effect", lambda name: {"command": f"echo {name} | tee -a witness >> witness"})
    with Children() as children:
        found = JobTrial(children, str(tmp_path), cell_at(VICTIM, "job-before-end")).play()
    assert (found.outcome, found.why) == (FAULT, "it happened 2 times")


def test_a_job_that_nothing_strikes_shows_nothing(tmp_path):
    with Children() as children:
        found = JobTrial(children, str(tmp_path), Cell(VICTIM, "nowhere", "no-such-point", "kill")).play()
    assert (found.outcome, "nothing was struck" in found.why) == (FAULT, True)


def test_a_job_that_can_t_be_resumed_is_found(tmp_path, monkeypatch):
    monkeypatch.setattr(JobTrial, "_resume", lambda self: self._durable("no-such-verb"))
    with Children() as children:
        found = JobTrial(children, str(tmp_path), cell_at(VICTIM, "job-step-prepared")).play()
    assert (found.outcome, "it can't be resumed" in found.why) == (FAULT, True)


def test_a_python_without_the_packages_leaves_the_jobs_out_and_says_so(sick, monkeypatch):
    result = sick.without_jobs(monkeypatch)
    assert result.data["cells"] == []
    assert "No module named pydantic" in result.data["not_tried"]


# ---- the judge ----------------------------------------------------------------------------------


def row(status, flag=None):
    return {"step_id": "s1", "status": status, "flag": flag}


@pytest.mark.parametrize(
    ("times", "rows", "told", "outcome"),
    [
        (1, [row("succeeded")], "", ONCE),
        (1, [row("refused"), row("succeeded")], "", ONCE),
        (1, [row("in_doubt")], "settle s1", IN_DOUBT),
        (0, [row("in_doubt")], "settle s1", IN_DOUBT),
        (1, [row("in_doubt")], "no", FAULT),
        (2, [row("in_doubt")], "settle s1", FAULT),
        (2, [row("succeeded")], "", FAULT),
        (1, [], "", FAULT),
        (1, [row("refused")], "", FAULT),
        (1, [row("succeeded"), row("running")], "", FAULT),
        (0, [row("prepared")], "", FAULT),
        (0, [row("succeeded"), row("in_doubt")], "settle s1", FAULT),
        (0, [row("refused")], "", FAULT),
        (0, [], "", FAULT),
        (1, [row("succeeded", "unprepared")], "", FAULT),
        (1, [row("succeeded", "contradicted")], "", FAULT),
    ],
)
def test_once_or_in_doubt_and_said_so_and_nothing_else(times, rows, told, outcome):
    assert judge(times, rows, told).outcome == outcome


# ---- while it runs ------------------------------------------------------------------------------


def interrupted(sick, number, under_way):
    running = subprocess.Popen(
        [*FULL, "doctor", "--chaos"], env=sick.machine.env(**sick.env), cwd=sick.machine.project,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    until = time.monotonic() + PATIENCE_S
    while not under_way():
        assert time.monotonic() < until and running.poll() is None
        time.sleep(0.005)
    running.send_signal(number)
    code = running.wait(SOONER_THAN_A_HOOK_IS_GIVEN_UP_S)
    assert (code, running.communicate()) == (130, (b"", b""))
    assert list(sick.tmp.iterdir()) == []
    assert of_the_trial(sick.tmp) == []


@pytest.mark.skipif(sys.platform != "linux", reason="processes are found by /proc")
def test_ctrl_c_ends_even_a_hook_that_would_not_end_and_takes_the_directory_away(sick):
    mark = sick.machine.root / "mark"
    sick.register(sick.hook(f"# durable\nimport time\nopen({str(mark)!r}, 'w')\ntime.sleep(600)\n"))
    interrupted(sick, signal.SIGINT, mark.exists)


@pytest.mark.skipif(sys.platform != "linux", reason="processes are found by /proc")
def test_sigterm_ends_a_job_with_whatever_executes_its_steps(sick):
    interrupted(sick, signal.SIGTERM, lambda: list(sick.tmp.glob("*/cell-1/witness")))


def test_whatever_ends_it_early_leaves_the_terminal_clean_and_starts_nothing_more(tmp_path):
    def ends(root):
        raise KeyboardInterrupt

    told = []
    planned = [chaos.Planned(cell, "", ends) for cell in job_cells()]
    children = Children()
    with pytest.raises(KeyboardInterrupt):
        chaos._all(planned, str(tmp_path), children, lambda done, total: told.append((done, total)))
    assert (told[0], told[-1]) == ((0, 5), (5, 5))
    with pytest.raises(Over):
        children.start(["true"])


def test_what_a_person_has_installed_for_himself_is_there_though_his_home_is_not(tmp_path):
    env = chaos_jobs._environment(str(tmp_path))
    assert env["HOME"].startswith(str(tmp_path))
    assert env["PYTHONUSERBASE"] == site.getuserbase()


def of_the_trial(tmp):
    """Processes whose environment names a place in that directory."""
    mark = f"{tmp}/durable-doctor-".encode()
    return [pid for pid in os.listdir("/proc") if pid.isdigit() and mark in _environ(pid)]


def _environ(pid):
    try:
        return read_bytes(f"/proc/{pid}/environ")
    except OSError:
        return b""


def test_what_is_under_way_is_asked_to_leave_and_then_made_to(tmp_path, monkeypatch):
    monkeypatch.setattr("durable.doctor.chaos_children.TO_LEAVE_S", 0.2)
    children = Children()
    deaf = children.start(
        ["sh", "-c", "trap '' TERM; echo ready; while :; do sleep 1; done"],
        stdout=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    assert deaf.stdout.readline() == b"ready\n"
    children.end()
    assert deaf.returncode == -signal.SIGKILL
    deaf.stdout.close()
    with pytest.raises(Over):
        children.start(["true"])


class Screen(io.StringIO):
    def isatty(self):
        return True


def test_a_terminal_is_told_how_far_it_is_and_left_clean(monkeypatch):
    screen = Screen()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    for done in (1, 2):
        chaos_view.tell_progress(done, 2)
    assert screen.getvalue() == "\r\x1b[K1 of 2 cells\r\x1b[K"
    monkeypatch.setenv("TERM", "dumb")
    chaos_view.tell_progress(1, 2)
    assert screen.getvalue().endswith("\r\x1b[K")


def test_every_point_that_is_named_is_one_in_the_source(sick):
    named = {where for points in chaos_hooks.POINTS.values() for where in points.values()} | set(
        chaos_jobs.POINTS.values()
    )
    source = "".join(path.read_text() for path in (ROOT / "src/durable").rglob("*.py") if "doctor" not in path.parts)
    missing = [name for name in named if f'point("{name}")' not in source and not name.startswith("appended-")]
    assert missing == []
