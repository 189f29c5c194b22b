"""The verbs of a write. Each appends events, and the rows follow; nothing else changes a row."""

from __future__ import annotations

from durable import crash
from durable.clock import now
from durable.errors import DeadlineError, IllegalMove, LedgerError
from durable.ledger import chain, projection
from durable.native import dumps, sha256
from durable.step import CONTRADICTED, ONCE, SUCCEEDED, Step

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Any

    from durable.ledger.interface import Ledger


class Transaction:
    """Serial and all or nothing; see interface.Ledger for what a commit promises."""

    __slots__ = ("_broken", "_ledger", "_runs", "appended", "at", "hash", "key", "seq")

    def __init__(self, ledger: Ledger, seq: int, digest: str) -> None:
        self._ledger = ledger
        self._runs: dict[str, tuple[int, str]] = {}
        self._broken = False
        self.key = ledger.key
        self.seq = seq
        self.hash = digest
        self.at = now()
        self.appended: list[tuple[str, str]] = []  # (type, subject) of each event

    def __enter__(self) -> Transaction:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ledger.rollback()

    def commit(self) -> None:
        if self._broken:
            raise LedgerError("a write that failed halfway can't be committed", "")
        self._ledger.commit(self.seq, self.hash)

    # ---- the record ---------------------------------------------------------------------------

    def append(self, kind: str, run_id: str, subject: str, body: dict[str, Any]) -> int:
        """Appends one event and makes its rows follow. IllegalMove if they can't, TwinHolds if another
        step holds the claim; then the transaction, or the part of it that `attempt` runs, is lost."""
        self._broken = True
        run_seq, run_prev = self._last_of(run_id)
        event = chain.Event(self.seq + 1, self.hash, run_id, run_seq + 1, run_prev)
        event.seal(self.key.chain, subject, kind, self.at, body)
        self._ledger.run("append_event", event.columns())
        self._project(event, body)
        self.seq, self.hash = event.seq, event.hash
        self._runs[run_id] = (event.run_seq, event.hash)
        self._broken = False
        self.appended.append((kind, subject))
        crash.point(f"appended-{kind}")
        return event.seq

    def _project(self, event: chain.Event, body: dict[str, Any]) -> None:
        for number, (name, params) in enumerate(projection.statements(event, body)):
            changed = self._ledger.run(name, params)
            if changed != 1 and number == 0:
                raise IllegalMove(f"{event.type} does not follow from where {event.subject or event.run_id} stands", "")

    def _last_of(self, run_id: str) -> tuple[int, str]:
        if run_id not in self._runs:
            row = self._ledger.one("last_event_of_run", {"run_id": run_id})
            self._runs[run_id] = (row["run_seq"], row["hash"]) if row else (0, chain.START)
        return self._runs[run_id]

    def put(self, data: bytes) -> str:
        """Keeps the bytes once, under the hash of themselves."""
        digest = sha256(data)
        self._ledger.run("put_blob", {"digest": digest, "bytes": data})
        return digest

    def attempt(self, action: Callable[[], None]) -> Exception | None:
        """Runs `action` as a part that may fail alone; its error, and then nothing of it, remains."""
        before = (self.seq, self.hash, dict(self._runs))
        kept = len(self.appended)
        self._ledger.run("savepoint", {})
        try:
            action()
        except DeadlineError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever is wrong with one part must not stop the rest
            self._ledger.run("rollback_to_savepoint", {})
            self.seq, self.hash, self._runs = before
            del self.appended[kept:]
            self._broken = False
            return error
        finally:
            self._ledger.run("release_savepoint", {})
        return None

    def put_text(self, text: str) -> str:
        """As JSON, like every other input, output and error."""
        return self.put(dumps(text).encode())

    def content(self, digest: str) -> str | None:
        """What was kept under this hash, if it is still what it was."""
        row = self._ledger.one("get_blob", {"digest": digest})
        data = bytes(row["bytes"]) if row else b""
        return data.decode() if row and sha256(data) == digest else None

    # ---- look-ups -----------------------------------------------------------------------------

    def one(self, query: str, /, **params: Any) -> dict[str, Any] | None:
        return self._ledger.one(query, params)

    def all(self, query: str, /, **params: Any) -> list[dict[str, Any]]:
        return self._ledger.all(query, params)

    def step(self, query: str, /, **params: Any) -> Step | None:
        row = self._ledger.one(query, params)
        return None if row is None else Step(row)

    def steps(self, query: str, /, **params: Any) -> list[Step]:
        return [Step(row) for row in self._ledger.all(query, params)]

    def move_cursor(self, path: str, position: int) -> None:
        self._ledger.run("move_cursor", {"path": path, "position": position})

    def beat(self, run_id: str, token: int, at: str) -> None:
        self._ledger.run("beat", {"run_id": run_id, "token": token, "at": at})

    # ---- the life of a step -------------------------------------------------------------------

    def prepare(self, step_id: str, run_id: str, body: dict[str, Any]) -> Step:
        self.append("step.prepared", run_id, step_id, body)
        found = self.step("step", step_id=step_id)
        assert found is not None
        return found

    def mark_running(self, step: Step, asked: bool = False) -> None:
        """Requires `prepared`: a step that has moved on can't be permitted again."""
        self.append("step.running", step.run_id, step.step_id, {"asked_at": self.at if asked else None})

    def close_step(self, step: Step, closing: dict[str, Any]) -> None:
        """Moves the step to closing["status"]. A receipt for a closed one is kept in any case."""
        if step.status in ("prepared", "running", "in_doubt"):
            self.append(f"step.{closing['status']}", step.run_id, step.step_id, _without(closing, "status"))
        else:
            self._late(step, closing)

    def doubt(self, step: Step, why: str, error: str | None = None, returned: bool = False) -> None:
        body = {"doubt": why, "error": error, "returned": int(returned)}
        self.append("step.in_doubt", step.run_id, step.step_id, body)

    def _late(self, step: Step, closing: dict[str, Any]) -> None:
        newer = self.step("newer_attempt", step_id=step.step_id, seq=step.seq, attempt=step.attempt)
        promotes = closing["status"] == SUCCEEDED and step.status != SUCCEEDED
        if promotes and newer is None and step.status != "replayed":
            self.append("step.succeeded", step.run_id, step.step_id, _without(closing, "status"))
            return
        self.append("step.late_receipt", step.run_id, step.step_id, closing)
        if promotes and newer is not None and step.effect == ONCE:
            self._contradict(step)
            self._contradict(newer)

    def _contradict(self, step: Step) -> None:
        if step.flag != CONTRADICTED:
            self.append("step.flagged", step.run_id, step.step_id, {"flag": CONTRADICTED})


def _without(fields: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in fields.items() if key != name}
