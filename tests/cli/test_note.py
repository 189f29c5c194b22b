"""`note`: what somebody wants whoever goes on with a run to know."""

import subprocess

import pytest
from cli_machine import FULL, SESSION


@pytest.fixture
def machine(machine):
    machine.ran("Bash", command="make")
    return machine


def noted(machine, *words, **more):
    return machine.json("note", SESSION, *words, **more)["notes"]


def versions(machine):
    return {note["name"]: (note["value"], note["version"]) for note in noted(machine)}


def test_a_note_is_written_listed_and_versioned(machine):
    assert "noted for run" in machine.said("note", SESSION[:8], "goal=ship = it", "branch=main")
    (branch, goal) = noted(machine, "goal=rest")
    assert (goal["name"], goal["value"], goal["version"]) == ("goal", "rest", 2)
    assert (branch["value"], branch["version"]) == ("main", 1)
    assert set(goal) == {"name", "value", "version", "at", "by"} and "by the command line" in goal["by"]
    screen = machine.said("note", SESSION)
    assert "rest" in screen and "branch" in screen and "ship" not in screen


def test_without_notes_the_list_says_how_one_is_left(machine):
    assert f"durable note {SESSION[:8]} key=value" in machine.said("note", SESSION)
    assert noted(machine) == []


def test_an_empty_value_takes_a_note_away_as_a_version_of_its_own(machine):
    noted(machine, "goal=ship")
    noted(machine, "goal=")
    assert versions(machine) == {"goal": (None, 2)}
    assert "(taken away)" in machine.said("note", SESSION)


def test_who_must_not_write_over_what_they_have_not_seen_names_the_version(machine):
    noted(machine, "goal=a", "--if-version", "0")
    noted(machine, "goal=b", "--if-version", "1")
    refused = machine.cli("note", SESSION, "goal=c", "--if-version", "1")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr == "durable: the note goal is at version 2: 'b'; nothing was changed\n"
    unknown = machine.cli("note", SESSION, "other=c", "--if-version", "1")
    assert (unknown.returncode, "no note other yet" in unknown.stderr) == (1, True)
    assert versions(machine) == {"goal": ("b", 2)}


def test_of_several_all_are_written_or_none(machine):
    assert machine.cli("note", SESSION, "a=1", "b").returncode == 2
    assert noted(machine) == []


def test_of_those_who_write_at_once_nobody_is_lost(machine):
    writers = [
        subprocess.Popen([*FULL, "note", SESSION, f"goal={n}"], env=machine.env(), stdout=subprocess.DEVNULL)
        for n in range(4)
    ]
    assert [writer.wait(timeout=60) for writer in writers] == [0] * 4
    assert versions(machine)["goal"][1] == 4


def test_of_those_who_have_seen_the_same_version_one_wins(machine):
    words = [*FULL, "note", SESSION, "--if-version", "0"]
    writers = [
        subprocess.Popen([*words, f"goal={n}"], env=machine.env(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for n in range(3)
    ]
    assert sorted(writer.wait(timeout=60) for writer in writers) == [0, 1, 1]
    assert versions(machine)["goal"][1] == 1


def test_a_secret_is_taken_out_before_it_is_written(machine):
    secret = "ghp_" + "a1B2" * 9
    noted(machine, f"how=use {secret}", "password=hunter2hunter2")
    assert secret not in machine.said("note", SESSION)
    for path in machine.state.glob("ledger.db*"):
        assert secret.encode() not in path.read_bytes() and b"hunter2" not in path.read_bytes()
    refused = machine.cli("note", SESSION, f"{secret}=1")
    assert (refused.returncode, "looks like a secret" in refused.stderr, secret in refused.stderr) == (2, True, False)


def policy(machine, text):
    machine.config.mkdir(parents=True, exist_ok=True)
    (machine.config / "policy.toml").write_text(text)


def test_the_policy_s_own_patterns_count_as_well(machine):
    policy(machine, "[redact]\npatterns = ['ACME-[0-9]+']\n")
    (note,) = noted(machine, "ticket=see ACME-1234")
    assert note["value"] == "see [redacted:custom]"


def test_while_nobody_knows_what_is_to_be_taken_out_nothing_is_written(machine):
    policy(machine, "[redact\n")
    refused = machine.cli("note", SESSION, "goal=x")
    assert (refused.returncode, refused.stdout, refused.stderr.count("\n")) == (3, "", 1)
    policy(machine, "")
    assert noted(machine) == []


def test_an_agent_s_note_names_its_session(machine):
    (note,) = noted(machine, "goal=x", env={"CLAUDE_CODE_SESSION_ID": SESSION})
    assert note["by"].startswith(f"session {SESSION} (")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["goal"], "write it as key=value"),
        (["=x"], "can't be the name of a note"),
        (["1st=x"], "can't be the name of a note"),
        (["a-b=x"], "can't be the name of a note"),
        ([f"{'n' * 65}=x"], "can't be the name of a note"),
        ([f"a={'v' * 4001}"], "has 4,001 characters"),
        (["a=1", "a=2"], "given twice"),
        (["a=1", "b=2", "--if-version", "1"], "speaks of one note"),
        (["--if-version", "1"], "speaks of one note"),
    ],
)
def test_bad_input_is_one_sentence_and_changes_nothing(machine, words, said):
    refused = machine.cli("note", SESSION, *words)
    assert (refused.returncode, refused.stdout, refused.stderr.count("\n")) == (2, "", 1)
    assert said in refused.stderr
    assert noted(machine) == []


def test_the_longest_name_and_value_are_taken(machine):
    noted(machine, f"{'n' * 64}={'v' * 4000}")
    assert versions(machine) == {"n" * 64: ("v" * 4000, 1)}


def test_a_run_has_at_most_a_hundred(machine):
    noted(machine, *(f"n{at}=x" for at in range(100)))
    refused = machine.cli("note", SESSION, "more=x")
    assert (refused.returncode, "at most 100 notes" in refused.stderr) == (2, True)
    noted(machine, "n1=y")


def test_an_unknown_run_and_no_ledger_are_said(machine, tmp_path):
    assert machine.cli("note", "nowhere", "a=b").returncode == 2
    away = {"DURABLE_HOME": str(tmp_path / "none")}
    assert "no ledger yet" in machine.cli("note", SESSION, "a=b", env=away).stderr
