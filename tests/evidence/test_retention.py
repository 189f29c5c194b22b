"""`retention` through the executables: contents go for good, hashes and chain stay, whatever happens on the way."""

import json
import os
import pty
import sqlite3
import subprocess
import tracemalloc

import pytest

from cli.cli_machine import SESSION, Machine
from durable.evidence.keeping.letting_go import let_go, look
from durable.ledger.reading import Reader
from durable.ledger.salvage import salvage
from durable.ledger.sqlite import SqliteLedger
from evidence.later import command, later
from ledger.whole import assert_whole, bodies, events_of

RULES = """
[rules.vault]
match = "mcp__vault__*"
effect = "repeatable"
evidence = "sealed"

[rules.pay]
match = "mcp__pay__*"
effect = "once"
"""
PUBLIC, READ, SEALED = "words of all", "words that were read", "words of the vault"
KILLS = ["appended-evidence.expired", "before-commit", "after-commit", "before-head-rename", "after-checkpoint"]
TWO_AT_A_TIME = "from durable.evidence.keeping import letting_go; letting_go.MOST_CONTENTS = 2"


@pytest.fixture
def machine(tmp_path):
    found = Machine(tmp_path)
    found.config.mkdir(parents=True)
    (found.config / "policy.toml").write_text(RULES)
    yield found
    found.close()


@pytest.fixture
def past(machine):
    """A run that is over, with a content of each class; some are longer than a page of the file."""
    machine.ran("Bash", {"stdout": f"{PUBLIC} " * 500}, command=f"echo {PUBLIC}")
    machine.ran("Read", {"content": f"{READ} " * 3}, file_path=f"/{READ}")
    machine.ran("mcp__vault__get", {"content": f"{SEALED} " * 300}, name=SEALED)
    machine.ended()
    return machine


def data(done, code=0):
    assert (done.returncode, done.stderr) == (code, ""), done
    return json.loads(done.stdout)["data"]


def applied(machine, days, code=0, **env):
    return data(later(machine, days, "retention", "apply", "--yes", "--json", **env), code)["applied"]


def planned(machine, days):
    return data(later(machine, days, "retention", "plan", "--json"))


def holding(machine, words):
    """The files of the state in which these words stand."""
    files = [path for path in machine.state.rglob("*") if path.is_file()]
    return [path.name for path in files if words.encode() in path.read_bytes()]


def test_the_plan_says_what_would_go_and_changes_nothing(past):
    def files():
        return {path: path.read_bytes() for path in past.state.rglob("*") if path.is_file() and "-shm" not in path.name}

    before = files()
    found = planned(past, 8)
    assert files() == before
    classes = {one["class"]: (one["days"], one["contents"]) for one in found["goes"]["classes"]}
    assert classes == {"public": (30, 0), "sealed": (7, 2), "read": (7, 2)}
    assert [(one["run_id"], one["contents"]) for one in found["goes"]["runs"]] == [(SESSION, 4)]
    assert [(one["why"], one["contents"]) for one in found["stays"]] == [("young", 2)]
    assert (found["goes"]["bytes"] > 5000, planned(past, 1)["goes"]["contents"]) == (True, 0)
    screen = later(past, 8, "retention").stdout
    assert "4 contents" in screen and "its time is not over" in screen and "retention apply" in screen


def test_what_is_let_go_is_gone_from_every_file_and_the_record_is_whole(past):
    for words in (PUBLIC, READ, SEALED):
        assert holding(past, words)
    assert (applied(past, 8)["contents"], applied(past, 31)["contents"]) == (4, 2)
    for words in (PUBLIC, READ, SEALED):
        assert holding(past, words) == []
    assert_whole(past.state)
    blobs = [blob for body in bodies(past.state, "evidence.expired") for blob in body["blobs"]]
    assert sorted(blob["class"] for blob in blobs) == ["public", "public", "read", "read", "sealed", "sealed"]
    assert later(past, 31, "verify").returncode == 0


def test_a_second_time_there_is_nothing_to_do_and_nothing_is_written(past):
    applied(past, 31)
    before = events_of(past.state)
    assert applied(past, 31) | {"longest_s": 0} == {
        "contents": 0, "bytes": 0, "transactions": 0, "put_off": 0, "longest_s": 0, "emptied": True,
    }  # fmt: skip
    assert events_of(past.state) == before
    assert planned(past, 31)["let_go"]["contents"] == 6


def test_a_look_back_at_the_time_before_says_the_same(past):
    """The events of the run know nothing of it: contents are let go by the ledger."""
    last = max(event["seq"] for event in events_of(past.state))
    applied(past, 31)
    now, then = past.json("show", SESSION), past.json("show", SESSION, "--at", str(last))
    assert [step["output"] for step in then["steps"]] == [step["output"] for step in now["steps"]]
    assert all(step["output"]["let_go"] for step in then["steps"])


def test_the_screens_say_when_a_content_was_let_go_and_that_its_hash_stays(past):
    step = past.steps()[1]
    applied(past, 31)
    gone = past.json("step", step["step_id"])
    assert gone["output"]["let_go"].startswith("sha256:") and gone["output"]["class"] == "read"
    assert f"the output of step {step['step_id']} was let go on 2" in past.said("step", step["step_id"])
    screen = past.said("show")
    assert "contents of 3 steps were let go on 2" in screen and "Read  (let go)" in screen
    assert "lost" not in screen and "problem" not in screen
    contents = next(one for one in past.json("doctor", code=1)["checks"] if one["name"] == "contents")
    assert contents["status"] == "PASS"


def test_recorded_again_it_is_live_again_and_can_be_let_go_again(past):
    applied(past, 31)
    past.ran("Read", {"content": f"{READ} " * 3}, file_path=f"/{READ}")
    past.ended()
    assert [step["output"] for step in past.steps() if step["tool_name"] == "Read"] == [{"content": f"{READ} " * 3}] * 2
    assert_whole(past.state)
    assert applied(past, 31)["contents"] == 2
    assert holding(past, READ) == []
    assert_whole(past.state)


def test_what_may_still_be_needed_stays_and_the_plan_says_why(machine):
    machine.ran("mcp__pay__charge", {"paid": "bob"}, to="bob")
    machine.ran("CronCreate", cron="* * * * *", prompt="durable allow s123")
    machine.before("Bash", command="make")
    assert {one["why"]: one["contents"] for one in planned(machine, 99)["stays"]} == {
        "unsettled": 1, "open_run": 2, "schedule": 1,
    }  # fmt: skip
    assert applied(machine, 99)["contents"] == 1
    assert machine.steps()[0]["output"] == {"paid": "bob"}


def test_what_contradicts_itself_stays_for_whoever_has_to_look_at_it(machine):
    """A call that counted as not done was made again, and then its own result arrived."""
    first = machine.before("mcp__pay__charge", to="bob")
    machine.ended()
    (step,) = machine.steps()
    machine.said("resolve", step["step_id"], "--not-happened", "--reason", "the bank says so")
    again = machine.before("mcp__pay__charge", to="bob")
    machine.after("mcp__pay__charge", again, {"paid": "bob"}, to="bob")
    machine.after("mcp__pay__charge", first, {"paid": "bob, late"}, to="bob")
    machine.ran("Bash", command="echo else")
    machine.ended()
    assert [step["flag"] for step in machine.steps()] == ["contradicted", "contradicted", None]
    stays = {one["why"]: (one["contents"], one["says"]) for one in planned(machine, 99)["stays"]}
    assert stays == {"contradicted": (4, "of a call that contradicts another: somebody has to look at both")}
    assert applied(machine, 99)["contents"] == 2
    assert holding(machine, "bob, late")
    assert [step["input"] for step in machine.steps()[:2]] == [{"to": "bob"}] * 2


def test_a_call_in_which_something_was_redacted_is_sealed(machine):
    machine.ran("Bash", command="curl -H 'Authorization: Bearer sk-ant-api03-abcdefghijklmnopqrstuvwxyz0123456789'")
    machine.ended()
    assert machine.steps()[0]["redacted"]
    assert {one["class"]: one["contents"] for one in planned(machine, 8)["goes"]["classes"]}["sealed"] == 2


def test_what_a_late_ending_replaced_goes_too(machine):
    use_id = machine.before("Bash", command="make")
    machine.failed("Bash", use_id, "first words", command="make")
    machine.after("Bash", use_id, {"stdout": "later words"}, command="make")
    machine.ended()
    assert holding(machine, "first words")
    applied(machine, 31)
    assert holding(machine, "first words") == []


@pytest.mark.parametrize("point", KILLS)
def test_killed_on_the_way_and_run_again_it_ends_the_same(past, point):
    crash = {"DURABLE_TEST_CRASH": f"{point}:kill"}
    done = later(past, 31, "retention", "apply", "--yes", first=TWO_AT_A_TIME, **crash)
    assert done.returncode == -9
    left = planned(past, 31)["goes"]["contents"]
    assert left == (6 if point in ("appended-evidence.expired", "before-commit") else 4)
    assert_goes_on(past)
    applied(past, 31)
    for words in (PUBLIC, READ, SEALED):
        assert holding(past, words) == []
    blobs = [blob["digest"] for body in bodies(past.state, "evidence.expired") for blob in body["blobs"]]
    assert len(blobs) == len(set(blobs)) == 6 + 2  # of the call in between
    assert_whole(past.state)


def assert_goes_on(machine):
    machine.ran("Bash", command="echo next")
    assert_whole(machine.state)


def test_while_somebody_reads_an_old_view_it_says_that_the_bytes_are_still_there(past):
    reader = sqlite3.connect(past.state / "ledger.db", isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM blobs").fetchone()
    assert applied(past, 31, code=1)["emptied"] is False
    assert "old view" in later(past, 31, "retention", "apply").stdout
    reader.close()
    assert applied(past, 31)["emptied"] is True
    assert holding(past, PUBLIC) == []


def test_what_comes_to_be_needed_after_the_plan_was_made_stays(past):
    days = {"public_days": 30, "sealed_days": 7, "read_days": 7}
    with Reader(str(past.state)) as reader:
        found = look(reader, days, "2999-01-01T00:00:00.000000Z")
    other = "22222222-bbbb-4bbb-8bbb-222222222222"
    use_id = past.before("Read", session=other, file_path=f"/{READ}")
    done = let_go(str(past.state), found)
    assert (done.contents, done.put_off) == (5, 1)
    past.after("Read", use_id, {"content": "new"}, session=other, file_path=f"/{READ}")
    assert_whole(past.state)
    assert [step["input"] for step in past.json("show", other)["steps"]] == [{"file_path": f"/{READ}"}]


def test_however_much_was_recorded_since_the_plan_was_made_it_is_not_held_in_memory(past):
    with Reader(str(past.state)) as reader:
        found = look(reader, {"public_days": 1, "sealed_days": 1, "read_days": 1}, "2999-01-01T00:00:00.000000Z")
    ledger = SqliteLedger(str(past.state))
    with ledger.begin() as tx:
        for _ in range(500):
            tx.append("person.said", "elsewhere", "", {"text": "x" * 20_000})
        tx.commit()
    ledger.close()
    tracemalloc.start()
    try:
        done = let_go(str(past.state), found)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (done.contents, done.put_off) == (6, 0)
    assert most < 3_000_000, f"{most:,} bytes at once, of 10,000,000"


def test_a_run_that_is_taken_up_again_after_the_plan_was_made_keeps_its_contents(past):
    with Reader(str(past.state)) as reader:
        found = look(reader, {"public_days": 1, "sealed_days": 1, "read_days": 1}, "2999-01-01T00:00:00.000000Z")
    past.ran("Bash", command="echo again")
    done = let_go(str(past.state), found)
    assert (done.contents, done.put_off, bodies(past.state, "evidence.expired")) == (0, 6, [])


def test_other_times_come_from_the_users_file_and_never_from_a_projects(past):
    own = past.config / "policy.toml"
    own.write_text(RULES + '[retention]\nread_days = "forever"\nsealed_days = 1\n')
    theirs = past.project / ".durable" / "policy.toml"
    theirs.parent.mkdir()
    theirs.write_text("[retention]\npublic_days = 1\n")
    found = planned(past, 2)
    assert found["days"] == {"public_days": 30, "sealed_days": 1, "read_days": "forever"}
    assert found["goes"]["contents"] == 2
    assert "only the user's file says how long" in past.said("policy", "show")


def test_while_a_policy_file_is_broken_nobody_knows_how_long_to_keep_anything(past):
    (past.config / "policy.toml").write_text("[retention]\npublic_days = 0\n")
    done = later(past, 99, "retention", "apply", "--yes")
    assert done.returncode == 3 and "how long to keep what is not known" in done.stderr
    assert holding(past, PUBLIC)


def test_unattended_it_wants_to_be_told_and_before_a_ledger_there_is_nothing(machine, past):
    done = later(past, 31, "retention", "apply")
    assert done.returncode == 2 and "nobody is here to confirm" in done.stderr
    assert later(past, 31, "retention", "--yes").returncode == 2
    assert machine.json("retention", env={"DURABLE_HOME": str(machine.root / "none")})["goes"] is None
    assert holding(past, PUBLIC)


@pytest.mark.parametrize(("typed", "code", "stays"), [("y\n", 0, False), ("\n", 2, True)])
def test_at_a_terminal_it_asks_under_what_would_go(past, typed, code, stays):
    leader, follower = pty.openpty()
    words = command(31, "retention", "apply")
    child = subprocess.Popen(words, env=past.env(TERM="dumb"), cwd=past.project, stdin=follower, stderr=follower,
                             stdout=subprocess.PIPE)  # fmt: skip
    os.close(follower)
    os.write(leader, typed.encode())
    child.communicate(timeout=60)
    screen = os.read(leader, 65536).decode()
    os.close(leader)
    assert (child.returncode, bool(holding(past, PUBLIC))) == (code, stays)
    assert "6 contents" in screen and "Let them go?" in screen


def test_copies_out_of_its_reach_are_named(past):
    past.cli("restore", str(copy_of(past)), "--reason", "try")
    done = later(past, 31, "retention", "apply", "--yes")
    assert (
        done.returncode == 0
        and "may still hold what was let go" in done.stdout
        and "ledger.db.replaced-" in done.stdout
    )


def copy_of(machine):
    path = machine.root / "copy.db"
    source, target = sqlite3.connect(machine.state / "ledger.db"), sqlite3.connect(path)
    source.backup(target)
    source.close()
    target.close()
    return path


def test_a_repair_afterwards_misses_nothing(past):
    applied(past, 8)
    found = salvage(str(past.state))
    assert (found.lost_blobs, found.blobs, found.unprojected) == (0, 2, [])
    assert_whole(past.state)
