"""What somebody did to the record is found and called by its name; an untouched one passes, whoever is writing."""

import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import threading
from itertools import pairwise

import everything
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.past import RUN
from durable.errors import LedgerError
from durable.evidence.findings import FAIL, PASS, UNKNOWN, WARN
from durable.evidence.rebuilding import replace
from durable.evidence.verify import keys_at_hand, verify_ledger, verify_run
from durable.evidence.verifying import rows, shares
from durable.evidence.verifying.acceptance import Accepted
from durable.evidence.verifying.seal import Seal
from durable.ledger import chain, head, keys
from durable.ledger.acceptance import as_taken
from durable.ledger.keyring import renew
from durable.ledger.reading import Reader
from durable.ledger.rescue import UncheckedLedger
from durable.ledger.restore import restore
from durable.ledger.salvage import salvage
from durable.ledger.sqlite import SqliteLedger
from durable.ledger.walk import Fault
from durable.native import dumps
from hooks.door import ROOT, bash, ran

DELETE_LAST = "DELETE FROM events WHERE seq = (SELECT max(seq) FROM events)"
INSERTED = (
    "INSERT INTO events SELECT seq + 1, hash, run_id, run_seq + 100, '', subject, type, at, body, hash, mac "
    "FROM events ORDER BY seq DESC LIMIT 1"
)
SWAPPED = (
    "UPDATE events SET seq = -5 WHERE seq = 5",
    "UPDATE events SET seq = 5 WHERE seq = 6",
    "UPDATE events SET seq = 6 WHERE seq = -5",
)
SHIFTED = (
    "UPDATE events SET seq = -seq - 1 WHERE seq > 7",
    "UPDATE events SET seq = -seq WHERE seq < 0",
    "INSERT INTO events SELECT 8, hash, run_id, 99, '', 'x', type, at, body, hash, mac FROM events WHERE seq = 7",
)
# Each with the findings that name it.
EVENTS = [
    (["UPDATE events SET body = replace(body, 'cli', 'sdk') WHERE seq = 3"], {"event_changed": {"event": 3}}),
    (["UPDATE events SET at = '2020-01-01T00:00:00.000000Z' WHERE seq = 9"], {"event_changed": {"event": 9}}),
    (["UPDATE events SET body = CAST(body AS BLOB) WHERE seq = 9"], {"event_changed": {"event": 9}}),
    (["UPDATE events SET run_seq = 'x' WHERE seq = 9"], {"event_changed": {"event": 9}}),
    (["UPDATE events SET mac = hash WHERE seq = 9"], {"event_not_ours": {"event": 9}}),
    (["DELETE FROM events WHERE seq IN (9, 10)"], {"event_missing": {"event": 9, "to": 10}}),
    ([DELETE_LAST], {"head_ahead": {"event": 43, "last": 42}}),
    ([INSERTED], {"event_changed": {"event": 44}}),
    (SWAPPED, {"event_moved": {"event": 5, "was": 6}}),
    (SHIFTED, {"event_moved": {"event": 9, "was": 8}}),
    (["UPDATE events SET seq = 0 WHERE seq = 43"], {"event_moved": {"event": 0, "was": 43}}),
]
ROWS = [
    (["UPDATE steps SET status = 'succeeded' WHERE step_id = 's1'"],
     {"row_changed": {"table": "steps", "row": {"step_id": "s1"}, "columns": ["status"]}}),
    (["DELETE FROM grants"], {"row_missing": {"table": "grants", "row": {"grant_id": "g1"}}}),
    (["INSERT INTO spooled VALUES ('x', 'folded', '', '')"], {"row_added": {"table": "spooled", "row": {"name": "x"}}}),
    (["UPDATE leases SET lasts_s = 61"], {"row_changed": {"table": "leases", "row": {"run_id": RUN},
                                                          "columns": ["lasts_s"]}}),
    (["UPDATE blobs SET bytes = x'00' WHERE digest = (SELECT input FROM steps WHERE step_id = 's0')"],
     {"blob_changed": None}),
    (["DELETE FROM blobs WHERE digest = (SELECT input FROM steps WHERE step_id = 's0')"], {"blob_missing": None}),
    (["DELETE FROM moves WHERE leads_to = 'replayed'"],
     {"move_missing": {"table": "moves", "row": {"status": "prepared", "leads_to": "replayed"}}}),
    (["INSERT INTO moves VALUES ('replayed', 'running')"], {"move_added": None}),
    (["DROP TRIGGER events_stay"], {"schema_missing": {"object": "events_stay", "type": "trigger"}}),
    (["DROP INDEX one_holder"], {"schema_missing": {"object": "one_holder", "type": "index"}}),
    (["CREATE TABLE extra (x)"], {"schema_added": {"object": "extra", "type": "table"}}),
    (["DROP TABLE notes", "CREATE TABLE notes (run_id)"], {"schema_changed": {"object": "notes", "type": "table"}}),
    (["PRAGMA user_version = 1999"], {"schema_changed": {"object": "version"}}),
    (["UPDATE meta SET value = 'other' WHERE name = 'ledger_id'"],
     {"meta_changed": {"table": "meta", "row": {"name": "ledger_id"}}}),
    (["UPDATE meta SET value = '' WHERE name LIKE 'migration 0001%'"], {"meta_changed": None}),
]  # fmt: skip


@pytest.fixture(scope="session")
def written(tmp_path_factory):
    home = tmp_path_factory.mktemp("everything") / "state"
    everything.write(home)
    return home


@pytest.fixture
def home(written, tmp_path):
    return everything.copy(written, tmp_path / "state")


def found(home):
    return {one.code: one.where for one in verify_ledger(str(home)).findings}


def of_run(home, run_id=RUN):
    with Reader(str(home)) as reader:
        return verify_run(reader, run_id, keys_at_hand(str(home)))


def insist(home, named):
    codes = found(home)
    for code, where in named.items():
        assert code in codes, codes
        assert where is None or where in [one.where for one in verify_ledger(str(home)).findings if one.code == code]


# ---- at the door -----------------------------------------------------------------------------------


def verify(door, *words, **env):
    return durable(door, "verify", *words, **env)


def durable(door, *words, **env):
    command = [sys.executable, "-m", "durable", *words]
    base = {"PATH": os.environ["PATH"], "HOME": str(door.root), "DURABLE_HOME": str(door.state),
            "PYTHONPATH": str(ROOT / "src")}  # fmt: skip
    return subprocess.run(command, env=base | env, capture_output=True, text=True, timeout=60)


def test_a_ledger_of_real_hooks_is_consistent_and_authentic(lived_in):
    done = verify(lived_in, "--json")
    data = json.loads(done.stdout)["data"]
    assert (done.returncode, done.stderr) == (0, "")
    assert (data["verdict"], data["consistent"], data["authentic"], data["replay_safe"]) == (PASS, PASS, PASS, True)
    assert data["counted"]["events"] == data["counted"]["sealed"] > 5 and len(data["digest"]) == 64
    assert data["findings"] == []


def test_a_changed_row_is_said_on_the_screen_with_the_way_out(lived_in):
    everything.shell(lived_in.state, "UPDATE steps SET effect = 'once'")
    done = verify(lived_in)
    assert done.returncode == 1
    assert "FAIL · the whole ledger" in done.stdout and "row_changed" in done.stdout and "effect" in done.stdout
    assert "rebuild --replace" in done.stdout


def test_without_its_key_it_is_not_known_who_wrote_it_and_that_is_no_pass(lived_in):
    (lived_in.state / "key").unlink()
    for words, code in (((), 1), (("--without-key",), 0)):
        done = verify(lived_in, "--json", *words)
        data = json.loads(done.stdout)["data"]
        assert (done.returncode, data["consistent"], data["authentic"]) == (code, PASS, UNKNOWN)
        assert [one["code"] for one in data["findings"]] == ["key_not_at_hand"]


def test_where_there_is_no_ledger_nothing_is_known(lived_in):
    done = verify(lived_in, "--json", DURABLE_HOME=str(lived_in.root / "nothing"))
    data = json.loads(done.stdout)["data"]
    assert (done.returncode, data["verdict"], data["findings"][0]["code"]) == (1, UNKNOWN, "no_ledger")


def test_a_file_that_is_no_database_can_not_be_verified(lived_in):
    (lived_in.state / "ledger.db-wal").unlink(missing_ok=True)
    (lived_in.state / "ledger.db").write_bytes(b"no database at all" * 100)
    done = verify(lived_in)
    assert done.returncode == 3 and "doctor --repair" in done.stderr + done.stdout


def test_one_run_is_verified_by_its_beginning(lived_in):
    with Reader(str(lived_in.state)) as reader:
        (run,) = reader.all("runs")
    data = json.loads(verify(lived_in, run["run_id"][:8], "--json").stdout)["data"]
    assert (data["of"], data["name"], data["verdict"]) == ("run", run["run_id"], PASS)
    assert verify(lived_in, "nosuchrun").returncode == 2
    assert verify(lived_in, run["run_id"][:8], "--all").returncode == 2


def test_hooks_that_write_meanwhile_raise_no_alarm(lived_in):
    """Each look begins somewhere in the middle of their writing."""
    ends = threading.Event()

    def write():
        for number in range(12):
            assert lived_in.pre(bash(f"echo {number}", f"toolu_m{number}")).permits
            assert lived_in.post(ran(f"echo {number}", f"toolu_m{number}")).permits
        ends.set()

    writer = threading.Thread(target=write)
    writer.start()
    seen = []
    while not ends.is_set():
        verified = verify_ledger(str(lived_in.state))
        assert verified.findings == []
        with Reader(str(lived_in.state)) as reader:
            (run,) = reader.all("runs")
            assert verify_run(reader, run["run_id"], keys_at_hand(str(lived_in.state))).findings == []
        seen.append(verified.counted["events"])
    writer.join()
    assert seen == sorted(seen) and seen[-1] > seen[0]


# ---- each by its name --------------------------------------------------------------------------------


def test_an_untouched_ledger_with_rows_in_every_table_passes(home):
    verified = verify_ledger(str(home))
    assert (verified.findings, verified.verdict, verified.replay_safe) == ([], PASS, True)
    for run_id in (RUN, everything.OTHER):
        assert (of_run(home, run_id).findings, of_run(home, run_id).verdict) == ([], PASS)


@pytest.mark.parametrize(("statements", "named"), EVENTS + ROWS)
def test_what_was_done_to_it_is_named(home, statements, named):
    everything.shell(home, *statements, guards=any("TRIGGER" in one for one in statements))
    insist(home, named)
    assert verify_ledger(str(home)).verdict == FAIL


def test_a_chain_rewritten_without_the_key_is_consistent_and_not_authentic(home):
    rewritten(home, since=1)
    verified = verify_ledger(str(home))
    assert (verified.consistent, verified.authentic) == (PASS, FAIL)
    insist(home, {"chain_rewritten": {"event": 1, "to": 43}, "head_differs": {"event": 43}})
    assert {"event_not_ours", "head_differs"} & {one.code for one in of_run(home).findings}
    assert of_run(home).authentic == FAIL


def rewritten(home, since, until=43):
    """As somebody does who knows all of our code and has not got the key."""
    with Reader(str(home)) as reader:
        rows = reader.all("events_after", seq=0, most=until)
    last, runs, changed = chain.START, {}, []
    for row in rows:
        event = chain.event_of(row)
        event.prev, event.run_prev = last, runs.get(event.run_id, chain.START)
        if event.seq == since:
            event.at = "2020-01-01T00:00:00.000000Z"
        event.hash = chain.digest_of(event)
        last = runs[event.run_id] = event.hash
        changed.append(("UPDATE events SET prev = ?, run_prev = ?, at = ?, hash = ? WHERE seq = ?",
                        (event.prev, event.run_prev, event.at, event.hash, event.seq)))  # fmt: skip
    everything.shell(home, *changed)


def test_an_older_copy_put_back_is_found_by_its_head(home):
    older = (home / "ledger.db").read_bytes()
    ledger = SqliteLedger(str(home))
    with ledger.begin() as tx:
        tx.append("turn.started", RUN, "session-1", {"prompt_id": "later"})
        tx.commit()
    ledger.close()
    (home / "ledger.db").write_bytes(older)
    assert found(home) == {"head_ahead": {"event": 44, "last": 43}}
    assert {one.code for one in of_run(home).findings} == {"head_ahead"}


@pytest.mark.parametrize("text", [b"", b"{}", b'{"hash":"","ledger":"","mac":"","seq":1}'])
def test_a_head_that_is_none_of_ours_is_named(home, text):
    (home / "heads" / "ledger").write_bytes(text)
    assert set(found(home)) == {"head_not_ours"}


def test_a_head_that_is_gone_or_of_another_ledger_is_named(home):
    key = keys.read_key(str(home))
    head.write_head(str(home), key, head.Head("another", 43, chain.START))
    assert set(found(home)) == {"head_of_another"}
    (home / "heads" / "ledger").unlink()
    assert set(found(home)) == {"head_missing"}


def test_a_ledger_without_events_and_a_run_without_any_are_not_known(home):
    everything.shell(home, "DELETE FROM events")
    verified = verify_ledger(str(home))
    assert "no_events" in {one.code for one in verified.findings}
    assert UNKNOWN in (verified.authentic, verified.consistent) or verified.verdict == FAIL
    run = of_run(home)
    assert (run.verdict, run.consistent, run.authentic, [one.code for one in run.findings]) == (
        UNKNOWN, UNKNOWN, UNKNOWN, ["no_events"])  # fmt: skip


def test_what_a_renewed_key_made_is_vouched_for_by_each_key_of_its_time(home):
    renew(str(home), "seen", env={})
    renew(str(home), "seen again", env={})
    assert verify_ledger(str(home)).findings == of_run(home).findings == []
    for path in home.glob("key.retired-*"):
        path.unlink()
    verified = verify_ledger(str(home))
    assert (verified.authentic, [one.code for one in verified.findings]) == (WARN, ["key_lost"])


def test_where_there_is_no_directory_there_is_no_key(tmp_path):
    assert keys_at_hand(str(tmp_path / "none")) == {}


@pytest.mark.parametrize("taken", [False, True])
def test_of_a_renewal_that_was_killed_that_key_comes_first_under_which_the_ledger_stands(home, taken):
    old, fresh = keys.read_key(str(home)), keys.new_key()
    keys.write_fresh(str(home), fresh)
    if taken:
        everything.shell(home, ("UPDATE meta SET value = ? WHERE name = 'key_id'", (fresh.key_id,)))
    assert next(iter(keys_at_hand(str(home)))) == (fresh if taken else old).key_id
    assert len(keys_at_hand(str(home))) == 2


def test_a_ledger_put_back_with_its_head_from_before_a_renewal_is_not_what_we_wrote(home):
    """Whoever the renewal was meant against still has the old key, and can write what follows under it."""
    older, its_head = (home / "ledger.db").read_bytes(), (home / "heads" / "ledger").read_bytes()
    renew(str(home), "somebody else has it", env={})
    (home / "ledger.db").write_bytes(older)
    (home / "heads" / "ledger").write_bytes(its_head)
    for verified in (verify_ledger(str(home)), of_run(home)):
        assert (verified.authentic, [one.code for one in verified.findings]) == (FAIL, ["key_differs"])


def test_no_event_put_in_can_say_that_a_run_was_made_under_a_lost_key(home):
    """Between an event that names a key of nobody and one that names ours, any MAC would be as good as another."""
    ours = keys.read_key(str(home)).key_id
    rewritten(home, since=20, until=42)
    everything.shell(
        home,
        ("UPDATE events SET body = ? WHERE seq = 1", (dumps({"key_id": "0" * 16}),)),
        ("INSERT INTO events SELECT 44, hash, '', 99, '', '', 'key.renewed', at, ?, hash, mac FROM events "
         "WHERE seq = 43", (dumps({"new_key_id": ours}),)),
    )  # fmt: skip
    assert of_run(home).authentic == FAIL


def test_what_was_made_under_a_replaced_key_is_vouched_for_by_the_chain_up_to_where_it_was(home):
    """Whoever has the old key can seal anything under it."""
    old = keys.read_key(str(home))
    renew(str(home), "somebody else has it", env={})
    rewritten(home, since=20, until=42)
    with Reader(str(home)) as reader:
        made = {
            row["seq"]: chain.event_mac(old.chain, row["hash"]) for row in reader.all("events_after", seq=0, most=43)
        }
    everything.shell(home, *(("UPDATE events SET mac = ? WHERE seq = ?", (mac, seq)) for seq, mac in made.items()))
    assert of_run(home).authentic == FAIL


def test_that_only_a_key_of_before_is_at_hand_leaves_open_who_wrote_it(home):
    (home / "key").rename(home / "key.retired-0000")
    for verified in (verify_ledger(str(home)), of_run(home)):
        assert (verified.authentic, [one.code for one in verified.findings]) == (UNKNOWN, ["key_not_at_hand"])


def test_a_damaged_key_of_before_keeps_nobody_from_looking(home):
    (home / "key.retired-0000").write_text("no key")
    assert verify_ledger(str(home)).findings == of_run(home).findings == []


def test_what_a_person_accepted_later_is_a_warning_and_stays_named(home):
    everything.shell(home, "DELETE FROM events WHERE seq = 42")
    assert verify_ledger(str(home)).consistent == FAIL
    restore(str(home), None, "seen and taken as it is")
    verified = verify_ledger(str(home))
    missing = [one for one in verified.findings if one.code == "event_missing"]
    assert [(one.verdict, one.where) for one in missing] == [(WARN, {"event": 42})]


CHANGED = "UPDATE events SET at = '2020-01-01T00:00:00.000000Z' WHERE seq = {}"
OTHER_CHANGE = "UPDATE events SET at = '2021-01-01T00:00:00.000000Z' WHERE seq = {}"


def lost_in_run(home):
    """An event of the run with others of it behind, some not at once: `RUN` has it at no end."""
    with Reader(str(home)) as reader:
        events = reader.all("events_of_run", run_id=RUN)
    return next(one["seq"] for one, after in pairwise(events) if after["seq"] == one["seq"] + 1)


def accepted(home):
    restore(str(home), None, "seen and taken as it is")


def verdicts(home):
    """By code and numbers."""
    found = verify_ledger(str(home)).findings
    return {(one.code, *(at for at in one.where.values() if isinstance(at, int))): one.verdict for one in found}


def test_a_restore_accepts_the_faults_that_it_named_and_none_that_was_made_later(lived_in):
    everything.shell(lived_in.state, "UPDATE events SET mac = hash WHERE seq = 3")
    done = durable(lived_in, "restore", "--reason", "seen")
    assert (done.returncode, "event 3 was not made with" in done.stdout) == (0, True)
    done = verify(lived_in)
    assert done.returncode == 0 and "accepted by a person" in done.stdout
    everything.shell(lived_in.state, "UPDATE events SET mac = hash WHERE seq = 5")
    done = verify(lived_in, "--json")
    findings = json.loads(done.stdout)["data"]["findings"]
    assert (done.returncode, [(one["verdict"], one["where"]) for one in findings]) == (
        1, [(WARN, {"event": 3}), (FAIL, {"event": 5})])  # fmt: skip
    everything.shell(lived_in.state, "UPDATE events SET mac = prev WHERE seq = 3")
    done = verify(lived_in)
    assert done.returncode == 1 and "not as it was accepted with event" in done.stdout


@pytest.mark.parametrize(
    ("accepting", "later", "found"),
    [
        (CHANGED.format(20), CHANGED.format(21), {("event_changed", 20): WARN, ("event_changed", 21): FAIL}),
        (CHANGED.format(20), OTHER_CHANGE.format(20), {("event_changed", 20): FAIL}),
        (CHANGED.format(20), "UPDATE events SET mac = hash WHERE seq = 9",
         {("event_changed", 20): WARN, ("event_not_ours", 9): FAIL}),
        (CHANGED.format(20), "DELETE FROM events WHERE seq = 19",
         {("event_changed", 20): FAIL, ("event_missing", 19): FAIL}),
        ("UPDATE events SET hash = mac WHERE seq = 20", "UPDATE events SET hash = prev WHERE seq = 20",
         {("event_changed", 20): FAIL, ("event_link", 21): FAIL}),
        ("DELETE FROM events WHERE seq = 20", "DELETE FROM events WHERE seq = 21", {("event_missing", 20, 21): FAIL}),
        ("DELETE FROM events WHERE seq = 20", "DELETE FROM events WHERE seq = 30",
         {("event_missing", 20): WARN, ("event_missing", 30): FAIL}),
        ("UPDATE events SET mac = hash WHERE seq IN (20, 21, 22)", "UPDATE events SET mac = hash WHERE seq = 23",
         {("event_not_ours", 20, 22): WARN, ("event_not_ours", 23): FAIL}),
        ("UPDATE events SET mac = hash WHERE seq IN (20, 30)", "UPDATE events SET mac = prev WHERE seq = 30",
         {("event_not_ours", 20): WARN, ("event_not_ours", 30): FAIL}),
    ],
)  # fmt: skip
def test_what_was_accepted_is_that_fault_and_nothing_beside_it(home, accepting, later, found):
    everything.shell(home, accepting)
    accepted(home)
    assert {one.verdict for one in verify_ledger(str(home)).findings if one.code.startswith("event_m")} <= {WARN}
    everything.shell(home, later)
    seen = verdicts(home)
    assert seen | found == seen


def test_of_one_run_too_only_what_was_named_is_accepted(home):
    everything.shell(home, "UPDATE events SET mac = hash WHERE seq = 20")
    accepted(home)
    assert (of_run(home).verdict, [one.where for one in of_run(home).findings]) == (WARN, [{"event": 20}])
    everything.shell(home, "UPDATE events SET mac = hash WHERE seq = 21")
    assert [(one.verdict, one.where) for one in of_run(home).findings] == [
        (WARN, {"event": 20}), (FAIL, {"event": 21})]  # fmt: skip


def test_of_one_run_an_event_that_the_ledger_lost_without_leave_is_missed(home):
    everything.shell(home, "DELETE FROM events WHERE run_id = 'run-2' AND run_seq = 6")
    accepted(home)
    assert (of_run(home).verdict, [one.code for one in of_run(home).findings]) == (WARN, ["ledger_incomplete"])
    everything.shell(home, "DELETE FROM events WHERE run_id = 'run-2' AND run_seq = 7")
    assert [(one.verdict, one.code) for one in of_run(home).findings] == [(FAIL, "ledger_incomplete")]


def test_a_salvage_accepts_no_event_that_somebody_forged_though_its_run_has_a_gap_there(home):
    """Its own link is wrong as well, as behind a loss; that hides nobody's hand."""
    with Reader(str(home)) as reader:
        event = chain.event_of(reader.all("events_after", seq=42, most=1)[0])
    event.run_seq += 1
    everything.shell(home, ("UPDATE events SET run_seq = ?, hash = ? WHERE seq = 43",
                            (event.run_seq, chain.digest_of(event))))  # fmt: skip
    salvage(str(home))
    seen = verdicts(home)
    assert (seen[("event_not_ours", 43)], seen[("event_run_link", 43)]) == (FAIL, FAIL)


def test_a_restore_accepts_no_content_that_is_gone(home):
    everything.shell(home, "UPDATE events SET mac = hash WHERE seq = 20")
    accepted(home)
    everything.shell(home, "DELETE FROM blobs WHERE digest = (SELECT input FROM steps WHERE step_id = 's0')")
    assert verify_ledger(str(home)).verdict == of_run(home).verdict == FAIL
    assert of_contents(home) == [FAIL]


def test_what_follows_from_a_loss_that_was_accepted_is_accepted_with_it_and_with_no_other(home):
    """Nothing follows from what happened to a step whose beginning is lost, however its rows are made."""
    everything.shell(home, "DELETE FROM events WHERE type = 'step.prepared' AND subject = 's4'")
    accepted(home)
    replace(str(home), "rows of what is there", verify_ledger(str(home)).findings)
    verified = verify_ledger(str(home))
    assert (verified.verdict, {one.code for one in verified.findings}) == (
        WARN, {"event_missing", "event_without_row", "blob_unnamed"})  # fmt: skip
    everything.shell(home, "UPDATE events SET mac = hash WHERE seq = 9")
    assert FAIL in [one.verdict for one in verify_ledger(str(home)).findings if one.code == "event_without_row"]


def test_before_the_first_fault_that_was_accepted_nothing_is_accepted_with_it():
    fault = Fault("event_changed", 20, "")
    accepting = {"seq": 44, "body": dumps({"accepted": as_taken([fault])})}
    assert [Accepted([fault], [accepting]).behind(seq) for seq in (19, 20, 30)] == [0, 44, 44]


def test_an_event_put_before_the_first_one_is_named_by_a_restore_as_well(home):
    everything.shell(home, "UPDATE events SET seq = 0 WHERE seq = 43")
    accepted(home)
    assert ("event_changed", 0) in verdicts(home)
    assert {one.verdict for one in verify_ledger(str(home)).findings if one.code.startswith("event_")} == {WARN}


def test_a_restore_of_before_faults_were_kept_accepts_none_and_a_new_one_names_them(home):
    everything.shell(home, "UPDATE events SET mac = hash WHERE seq = 20")
    ledger = UncheckedLedger(str(home))
    with ledger.begin() as tx:
        tx.append("ledger.restored", "", "", {"reason": "r", "faults": ["event 20 was not made with the ledger's key"]})
        tx.append("ledger.salvaged", "", "", {"reason": "r", "lost": [[20, 20]], "lost_blobs": 1})
        tx.commit()
    ledger.close()
    assert verify_ledger(str(home)).verdict == of_run(home).verdict == FAIL
    accepted(home)
    assert verify_ledger(str(home)).verdict == of_run(home).verdict == WARN


def test_a_restore_that_somebody_else_wrote_accepts_nothing(home):
    everything.shell(home, "UPDATE events SET mac = hash WHERE seq = 20")
    accepted(home)
    everything.shell(home, "UPDATE events SET mac = prev WHERE seq = (SELECT max(seq) FROM events)")
    assert [one.verdict for one in verify_ledger(str(home)).findings if one.where == {"event": 20}] == [FAIL]


def test_a_salvage_accepts_what_it_lost_and_no_more(home):
    lost = lost_in_run(home)
    everything.shell(home, CHANGED.format(lost), "UPDATE events SET mac = hash WHERE seq = 30",
                     "UPDATE blobs SET bytes = x'00' WHERE digest = (SELECT input FROM steps WHERE step_id = 's5')",
                     )  # fmt: skip
    found = salvage(str(home))
    assert (found.changed, found.lost_blobs) == ([lost], 1)
    seen = verdicts(home)
    assert (seen[("event_missing", lost)], seen[("event_not_ours", 30)]) == (WARN, FAIL)
    assert (of_contents(home), of_run(home).verdict) == ([WARN], FAIL)
    accepted(home)
    assert verify_ledger(str(home)).verdict == of_run(home).verdict == WARN
    everything.shell(home, "DELETE FROM blobs WHERE digest = (SELECT input FROM steps WHERE step_id = 's2')")
    assert (of_contents(home), of_run(home).verdict) == ([FAIL, WARN], FAIL)


def of_contents(home):
    return sorted(one.verdict for one in verify_ledger(str(home)).findings if one.code == "blob_missing")


def test_a_content_that_came_back_after_it_was_lost_is_not_lost_by_leave(home):
    everything.shell(home, "DELETE FROM blobs WHERE digest = (SELECT input FROM steps WHERE step_id = 's5')")
    salvage(str(home))
    assert verify_ledger(str(home)).verdict == of_run(home).verdict == WARN
    ledger = SqliteLedger(str(home))
    with ledger.begin() as tx:
        with Reader(str(home)) as reader:
            gone = reader.one("step", step_id="s5")["input"]
        tx.append("step.late_receipt", RUN, "s5", {"status": "succeeded", "output": gone, "error": None})
        tx.commit()
    ledger.close()
    assert verify_ledger(str(home)).verdict == of_run(home).verdict == FAIL


def test_a_backup_put_back_whole_accepts_nothing_that_happens_to_it_later(home, tmp_path):
    shutil.copy(home / "ledger.db", tmp_path / "backup.db")
    restore(str(home), str(tmp_path / "backup.db"), "a trial")
    assert verify_ledger(str(home)).verdict == of_run(home).verdict == PASS
    everything.shell(home, "UPDATE events SET at = '2020-01-01T00:00:00.000000Z' WHERE seq = 20")
    assert verify_ledger(str(home)).verdict == of_run(home).verdict == FAIL


def test_of_one_run_its_own_events_rows_and_contents_are_looked_at(home):
    everything.shell(
        home,
        "UPDATE events SET body = replace(body, 'toolu_f0', 'toolu_x') WHERE type = 'step.prepared' AND subject = 's0'",
        "UPDATE claims SET nonce = 'x' WHERE step_id = 's1'",
        "DELETE FROM blobs WHERE digest = (SELECT input FROM steps WHERE step_id = 's2')",
    )
    codes = {one.code for one in of_run(home).findings}
    assert {"event_changed", "row_changed", "blob_missing"} <= codes
    assert {one.code for one in of_run(home, everything.OTHER).findings} == set()


def test_the_last_event_of_a_run_taken_out_of_the_middle_is_missed_in_the_run(home):
    everything.shell(home, f"DELETE FROM events WHERE seq = (SELECT max(seq) FROM events WHERE run_id = '{RUN}')")
    assert "ledger_incomplete" in {one.code for one in of_run(home).findings}
    everything.shell(home, f"DELETE FROM events WHERE run_seq = 4 AND run_id = '{RUN}'")
    assert "event_missing" in {one.code for one in of_run(home).findings}


def test_contents_let_go_when_their_time_was_over_are_said_and_no_fault(home):
    with Reader(str(home)) as reader:
        digest = reader.one("step", step_id="s0")["input"]
    ledger = SqliteLedger(str(home))
    with ledger.begin() as tx:
        tx.append("evidence.expired", "", "", {"blobs": [{"digest": digest, "bytes": 3, "class": "read"}]})
        tx.commit()
    ledger.close()
    everything.shell(home, ("DELETE FROM blobs WHERE digest = ?", (digest,)))
    for verified in (verify_ledger(str(home)), of_run(home)):
        assert (verified.findings, verified.counted["contents_expired"], verified.replay_safe) == ([], 1, False)


# ---- damage that SQLite itself trips over ----------------------------------------------------------------


def spoil(home, pattern, by):
    path = home / "ledger.db"
    data, count = re.subn(pattern, by, path.read_bytes(), flags=re.DOTALL)
    assert count == 1
    path.write_bytes(data)


def test_an_error_of_sqlite_that_is_no_text_is_told_as_damage(home):
    """It names the object that it can't read the way it is written in the file."""
    spoil(home, rb"indexone_holder(.{1,20})CREATE UNIQUE", b"index\xffne_holder\\1CREATE UNIQUX")
    with pytest.raises(UnicodeDecodeError):
        sqlite3.connect(home / "ledger.db").execute("SELECT * FROM events")
    with pytest.raises(LedgerError, match="doctor --repair"):
        verify_ledger(str(home))
    run = of_run(home)
    assert (run.verdict, [one.code for one in run.findings]) == (UNKNOWN, ["unreadable"])


def test_an_event_that_a_look_along_all_of_them_meets_and_no_look_for_its_number_finds_is_named(home):
    """Event 20 says that it is 100 (a d), and stands in its page where 20 stood."""
    spoil(home, rb"([\x80-\xff][\x00-\x7f])\x14(.\x00\x81\x0d)", rb"\1d\2")
    connection = sqlite3.connect(home / "ledger.db")
    assert [row for row in connection.execute("SELECT seq FROM events ORDER BY seq") if row == (100,)]
    assert not connection.execute("SELECT seq FROM events WHERE seq = 100").fetchall()
    verified = verify_ledger(str(home))
    assert verified.verdict == FAIL
    assert {"event": 100} in [one.where for one in verified.findings if one.code == "event_changed"]
    assert "pages_damaged" in {one.code for one in verified.findings}


# ---- the short ways ------------------------------------------------------------------------------------


def test_a_chain_shared_by_several_processes_is_judged_as_by_one(home, monkeypatch):
    monkeypatch.setattr(shares, "SHARED_FROM", 10)
    monkeypatch.setattr(os, "cpu_count", lambda: 3)
    joined = []
    join = shares._join
    monkeypatch.setattr(shares, "_join", lambda first, part: joined.append(join(first, part)) or joined[-1])
    verified = verify_ledger(str(home))
    assert (verified.findings, verified.counted["events"], verified.counted["sealed"]) == ([], 43, 43)
    assert joined == [True, True]
    for statements, named in EVENTS:
        spoilt = everything.copy(home, home.parent / "spoilt")
        everything.shell(spoilt, *statements)
        insist(spoilt, named)
        shutil.rmtree(spoilt)


def test_of_a_run_of_before_a_renewal_the_chain_up_to_there_and_no_further_is_shared_as_well(home, monkeypatch):
    renew(str(home), "a trial", env={})
    ledger = SqliteLedger(str(home))
    with ledger.begin() as tx:
        tx.append("turn.started", everything.OTHER, "session-2", {"prompt_id": "p"})
        tx.commit()
    ledger.close()
    everything.shell(home, "UPDATE events SET mac = hash WHERE seq = 45")
    assert of_run(home).findings == []
    monkeypatch.setattr(shares, "SHARED_FROM", 10)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    joined = []
    join = shares._join
    monkeypatch.setattr(shares, "_join", lambda first, part: joined.append(join(first, part)) or joined[-1])
    assert (of_run(home).findings, joined) == ([], [True])
    everything.shell(home, "UPDATE events SET mac = hash WHERE seq = 40")
    assert [(one.code, one.where) for one in of_run(home).findings] == [("event_not_ours", {"event": 40})]
    assert joined == [True, False]


def test_a_run_cut_at_the_border_of_two_shares_is_found(home, monkeypatch):
    """Both sides are whole by themselves: only where they meet does the second not go on from the first."""
    monkeypatch.setattr(shares, "SHARED_FROM", 10)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    ledger = SqliteLedger(str(home))
    with ledger.begin() as tx:
        tx._runs[RUN] = (500, chain.START)
        for _ in range(43):
            tx.append("turn.started", RUN, "session-1", {"prompt_id": "p"})
        tx.commit()
    ledger.close()
    insist(home, {"event_run_link": {"event": 44}})


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(), min_size=4, max_size=4), st.integers(1, 2**62))
def test_what_sqlite_writes_down_is_what_was_hashed_or_is_seen_to_be_something_else(texts, seq):
    event = chain.Event(seq, chain.START, texts[0].replace("\ud800", ""), 1, chain.START)
    event.subject, event.type, event.at, event.body = texts[1], texts[2], texts[3], dumps(texts)
    fields = (event.seq, event.prev, event.run_id, 1, event.run_prev, event.subject, event.type, event.at, event.body)
    connection = sqlite3.connect(":memory:")
    try:
        (said,) = connection.execute(f"SELECT CAST(json_array({', '.join('?' * 9)}) AS BLOB)", fields).fetchone()
    except UnicodeEncodeError:
        return  # No such text can be stored.
    finally:
        connection.close()
    ours = chain.preimage(event)
    if all(text.isascii() and text.isprintable() for text in texts):
        assert said == ours
    assert (said == ours) == (json.loads(said) == json.loads(ours) and said.isascii() and len(said) == len(ours))


def test_a_text_that_goes_on_behind_a_nul_is_written_down_whole_or_differently():
    connection = sqlite3.connect(":memory:")
    (said,) = connection.execute("SELECT json_array(?)", ("a\0b",)).fetchone()
    assert said != '["a"]'


@given(st.binary(min_size=0, max_size=100), st.text(alphabet="0123456789abcdef", min_size=64, max_size=64))
def test_a_seal_is_the_mac_of_the_chain(key, digest):
    assert Seal(key).of(digest) == chain.event_mac(key, digest)


def test_nothing_is_written_by_looking(home):
    before = {path: path.read_bytes() for path in home.rglob("*") if path.is_file()}
    verify_ledger(str(home))
    of_run(home)
    after = {path: path.read_bytes() for path in home.rglob("*") if path.is_file() and "-shm" not in path.name}
    assert {path: data for path, data in after.items() if data} == {
        path: data for path, data in before.items() if data and "-shm" not in path.name
    }


def test_one_is_not_the_same_as_one_point_nought_in_a_row():
    """Only damage to a page puts the one where the other was: no statement can."""
    (found,) = rows.compared("t", ["a", "b"], ["a"], iter([("x", 1.0)]), iter([("x", 1)]))
    assert (found.kind, found.columns) == (rows.CHANGED, ["b"])


def exported(door):
    path = str(door.root / "run.json")
    assert durable(door, "export", "-o", path).returncode == 0
    return path


def test_an_exported_run_is_verified_from_its_file(lived_in):
    path = exported(lived_in)
    done = verify(lived_in, path, "--json")
    data = json.loads(done.stdout)["data"]
    assert (done.returncode, data["of"], data["consistent"], data["authentic"]) == (0, "bundle", PASS, PASS)
    elsewhere = verify(lived_in, path, "--json", DURABLE_HOME=str(lived_in.root / "none"))
    assert (elsewhere.returncode, json.loads(elsewhere.stdout)["data"]["authentic"]) == (1, UNKNOWN)
    assert verify(lived_in, "--signer", "nobody.pub").returncode == 2


def test_a_bundle_is_verified_where_the_ledger_that_it_is_from_is_gone(lived_in):
    path = exported(lived_in)
    for file in lived_in.state.glob("ledger.db*"):
        file.unlink()
    done = verify(lived_in, path)
    assert (done.returncode, done.stderr) == (0, ""), done


def test_of_a_changed_bundle_no_backup_is_the_way_out(lived_in):
    path = exported(lived_in)
    with open(path, encoding="utf-8") as file:
        text = file.read()
    with open(path, "w", encoding="utf-8") as file:
        file.write(text.replace('"session.joined"', '"session.joined "'))
    done = verify(lived_in, path)
    assert done.returncode == 1 and "event_changed" in done.stdout
    assert "restore" not in done.stdout and "doctor" not in done.stdout and "export RUN" in done.stdout


def test_an_imported_run_is_verified_by_its_beginning_where_there_is_no_ledger(lived_in):
    path, elsewhere = exported(lived_in), {"DURABLE_HOME": str(lived_in.root / "elsewhere")}
    with open(path, encoding="utf-8") as file:
        run_id = json.load(file)["run_id"]
    assert durable(lived_in, "import", path, **elsewhere).returncode == 0
    done = verify(lived_in, run_id[:8], "--json", "--without-key", **elsewhere)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["data"]["of"] == "bundle"
    assert verify(lived_in, "nosuchrun", **elsewhere).returncode == 2
