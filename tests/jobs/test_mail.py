"""The e-mail of examples/mail, cut off everywhere: what is counted is what the SMTP server took."""

import json
import shutil
import sys

import pytest

from jobs.post_office import PostOffice
from jobs.test_resume_job import cut_off, family, kill_all, open_gate, worker_of
from jobs.workshop import ROOT, kill, wait_for

MAIL = ROOT / "examples" / "mail"
PAUSE = "echo begun >> effects; while [ ! -e gate ]; do sleep 0.02; done"
SEND = f"{sys.executable} send.py letter-${{steps.today.output}}.eml"
LINES = {
    "a step of its own": {"pause": PAUSE, "send": SEND},
    "before the send": {"pause": "true", "send": f"{PAUSE}; {SEND}"},
    "after the send": {"pause": "true", "send": f"{SEND}; {PAUSE}"},
}
PROBE = f"{sys.executable} sent.py"


@pytest.fixture
def office():
    with PostOffice() as office:
        yield office


@pytest.fixture
def desk(shop, office):
    for name in ("send.py", "sent.py"):
        shutil.copy(MAIL / name, shop.cwd)
    shop.env |= office.env
    return shop


def letter(desk, lines, **more):
    """The job of the example, with a pause that a test can end; `more` for the step that sends."""
    steps = json.loads((MAIL / "job.json").read_text())["steps"]
    for step in steps:
        if step["id"] in lines:
            step["input"] = {"command": lines[step["id"]]}
    steps[-1] = {name: value for name, value in (steps[-1] | {"probe": PROBE} | more).items() if value is not None}
    desk.job(*steps)


def sent_once(done, office):
    assert set(done.standing().values()) == {"done"}, done.out
    assert done.code == 0 and len(office.letters) == 1
    return True


@pytest.mark.parametrize("whole", [False, True], ids=["the run alone", "every process"])
@pytest.mark.parametrize("where", LINES)
def test_killed_in_the_pause_and_resumed_the_letter_is_sent_once(desk, office, where, whole):
    letter(desk, LINES[where])
    cut_off(desk, whole)
    assert len(office.letters) == (where == "after the send")
    open_gate(desk)
    assert sent_once(desk.resume(), office)
    assert office.taken[0].startswith("Report of 2")


@pytest.mark.parametrize("where", ["before the send", "after the send"])
def test_without_a_probe_it_is_in_doubt_and_never_sent_again(desk, office, where):
    letter(desk, LINES[where], probe=None, settle=None)
    cut_off(desk, whole=True)
    open_gate(desk)
    so_far = len(office.letters)
    for _ in range(2):
        done = desk.resume()
        assert (done.code, done.standing()["send"], len(office.letters)) == (1, "in_doubt", so_far)
    assert f"durable not-happened {desk.step('send')['step_id']}" in desk.durable("resume", "--run-id", desk.run_id).out


@pytest.mark.parametrize("whole", [False, True], ids=["the resume alone", "every process"])
@pytest.mark.parametrize("where", LINES)
def test_a_resume_that_is_killed_too_sends_nothing_twice(desk, office, where, whole):
    letter(desk, LINES[where])
    cut_off(desk, whole=True)
    (desk.cwd / "effects").unlink()
    second = desk.start("resume", "--run-id", desk.run_id)
    wait_for(lambda: desk.effects or second.poll() is not None, "the pause, or the end")
    victims = [one for pid in worker_of(second) for one in family(pid)] if whole and second.poll() is None else []
    kill(second)
    kill_all(victims)
    open_gate(desk)
    if where == "after the send":  # Its probe knew, and nothing was left to pause in.
        assert (second.returncode, desk.effects, len(office.letters)) == (0, [], 1)
    else:
        assert sent_once(desk.resume(), office)


POINTS = [
    "mid-resume", "resume-probed", "job-step-prepared", "job-before-effect", "after-effect",
    "receipt-before-commit", "job-step-answered", "job-before-end",
]  # fmt: skip


@pytest.mark.parametrize("point", POINTS)
def test_wherever_resume_is_killed_the_next_one_comes_to_the_same_end(desk, office, point):
    letter(desk, LINES["before the send"])
    cut_off(desk, whole=True)
    open_gate(desk)
    assert desk.resume(DURABLE_TEST_CRASH=f"{point}:kill").code != 0
    assert sent_once(desk.resume(), office)


def test_taken_by_the_server_and_not_heard_of_is_in_doubt_and_says_why(desk, office):
    letter(desk, {"pause": "true", "send": SEND})
    office.late = True
    process = desk.start()
    wait_for(lambda: office.letters, "a letter at the server")
    victims = [one for pid in worker_of(process) for one in family(pid)]
    kill(process)
    kill_all(victims)
    for _ in range(2):
        done = desk.resume()
        assert (done.code, done.standing()["send"], len(office.letters)) == (1, "in_doubt", 1)
    assert "is not known" in desk.durable("resume", "--run-id", desk.run_id, "--print").out


@pytest.mark.parametrize("trouble", ["refused", "out of reach"])
def test_what_the_server_did_not_take_failed_and_is_sent_by_resume(desk, office, trouble):
    letter(desk, {"pause": "true", "send": SEND})
    office.refuses = trouble == "refused"
    done = desk.run(**({"SMTP_PORT": "1"} if trouble == "out of reach" else {}))
    assert (done.code, done.standing()["send"], office.letters) == (1, "failed", [])
    assert "nothing was sent" in done.last["steps"][-1]["why"]
    office.refuses = False
    assert sent_once(desk.resume(), office)


def test_a_run_that_came_to_its_end_holds_no_other_one_back(desk, office):
    letter(desk, {"pause": "true", "send": SEND})
    assert sent_once(desk.run(), office)
    again = desk.durable("run", "job.json", "--run-id", f"{desk.run_id}b", "--json")
    assert (again.code, len(office.letters)) == (0, 2)


def test_until_what_was_cut_off_came_to_its_end_only_another_day_s_letter_is_another_one(desk, office):
    letter(desk, LINES["after the send"])
    cut_off(desk, whole=True)
    open_gate(desk)
    again = desk.durable("run", "job.json", "--run-id", f"{desk.run_id}b", "--json")
    assert (again.standing()["send"], len(office.letters)) == ("stopped", 1)
    path = desk.cwd / "job.json"
    path.write_text(path.read_text().replace("date +%F", "echo 2001-01-01"))
    other = desk.durable("run", "job.json", "--run-id", f"{desk.run_id}c", "--json")
    assert (other.code, len(office.letters)) == (0, 2)
