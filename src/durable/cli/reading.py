"""What every reading verb does: opens the ledger, finds what an id means, says what one must know."""

from __future__ import annotations

import os

from durable import home, switch
from durable.cli.blocks import Note, Paragraph
from durable.cli.result import Result
from durable.cli.when import clock, local_day
from durable.cli.words import call, one_line
from durable.clock import nanoseconds, now
from durable.errors import LedgerError, UsageError
from durable.ledger import head
from durable.ledger.database import database_in, present
from durable.ledger.reading import Reader
from durable.native import dumps
from durable.view import HELD, LARGE, LET_GO, LOST, let_go, lost, marks, resolved, rough, short_id

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any

    from durable.cli.blocks import Block
    from durable.view import Contents, Mark, Row


def read(verb: str, empty: Any, work: Callable[[Reader], Result]) -> Result:
    """Runs `work` on the ledger. Before there is one, the answer is `empty` and says so."""
    state = home.data_home()
    if not has_ledger(state):
        return Result(verb, empty, view=[*notices(), Paragraph(no_ledger(state))])
    with Reader(state) as reader:
        result = work(reader)
    result.precede(notices())
    return result


def has_ledger(state: str) -> bool:
    if present(database_in(state)):
        return True
    if head.exists(state):
        raise LedgerError(
            f"the ledger {database_in(state)} is gone, but its head is still there",
            f"put the ledger back, or start over: {home.command()} restore --reason TEXT",
        )
    return False


def no_ledger(state: str) -> str:
    return f"no ledger yet at {database_in(state)}; it is made by the first hook"


# ---- what one must know -----------------------------------------------------------------------


def notices() -> list[Block]:
    marker = enforcement()
    if marker is None:
        return []
    until = clock(marker["until"], local_day(now()))
    left = rough((nanoseconds(marker["until"]) - nanoseconds(now())) / 1_000_000_000)
    said = f"enforcement is off until {until} ({left} left), lifted by {marker['by']}: {one_line(marker['reason'])}"
    return [Note("warning", f"{said}; {home.command()} on ends it. What runs meanwhile is not recorded.")]


def enforcement() -> dict[str, Any] | None:
    """The fields of the marker that lifts enforcement now, None while it is in force."""
    marker = switch.read_marker(os.environ)
    return marker.fields if marker is not None and marker.active() else None


def observed(count: int, steps: int, unrecorded: int = 0) -> list[Block]:
    if not count:
        return []
    which = "every step" if count == steps else f"{count} of {steps} steps"
    worse = f", {unrecorded} of them while it could not be written" if unrecorded else ""
    return [
        Note(
            "warning",
            f"observe mode: {which} ran whatever the ledger said{worse}. "
            "Promises 1 (prepared first), 2 (fail closed) and 4 (at most once) do not hold for them.",
        )
    ]


# ---- ids and contents -------------------------------------------------------------------------


def contents(reader: Reader, full: bool = False) -> Contents:
    """What digests stand for; above `LARGE` bytes only in full."""

    def content(digest: str) -> Any:
        row = reader.one("blob_up_to", digest=digest, most=2**62 if full else LARGE)
        return _gone(reader, digest) if row is None else resolved(digest, row["size"], row["bytes"])

    return content


def _gone(reader: Reader, digest: str) -> Mark:
    row = reader.one("let_go", digest=digest)
    return lost(digest) if row is None else let_go(digest, row)


def contents_of(reader: Reader, steps: Iterable[Row], full: bool = False) -> Contents:
    """The same for these steps alone, all looked up at once: a tenth of the time where there are thousands."""
    named = {step[name] for step in steps for name in HELD if step.get(name) is not None}
    rows = reader.each("blobs_up_to", digests=dumps(sorted(named)), most=2**62 if full else LARGE)
    known = {row["digest"]: resolved(row["digest"], row["size"], row["bytes"]) for row in rows}
    alone = contents(reader, full)  # which knows what became of one that is not there
    return lambda digest: known[digest] if digest in known else alone(digest)


def unshown(steps: Iterable[Row]) -> list[Block]:
    """What stands on record and can't be shown as it was recorded. What was let go is told once for all of them."""
    found = [(step["step_id"], name, mark) for step in steps for name, mark in marks(step)]
    gone = [(step_id, mark) for step_id, _, mark in found if mark.says == LET_GO]
    if len({step_id for step_id, _ in gone}) < 2:
        return [_unshown(*one) for one in found]
    return [*(_unshown(*one) for one in found if one[2].says != LET_GO), _let_go(gone)]


def _let_go(gone: list[tuple[str, Mark]]) -> Note:
    steps, days = len({step_id for step_id, _ in gone}), sorted({mark["at"][:10] for _, mark in gone})
    when = f"on {days[0]}" if len(days) == 1 else f"between {days[0]} and {days[-1]}"
    return Note("note", f"contents of {steps:,} steps were let go {when}, having been kept long enough; hashes stay")


def _unshown(step_id: str, name: str, mark: Mark) -> Note:
    what = f"the {name.replace('_', ' ')} of step {step_id}"
    if mark.says == LET_GO:
        kept = f"it had been kept long enough ({mark['class']}), and its hash stays"
        return Note("note", f"{what} was let go on {mark['at'][:10]}: {kept}")
    if mark.says == LOST:
        return Note("warning", f"{what} was lost: a repair of the ledger found it damaged or not at all")
    remedy = f"take it out with {home.command()} doctor --repair, or put a backup back"
    return Note("problem", f"{what} was changed after it was recorded, and is not shown; {remedy}")


def find_run(reader: Reader, prefix: str) -> str:
    """The run that `prefix` begins, or the run of the session that it begins. Without one: the latest."""
    if not prefix:
        return _latest(reader)
    rows = _known(reader.all("runs_by_prefix", prefix=prefix), "run_id", prefix)
    sessions = [] if rows else _known(reader.all("sessions_by_prefix", prefix=prefix), "session_id", prefix)
    found = sorted({row["run_id"] for row in rows or sessions})
    if len(found) > 1:
        listed = ", ".join(row["run_id"] for row in rows) or ", ".join(row["session_id"] for row in sessions)
        raise UsageError(f"{prefix!r} begins more than one: {listed}", "give more of it")
    if not found:
        raise UsageError(f"no run or session begins with {prefix!r}", _latest_runs(reader))
    return str(found[0])


def find_step(reader: Reader, prefix: str) -> Row:
    rows = _known(reader.all("steps_by_prefix", prefix=prefix), "step_id", prefix) if prefix else []
    if len(rows) > 1:
        given = contents(reader)
        listed = ", ".join(f"{row['step_id']} ({call(row['tool_name'], given(row['input']))[:40]})" for row in rows)
        raise UsageError(f"{prefix!r} begins more than one step: {listed}", "give more of it")
    if not rows:
        raise UsageError(f"no step begins with {prefix!r}", "durable show lists the steps of a run")
    return rows[0]


def heard(reader: Reader, run_id: str) -> str:
    """When the run was last heard of."""
    return str((reader.one("heard_of_run", run_id=run_id) or {"at": now()})["at"])


def _known(rows: Sequence[Row], name: str, given: str) -> list[Row]:
    """Whole ids win: one can be the beginning of another."""
    return [row for row in rows if row[name] == given] or list(rows)


def _latest(reader: Reader) -> str:
    rows = reader.all("latest_runs", most=1)
    if not rows:
        raise UsageError("the ledger holds no run yet", "it is made by the first hook of a session")
    return str(rows[0]["run_id"])


def _latest_runs(reader: Reader) -> str:
    rows = reader.all("latest_runs", most=5)
    return f"the latest are {', '.join(short_id(str(row['run_id'])) for row in rows)}" if rows else "there is none yet"
