"""What two runs did, beside each other: made by the real hooks, compared by the command."""

import json
import re
import sqlite3
from pathlib import Path

import pytest
from cli_machine import ROOT, SESSION, Machine, line_of

from durable.cli.diff_data import text_of
from durable.cli.diff_view import MOST, view_of
from durable.cli.marked import marked
from durable.cli.render_plain import lines
from durable.evidence.compare import compare
from durable.evidence.comparing.account import Account, Call

OTHER = "22222222-bbbb-4bbb-8bbb-222222222222"  # something else built, and no order
LIKE = "33333333-cccc-4ccc-8ccc-333333333333"  # the same, later and slower
SAID = "44444444-dddd-4ddd-8ddd-444444444444"  # another test result, and a check that fails
ODD = "55555555-eeee-4eee-8eee-555555555555"  # with signs for a terminal in it, and not ended


def worked(machine, session=SESSION, build="make --target=release", pay=True, said="3 passed in 0.5 s", end=True):
    """A session that reads, tests, builds and orders."""

    def ran(tool, response, **given):
        use_id = machine.before(tool, session=session, **given)
        machine.after(tool, use_id, response, session=session, **given)

    ran("Read", {"content": "x"}, file_path=f"{machine.project}/a.py")
    ran("Bash", {"stdout": said}, command="npm test", description=f"for {session}")
    ran("Bash", {"stdout": f"in {machine.project}"}, command=build)
    if pay:
        ran("mcp__shop__create_order", {"order": 5}, item="book")
    ran("Bash", {"stdout": ""}, command=f"ls /tmp/{session}")
    if end:
        machine.ended(session)


def exported(machine, name, session=SESSION):
    path = str(machine.root / name)
    assert machine.cli("export", session, "-o", path).returncode == 0
    return path


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    """A ledger with several runs, for all who only read it."""
    house = Machine(tmp_path_factory.mktemp("house"))
    worked(house)
    worked(house, OTHER, build="make --target=debug", pay=False)
    worked(house, LIKE, said="3 passed in 12.75 s")
    worked(house, SAID, said="2 passed in 0.5 s", end=False)
    house.early = exported(house, "early.json", SAID)
    use_id = house.before("Bash", session=SAID, command="make check")
    house.failed("Bash", use_id, "Exit code 2\nno", session=SAID, command="make check")
    house.ended(SAID)
    worked(house, ODD, build="make --target=\x1b[2J\x1b]0;x\x07\u202erelease\n+   9 forged", end=False)
    house.bundle = exported(house, "run.json")
    house.golden = str(house.root / "expected.golden")
    house.said("diff", "--golden", house.golden, SESSION, "--update")
    yield house
    house.close()


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory):
    """Bundles of another ledger, of a project in another place: the same work, under the same id and another one."""
    there = Machine(tmp_path_factory.mktemp("there"))
    worked(there)
    worked(there, OTHER)
    bundles = {session: exported(there, f"{session}.json", session) for session in (SESSION, OTHER)}
    there.close()
    return bundles


def kinds(data):
    return [(one["kind"], *one["changes"]) for one in data["differences"]]


# ---- the page ---------------------------------------------------------------------------------


def commands():
    page = (ROOT / "docs" / "diff.md").read_text(encoding="utf-8")
    lines = "".join(re.findall(r"```sh\n(.*?)```", page, re.S)).splitlines()
    return [line.partition("  #")[0].strip() for line in lines]


@pytest.mark.parametrize("line", commands())
def test_every_command_of_the_page_does_what_it_says_there(house, tmp_path, line):
    kept = tmp_path / "release.golden"
    kept.write_bytes(Path(house.golden).read_bytes())
    named = {"RUN": SESSION, "before.json": house.bundle, "after.json": house.early}
    named |= dict.fromkeys(("FILE", "tests/release.golden"), str(kept))
    words = [named.get(word, word) for word in line.split()]
    done = house.cli(*words[1:])
    assert words[0] == "durable" and done.stderr == "" and done.stdout
    differs = house.early in words or "RUN" not in line or "--cost-within" in words
    assert done.returncode == int(differs)


# ---- two runs ---------------------------------------------------------------------------------


def test_two_runs_that_did_the_same_differ_in_nothing(house):
    assert house.said("diff", "1111", "3333").splitlines()[-1] == "ok: no difference: 5 calls, the same in both"
    data = house.json("diff", "1111", "3333")
    assert (data["same"], data["same_record"], data["differences"], data["first"]) == (True, False, [], None)


def test_what_differs_is_shown_effects_first_and_the_exit_says_so(house):
    done = house.cli("diff", "1111", "2222")
    assert (done.returncode, done.stderr) == (1, "")
    screen = done.stdout
    assert "3 calls the same, 1 made with other arguments, 1 in A alone" in screen
    assert screen.index("Effects") < screen.index("Calls: the first that differs is 3 of A")
    assert re.search(r"^- +4  shop.create_order  item=book  done in A alone$", screen, re.M)
    other_way = house.said("diff", "2222", "1111")
    assert re.search(r"^\+ +4  shop.create_order  item=book  done in B alone$", other_way, re.M)


def test_what_differs_inside_of_an_input_is_marked(house):
    shown = house.said("diff", "1111", "2222").splitlines()
    was = next(place for place, line in enumerate(shown) if line.endswith("command: make --target=release"))
    start, end = shown[was].index("release"), len(shown[was])
    assert shown[was + 1] == shown[was].replace("-", "+", 1)[:start] + "debug"
    assert shown[was + 2] == " " * start + "^" * (end - start)


def test_json_names_each_difference_and_the_first(house):
    data = house.json("diff", "1111", "2222", code=1)
    assert set(data) == {"a", "b", "same", "same_record", "rows_differ", "counts", "first", "effects", "differences"}
    assert data["counts"] == {"same": 3, "reworded": 1, "only_a": 1}
    assert [one["kind"] for one in data["differences"]] == ["reworded", "only_a"]
    assert data["first"] == data["differences"][0] and data["first"]["a"]["number"] == 3
    (effect,) = data["effects"]
    assert effect["b"] is None and effect["a"]["call"] == "shop.create_order  item=book"
    assert effect["a"]["step_id"] == house.json("show", "1111")["steps"][3]["step_id"]


def test_a_call_that_ended_otherwise_says_how(machine):
    worked(machine, end=False)
    machine.ran("Bash", command="make check")
    worked(machine, OTHER, end=False)
    use_id = machine.before("Bash", session=OTHER, command="make check")
    machine.failed("Bash", use_id, "Exit code 2\nno", session=OTHER, command="make check")
    data = machine.json("diff", "1111", "2222", code=1)
    assert kinds(data) == [("changed", "status", "exit_code")]
    assert data["first"]["changes"]["exit_code"] == {"a": None, "b": 2}
    line = line_of(machine.said("diff", "1111", "2222"), "make check")
    assert "make check  succeeded → failed, exit none → 2" in line


def test_what_came_back_is_compared_and_can_be_left_out(house):
    data = house.json("diff", "1111", "4444", code=1)
    assert kinds(data) == [("changed", "output"), ("only_b",)]
    screen = house.said("diff", "1111", "4444")
    assert "-       came back: 3 passed" in screen and "+       came back: 2 passed" in screen
    assert kinds(house.json("diff", "1111", "4444", "--ignore-output", code=1)) == [("only_b",)]


def test_a_recorded_text_can_not_play_with_the_terminal(house):
    for words in (("1111", "5555"), ("5555", "2222", "--full")):
        screen = house.said("diff", *words)
        assert not {"\x1b", "\x07", "\u202e"} & set(screen)
        assert "\\x1b[2J" in screen and not re.search(r"^\+   9 forged", screen, re.M)


def test_a_long_list_of_differences_is_cut_and_shown_in_full_when_asked():
    calls = [Call(number, str(number), "Read", "", "", "read", "succeeded") for number in range(MOST + 10)]
    one, other = (Account("run", "completed", made, lambda call: "") for made in (calls, []))

    def screen(full):
        blocks = view_of(compare(one, other), one, other, ("A", "B"), full)
        return "\n".join(line for block in blocks for line in lines(block))

    assert "10 more: --full shows them" in screen(False) and screen(False).count("Read") == MOST
    assert "--full" not in screen(True) and screen(True).count("Read") == MOST + 10


def test_signs_for_a_terminal_take_the_room_of_what_is_shown_in_their_place(monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    was, is_, mark = marked("command", "\x1b\x1b one", "\x1b\x1b two")
    assert (was[mark.index("^") :], is_[mark.index("^") :]) == ("one", "two") and was.isprintable()
    one = Call(1, "k", "Bash", '{"command": "' + "\\u001b" * 90 + '"}', "", "read", "succeeded")
    assert text_of(one).count("\\x1b") == 90
    assert max(map(len, marked("command", "\x1b" * 90, "\x1b" * 89))) <= 60


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "two runs are compared; name both: durable diff A B"),
        (("1111",), "two runs are compared; name both"),
        (("1111", "9999"), "no run or session begins with '9999'"),
        (("1111", "2222", "--update"), "--update and --cost-within speak of a golden file"),
        (("1111", "2222", "--golden", "g"), "--golden compares one run"),
        (("1111", "--golden", "nowhere"), "nowhere can't be read (No such file or directory); --update makes it"),
        (("1111", "--golden", "."), ". can't be read (Is a directory); "),
        (("1111", "--golden", ".", "--update"), ". is a directory; name a file"),
        (("1111", "--golden", "g", "--cost-within", "much"), "--cost-within can't be 'much'; give per cent, as 10%"),
        (("1111", "--golden", "g", "--cost-within", ""), "--cost-within can't be ''; give per cent, as 10%"),
        (("1111", "--golden", "g", "--update", "--cost-within", "10%"), "--cost-within says how a run is compared"),
        (("1111", "--golden", "g", "--update", "--ignore-output"), "--ignore-output says how a run is compared"),
        (("1111", "2222", "--golden", ""), "an empty text names no golden file; name one"),
    ],
)
def test_a_senseless_line_exits_2(house, words, said):
    done = house.cli("diff", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr and done.stderr.count("\n") == 1


# ---- one run, recorded twice ------------------------------------------------------------------


def test_a_run_and_its_bundle_are_the_same_record(house):
    said = house.said("diff", house.bundle, SESSION)
    assert re.fullmatch(rf"ok: the same record: run {SESSION}, \d+ events, each the same\n", said)
    data = house.json("diff", SESSION, house.bundle)
    assert (data["same"], data["same_record"]) == (True, True)


@pytest.mark.parametrize(
    ("change", "tables", "shown"),
    [
        ("UPDATE steps SET status = 'failed' WHERE tool_name = 'Read'", "steps", "succeeded → failed"),
        ("UPDATE steps SET duration_ms = 5", "steps", "5 calls, the same in both"),
        ("UPDATE runs SET status = 'open'", "runs", "A is completed, B open"),
        ("DELETE FROM steps WHERE tool_name = 'Read'", "steps, claims", "1 in A alone"),
    ],
)
def test_a_run_whose_rows_were_edited_is_not_the_record_that_its_bundle_is(machine, change, tables, shown):
    worked(machine)
    bundle = exported(machine, "run.json")
    edited(machine, change)
    for a, b in ((bundle, SESSION), (SESSION, bundle)):
        data = machine.json("diff", a, b, code=1)
        assert (data["same_record"], data["rows_differ"]) == (False, tables.split(", "))
    screen = machine.said("diff", bundle, SESSION)
    said = f"warning: the ledger's rows of run {SESSION} are not what its events say ({tables})"
    assert screen.startswith(said) and f"durable verify {SESSION} names each" in screen and shown in screen


def test_a_run_whose_session_went_on_in_another_one_is_still_the_record_that_its_bundle_is(machine):
    worked(machine)
    bundle = exported(machine, "run.json")
    machine.before("Bash", command="echo", env={"DURABLE_RUN_ID": "another"})
    assert machine.json("show", "another")["run"]["session_ids"] == [SESSION]
    assert machine.json("diff", bundle, SESSION)["rows_differ"] == []


def edited(machine, change):
    connection = sqlite3.connect(machine.state / "ledger.db")
    connection.execute("PRAGMA foreign_keys = OFF")
    for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        connection.execute(f"DROP TRIGGER {name}")
    connection.execute(change)
    connection.commit()
    connection.close()


def test_a_run_that_went_on_since_its_bundle_says_where_that_ended(house):
    screen = house.said("diff", house.early, SAID)
    assert f"two records of run {SAID}: B goes on where A ends, after event " in screen
    assert house.json("diff", house.early, SAID, code=1)["same_record"] is False
    assert "A goes on where B ends" in house.said("diff", SAID, house.early)
    assert "A is open, B completed; 5 calls the same, 1 in B alone" in screen


def test_a_run_of_another_ledger_and_directory_that_did_the_same_differs_in_nothing(house, elsewhere):
    assert house.json("diff", SESSION, elsewhere[OTHER])["same"] is True


def test_two_ledgers_that_both_know_a_run_under_one_id_are_not_the_same_record(house, elsewhere):
    assert house.json("diff", SESSION, elsewhere[SESSION])["same_record"] is False


# ---- a run and what is expected of it ---------------------------------------------------------


def test_a_run_that_does_what_is_expected_passes(house):
    data = house.json("diff", "--golden", house.golden, LIKE)
    assert (data["verdict"], data["findings"]) == ("PASS", [])
    assert house.said("diff", "--golden", house.golden, LIKE).startswith("PASS as expected\n")


def test_a_run_that_does_otherwise_fails_with_a_code_for_each_difference(house):
    data = house.json("diff", "--golden", house.golden, OTHER, code=1)
    assert data["verdict"] == "FAIL"
    assert [one["code"] for one in data["findings"]] == ["step_changed", "step_missing"]
    assert data["findings"][1]["where"] == {"golden": 4, "run": None, "step_id": None}
    screen = house.said("diff", "--golden", house.golden, OTHER)
    assert screen.startswith("FAIL not as expected\n") and "done in golden alone" in screen
    said = house.json("diff", "--golden", house.golden, SAID, code=1)
    assert [one["code"] for one in said["findings"]] == ["output_changed", "step_added"]


def test_a_run_that_has_not_ended_is_unknown_and_makes_no_golden_file(house):
    data = house.json("diff", "--golden", house.golden, ODD, code=1)
    assert {one["code"] for one in data["findings"]} >= {"run_incomplete", "run_status"}
    before = Path(house.golden).read_bytes()
    done = house.cli("diff", "--golden", house.golden, ODD, "--update")
    assert (done.returncode, done.stdout) == (2, "")
    assert f"{ODD} makes no golden file: it has not come to its end" in done.stderr
    assert Path(house.golden).read_bytes() == before


def test_a_golden_file_holds_nothing_that_is_another_value_each_time(house):
    again = house.root / "again.golden"
    house.said("diff", "--golden", str(again), LIKE, "--update")
    assert again.read_bytes() == Path(house.golden).read_bytes()
    assert str(house.project) not in again.read_text() and LIKE not in again.read_text()


def test_a_bundle_serves_as_what_is_expected(house):
    assert house.json("diff", "--golden", house.bundle, LIKE)["verdict"] == "PASS"
    assert house.json("diff", "--golden", house.early, LIKE, code=1)["findings"][0]["code"] == "golden_incomplete"
    done = house.cli("diff", "--golden", house.bundle, LIKE, "--update")
    assert done.returncode == 2 and "is there and is no golden file" in done.stderr


def test_nothing_of_durables_own_can_be_written_over(house):
    link = house.root / "link.golden"
    link.symlink_to(house.state / "new.json")
    for place in (house.state / "new.json", house.state / "ledger.db", house.config / "off.json", link):
        done = house.cli("diff", "--golden", str(place), SESSION, "--update")
        assert done.returncode == 2 and "where durable keeps its own files" in done.stderr
    assert not (house.state / "new.json").exists()


OTHERWISE = "is no golden file: what was given of call {} is not what its key stands for"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda text: text.replace("golden.v1", "golden.v9"), "was written by a later durable (durable.golden.v9)"),
        (lambda text: text[:-20], "is no golden file: "),
        (lambda text: text.replace('"calls"', '"cells"'), "is no golden file: "),
        (lambda text: text.replace('"status": "completed"', '"status": 5'), "is no golden file: "),
        (lambda text: text.replace('"Read"', "[" * 100_000), "is no golden file: "),
        (lambda text: text.replace("a.py", "b.py"), OTHERWISE.format(1)),
        (lambda text: text.replace('"Read"', '"Write"'), OTHERWISE.format(1)),
        (lambda text: text.replace('"place": "."', '"place": "/"', 1), OTHERWISE.format(2)),
        (lambda text: text.replace('"given": "{', '"given": "', 1), OTHERWISE.format(1)),
    ],
)
def test_a_file_that_is_no_golden_file_is_one_sentence(house, tmp_path, change, said):
    text = Path(house.golden).read_text()
    changed = tmp_path / "changed.golden"
    changed.write_text(change(text))
    assert changed.read_text() != text
    done = house.cli("diff", "--golden", str(changed), SESSION)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr and done.stderr.count("\n") == 1 and "Traceback" not in done.stderr


def test_of_a_call_that_was_given_too_much_to_be_read_the_beginning_is_kept(machine):
    machine.ran("Write", file_path="a", content="x" * 5000)
    machine.ran("Bash", command="echo \\ud800 1.0 1e300 \u00fc")
    machine.ended()
    kept = machine.root / "long.golden"
    machine.said("diff", "--golden", str(kept), "--update")
    assert len(json.loads(kept.read_text())["calls"][0]["given"]) == 4000
    assert machine.json("diff", "--golden", str(kept))["verdict"] == "PASS"


def test_a_cost_that_nobody_gives_is_unknown_where_it_was_asked_for(house, tmp_path):
    data = house.json("diff", "--golden", house.golden, LIKE, "--cost-within", "10%", code=1)
    assert data["verdict"] == "UNKNOWN" and [one["code"] for one in data["findings"]] == ["cost_unknown"]
    priced = tmp_path / "priced.golden"
    priced.write_text(json.dumps(json.loads(Path(house.golden).read_text()) | {"micro_usd": 1000}))
    assert house.json("diff", "--golden", str(priced), LIKE)["verdict"] == "PASS"
