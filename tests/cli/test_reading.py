"""What a person sees: each screen on a ledger that the real hooks wrote."""

import importlib
import re
import shlex
import sqlite3
import subprocess
import sys
from collections import Counter

import pytest
from cli_machine import SESSION, cells, line_of

from durable.cli.options import help_line
from durable.cli.screen import notes_below
from durable.cli.verbs import VERBS

OTHER = "22222222-bbbb-4bbb-8bbb-222222222222"


# ---- runs -------------------------------------------------------------------------------------


def test_runs_say_project_state_and_counts_on_a_line_each(machine):
    machine.ran("Read", file_path="/a")
    machine.before("Bash", command="make", session=OTHER)
    machine.ended(SESSION)
    screen = machine.said("runs")
    assert cells(screen.splitlines()[0]) == ["RUN", "PROJECT", "STARTED", "LAST EVENT", "STATUS", "STEPS", "OPEN"]
    assert cells(line_of(screen, "22222222"))[4:] == ["open", "1", "1"]
    assert cells(line_of(screen, "11111111"))[4:] == ["completed", "1"]


def test_runs_can_be_chosen_by_status_project_and_age(machine):
    machine.ran("Read", file_path="/a")
    machine.ran("Read", file_path="/b", session=OTHER)
    machine.ended(SESSION)

    def chosen(*words):
        return [run["run_id"] for run in machine.json("runs", *words)]

    assert chosen("--status", "completed") == [SESSION]
    assert chosen("--status", "open") == [OTHER]
    assert chosen("--project", ".") == chosen("--project", "projec") == [OTHER, SESSION]
    assert chosen("--project", "elsewhere") == []
    assert chosen("--since", "1h") == [OTHER, SESSION]
    assert chosen("--since", "2099-01-01") == []
    assert chosen("--limit", "1") == [OTHER]
    assert "1 more: --limit 2" in machine.said("runs", "--limit", "1")
    assert machine.said("runs", "--since", "2099-01-01") == "no run here matches\n"


def test_runs_says_why_it_lists_none(machine):
    machine.ran("Read", file_path="/a")
    assert machine.said("runs", "--since", "2099-01-01") == "no run here matches\n"
    ledger = sqlite3.connect(machine.state / "ledger.db")
    with ledger:
        ledger.executescript("PRAGMA foreign_keys = OFF; DELETE FROM runs;")
    ledger.close()
    assert machine.said("runs") == "no run yet: a session's first hook opens one\n"


@pytest.mark.parametrize("words", [("runs", "--limit", "0"), ("runs", "--limit", "-1"), ("show", ""), ("step", "")])
def test_a_number_or_a_name_that_chooses_nothing_is_a_senseless_line(machine, words):
    machine.ran("Read", file_path="/a")
    done = machine.cli(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1 and "; " in done.stderr


def test_help_cuts_no_verb_short(machine):
    screen = " ".join(machine.said("--help", env={"COLUMNS": 80}).partition("Commands:")[2].split())
    assert "..." not in screen
    for module in VERBS.values():
        assert " ".join(help_line(importlib.import_module(module)).split()) in screen


def test_since_takes_local_times(machine):
    machine.ran("Read", file_path="/a")
    started = machine.json("runs")[0]["started_at"]
    hour = int(started[11:13])
    if hour >= 23:
        pytest.skip("the hour after this one is another day")
    local = f"{started[:11]}{hour + 1:02d}:00"
    assert machine.json("runs", "--since", local) == []
    west = {"TZ": "XYZ-2"}  # two hours ahead of UTC: that local time is an hour ago
    assert len(machine.json("runs", "--since", local, env=west)) == 1
    assert machine.json("runs", "--since", f"{local}Z", env=west) == []


def test_an_open_run_without_a_living_client_says_so(machine):
    machine.ran("Read", file_path="/a")
    assert "client gone" not in machine.said("runs")
    machine.kill_client()
    assert cells(line_of(machine.said("runs"), "11111111"))[-1] == "client gone"


# ---- show -------------------------------------------------------------------------------------


def test_show_puts_each_call_on_one_line_in_few_words(machine):
    machine.ran("Bash", command="\n  npm test\n  npm run build\n", description="x")
    machine.ran("Edit", {"ok": True}, file_path=f"{machine.project}/src/main.py", old_string="a", new_string="b")
    machine.ran("mcp__mail__send", body="z" * 300, to="bob")
    machine.ran("Grep", pattern="TODO")
    machine.before("WebFetch", url="https://example.org/")
    screen = machine.said("show")
    shown = [cells(line)[2:-1] for line in screen.splitlines() if re.match(r"\d\d:\d\d:\d\d ", line)]
    assert [" ".join(line[:2]) for line in shown[:2]] == ["Bash npm test …", "Edit src/main.py"]
    assert shown[2][1].startswith("to=bob body=zzz") and shown[2][1].endswith("…")
    assert shown[3][:3] == ["Grep", "TODO", "succeeded"]
    assert shown[4] == ["WebFetch", "https://example.org/", "running"]
    assert "steps:     5 (1 running, 4 succeeded)" in screen


def test_show_can_be_narrowed_to_a_tool_a_status_and_a_time(machine):
    machine.ran("Read", file_path="/a")
    machine.ran("mcp__a__x", q=1)
    machine.before("mcp__b__y", q=2)

    def tools(*words):
        return [step["tool_name"] for step in machine.steps(*words)]

    assert tools("--tool", "Read") == ["Read"]
    assert tools("--tool", "mcp__*") == ["mcp__a__x", "mcp__b__y"]
    assert tools("--status", "running") == ["mcp__b__y"]
    assert tools("--since", "1h") == ["Read", "mcp__a__x", "mcp__b__y"]
    assert tools("--since", "2099-01-01") == []
    assert "steps:     1 of 3 (1 succeeded)" in machine.said("show", "--tool", "Read")
    assert "no step matches" in machine.said("show", "--tool", "Nope")


def test_on_a_narrow_screen_what_was_odd_follows_whole_on_a_line_of_its_own(machine):
    machine.before("Bash", command="x" * 100)
    machine.failed("Bash", "toolu_1", "Exit code 7", command="x" * 100, password="hunter2-and-more")
    machine.ran("Read", file_path="/a")
    machine.ran("Read", file_path="/a")
    odd = ["exit 7, rewritten", f"twin {machine.steps()[1]['step_id'][:8]}"]
    narrow = machine.said("show", env={"COLUMNS": 80})
    assert "TOOK" in narrow and "NOTE" not in narrow
    lines = narrow.splitlines()
    first = next(place for place, line in enumerate(lines) if "Bash  xxx" in line)
    assert [lines[first + 1].strip(), lines[first + 4].strip()] == [f"↳ {one}" for one in odd]
    wide = machine.said("show", env={"COLUMNS": 160})
    assert line_of(wide, "Bash  xxx").endswith(odd[0]) and "NOTE" in wide and "↳" not in wide


def test_a_note_longer_than_its_column_goes_on_below():
    rows = notes_below(2, 1, 14, [["a", "call", "twin abcdefgh, rewritten"], ["b", "other", ""]])
    assert rows == [["a", "call"], ["", "↳ twin"], ["", "  abcdefgh,"], ["", "  rewritten"], ["b", "other"]]


def test_runs_keep_their_last_event_and_their_note_on_a_narrow_screen(machine):
    machine.before("Bash", command="ls")
    machine.after("Bash", "toolu_sly", {"stdout": ""}, command="echo sly")
    machine.kill_client()
    screen = machine.said("runs", env={"COLUMNS": 80})
    assert "LAST EVENT" in screen
    place = next(place for place, line in enumerate(screen.splitlines()) if line.startswith("1111"))
    assert " ".join(screen.splitlines()[place + 1 :]).replace("↳", "").split() == ["1", "flagged,", "client", "gone"]


@pytest.mark.parametrize("columns", [80, 100, 140])
def test_a_step_takes_one_line_of_the_screen(machine, columns):
    for _ in range(2):
        machine.ran("Bash", command="x" * 300)
    use_id = machine.before("Bash", command="x" * 300)
    machine.failed("Bash", use_id, "Exit code 7", command="y", password="hunter2-and-more")
    machine.before("mcp__some_long_server__some_long_tool", text="y" * 300)
    machine.kill_client()
    for verb in ("show", "runs"):
        screen = machine.said(verb, env={"COLUMNS": columns})
        table = [line for line in screen.splitlines() if re.match(r"\d\d:\d\d|TIME|RUN|1111|  .*↳", line)]
        below = [line for line in table if "↳" in line]
        assert len(below) == 0 or columns < 140
        table = [line for line in table if line not in below]
        assert len(table) == (5 if verb == "show" else 2)
        # Rich puts one more column between two, and one on either side.
        gaps = len(cells(table[0])) - 1
        assert max(map(len, table)) <= columns - gaps - 2


def test_a_repeated_call_points_to_its_twin_and_a_failure_to_its_exit_code(machine):
    machine.ran("Bash", command="npm test")
    machine.ran("Bash", command="npm test")
    use_id = machine.before("Bash", command="false")
    machine.failed("Bash", use_id, "Exit code 7", command="false")
    first, second, broken = machine.steps()
    screen = machine.said("show")
    assert line_of(screen, second["step_id"][:8] + "  Bash").endswith(f"twin {first['step_id'][:8]}")
    assert line_of(screen, broken["step_id"][:8]).endswith("exit 7")


def test_a_receipt_without_a_row_is_shown_as_unprepared(machine):
    machine.ran("Read", file_path="/a")
    machine.after("Bash", "toolu_never_announced", {"stdout": ""}, command="echo sly")
    assert line_of(machine.said("show"), "echo sly").endswith("unprepared")
    item = next(item for item in machine.json("open", code=1)["items"])
    assert (item["kind"], item["what"]) == ("unprepared", "Bash  echo sly")
    assert "doctor" in item["help"]


def test_an_input_that_another_hook_rewrote_is_kept_both_ways(machine):
    use_id = machine.before("Bash", command="rm -r /data")
    machine.after("Bash", use_id, {"stdout": ""}, command="rm -ri /data")
    (step,) = machine.steps()
    assert (step["input"], step["effective_input"]) == ({"command": "rm -r /data"}, {"command": "rm -ri /data"})
    assert line_of(machine.said("show"), "rm -r /data").endswith("rewritten")
    assert "Effective input\ncommand: rm -ri /data" in machine.said("step", step["step_id"])


# ---- step -------------------------------------------------------------------------------------


def test_step_shows_what_was_asked_what_came_back_and_its_history(machine):
    machine.ran("Bash", {"stdout": "one\ntwo", "stderr": ""}, command="ls\npwd")
    screen = machine.said("step", machine.steps()[0]["step_id"])
    assert "Input\ncommand:\n  ls\n  pwd\n" in screen
    assert "Output\nstdout:\n  one\n  two\n" in screen
    assert [cells(line)[1:] for line in screen.splitlines()[-3:]] == [
        ["prepared"],
        ["running"],
        ["succeeded", "PostToolUse"],
    ]


def test_step_cuts_a_long_output_and_says_how_to_see_it_all(machine):
    machine.ran("Bash", {"stdout": "\n".join(f"line {n}" for n in range(100))}, command="seq")
    step_id = machine.steps()[0]["step_id"]
    screen = machine.said("step", step_id)
    assert "line 38" in screen and "line 39" not in screen and "61 more lines: --full shows them" in screen
    assert "line 99" in machine.said("step", step_id, "--full")


def test_recorded_output_cannot_steer_the_terminal(machine):
    machine.ran("Bash", {"stdout": "\x1b[2J\x1b]0;owned\x07"}, command="echo \x1b[31m")
    for words in (("show",), ("step", machine.steps()[0]["step_id"]), ("tail", "--once"), ("open",)):
        assert "\x1b" not in machine.cli(*words).stdout


# ---- stats and policy -------------------------------------------------------------------------


def test_stats_count_by_tool_and_show_how_much_was_repeated(machine):
    for _ in range(3):
        machine.ran("Bash", command="npm test")
    use_id = machine.before("Bash", command="false")
    machine.failed("Bash", use_id, "Exit code 1", command="false")
    machine.before("mcp__lab__touch", to="bob")
    machine.kill_client()
    machine.cli("reconcile")
    stats = machine.json("stats")
    names = ("attempts", "executed", "duplicates", "held_back", "refused", "failed", "in_doubt")
    by_tool = {one["tool_name"]: [one[name] for name in names] for one in stats["tools"]}
    assert by_tool == {"Bash": [4, 4, 2, 0, 0, 1, 0], "mcp__lab__touch": [1, 1, 0, 0, 0, 0, 1]}
    assert [stats["total"][name] for name in names] == [5, 5, 2, 0, 0, 1, 1]
    assert stats["duplicate_rate"] == 0.4
    assert stats["total"]["hook_us"]["p50"] > 0
    screen = machine.said("stats")
    assert "████████████░░░░░░░░░░░░░░░░░░ 40% of calls" in screen
    assert re.search(r"half within: +\d+\.\d ms", screen)


def test_stats_can_be_narrowed(machine):
    machine.ran("Bash", command="a")
    machine.ran("Read", file_path="/a", session=OTHER)

    def attempts(*words):
        return machine.json("stats", *words)["total"]["attempts"]

    assert (attempts(), attempts("--run", "1111"), attempts("--tool", "R*"), attempts("--since", "1h")) == (2, 1, 1, 2)
    assert attempts("--since", "2099-01-01") == 0
    assert machine.said("stats", "--tool", "x") == "no call here matches\n"


def test_percentiles_are_values_that_occurred():
    from durable.evidence.tally import percentiles

    assert percentiles(Counter([5])) == {"p50": 5, "p95": 5}
    assert percentiles(Counter(range(100, 0, -1))) == {"p50": 50, "p95": 95}
    assert percentiles(Counter([1, 9])) == {"p50": 1, "p95": 9}
    assert percentiles(Counter([9] * 6 + [1] * 94)) == {"p50": 1, "p95": 9}
    assert percentiles(Counter([9] * 5 + [1] * 95)) == {"p50": 1, "p95": 1}
    assert percentiles(Counter()) == {"p50": None, "p95": None}


def test_policy_unknown_lists_the_tools_that_no_rule_names(machine):
    machine.ran("Bash", command="a")
    assert "every tool in the ledger is named by a rule" in machine.said("policy", "unknown")
    machine.ran("mcp__lab__touch", to="a")
    machine.ran("mcp__lab__touch", to="b", session=OTHER)
    machine.ran("BrandNew", q=1)
    rows = [(one["tool_name"], one["steps"], one["runs"]) for one in machine.json("policy", "unknown")]
    assert rows == [("mcp__lab__touch", 2, 2), ("BrandNew", 1, 1)]


# ---- what one must know -----------------------------------------------------------------------

READING = ("runs", "show", "open", "stats", "reconcile", "policy unknown", "tail --once", "key")


def test_every_reading_verb_says_that_enforcement_is_off(machine):
    machine.ran("Read", file_path="/a")
    verbs = [*READING, f"step {machine.steps()[0]['step_id']}"]
    assert not any("enforcement" in machine.said(*verb.split()) for verb in verbs)
    machine.said("off", "--for", "1h", "--reason", "disk full")
    for verb in verbs:
        warning = machine.said(*verb.split()).splitlines()[0]
        assert warning.startswith("warning: enforcement is off until "), verb
        assert "lifted by ada (uid " in warning and "disk full" in warning
    assert machine.json("stats")["enforcement_off"]["reason"] == "disk full"
    assert machine.json("open")["enforcement_off"]["reason"] == "disk full"


def test_an_observed_step_says_so_wherever_it_is_shown(machine):
    machine.ran("Read", file_path="/a")
    machine.config.mkdir(parents=True)
    (machine.config / "policy.toml").write_text('mode = "observe"\n')
    machine.ran("Bash", command="ls")
    promises = "Promises 1 (prepared first), 2 (fail closed) and 4 (at most once) do not hold for them."
    observed = machine.steps()[1]
    assert (observed["mode"], observed["would"]) == ("observe", "permit")
    for words in (("runs",), ("show",), ("stats",)):
        assert f"observe mode: 1 of 2 steps ran whatever the ledger said. {promises}" in machine.said(*words)
    assert "observe mode: every step ran" in machine.said("step", observed["step_id"])
    assert "observe mode" not in machine.said("step", machine.steps()[0]["step_id"])


def test_an_observed_step_shows_what_would_have_become_of_it(machine):
    use_id = machine.before("Bash", command="pay")
    step_id = machine.permitted(use_id, mode="observe", would="deny: it is done already")
    assert line_of(machine.said("show"), step_id[:8] + "  Bash").endswith("would deny")
    assert "would have been:  deny: it is done already" in machine.said("step", step_id)


def test_a_call_that_observe_mode_let_through_unrecorded_accuses_no_hook(machine):
    machine.ran("Read", file_path="/a")
    machine.config.mkdir(parents=True)
    (machine.config / "policy.toml").write_text('mode = "observe"\n')
    (machine.state / "heads").rename(machine.root / "heads")
    use_id = machine.before("Bash", command="pay")
    (machine.root / "heads").rename(machine.state / "heads")
    machine.after("Bash", use_id, {"stdout": ""}, command="pay")
    ran = "ran in observe mode while the ledger could not be written"
    (item,) = machine.json("open", code=1)["items"]
    assert (item["kind"], item["why"].partition("; ")[0]) == ("unrecorded", f"it {ran}")
    assert "would have been deny: " in item["why"] and "restore" in item["why"]
    screen = machine.said("open")
    assert f"Unrecorded: {ran}" in screen and "doctor" not in screen and "unannounced" not in screen
    assert line_of(machine.said("show"), "pay").endswith("unrecorded, would deny")
    assert "1 of 2 steps ran whatever the ledger said, 1 of them while it could not be written." in machine.said("show")
    step = machine.said("step", machine.steps()[1]["step_id"])
    assert f"prepared:         never: it {ran}\n" in step


# ---- a terminal -------------------------------------------------------------------------------


@pytest.mark.skipif(sys.platform != "linux", reason="uses the script(1) of Linux")
def test_a_terminal_gets_colours_unless_it_asks_not_to(machine):
    machine.ran("Read", file_path="/a")
    line = shlex.join([sys.executable, "-m", "durable", "show"])

    def screen(**env):
        # "script" gives the verb a terminal of its own.
        done = subprocess.run(
            ["script", "-qec", line, "/dev/null"], env=machine.env(TERM="xterm", **env), capture_output=True, text=True
        )
        return done.stdout

    assert "\x1b[32msucceeded" in screen()
    assert "\x1b[3" not in screen(NO_COLOR="1")
