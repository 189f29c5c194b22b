"""durable export: one file, whole or not there, of one moment, that says what it could not take along."""

import json
import os
import sqlite3
import stat
import subprocess
import threading

import pytest

from cli.cli_machine import FULL, ROOT, SESSION, Machine
from conformance.past import OWNER, RUN, move, owner_body, prepare, seat, session_body
from durable.evidence.comparing.account import account_of
from durable.evidence.findings import FAIL, PASS, UNKNOWN, WARN
from durable.evidence.verify import keys_at_hand
from durable.evidence.verify_bundle import Examined, verify_bundle
from durable.ledger.sqlite import SqliteLedger

KILLED = -9


@pytest.fixture
def machine(tmp_path):
    found = Machine(tmp_path)
    yield found
    found.close()


@pytest.fixture
def home(tmp_path):
    """A ledger in which a run and its session have gone on in another one."""
    found = tmp_path / "state"
    ledger = SqliteLedger(str(found))
    with ledger.begin() as tx:
        seat(tx)
        step = move(tx, prepare(tx), "running")
        move(tx, step, "succeeded")
        tx.append("grant.given", RUN, "g1", {"for_step": "s1", "fingerprint": "f1", "project": "/project",
                                             "by": "ada", "reason": "again"})  # fmt: skip
        tx.append("run.opened", "run-2", "run-2", {"project": "/project", "client": "claude-code"})
        tx.append("session.joined", "run-2", "session-1", session_body("resume"))
        prepare(tx, "s2", "f2", run="run-2")
        tx.append("grant.used", "run-2", "g1", {"used_by": "s2"})
        tx.append("owner.ended", "run-2", OWNER, {"reason": "found dead: gone"})
        tx.append("session.ended", "run-2", "session-1", {"reason": "other"})
        tx.append("owner.seen", "run-2", "owner-2", owner_body())
        tx.commit()
    ledger.close()
    return found


def exported(machine, *words, code=0, env=()):
    path = machine.root / "out.json"
    done = machine.cli("export", *words, "-o", str(path), "--force", "--json", env=env)
    assert (done.returncode, done.stderr) == (code, ""), done
    return json.loads(done.stdout)["data"], path


def sql(machine, *statement):
    connection = sqlite3.connect(machine.state / "ledger.db")
    with connection:
        connection.execute(*statement)
    connection.close()


# ---- the file ---------------------------------------------------------------------------------


def test_it_is_for_its_owner_and_never_takes_the_place_of_another_unasked(machine):
    machine.ran("Bash", command="npm test")
    first = machine.cli("export", env={"TZ": "UTC"})
    path = machine.project / f"run-{SESSION[:8]}.json"
    assert first.returncode == 0 and str(path) in first.stdout
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    before = path.read_bytes()
    again = machine.cli("export")
    assert again.returncode == 2 and "is there already" in again.stderr and "--force" in again.stderr
    assert path.read_bytes() == before
    assert machine.cli("export", "--force").returncode == 0
    assert path.read_bytes() != before
    assert os.listdir(machine.project) == [path.name]


def test_it_can_go_to_the_screen(machine):
    machine.ran("Bash", command="npm test")
    done = machine.cli("export", SESSION, "-o", "-")
    assert done.returncode == 0 and json.loads(done.stdout)["run_id"] == SESSION
    path = machine.root / "from-the-screen.json"
    path.write_text(done.stdout, "utf-8")
    assert Examined(str(path)).consistent == PASS


@pytest.mark.parametrize("name", ["ledger.db", "heads/ledger", "new"])
def test_none_of_our_own_files_is_written_over(machine, name):
    machine.ran("Bash", command="npm test")
    done = machine.cli("export", "--force", "-o", str(machine.state / name))
    assert done.returncode == 2 and "among durable's own files" in done.stderr
    assert machine.cli("runs").returncode == 0


def test_killed_before_it_is_whole_it_is_not_there(machine):
    machine.ran("Bash", command="npm test")
    path = machine.root / "out.json"
    killed = machine.cli("export", "-o", str(path), env={"DURABLE_TEST_CRASH": "bundle-written:kill"})
    assert killed.returncode == KILLED and not path.exists()
    assert machine.cli("export", "-o", str(path)).returncode == 0
    assert Examined(str(path)).consistent == PASS
    assert [name for name in os.listdir(machine.root) if "durable-new" in name] == []


def test_killed_it_leaves_the_file_that_was_to_be_replaced(machine):
    machine.ran("Bash", command="npm test")
    _, path = exported(machine)
    before = path.read_bytes()
    words = ("export", "--force", "-o", str(path))
    assert machine.cli(*words, env={"DURABLE_TEST_CRASH": "bundle-written:kill"}).returncode == KILLED
    assert path.read_bytes() == before


def test_of_two_that_write_the_same_file_one_is_told_to_wait(machine):
    machine.ran("Bash", command="npm test")
    path, held = machine.root / "out.json", machine.root / "held"
    words = [*FULL, "export", "-o", str(path)]
    env = machine.env(DURABLE_TEST_CRASH=f"bundle-written:hold={held}")
    with subprocess.Popen(words, env=env, cwd=machine.project, stdout=subprocess.DEVNULL) as first:
        while not held.exists() and first.poll() is None:
            threading.Event().wait(0.01)
        second = machine.cli("export", "-o", str(path))
        held.unlink()
        assert (second.returncode, "another command is writing" in second.stderr) == (2, True)
        assert first.wait(60) == 0
    assert Examined(str(path)).consistent == PASS


def test_a_file_that_comes_up_meanwhile_stays(machine):
    machine.ran("Bash", command="npm test")
    path, held = machine.root / "out.json", machine.root / "held"
    env = machine.env(DURABLE_TEST_CRASH=f"bundle-written:hold={held}")
    with subprocess.Popen([*FULL, "export", "-o", str(path)], env=env, stderr=subprocess.PIPE, text=True) as first:
        while not held.exists() and first.poll() is None:
            threading.Event().wait(0.01)
        path.write_text("somebody else's")
        held.unlink()
        assert "is there already" in first.communicate(timeout=60)[1] and first.returncode == 2
    assert path.read_text() == "somebody else's"


def test_contents_can_lie_beside_it(machine):
    machine.ran("Bash", {"stdout": "x" * 9000}, command="npm test")
    folder = machine.root / "contents"
    data, path = exported(machine, "--blobs", str(folder))
    assert len(os.listdir(folder)) == data["contents"] == 2
    assert path.stat().st_size < 12_000
    assert Examined(str(path)).consistent == PASS
    largest = max(folder.iterdir(), key=lambda one: one.stat().st_size)
    assert stat.S_IMODE(largest.stat().st_mode) == 0o600
    largest.write_bytes(largest.read_bytes().replace(b"x", b"y"))
    assert [one.code for one in Examined(str(path)).findings] == ["blob_changed"]
    largest.unlink()
    assert [one.code for one in Examined(str(path)).findings] == ["blob_unreadable"]


def test_the_folder_of_contents_has_to_lie_beside_it(machine):
    machine.ran("Bash", command="npm test")
    done = machine.cli("export", "-o", str(machine.root / "out.json"), "--blobs", str(machine.project / "contents"))
    assert done.returncode == 2 and "beside the file" in done.stderr
    assert machine.cli("export", "-o", "-", "--blobs", "contents").returncode == 2


def test_no_content_goes_among_our_own_files(machine):
    machine.ran("Bash", command="npm test")
    (machine.root / "linked").symlink_to(machine.state)
    for folder in (machine.state, machine.root / "linked"):
        done = machine.cli("export", "-o", str(machine.root / "out.json"), "--blobs", str(folder))
        assert done.returncode == 2 and "among durable's own files" in done.stderr
    assert not any(len(one.name) == 64 for one in machine.state.iterdir())


# ---- what it holds ----------------------------------------------------------------------------


def test_a_run_that_has_not_ended_says_so(machine):
    machine.ran("Bash", command="npm test")
    machine.before("Bash", command="sleep 9")
    data, path = exported(machine)
    assert (data["summary"]["final"], data["summary"]["open"]) == (False, 1)
    assert "the run has not ended, and 1 step is open" in machine.said("export", "-o", str(path), "--force")


def test_one_that_has_ended_says_that(machine):
    machine.ran("Bash", command="npm test")
    machine.ended()
    data, path = exported(machine)
    assert (data["summary"]["final"], data["summary"]["status"]) == (True, "completed")
    assert "has not ended" not in machine.said("export", "-o", str(path), "--force")


def test_secrets_were_taken_out_before_and_stay_out(machine):
    machine.ran("Bash", {"stdout": "ghp_" + "a1B2" * 9}, command="echo $TOKEN")
    _, path = exported(machine)
    assert "a1B2a1B2" not in path.read_text("utf-8") and "redacted" in path.read_text("utf-8").lower()


def test_what_expired_and_what_was_lost_is_named(machine):
    machine.ran("Bash", {"stdout": "one"}, command="first")
    machine.ran("Bash", {"stdout": "two"}, command="second")
    _, path = exported(machine)
    kept = json.loads(path.read_text("utf-8"))["blobs"]
    one, two = (next(name for name, blob in kept.items() if word in blob["text"]) for word in ("one", "two"))
    ledger = SqliteLedger(str(machine.state))
    with ledger.begin() as tx:
        tx.append("evidence.expired", "", "", {"blobs": [{"digest": one, "bytes": 16, "class": "public"}]})
        tx.commit()
    ledger.close()
    for digest in (one, two):
        sql(machine, "DELETE FROM blobs WHERE digest = ?", (digest,))
    data, path = exported(machine)
    assert (data["expired"], data["lost"], data["contents"]) == ([one], [two], 2)
    assert [found.code for found in Examined(str(path)).findings] == ["blob_lost"]
    assert "1 content had expired" in machine.said("export", "-o", str(path), "--force")


@pytest.mark.parametrize("run", [RUN, "run-2"])
def test_a_run_whose_session_and_permissions_go_on_in_another_is_consistent(home, tmp_path, run):
    machine = Machine(tmp_path)
    assert machine.state == home
    _, path = exported(machine, run)
    found = verify_bundle(str(path), keys_at_hand(str(home)))
    assert (found.consistent, found.authentic, found.replay_safe) == (PASS, PASS, True)
    with Examined(str(path)).open() as replica:
        assert not any("lead nowhere" in why for why in account_of(replica, run).missing)
    machine.close()


def test_while_hooks_write_it_shows_one_moment(machine):
    machine.ran("Bash", command="first")
    over = threading.Event()

    def work():
        for number in range(12):
            machine.ran("Bash", command=f"echo {number}")
        over.set()

    writer = threading.Thread(target=work)
    writer.start()
    counts = []
    try:
        while not over.is_set():
            data, path = exported(machine)
            found = verify_bundle(str(path), keys_at_hand(str(machine.state)))
            assert (found.consistent, found.authentic) == (PASS, PASS)
            counts.append(data["summary"]["events"])
    finally:
        writer.join()
    assert counts == sorted(counts) and exported(machine)[0]["summary"]["steps"] == 13


def test_however_much_was_lost_is_a_warning_and_what_is_more_is_counted(home, tmp_path):
    ledger = SqliteLedger(str(home))
    with ledger.begin() as tx:
        for number in range(25):
            prepare(tx, f"lost-{number}", f"lost-{number}")
        tx.commit()
    ledger.close()
    machine = Machine(tmp_path)
    sql(machine, "DELETE FROM blobs")
    _, path = exported(machine, RUN)
    found = Examined(str(path))
    assert found.consistent == WARN and {one.verdict for one in found.findings} == {WARN}
    assert [one.code for one in found.findings] == ["blob_lost"] * 20 + ["more"]
    machine.close()


# ---- a ledger that somebody has touched -------------------------------------------------------


def test_of_a_ledger_that_was_cut_nothing_is_exported(machine):
    machine.ran("Bash", command="first")
    machine.ran("Bash", command="second")
    sql(machine, "DROP TRIGGER events_remain")
    sql(machine, "DELETE FROM events WHERE seq = (SELECT max(seq) FROM events)")
    done = machine.cli("export", "-o", str(machine.root / "out.json"))
    assert done.returncode == 3 and "cut or put back" in done.stderr
    assert not (machine.root / "out.json").exists()


def test_our_key_does_not_vouch_for_an_event_that_was_changed(machine):
    machine.ran("Bash", command="first")
    sql(machine, "DROP TRIGGER events_stay")
    sql(machine, "UPDATE events SET body = replace(body, 'Bash', 'Read') WHERE type = 'step.prepared'")
    data, path = exported(machine, code=1)
    assert not data["under_key"] and "event_changed" in [one["code"] for one in data["findings"]]
    found = verify_bundle(str(path), keys_at_hand(str(machine.state)))
    assert (found.consistent, found.authentic) == (FAIL, UNKNOWN)


def test_our_key_does_not_vouch_for_an_event_that_was_forged(machine):
    machine.ran("Bash", command="first")
    sql(machine, "DROP TRIGGER events_stay")
    sql(machine, "UPDATE events SET mac = ? WHERE type = 'step.prepared'", ("0" * 64,))
    data, _ = exported(machine)
    assert not data["under_key"]
    assert "the ledger's key does not vouch for it" in machine.said("export", "-o", "x.json")


def test_our_key_does_not_vouch_for_a_content_that_was_changed(machine):
    machine.ran("Bash", {"stdout": "good"}, command="first")
    sql(machine, "UPDATE blobs SET bytes = CAST(replace(bytes, 'good', 'evil') AS BLOB)")
    data, path = exported(machine, code=1)
    assert not data["under_key"] and [one["code"] for one in data["findings"]] == ["blob_changed"]
    assert [one.code for one in Examined(str(path)).findings] == ["blob_changed"]


def test_a_row_that_was_edited_is_told_and_the_bundle_holds_what_the_events_say(machine):
    machine.ran("Bash", command="first")
    sql(machine, "UPDATE steps SET rule = 'another'")
    data, path = exported(machine, code=1)
    assert [one["code"] for one in data["findings"]] == ["row_edited"]
    assert verify_bundle(str(path), keys_at_hand(str(machine.state))).consistent == PASS


def test_without_the_key_it_is_exported_and_nobody_vouches(machine):
    machine.ran("Bash", command="first")
    (machine.state / "key").rename(machine.root / "key")
    data, path = exported(machine)
    assert not data["under_key"]
    (machine.root / "key").rename(machine.state / "key")
    assert verify_bundle(str(path), keys_at_hand(str(machine.state))).authentic == UNKNOWN


def test_after_a_renewal_the_key_of_before_vouches_for_its_events_still(machine):
    machine.ran("Bash", command="first")
    assert machine.cli("key", "renew", "--reason", "lent").returncode == 0
    machine.ran("Bash", command="second")
    data, path = exported(machine)
    assert data["under_key"]
    assert verify_bundle(str(path), keys_at_hand(str(machine.state))).authentic == PASS


def test_without_a_ledger_there_is_nothing_to_export(machine):
    done = machine.cli("export")
    assert done.returncode == 2 and "no ledger yet" in done.stderr


def test_an_agent_signs_nothing_and_replaces_nothing():
    from durable.protection.line import DECIDING_WITH

    assert DECIDING_WITH["export"] == {"--sign", "--force"}
    assert (ROOT / "docs" / "bundles.md").read_text("utf-8").count("An\nagent is refused `--sign` and `--force`") == 1
