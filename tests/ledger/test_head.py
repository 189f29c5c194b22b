"""What the head outside the ledger detects."""

import json
import shutil

import pytest

from conformance.past import move
from durable.errors import KeyFileError, LedgerError, TamperError, VersionError
from durable.ledger import chain, keys
from durable.ledger.reading import Reader
from durable.ledger.sqlite import SqliteLedger
from durable.native import dumps
from ledger.whole import assert_whole, events_of, insert_event, shell


def begin(home):
    with SqliteLedger(str(home)).begin():
        pass


def head_of(home):
    return json.loads((home / "heads" / "ledger").read_text())


def put_head(home, text):
    (home / "heads" / "ledger").write_text(text)


def forged(home, key=None, **fields):
    """A head as only the key's holder could make it."""
    head = {**head_of(home), **fields}
    head["mac"] = chain.head_mac(
        keys.read_key(str(home)).chain if key is None else key, head["ledger"], head["seq"], head["hash"]
    )
    return dumps(head)


def test_a_head_that_is_behind_is_healed(home, more):
    old = (home / "heads" / "ledger").read_text()
    more(home, "b", 2)
    put_head(home, old)
    begin(home)
    assert head_of(home)["seq"] == events_of(home)[-1]["seq"]
    assert_whole(home)


def test_an_older_copy_of_the_ledger_put_back_is_detected(home, more, tmp_path):
    shutil.copy(home / "ledger.db", tmp_path / "old.db")
    more(home, "b", 1)
    shutil.copy(tmp_path / "old.db", home / "ledger.db")
    with pytest.raises(TamperError, match="cut or put back"):
        begin(home)


def test_a_ledger_cut_short_is_detected(home):
    shell(home, "DELETE FROM events WHERE seq = (SELECT max(seq) FROM events)")
    with pytest.raises(TamperError, match="cut or put back"):
        begin(home)


def test_another_past_of_the_same_length_is_detected(home):
    shell(home, "UPDATE events SET hash = 'other' WHERE seq = (SELECT max(seq) FROM events)")
    with pytest.raises(TamperError, match="not the one its head names"):
        begin(home)


def test_another_ledger_under_the_same_key_is_detected(home, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    shutil.copy(home / "key", other / "key")
    begin(other)
    for suffix in ("", "-wal", "-shm"):
        if (other / f"ledger.db{suffix}").exists():
            shutil.copy(other / f"ledger.db{suffix}", home / f"ledger.db{suffix}")
    with pytest.raises(TamperError, match="another ledger"):
        begin(home)


@pytest.mark.parametrize("key", [b"of somebody else", b""])
def test_a_head_made_without_the_key_is_detected(home, key):
    put_head(home, forged(home, key))
    with pytest.raises(TamperError, match="not of this key"):
        begin(home)


@pytest.mark.parametrize("name", ["ledger", "seq", "hash", "mac"])
def test_a_change_to_any_field_of_the_head_is_detected(home, name):
    head = head_of(home)
    head[name] = head[name] - 1 if name == "seq" else head[name][::-1]
    put_head(home, dumps(head))
    with pytest.raises(TamperError):
        begin(home)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"seq": 1}', "é", "0" * 5000])
def test_a_head_that_is_none_is_detected(home, text):
    put_head(home, text)
    with pytest.raises(TamperError, match="damaged"):
        begin(home)


def test_a_genuine_head_of_an_event_to_come_is_detected(home):
    put_head(home, forged(home, seq=1000))
    with pytest.raises(TamperError, match="had reached 1000"):
        begin(home)


@pytest.mark.parametrize("key", [None, b"of somebody else"])
def test_an_event_added_behind_the_head_without_the_key_is_not_taken_over(home, key):
    """Healing the head must not vouch for what somebody else wrote there."""
    last = events_of(home)[-1]
    event = chain.Event(last["seq"] + 1, last["hash"], "", 99, chain.START)
    event.seal(key or b"", "", "turn.started", "2026-01-01T00:00:00.000000Z", {})
    insert_event(home, event)
    with pytest.raises(TamperError, match="not made with the ledger's key"):
        begin(home)
    assert head_of(home)["seq"] == last["seq"]


def test_every_refusal_leaves_ledger_and_head_as_they_were(home):
    put_head(home, forged(home, seq=1000))
    before = {name: (home / name).read_bytes() for name in ("ledger.db", "heads/ledger", "key")}
    with pytest.raises(TamperError):
        begin(home)
    assert {name: (home / name).read_bytes() for name in before} == before


def test_a_head_that_could_not_be_written_is_caught_up_with_later(home):
    (home / "heads" / "ledger.new").mkdir()
    ledger = SqliteLedger(str(home))
    with ledger.begin() as tx:
        tx.append("turn.started", "run-1", "session-1", {"prompt_id": "p"})
        tx.commit()
    with pytest.raises(LedgerError, match="head can't be written"):
        ledger.begin()
    (home / "heads" / "ledger.new").rmdir()
    begin(home)
    assert_whole(home)


# ---- key and version ----


def test_without_its_key_the_ledger_is_refused(home):
    (home / "key").unlink()
    with pytest.raises(KeyFileError, match="missing"):
        begin(home)
    assert not (home / "key").exists()


def test_with_a_foreign_key_the_ledger_is_refused(home):
    (home / "key").write_text("ab" * 32)
    with pytest.raises(KeyFileError, match="not the one"):
        begin(home)


@pytest.mark.parametrize("text", ["", "ab", "zz" * 32, "ab" * 33, "é"])
def test_a_damaged_key_is_refused(home, text):
    (home / "key").write_text(text)
    with pytest.raises(KeyFileError, match="damaged"):
        begin(home)


@pytest.mark.parametrize("version", [0, 999, 2000, 2001])
def test_a_ledger_of_another_major_version_is_refused(home, version):
    shell(home, f"PRAGMA user_version = {version}")
    with pytest.raises(VersionError, match="migrate"):
        begin(home)
    with pytest.raises(VersionError, match="migrate"):
        Reader(str(home))


def test_a_ledger_with_a_higher_minor_version_works(home):
    shell(home, "PRAGMA user_version = 1007", "ALTER TABLE steps ADD COLUMN something_new TEXT")
    with SqliteLedger(str(home)).begin() as tx:
        step = tx.step("step", step_id="a0")
        tx.attempt(lambda: move(tx, step, "failed"))
        tx.append("turn.started", "run-1", "session-1", {"prompt_id": "p"})
        tx.commit()
    with Reader(str(home)) as reader:
        assert reader.all("runs")[0]["steps"] == 3
