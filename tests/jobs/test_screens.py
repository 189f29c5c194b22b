"""What a person sees of a job: its bar while it runs, its table in the end, the line that helps."""

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios

from jobs.workshop import step, wait_for

WAITS = "echo begun >> effects; while [ ! -e gate ]; do sleep 0.02; done"


def screen(shop, *words):
    return shop.durable(*(words or ("run", "job.json", "--run-id", shop.run_id))).out.splitlines()


def test_a_finished_job_is_its_id_a_line_for_each_step_and_how_many(shop):
    shop.job(step("first", "true"), step("second", "true"))
    lines = screen(shop)
    rows = [line.split() for line in lines[2:4]]
    assert (lines[0], lines[1].split(), lines[-1]) == (
        f"run {shop.run_id}",
        ["STEP", "STATUS", "ID"],
        "ok: 2 steps done",
    )
    assert rows == [[name, "done", shop.step(name)["step_id"]] for name in ("first", "second")]


def test_what_may_be_repeated_is_interrupted_and_asks_nothing_of_anybody(shop):
    shop.job(step("a", WAITS, effect="repeatable"), step("b", "true"))
    process = shop.start()
    shop.wait_for_effect("begun")
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=30)
    assert "interrupted" in out and "in doubt" not in out and "happened" not in out
    assert "warning: interrupted: 0 of 2 steps done; what is done stays done" in out
    assert out.splitlines()[-1] == f"To go on: durable resume --run-id {shop.run_id}"


def test_in_doubt_comes_with_the_two_lines_that_settle_it(shop):
    shop.job(step("a", "exit 3"))
    done = screen(shop)
    step_id = shop.step("a")["step_id"]
    assert f"  durable happened {step_id}, or durable not-happened {step_id}" in done


def test_refused_for_another_run_s_doubt_it_names_that_step_to_settle_and_not_its_own(shop):
    shop.job(step("a", "exit 3"))
    shop.run()
    lines = screen(shop, "run", "job.json", "--run-id", f"{shop.run_id}b")
    first, second = (row["step_id"] for row in shop.steps("a"))
    text = "\n".join(lines)
    assert f"durable not-happened {first}" in text and f"happened {second}" not in text


def test_what_waits_says_which_rule_wants_it_and_the_lines_that_answer_it_once(shop):
    shop.job(step("a", "true", gate="ask"))
    done = screen(shop)
    step_id = shop.step("a")["step_id"]
    assert "a: The rule job:demo.a wants a person's approval for this call." in done
    assert [line for line in done if step_id in line][1:] == [f"  durable approve {step_id}, or durable deny {step_id}"]


def test_of_a_long_output_the_exit_code_and_the_end_are_shown(shop):
    shop.job(step("a", "seq 500; exit 3", effect="repeatable"))
    lines = screen(shop)
    assert "a: Exit code 3" in lines and "  500" in lines and "  480" not in lines
    assert f"durable step {shop.step('a')['step_id']} --full" in "\n".join(lines)


def test_on_a_narrow_screen_what_a_step_said_breaks_between_words(shop):
    shop.job(step("a", "echo alpha beta gamma delta epsilon zeta eta theta; exit 3", effect="repeatable"))
    lines = shop.durable("run", "job.json", "--run-id", shop.run_id, COLUMNS="30").out.splitlines()
    assert [line for line in lines if "eta" in line] == ["  alpha beta gamma delta", "  epsilon zeta eta theta"]


def test_on_a_narrow_screen_an_id_is_never_broken(shop):
    shop.job(step("a-rather-long-name", "echo a-path/that-is/long-and-has/hyphens; exit 3", effect="repeatable"))
    text = shop.durable("run", "job.json", "--run-id", shop.run_id, COLUMNS="30").out
    assert "a-rather-long-name: Exit code\n  3\n" in text and "  a-path/that-is/long-and-has/hyphens\n" in text


def test_resume_says_first_which_run_it_is(shop):
    shop.job(step("a", "[ -e gate ]", effect="repeatable"))
    shop.run()
    assert screen(shop, "resume")[0] == f"run {shop.run_id}"


def test_while_it_runs_a_terminal_shows_which_step_and_how_many_are_done(shop):
    names = ["x" * 60, "y" * 60]
    shop.job(step("a", "true"), *(step(name, WAITS, needs=["a"], effect="repeatable") for name in names))
    shown = Terminal(shop)
    shop.wait_for_effect("begun")
    wait_for(lambda: "1/3" in shown.read(), "the bar")
    (shop.cwd / "gate").touch()
    shown.end()
    assert "x" * 30 in shown.text
    assert max(len(line) for line in shown.lines()) <= 80


class Terminal:
    """A job's run whose errors go to a terminal of 80 columns."""

    def __init__(self, shop):
        self.text = ""
        self.ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        os.set_blocking(self.ours, False)
        argv = [sys.executable, "-P", "-m", "durable", "run", "job.json"]
        self.process = subprocess.Popen(
            argv, cwd=shop.cwd, env=shop.env | {"TERM": "xterm"}, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=theirs, text=True,
        )  # fmt: skip
        shop.started.append(self.process)
        os.close(theirs)

    def read(self):
        try:
            while part := os.read(self.ours, 65_536):
                self.text += part.decode(errors="replace")
        except OSError:
            pass
        return self.text

    def end(self):
        self.process.communicate(timeout=30)
        self.read()
        os.close(self.ours)

    def lines(self):
        plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", self.text)
        return re.split(r"[\r\n]+", plain)


def test_a_doubt_is_told_once_and_what_settles_it_too(shop):
    shop.job(step("a", "exit 3"))
    shop.run()
    step_id = shop.step("a")["step_id"]
    screen = shop.durable("resume", "--run-id", shop.run_id).out
    assert screen.startswith(f"run {shop.run_id}\n")
    assert (screen.count(f"durable happened {step_id}"), screen.count("In doubt")) == (1, 0)
    assert "In doubt" in shop.durable("resume", "--run-id", shop.run_id, "--print").out
