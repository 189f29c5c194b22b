"""The key taken out, put back and renewed."""

import pytest

import ledger_view
from durable.errors import KeyFileError, TamperError, UsageError
from durable.ledger import chain, keys
from durable.ledger.keyring import export, import_, renew
from durable.ledger.sqlite import SqliteLedger
from hooks.door import bash, ran
from ledger.test_kills import without_ledger
from ledger.whole import assert_whole, bodies, events_of, faults_of, insert_event, shell


def works(home):
    ledger = SqliteLedger(str(home))
    with ledger.begin() as tx:
        tx.append("turn.started", "", "session-1", {"prompt_id": "p"})
        tx.commit()
    ledger.close()
    return True


def test_a_key_that_was_exported_can_be_put_back(home):
    text = export(str(home))
    (home / "key").unlink()
    with pytest.raises(KeyFileError):
        works(home)
    import_(str(home), text + "\n")
    assert works(home)
    assert (home / "key").stat().st_mode & 0o777 == 0o600


def test_a_key_of_another_ledger_is_not_taken(home):
    key = (home / "key").read_bytes()
    with pytest.raises(KeyFileError, match="was written with"):
        import_(str(home), "ab" * 32)
    assert (home / "key").read_bytes() == key


def test_with_the_database_unreadable_the_head_tells_whether_a_key_fits(home):
    text = export(str(home))
    (home / "ledger.db").write_bytes(b"garbage" * 999)
    with pytest.raises(TamperError):
        import_(str(home), "ab" * 32)
    assert import_(str(home), text) == keys.read_key(str(home)).key_id


@pytest.mark.parametrize("text", ["", "ab", "no hex at all", "é"])
def test_what_is_no_key_is_not_taken(home, text):
    with pytest.raises(KeyFileError, match="damaged"):
        import_(str(home), text)
    assert works(home)


def test_a_key_can_be_brought_before_there_is_a_ledger(home, tmp_path):
    text = export(str(home))
    import_(str(tmp_path / "new"), text)
    assert works(tmp_path / "new")
    assert export(str(tmp_path / "new")) == text


def test_a_foreign_key_that_is_replaced_is_kept(home):
    text = export(str(home))
    (home / "key").write_text("ab" * 32)
    import_(str(home), text)
    assert works(home)
    assert [key.text() for key in keys.retired_keys(str(home))] == ["ab" * 32]


# ---- renewing ----


def test_a_renewed_key_vouches_for_the_chain_and_keeps_the_fingerprints(home):
    before = keys.read_key(str(home))
    old, new = renew(str(home), "a laptop was stolen", env={})
    after = keys.read_key(str(home))
    assert (old, new) == (before.key_id, after.key_id)
    assert after.fingerprint == before.fingerprint
    assert len({before.chain, after.chain, before.spool, after.spool}) == 4
    assert works(home)
    assert_whole(home)
    assert bodies(home, "key.renewed") == [
        {"reason": "a laptop was stolen", "old_key_id": old, "new_key_id": new, "lost": False}
    ]


def test_a_key_can_be_renewed_again_and_taken_out(home):
    for _ in range(2):
        renew(str(home), "test", env={})
    text = export(str(home))
    (home / "key").unlink()
    import_(str(home), text)
    assert works(home)
    assert_whole(home)
    assert len(keys.retired_keys(str(home))) == 2


def test_what_the_old_key_makes_after_its_renewal_is_found(home):
    old = keys.read_key(str(home))
    renew(str(home), "test", env={})
    last = events_of(home)[-1]
    event = chain.Event(last["seq"] + 1, last["hash"], "", last["run_seq"] + 1, last["hash"])
    event.seal(old.chain, "", "turn.started", last["at"], {})
    insert_event(home, event)
    with pytest.raises(TamperError, match="not made with the ledger's key"):
        works(home)
    assert faults_of(home) == [f"event {event.seq} was not made with the ledger's key"]


def test_without_the_old_key_the_new_one_vouches_for_what_came_before(home):
    renew(str(home), "test", env={})
    for path in home.glob("key.retired-*"):
        path.unlink()
    assert faults_of(home) == []
    shell(home, "UPDATE events SET body = '{}' WHERE seq = 3")
    assert faults_of(home) == ["event 3 was changed"]


def test_a_renewal_to_a_key_of_somebody_else_is_found(home):
    last = events_of(home)[-1]
    event = chain.Event(last["seq"] + 1, last["hash"], "", 2, events_of(home)[0]["hash"])
    body = {"reason": "", "old_key_id": keys.read_key(str(home)).key_id, "new_key_id": "mine", "lost": False}
    event.seal(b"mine", "", "key.renewed", last["at"], body)
    insert_event(home, event)
    assert faults_of(home) == ["the chain does not end under the present key"]
    with pytest.raises(TamperError):
        works(home)


def test_a_call_of_before_is_still_known_after_the_renewal(lived_in):
    assert lived_in.pre(bash("echo first", "toolu_again")).permits
    renew(str(lived_in.state), "test", env={})
    assert lived_in.pre(bash("echo first", "toolu_after")).permits
    prints = {
        row["fingerprint"]
        for row in ledger_view.steps(lived_in.state, tool_name="Bash")
        if row["tool_use_id"] in ("toolu_first", "toolu_again", "toolu_after")
    }
    assert len(prints) == 1


def test_what_waits_in_the_spool_is_folded_in_before_its_key_goes(lived_in):
    without_ledger(lived_in, lambda: lived_in.post(ran("echo second", "toolu_second")))
    assert len(lived_in.spooled()) == 1
    renew(str(lived_in.state), "test", env={})
    assert ledger_view.step(lived_in.state, tool_use_id="toolu_second")["status"] == "succeeded"
    assert lived_in.spooled() == []
    assert_whole(lived_in.state)


def test_a_lost_key_is_replaced_and_the_loss_recorded(home):
    before = keys.read_key(str(home))
    (home / "key").unlink()
    with pytest.raises(KeyFileError):
        renew(str(home), "test", env={})
    old, _ = renew(str(home), "the disk died", lost=True, env={})
    assert old == before.key_id
    assert keys.read_key(str(home)).fingerprint != before.fingerprint
    assert bodies(home, "key.renewed")[0]["lost"] is True
    assert works(home)
    assert_whole(home)


def test_a_key_that_is_there_is_not_given_up_for_lost(home):
    with pytest.raises(UsageError, match="not lost"):
        renew(str(home), "test", lost=True, env={})
    assert_whole(home)


def test_a_reason_is_required(home):
    with pytest.raises(UsageError, match="reason"):
        renew(str(home), " ", env={})
