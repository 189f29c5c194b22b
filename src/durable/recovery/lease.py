"""Who is at work on a run: one at a time, known by process, fenced by a token that only grows.

On this machine a holder is alive or dead, and that decides. Of a holder elsewhere nothing is known but how
lately it gave a sign; when that is too long ago the run moves on. Its steps do not: nothing is settled by age.
"""

from __future__ import annotations

import os

from durable import owner as owners
from durable.clock import nanoseconds, now
from durable.errors import DurableError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from durable.ledger.sqlite import SqliteLedger
    from durable.ledger.transaction import Transaction

# A probe may keep the holder from giving a sign for a minute.
LASTS_S = 180.0
BEATS_EVERY_S = 15.0
_PLACE = ("pid", "started", "boot", "host", "pidns")


class RunBusy(DurableError):
    """Somebody is at work on the run."""

    code = "run-busy"


class Superseded(DurableError):
    """Somebody else has taken the run over meanwhile."""

    code = "superseded"


def take(tx: Transaction, run_id: str, what: str) -> int:
    """The token under which this process may work on the run. The caller commits."""
    refuse_if_held(tx, run_id)
    known = tx.one("lease", run_id=run_id)
    token = 1 if known is None else known["token"] + 1
    me = owners.current(run_id, {"CLAUDE_PID": str(os.getpid())})
    place = {name: getattr(me, name) for name in _PLACE}
    tx.append("run.leased", run_id, run_id, {"token": token, "what": what, "lasts_s": LASTS_S, **place})
    return token


def check(tx: Transaction, run_id: str, token: int) -> None:
    """Before every write that leads to an effect: whoever was overtaken has no say any more."""
    known = tx.one("lease", run_id=run_id)
    if known is None or known["token"] != token or known["ended_at"] is not None:
        problem = f"the run {run_id} was taken over by another process meanwhile"
        raise Superseded(problem, f"see how it goes on: durable show {run_id}")


def beat(ledger: SqliteLedger, run_id: str, token: int) -> None:
    with ledger.begin() as tx:
        check(tx, run_id, token)
        tx.beat(run_id, token, now())
        tx.commit()


def release(tx: Transaction, run_id: str, token: int) -> None:
    """Nothing to do for one that was overtaken."""
    known = tx.one("lease", run_id=run_id)
    if known is not None and known["token"] == token and known["ended_at"] is None:
        tx.append("run.released", run_id, run_id, {"token": token})


def refuse_if_held(tx: Transaction, run_id: str) -> None:
    known = tx.one("lease", run_id=run_id)
    if known is None or known["ended_at"] is not None:
        return
    verdict, why = owners.liveness(holder(known))
    since = f"since {known['taken_at'][:19].replace('T', ' ')} UTC"
    if verdict == owners.ALIVE:
        problem = f"`{known['what']}`, process {known['pid']}, is at work on the run {run_id} {since}"
        raise RunBusy(problem, "wait for it to finish, or end it first")
    if verdict == owners.UNKNOWN and not _ran_out(tx.at, known):
        problem = f"`{known['what']}` on {known['host']} may be at work on the run {run_id} {since}: {why}"
        raise RunBusy(problem, f"wait until it gave no sign for {known['lasts_s']:g} s, or end it there first")


def holder(known: dict[str, Any]) -> owners.Owner:
    return owners.Owner("", session_id=known["run_id"], **{name: known[name] for name in _PLACE})


def _ran_out(at: str, known: dict[str, Any]) -> bool:
    last = max(known["taken_at"], known["beat_at"] or "")
    return nanoseconds(at) > nanoseconds(last) + int(known["lasts_s"] * 1_000_000_000)
