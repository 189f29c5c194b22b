"""Takes into the ledger what waits for it in files.

What can't be folded in goes to spool/bad, is named in the record, and stops nothing else.
"""

from __future__ import annotations

import time

from durable import crash
from durable.errors import DurableError
from durable.home import secure_dir
from durable.lean import os
from durable.native import dumps, loads, sha256
from durable.policy.policy import Policy
from durable.spool import LET_THROUGH, NOT_ANSWERED, RECEIPT, mac
from durable.step import REFUSED, RUNNING
from durable.waiting import is_note, name_of, waiting

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from durable.event import Event
    from durable.ledger.transaction import Transaction
    from durable.redact import Redactor

LARGEST = 200_000_000


class Fold:
    """Folds waiting files into a transaction; `sweep` removes them once it has committed.

    It stops after `seconds`, having taken in at least one new file: what is left is for the next one.
    Notes of permits that were never given come first and all at once, however long they take: the call
    may be about to start again, and must not meet its refused row as one that runs.
    Files of more than `largest` bytes are left alone: a hook that began one would never be done in time,
    nor would any hook after it. `durable reconcile` takes its time.
    """

    def __init__(self, home: str, env: Mapping[str, str], seconds: float, largest: int = LARGEST) -> None:
        self._home = home
        self._env = env
        self._largest = largest
        self._until = time.monotonic() + seconds
        self._done: list[str] = []
        self._bad: list[str] = []

    def into(self, tx: Transaction, redactor: Redactor) -> None:
        found = [path for path in waiting(self._home, self._env) if _size(path) <= self._largest]
        for path in filter(is_note, found):
            self._one(tx, redactor, path)
        for path in found:
            if not is_note(path) and self._one(tx, redactor, path) and time.monotonic() > self._until:
                return

    def sweep(self) -> None:
        for path in self._done:
            _gone(path)
        for path in self._bad:
            self._set_aside(path)

    def _one(self, tx: Transaction, redactor: Redactor, path: str) -> bool:
        """Whether it was news. Nothing about one file may keep the others waiting."""
        name = ascii(name_of(path, self._home))[1:-1]  # a line break in it would blur the chain
        known = tx.one("was_spooled", name=name)
        if known is not None:
            (self._done if known["fate"] == "folded" else self._bad).append(path)
            return False
        try:
            fields = self._read(tx, path)
        except _Foreign:
            return False
        except Exception as broken:  # noqa: BLE001 - anyone may have written anything
            self._refuse(tx, redactor, path, name, broken)
            return True
        error = tx.attempt(lambda: _fold(tx, redactor, fields))
        if error is not None:
            self._refuse(tx, redactor, path, name, error)
            return True
        tx.append("spool.folded", "", name, {"why": fields["kind"]})
        self._done.append(path)
        crash.point("mid-fold")
        return True

    def _refuse(self, tx: Transaction, redactor: Redactor, path: str, name: str, error: Exception) -> None:
        why = f"{type(error).__name__}: {error}"
        tx.append("spool.set_aside", "", name, {"why": redactor.text(why)[:300]})
        self._bad.append(path)
        crash.point("mid-fold")

    def _read(self, tx: Transaction, path: str) -> dict[str, Any]:
        kept = loads(_text(path))
        fields: dict[str, Any] = loads(kept["body"])
        # One that names no home was written when none could be found: it is as much ours as anyone's.
        if fields["home"] not in ("", self._home) and not path.startswith(self._home + "/"):
            raise _Foreign
        if not kept["mac"] or kept["mac"] != mac(tx.key.spool, kept["body"]):
            raise DurableError("it does not carry this ledger's key", "")
        # What was folded is known by its name: a copy under another one would be folded again.
        if fields["name"] != name_of(path, self._home):
            raise DurableError(f"it was written as {fields['name']}", "")
        return fields

    def _set_aside(self, path: str) -> None:
        bad = f"{self._home}/spool/bad"
        try:
            secure_dir(bad)
            os.replace(path, f"{bad}/{name_of(path, self._home)}")
        except (DurableError, OSError):
            return  # It is on record by name; the next sweep tries again.


def _size(path: str) -> int:
    try:
        return os.lstat(path).st_size
    except OSError:
        return 0


def _text(path: str) -> str:
    # Opening a FIFO would wait for its writer for ever.
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(descriptor, encoding="ascii") as file:
        return file.read(LARGEST)


class _Foreign(Exception):
    """It waits for another ledger."""


def _fold(tx: Transaction, redactor: Redactor, fields: dict[str, Any]) -> None:
    if fields["kind"] == RECEIPT:
        _fold_receipt(tx, redactor, fields)
    elif fields["kind"] == LET_THROUGH:
        _fold_let_through(tx, redactor, fields)
    elif fields["kind"] == NOT_ANSWERED:
        _fold_not_answered(tx, redactor, fields)
    else:
        raise DurableError(f"a spool file of kind {fields['kind']} holds nothing that can be folded in", "")


def _fold_receipt(tx: Transaction, redactor: Redactor, fields: dict[str, Any]) -> None:
    from durable.agents.registry import AGENTS
    from durable.receipt import Receipt

    event = AGENTS[fields["client"]].parse(dumps(fields["payload"]), "post_tool_use", fields["env"])
    if _stands(tx, redactor, event, fields["input_hash"]):
        return
    Receipt(tx, redactor, fields["env"], _policy_then(fields), by="spool").record(event, fields["input_hash"])


def _fold_let_through(tx: Transaction, redactor: Redactor, fields: dict[str, Any]) -> None:
    from durable.agents.registry import AGENTS
    from durable.receipt import Receipt

    if fields["step_id"] and tx.step("step", step_id=fields["step_id"]) is not None:
        return  # Its row got in after all.
    event = AGENTS[fields["client"]].parse(dumps(fields["payload"]), "pre_tool_use", fields["env"])
    receipt = Receipt(tx, redactor, fields["env"], _policy_then(fields), by="spool")
    receipt.let_through(event, fields["input_hash"], fields["why"], fields["transcript_pos"])


def _policy_then(fields: dict[str, Any]) -> Policy:
    """That of the hook that wrote the file."""
    policy = Policy()
    policy.mode = fields.get("mode", policy.mode)
    policy.digest = fields.get("policy", policy.digest)
    return policy


def _stands(tx: Transaction, redactor: Redactor, event: Event, hashed: str) -> bool:
    """A hook that was stopped in the middle of its commit can't know whether its receipt got in."""
    call = event.call
    assert call is not None
    step = tx.step(
        "call_awaiting_receipt",
        session_id=event.session_id,
        tool_use_id=call.use_id,
        agent_id=event.agent_id,
        input_hash=hashed,
    )
    said = event.response if event.error is None else event.error
    digest = sha256(dumps(redactor.value(said)).encode())
    return step is not None and step.returned_at is not None and digest in (step.output, step.error)


def _fold_not_answered(tx: Transaction, redactor: Redactor, fields: dict[str, Any]) -> None:
    """It counts only if nothing came back: a result says more than our failing to answer."""
    from durable.closing import closing
    from durable.reconcile import Reconciler

    step = tx.step("step", step_id=fields["step_id"])
    if step is None:
        return  # Its transaction never committed.
    Reconciler(tx, redactor).read([step])
    step = tx.step("step", step_id=fields["step_id"])
    if step is not None and step.status == RUNNING and step.returned_at is None:
        error = tx.put_text("the permit was written but never given")
        tx.close_step(step, closing(REFUSED, "spool", error=error))


def _gone(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        return  # Folded files are on record: none can be folded twice.
