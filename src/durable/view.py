"""Rows of the ledger as JSON and as words. Pure: what is on disk or alive comes in as arguments."""

from __future__ import annotations

from durable.errors import DurableError, InputError, LedgerError
from durable.native import loads, sha256
from durable.resume import DOUBT, WAITS, kind_of
from durable.step import IN_DOUBT, OPEN, PREPARED, UNPREPARED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    Row = dict[str, Any]
    Contents = Callable[[str], Any]

# A larger value is shown as a reference: one screenful of JSON must not carry a download.
LARGE = 65_536
WAITING = "waiting"
DAMAGED, LOST, LET_GO = "damaged", "lost", "let go"

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400

_AS_STORED = (
    "step_id", "run_id", "session_id", "seq", "tool_use_id", "tool_name", "effect", "status", "attempt",
    "fingerprint", "idempotency_key", "nonce", "duplicate_of", "prepared_at", "running_at", "closed_at",
    "closed_by", "duration_ms", "cwd", "rule",
    "asked_at", "returned_at", "doubted_at", "doubt", "flag", "mode", "would", "exit_code", "task_id", "hook_us",
    "policy", "permission_mode", "verdict", "deferred_at", "approval", "approval_by", "approval_at", "released_at",
)  # fmt: skip
_NONE_IF_EMPTY = ("agent_id", "agent_type", "prompt_id")
HELD = ("input", "output", "error", "effective_input")


class Life:
    """What was seen of an unsettled step's client and processes at the moment of reading.

    Only `known` says that there are no other processes than these; if not, `unseen` says why.
    """

    __slots__ = ("ended_at", "known", "processes", "reason", "unseen", "verdict")

    def __init__(
        self,
        verdict: str,
        reason: str,
        processes: Iterable[tuple[int, str]] = (),
        known: bool = False,
        unseen: str = "",
        ended_at: str | None = None,
    ) -> None:
        self.verdict = verdict
        self.reason = reason
        self.processes = list(processes)
        self.known = known
        self.unseen = unseen
        self.ended_at = ended_at


def step_json(row: Row, contents: Contents, life: Life | None = None) -> Row:
    """`contents` gives the JSON value that a digest stands for; see `resolved`."""
    found = {name: row[name] for name in _AS_STORED}
    found |= {name: row[name] or None for name in _NONE_IF_EMPTY}
    found |= {name: None if row[name] is None else contents(row[name]) for name in HELD}
    found["exit_known"] = None if row["exit_known"] is None else bool(row["exit_known"])
    found["redacted"] = taken_out(row)
    found["liveness"] = None if life is None else life_json(life)
    return found


def taken_out(row: Row) -> dict[str, int] | None:
    """How much of each kind was redacted. LedgerError where that can't be read."""
    if row["redacted"] is None:
        return None
    try:
        found = loads(row["redacted"])
    except InputError:
        found = None
    if not isinstance(found, dict):
        problem = f"the row of step {row['step_id']} can't be read: what it says of redaction is no JSON"
        raise LedgerError(problem, f"durable verify {row['run_id']} says whether it was changed")
    return found


class Mark(dict):  # type: ignore[type-arg]
    """Stands in the place of a recorded value that can't be shown as what was recorded."""

    @property
    def says(self) -> str:
        return DAMAGED if DAMAGED in self else LOST if LOST in self else LET_GO


def resolved(digest: str, size: int, data: bytes | str | None) -> Any:
    """The stored JSON value, a reference where the data was too large to be handed out, or a mark."""
    if data is None:
        return {"blob": f"sha256:{digest}", "bytes": size}
    # SQLite keeps whatever it is given: who changed the bytes may have left a text.
    data = data if isinstance(data, bytes) else str(data).encode("utf-8", "backslashreplace")
    if sha256(data) != digest:
        return Mark({DAMAGED: f"sha256:{digest}", "bytes": size})
    text = data.decode("utf-8", "backslashreplace")
    try:
        return loads(text)
    except DurableError:
        return text


def lost(digest: str) -> Mark:
    return Mark({LOST: f"sha256:{digest}"})


def let_go(digest: str, row: Row) -> Mark:
    """`row` is that of `expired`."""
    return Mark({"let_go": f"sha256:{digest}", "bytes": row["bytes"], "class": row["class"], "at": row["at"]})


def marks(step: Row) -> list[tuple[str, Mark]]:
    return [(name, step[name]) for name in HELD if isinstance(step[name], Mark)]


def is_damaged(step: Row) -> bool:
    return any(mark.says == DAMAGED for _, mark in marks(step))


def life_json(life: Life) -> Row:
    return {
        "verdict": life.verdict,
        "reason": life.reason,
        "processes": [{"pid": pid, "command": command} for pid, command in life.processes],
        "processes_known": life.known,
    }


def run_json(row: Row, brief: Row, sessions: list[str]) -> Row:
    """`row` is of the query `runs`, `brief` of `run_in_brief`."""
    names = ("run_id", "status", "started_at", "sessions", "steps", "open", "ended_at", "project", "client", "epoch")
    found = {name: row[name] for name in names}
    found["status"] = WAITING if brief["doubts"] or brief["approvals"] else row["status"]
    found |= {name: brief[name] for name in ("doubts", "approvals", "flagged", "observed", "last_at")}
    found["session_ids"] = sessions
    return found


def is_unsettled(row: Row) -> bool:
    return row["status"] in OPEN


def needs_a_person(row: Row) -> bool:
    return row["status"] == IN_DOUBT and kind_of(row) == DOUBT


def is_deferred(row: Row) -> bool:
    """It has not begun: a person has to answer, or its session to be resumed with their answer."""
    return bool(row["status"] == PREPARED and row["deferred_at"])


def waits_for_an_answer(row: Row) -> bool:
    return kind_of(row) == WAITS


def was_let_through(row: Row) -> bool:
    """Observe mode permitted it though no row could be written: our hooks were asked, and said yes."""
    return bool(row["flag"] == UNPREPARED and row["would"])


# ---- words ------------------------------------------------------------------------------------


def duration(milliseconds: float) -> str:
    if milliseconds < 1000:
        return f"{milliseconds:.0f} ms"
    if milliseconds < 10_000:
        return f"{milliseconds / 1000:.1f} s"
    return span_words(milliseconds / 1000)


def span_words(seconds: float) -> str:
    """With its two leading units, or one where the second is nothing."""
    whole = round(seconds)
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return _two(whole // _MINUTE, "min", whole % _MINUTE, "s")
    if whole < _DAY:
        return _two(whole // _HOUR, "h", whole % _HOUR // _MINUTE, "min")
    return _two(whole // _DAY, "d", whole % _DAY // _HOUR, "h")


def rough(seconds: float) -> str:
    """In one unit."""
    whole = max(round(seconds), 0)
    for unit, name in ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min")):
        if whole >= unit:
            return f"{whole // unit} {name}"
    return f"{whole} s"


def age(seconds: float) -> str:
    return f"{rough(seconds)} ago"


def counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _two(first: int, unit: str, second: int, smaller: str) -> str:
    return f"{first} {unit} {second} {smaller}" if second else f"{first} {unit}"


def short_id(found: str) -> str:
    """Enough of an id to type it. A name that somebody chose for a run is shown as it is."""
    is_uuid = len(found) == 36 and found.count("-") == 4
    return found[:8] if is_uuid else found


def short_step(step_id: str) -> str:
    return step_id[:8]
