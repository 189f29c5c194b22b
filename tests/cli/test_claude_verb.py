"""`claude`: what the client is started with, what is refused, how it ends, and when it is started again."""

import json
import os
import pty
import signal
import sqlite3
import subprocess
import sys
import termios
import uuid
from pathlib import Path

import pytest

from client.waiting import wait_for
from durable.cli.options import split
from durable.errors import UsageError
from durable.recovery.settling import hold
from durable.settings.files import SettingsError
from durable.settings.registration import REGISTRATION, installed_hooks
from durable.supervision.keep_going import Ending, Move, keep_going, next_move
from durable.supervision.launch import GO_ON, Launch, check_managed, settings_for
from durable.supervision.record import begun, lost
from durable.supervision.words import Words

HOOKS = Path(__file__).resolve().parents[2] / "hooks"
# Writes down what it is started with, and then does as it is told, once for each start.
FAKE = """#!/bin/sh
n=$(($(cat "$LAB/starts" 2>/dev/null) + 1)); echo $n > "$LAB/starts"
{ echo "$DURABLE_RUN_ID"; printf '%s\\n' "$@"; } > "$LAB/start-$n"
cp "$2" "$LAB/settings-$n"
cat > "$LAB/input-$n"
eval "$DOES"
"""
# A session that has begun: its hooks have spoken to the ledger, and the client's own record of it exists.
BEGUN = r"""
tell() { printf '%s' "$2" | CLAUDE_PID=${PID:-$$} "$PYTHON" -I -S "$HOOKS/$1.py"; }
begun() {
  what='"session_id": "'$1'", "cwd": "'$LAB'", "transcript_path": "'$LAB'/none", "prompt_id": "p"'
  tell lifecycle '{"hook_event_name": "SessionStart", "source": "startup", '"$what"'}'
  mkdir -p "$HOME/.claude/projects/x"
  echo '{"type": "user"}' >> "$HOME/.claude/projects/x/$1.jsonl"
}
"""
HELD = 'touch "$LAB/held"; while :; do sleep 0.02; done'


class Lab:
    """A machine whose `claude` does what a test says; DOES sees the number of its start as $n."""

    def __init__(self, root):
        self.root, self.state = root, root / "state"
        self.bin = root / "bin"
        for folder in (self.bin, root / "home", root / "project"):
            folder.mkdir()
        claude = self.bin / "claude"
        claude.write_text(FAKE)
        claude.chmod(0o755)

    def env(self, does="", **more):
        return {
            "PATH": f"{self.bin}:{os.environ['PATH']}", "HOME": str(self.root / "home"), "LAB": str(self.root),
            "DURABLE_HOME": str(self.state), "PYTHONPATH": os.pathsep.join(sys.path), "DOES": does, "HOOKS": str(HOOKS),
            "PYTHON": sys.executable, **more,
        }  # fmt: skip

    def start(self, *words, does="", given=None, **env):
        return subprocess.Popen(
            [sys.executable, "-m", "durable", "claude", *words], env=self.env(does, **env), cwd=self.root / "project",
            stdin=subprocess.DEVNULL if given is None else subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, start_new_session=True,
        )  # fmt: skip

    def run(self, *words, given=None, **how):
        process = self.start(*words, given=given, **how)
        out, err = process.communicate(given, timeout=60)
        return subprocess.CompletedProcess(words, process.returncode, out, err)

    def started(self, number=1):
        """The run, and the words."""
        run, *words = (self.root / f"start-{number}").read_text().splitlines()
        return run, words

    def settings(self, number=1):
        return json.loads((self.root / f"settings-{number}").read_text())

    @property
    def starts(self):
        return int((self.root / "starts").read_text()) if (self.root / "starts").exists() else 0

    def wait_until_held(self):
        wait_for((self.root / "held").exists, "the client to be at work")


@pytest.fixture
def lab(tmp_path):
    return Lab(tmp_path)


# ---- what it is started with ----------------------------------------------------------------------


def test_the_client_gets_our_settings_a_session_and_its_words_as_they_are(lab):
    theirs = ["-p", "go on", "--unheard-of", "x", "--times", "9", "--json", "--", "--bare"]
    done = lab.run(*theirs)
    assert (done.returncode, done.stdout) == (0, "")
    run, words = lab.started()
    assert words[0] == "--settings" and words[2] == "--session-id"
    assert words[4:] == theirs
    assert str(uuid.UUID(words[3])) == words[3] == run
    assert done.stderr.splitlines()[0] == f"durable: run {run}; if it is cut off: durable resume --run-id {run}"


def test_behind_dashes_everything_is_the_client_s(lab):
    lab.run("--run-id", "R", "--", "--help", "--client", "x")
    run, words = lab.started()
    assert (run, words[4:]) == ("R", ["--help", "--client", "x"])


def test_the_run_of_the_environment_is_kept_unless_another_is_named(lab):
    lab.run("-p", "x", DURABLE_RUN_ID="R")
    lab.run("--run-id=S", "-p", "x", DURABLE_RUN_ID="R")
    assert [lab.started(number)[0] for number in (1, 2)] == ["R", "S"]


def test_the_settings_are_ours_alone_and_gone_afterwards(lab):
    place = '[ "$(stat -c %a "$2")" = 600 ] && echo "$2"'
    done = lab.run("-p", "x", does=place)
    assert done.stdout.startswith(str(lab.state))
    assert not os.path.exists(done.stdout.strip())
    settings = lab.settings()
    assert settings["disableAllHooks"] is False
    assert set(settings["hooks"]) == {one.event for one in REGISTRATION}


def test_the_user_s_own_settings_stay_but_for_the_hooks_that_are_ours(lab, tmp_path):
    other = {"matcher": "Bash", "hooks": [{"type": "command", "command": "mine"}]}
    own = {"disableAllHooks": True, "env": {"A": "1"}, "model": "m", "hooks": {"PreToolUse": [other]}}
    (tmp_path / "project" / "own.json").write_text(json.dumps(own))
    lab.run("--settings", "own.json", "-p", "x")
    lab.run(f"--settings={json.dumps(own)}", "-p", "x")
    for number in (1, 2):
        settings = lab.settings(number)
        assert (settings["model"], settings["env"]["A"], settings["disableAllHooks"]) == ("m", "1", False)
        assert settings["hooks"]["PreToolUse"] == [other, *installed_hooks()["PreToolUse"]]
        assert lab.started(number)[1].count("--settings") == 1


@pytest.mark.parametrize(
    ("given", "names_a_session"),
    [
        (["-c"], False), (["--resume", "x"], False), (["-rx"], False), (["--from-pr"], False), (["-pc", "x"], False),
        (["-c", "--fork-session"], True), (["--model", "-c"], True), (["--", "-c"], True),
    ],
)  # fmt: skip
def test_what_goes_on_keeps_its_session(given, names_a_session):
    assert ("--session-id" in Launch("claude", given, "s").first()) is names_a_session


def test_a_session_that_goes_on_stays_in_its_own_run(lab):
    session = str(uuid.uuid4())
    lab.run("--run-id", "R", "-p", "--session-id", session, "x", does=BEGUN + f"begun {session}")
    lab.run("-p", "--resume", session, "x")
    assert [lab.started(number)[0] for number in (1, 2)] == ["R", "R"]


def test_which_session_is_picked_nobody_knows_beforehand(lab):
    done = lab.run("--continue", "-p", "x")
    assert lab.started()[0] == ""
    assert "the run is that of the session that goes on" in done.stderr


# ---- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--bare"], "skips the hooks"),
        (["-p", "x", "--safe-mode"], "skips the hooks"),
        (["--model", "--bare"], "skips the hooks"),
        (["--managed-settings={}"], "skips the hooks"),
        (["--bg", "x"], "out of our reach"),
        (["mcp", "list"], "starts no session"),
        (["--client", "/nowhere/claude"], "no program /nowhere/claude"),
        (["--run-id"], "--run-id needs a value"),
        (["--times", "-1"], "can't be -1"),
        (["--settings", "nowhere.json"], "no settings file"),
        (["--settings", "{"], "is not JSON"),
        (["--settings", '{"env": []}'], "/env is not an object"),
        (["--settings", '{"hooks": {"PreToolUse": [{"hooks": [{"type": "command"}]}]}}'], "drops the whole"),
        (["--keep-going", "--no-session-persistence"], "leave out --keep-going"),
        (["--keep-going", "-w"], "leave out --keep-going"),
        (["--keep-going", "--input-format", "stream-json"], "leave out --keep-going"),
    ],
)
def test_what_would_run_unguarded_or_out_of_reach_is_refused(lab, words, says):
    done = lab.run(*words)
    assert (done.returncode in (2, 3), done.stderr.count("\n"), lab.starts) == (True, 1, 0), done
    assert says in done.stderr


@pytest.mark.parametrize("name", ["CLAUDE_CODE_SIMPLE", "CLAUDE_CODE_SAFE_MODE"])
def test_an_environment_that_skips_the_hooks_is_refused(lab, name):
    done = lab.run("-p", "x", **{name: " TRUE "})
    assert (done.returncode, lab.starts) == (2, 0)
    assert lab.run("-p", "x", **{name: "0"}).returncode == 0


def test_a_bare_word_of_the_prompt_is_no_option(lab):
    assert lab.run("-p", "--", "--bare").returncode == 0


@pytest.mark.parametrize("name", ["disableAllHooks", "allowManagedHooksOnly"])
def test_what_the_administrator_switched_off_does_not_pass_for_guarded(tmp_path, name):
    (tmp_path / "managed-settings.json").write_text(json.dumps({name: True}))
    with pytest.raises(UsageError, match=name):
        check_managed({"HOME": str(tmp_path)}, str(tmp_path), managed=str(tmp_path))


def test_settings_that_cannot_hold_our_hooks_are_refused():
    with pytest.raises(SettingsError):
        settings_for('{"hooks": []}', "/")


def test_a_session_without_any_hook_is_told_of(lab):
    assert "nothing of this session is on record" in lab.run("-p", "x").stderr
    assert "on record" not in lab.run("--version").stderr


# ---- how it ends ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("does", "code"), [("exit 0", 0), ("exit 7", 7), ("kill -9 $$", 137), ("kill -TERM $$", 143)])
def test_its_exit_code_is_the_client_s(lab, does, code):
    assert lab.run("-p", "x", does=does).returncode == code


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_is_passed_on_and_ends_it(lab, number):
    process = lab.start("--keep-going", "-p", "x", does=f'trap "exit 9" {number.value}; {HELD}')
    lab.wait_until_held()
    process.send_signal(number)
    process.communicate(timeout=60)
    assert (process.returncode, lab.starts) == (9, 1)


def test_a_signal_that_kills_the_client_when_it_is_passed_on_starts_nothing_anew(lab):
    process = lab.start("--keep-going", "-p", "x", does=f"trap 'kill -9 $$' TERM; {HELD}")
    lab.wait_until_held()
    process.terminate()
    process.communicate(timeout=60)
    assert (process.returncode, lab.starts) == (137, 1)


def test_ctrl_c_is_the_client_s(lab):
    process = lab.start("--keep-going", "-p", "x", does=f'trap "exit 5" INT; {HELD}')
    lab.wait_until_held()
    os.killpg(process.pid, signal.SIGINT)
    process.communicate(timeout=60)
    assert (process.returncode, lab.starts) == (5, 1)


def test_a_client_that_ctrl_c_kills_is_not_started_again(lab):
    process = lab.start("--keep-going", "-p", "x", does=f"trap 'kill -9 $$' INT; {HELD}")
    lab.wait_until_held()
    os.killpg(process.pid, signal.SIGINT)
    process.communicate(timeout=60)
    assert (process.returncode, lab.starts) == (137, 1)


def test_when_the_client_stops_the_whole_job_stops_and_goes_on_together(lab):
    process = lab.start("-p", "x", does="kill -STOP $$; exit 3")
    state = lambda: open(f"/proc/{process.pid}/stat").read().rpartition(")")[2].split()[0]  # noqa: E731, SIM115
    wait_for(lambda: state() == "T", "durable to stop with its client")
    process.send_signal(signal.SIGCONT)
    process.communicate(timeout=60)
    assert process.returncode == 3


def test_what_is_ignored_stays_ignored_for_the_client(lab):
    command = "trap '' HUP; exec \"$@\""
    argv = ["sh", "-c", command, "sh", sys.executable, "-m", "durable", "claude", "-p", "x"]
    done = subprocess.run(
        argv, env=lab.env("kill -HUP $$; echo survived"), cwd=lab.root, capture_output=True, text=True, timeout=60,
        stdin=subprocess.DEVNULL, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "survived\n")


# ---- when it is started again ---------------------------------------------------------------------


def test_what_was_killed_before_its_prompt_was_heard_is_started_anew_with_the_same_prompt(lab):
    done = lab.run("--keep-going", "-p", "the task", does="[ $n = 1 ] && kill -9 $$; exit 0")
    assert (done.returncode, lab.starts) == (0, 2)
    first, second = lab.started(1), lab.started(2)
    assert first[0] == second[0]
    assert first[1][4:] == second[1][4:] == ["-p", "the task"]
    assert first[1][3] != second[1][3]


def test_a_prompt_that_is_piped_in_is_said_again(lab):
    lab.run("--keep-going", "-p", given="the task\n", does="[ $n = 1 ] && kill -9 $$; exit 0")
    assert [(lab.root / f"input-{number}").read_text() for number in (1, 2)] == ["the task\n"] * 2


def test_without_keep_going_a_killed_client_is_not_started_again(lab):
    done = lab.run("-p", "x", does="kill -9 $$")
    assert (done.returncode, lab.starts) == (137, 1)
    assert "go on: durable resume --run-id" in done.stderr


def recovered(lab):
    with sqlite3.connect(f"file:{lab.state}/ledger.db?mode=ro", uri=True) as ledger:
        return [run for (run,) in ledger.execute("SELECT run_id FROM events WHERE type = 'run.recovered'")]


KILLED_ONCE = BEGUN + 'begun "$4"; [ $n = 1 ] && kill -9 $$; exit 0'


def always_killed(first="true"):
    return BEGUN + f'begun "$4"; {first}; kill -9 $$'


def test_a_session_that_was_killed_is_resumed_in_the_same_run(lab):
    done = lab.run("--keep-going", "--run-id", "R", "-p", "the task", "--model", "m", does=KILLED_ONCE)
    assert (done.returncode, lab.starts) == (0, 2)
    session = lab.started(1)[1][3]
    assert lab.started(2) == (
        "R",
        ["--settings", lab.started(1)[1][1], "--resume", session, GO_ON, "-p", "--model", "m"],
    )
    assert recovered(lab) == ["R"]


def test_it_is_resumed_as_often_as_it_is_killed(lab):
    does = BEGUN + 'begun "$4"; [ $n -lt 3 ] && kill -9 $$; exit 0'
    assert lab.run("--keep-going", "--run-id", "R", "-p", "x", does=does).returncode == 0
    assert (lab.starts, recovered(lab)) == (3, ["R", "R"])


def test_a_session_that_is_resumed_is_not_given_its_piped_prompt_again(lab):
    lab.run("--keep-going", "-p", given="the task\n", does=KILLED_ONCE)
    assert [(lab.root / f"input-{number}").read_text() for number in (1, 2)] == ["the task\n", ""]
    assert GO_ON in lab.started(2)[1]


def test_the_session_that_the_client_was_last_in_is_the_one_that_goes_on(lab):
    picked = str(uuid.uuid4())
    does = BEGUN + f"begun {picked}; [ $n = 1 ] && kill -9 $$; exit 0"
    lab.run("--keep-going", "--continue", "-p", "x", does=does)
    run, words = lab.started(2)
    assert (run, words[2:5]) == (picked, ["--resume", picked, GO_ON])
    assert recovered(lab) == [picked]


def test_a_run_that_was_cancelled_does_not_go_on(lab):
    does = always_killed('"$PYTHON" -m durable cancel R --reason enough')
    done = lab.run("--keep-going", "--run-id", "R", "-p", "x", does=does)
    assert (done.returncode, lab.starts) == (137, 1)
    assert "the run R is cancelled" in done.stderr


def test_a_run_that_somebody_else_is_at_work_on_does_not_go_on(lab):
    call = '{"hook_event_name": "PreToolUse", "tool_name": "Bash", "tool_input": {"command": "make"}, '
    does = always_killed(f"""PID={os.getpid()} tell pre_tool_use '{call}"tool_use_id": "t", '"$what"'}}'""")
    done = lab.run("--keep-going", "--run-id", "R", "-p", "x", does=does)
    assert (done.returncode, lab.starts) == (137, 1)
    assert f"its client, process {os.getpid()}, lives" in done.stderr


def test_a_run_that_is_being_resumed_by_hand_does_not_go_on(lab):
    lab.state.mkdir(0o700)
    lock = hold(str(lab.state), "R")
    done = lab.run("--keep-going", "--run-id", "R", "-p", "x", does=always_killed())
    lock.release()
    assert (done.returncode, lab.starts) == (137, 1)
    assert "another process is at work on the run R" in done.stderr


def test_a_run_that_was_resumed_as_often_as_the_policy_allows_does_not_go_on(lab):
    config = lab.root / "home" / ".config" / "durable"
    config.mkdir(parents=True)
    (config / "policy.toml").write_text("[run]\nmax_recoveries = 1\n")
    done = lab.run("--keep-going", "--run-id", "R", "-p", "x", does=always_killed())
    assert (done.returncode, lab.starts) == (137, 2)
    assert "the run R was resumed once" in done.stderr
    assert recovered(lab) == ["R"]


def test_a_killed_client_leaves_the_terminal_as_it_was(lab):
    ours, theirs = pty.openpty()
    before = termios.tcgetattr(theirs)
    process = subprocess.Popen(
        [sys.executable, "-m", "durable", "claude"], env=lab.env("stty raw -echo; kill -9 $$", TERM="xterm"),
        cwd=lab.root, stdin=theirs, stdout=theirs, stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    os.write(ours, b"\x04")  # The end of what the client reads.
    process.communicate(timeout=60)
    assert process.returncode == 137
    assert termios.tcgetattr(theirs) == before
    assert b"\x1b[?25h" in os.read(ours, 10_000)
    os.close(ours)
    os.close(theirs)


def test_a_session_that_goes_on_gets_its_options_and_another_prompt():
    words = [
        "-pc", "the task", "--model", "m", "--allowedTools", "A", "B", "--settings", "x", "--resume", "y",
        "--fork-session", "--output-format=json", "--", "more",
    ]  # fmt: skip
    launch = Launch("claude", words, "s")
    assert launch.again("S", headless=True) == [
        "claude", "--settings", "s", "--resume", "S", GO_ON, "-p", "--model", "m", "--allowedTools", "A", "B",
        "--output-format=json",
    ]  # fmt: skip
    assert GO_ON not in launch.again("S", headless=False)


def test_an_option_of_a_later_client_keeps_its_value():
    words = Words(["--unheard-of", "value", "the task"])
    assert (words.options(()), words.prompts()) == (["--unheard-of", "value"], ["the task"])


def test_own_words_end_at_the_first_that_is_not_ours():
    from durable.cli.claude import OPTIONS

    assert split(OPTIONS, ["--times", "2", "-p", "--times"]) == (["--times", "2"], ["-p", "--times"])
    assert split(OPTIONS, ["--run-id=a", "--", "--", "x"]) == (["--run-id=a"], ["--", "x"])


# ---- the decision ---------------------------------------------------------------------------------

KILLED = Ending(128 + signal.SIGKILL)
LOST = Ending(1, lost="the connection to the API was lost")


@pytest.mark.parametrize(
    "ending",
    [
        Ending(0), Ending(1), Ending(0, lost="x"), Ending(130), Ending(143), Ending(129), Ending(131), Ending(141),
        Ending(137, asked=True), Ending(1, asked=True, lost="x"), Ending(255),
    ],
)  # fmt: skip
def test_what_ended_by_itself_or_was_asked_to_is_over(ending):
    assert next_move([ending], 5) == Move(None, "")


@pytest.mark.parametrize("ending", [KILLED, LOST, Ending(128 + signal.SIGSEGV), Ending(128 + signal.SIGABRT)])
def test_what_was_cut_off_goes_on(ending):
    move = next_move([ending], 5)
    assert (move.wait_s, bool(move.why)) == (1.0, True)


def test_it_waits_longer_each_time_and_at_most_a_minute():
    assert [next_move([KILLED] * count, 99).wait_s for count in range(1, 9)] == [1, 2, 4, 8, 16, 32, 60, 60]


def test_after_so_many_times_it_is_over_and_says_why():
    assert next_move([KILLED] * 3, 2) == Move(None, "killed by signal 9")
    assert next_move([KILLED], 0).wait_s is None


class Scripted:
    """A session that ends as it is told to."""

    def __init__(self, *endings, refuses=None):
        self.endings, self.refuses, self.said, self.waited = list(endings), refuses, [], []

    def run(self):
        return self.endings.pop(0)

    def prepare_again(self, why):
        if self.refuses:
            raise self.refuses

    def say(self, text):
        self.said.append(text)

    def by_hand(self):
        return "durable resume --run-id R"


def test_it_goes_on_until_it_ends_by_itself():
    session = Scripted(KILLED, LOST, Ending(0), KILLED)
    waited = []
    assert keep_going(session, 5, waited.append) == 0
    assert (waited, len(session.endings)) == ([1, 2], 1)
    assert session.said[1] == "the session was cut off (the connection to the API was lost); it goes on in 2 s"


def test_ctrl_c_while_it_waits_ends_it_with_the_line_that_goes_on():
    def interrupted(seconds):
        raise KeyboardInterrupt

    session = Scripted(KILLED, Ending(0))
    assert keep_going(session, 5, interrupted) == 137
    assert session.said[-1] == "stopped; to go on: durable resume --run-id R"


def test_a_run_that_must_not_go_on_ends_with_the_reason():
    session = Scripted(KILLED, Ending(0), refuses=UsageError("the run R is cancelled", "take that back"))
    assert keep_going(session, 5, lambda seconds: None) == 137
    assert "the run R is cancelled; take that back" in session.said[-1]


# ---- the client's record --------------------------------------------------------------------------


def lines(path, *records):
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return str(path)


FAILED = {"type": "assistant", "isApiErrorMessage": True, "error": "server_error"}


def test_the_last_turn_decides_whether_the_connection_was_lost(tmp_path):
    path = tmp_path / "t.jsonl"
    assert lost(lines(path, FAILED, {"type": "cost-state"}), 0) == "the connection to the API was lost"
    assert lost(lines(path, FAILED | {"apiErrorStatus": 529}), 0) == "the API answered 529"
    assert lost(lines(path, FAILED, {"type": "assistant"}), 0) == ""
    assert lost(lines(path, {"type": "assistant"}, FAILED | {"isSidechain": True}), 0) == ""
    assert lost(lines(path, FAILED | {"error": "authentication_failed"}), 0) == ""
    assert lost(str(tmp_path / "none"), 0) == ""


def test_what_failed_before_this_start_is_not_its_failure(tmp_path):
    path = lines(tmp_path / "t.jsonl", FAILED)
    assert lost(path, os.path.getsize(path)) == ""


def test_a_conversation_has_begun_once_somebody_was_heard_in_it(tmp_path):
    path = tmp_path / "t.jsonl"
    queued = {"type": "queue-operation", "content": "go"}
    assert not begun(lines(path, queued), 0)
    assert begun(lines(path, queued, {"type": "user"}), 0)
    path.write_text(json.dumps({"type": "user"})[:-4])
    assert not begun(str(path), 0)
