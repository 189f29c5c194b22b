"""Who works on a run: known by process, fenced by a token, and never judged dead by age on this machine."""

import os
import subprocess

import pytest

from durable.clock import nanoseconds, stamp
from durable.ledger.sqlite import SqliteLedger
from durable.recovery import lease

RUN = "run-1"


@pytest.fixture
def ledger(tmp_path):
    (tmp_path / "state").mkdir(mode=0o700)
    ledger = SqliteLedger(str(tmp_path / "state"))
    with ledger.begin() as tx:
        tx.append("run.opened", RUN, RUN, {"project": "/p", "client": "durable"})
        tx.commit()
    yield ledger
    ledger.close()


def take(ledger, what="durable resume", at=None):
    with ledger.begin() as tx:
        tx.at = at or tx.at
        token = lease.take(tx, RUN, what)
        tx.commit()
    return token


def release(ledger, token):
    with ledger.begin() as tx:
        lease.release(tx, RUN, token)
        tx.commit()


def row(ledger):
    with ledger.begin() as tx:
        return tx.one("lease", run_id=RUN)


def held_by(ledger, monkeypatch, **who):
    """A lease that somebody else took."""
    real = lease.owners.current

    def somebody(session_id, env):
        owner = real(session_id, env)
        for name, value in who.items():
            setattr(owner, name, value)
        return owner

    with monkeypatch.context() as past:
        past.setattr(lease.owners, "current", somebody)
        return take(ledger, "durable run")


@pytest.fixture
def somebody():
    """A living process that is not ours to judge by anything but its start."""
    process = subprocess.Popen(["cat"], stdin=subprocess.PIPE)
    yield process
    process.kill()
    process.communicate()


def started(pid):
    from durable.owner import read_process

    return read_process(pid).started


def test_while_its_holder_lives_nobody_else_takes_it_however_long_ago_it_was_taken(ledger, monkeypatch, somebody):
    held_by(ledger, monkeypatch, pid=somebody.pid, started=started(somebody.pid))
    taken_at = row(ledger)["taken_at"]
    later = stamp(nanoseconds(taken_at) + 10**9 * 86_400)
    with pytest.raises(lease.RunBusy) as refused:
        take(ledger, at=later)
    assert f"process {somebody.pid}" in refused.value.problem and taken_at[:10] in refused.value.problem


def test_of_a_dead_holder_it_is_taken_at_once_with_the_next_token(ledger, monkeypatch, somebody):
    first = held_by(ledger, monkeypatch, pid=somebody.pid, started=started(somebody.pid))
    somebody.kill()
    somebody.wait()
    assert take(ledger) == first + 1


def test_of_a_holder_elsewhere_it_is_taken_when_its_time_has_run_out(ledger, monkeypatch):
    held_by(ledger, monkeypatch, host="elsewhere")
    taken_ns = nanoseconds(row(ledger)["taken_at"])
    with pytest.raises(lease.RunBusy, match="elsewhere"):
        take(ledger, at=stamp(taken_ns + int(lease.LASTS_S * 10**9)))
    assert take(ledger, at=stamp(taken_ns + int((lease.LASTS_S + 1) * 10**9))) == 2


def test_a_sign_of_life_lengthens_it(ledger, monkeypatch):
    token = held_by(ledger, monkeypatch, host="elsewhere")
    taken_ns = nanoseconds(row(ledger)["taken_at"])
    monkeypatch.setattr(lease, "now", lambda: stamp(taken_ns + 50 * 10**9))
    lease.beat(ledger, RUN, token)
    with pytest.raises(lease.RunBusy):
        take(ledger, at=stamp(taken_ns + int((lease.LASTS_S + 1) * 10**9)))
    assert take(ledger, at=stamp(taken_ns + int((lease.LASTS_S + 51) * 10**9))) == 2


def test_whoever_was_overtaken_has_no_say_any_more(ledger, monkeypatch):
    first = held_by(ledger, monkeypatch, host="elsewhere")
    later = stamp(nanoseconds(row(ledger)["taken_at"]) + int((lease.LASTS_S + 1) * 10**9))
    second = take(ledger, at=later)
    with ledger.begin() as tx:
        lease.check(tx, RUN, second)
        with pytest.raises(lease.Superseded):
            lease.check(tx, RUN, first)
    with pytest.raises(lease.Superseded):
        lease.beat(ledger, RUN, first)
    release(ledger, first)
    assert row(ledger)["ended_at"] is None


def test_a_lease_that_was_given_back_is_free(ledger):
    first = take(ledger)
    release(ledger, first)
    with ledger.begin() as tx, pytest.raises(lease.Superseded):
        lease.check(tx, RUN, first)
    assert take(ledger) == first + 1


def test_our_own_process_is_a_holder_like_any_other(ledger):
    take(ledger)
    with pytest.raises(lease.RunBusy, match=f"process {os.getpid()}"):
        take(ledger)
