"""What the rows of the real ledger tell about the hooks: left open, unannounced, slow."""

from __future__ import annotations

from durable.cli.living import Living
from durable.doctor.check import PASS, WARN, Check
from durable.home import command
from durable.ledger.database import database_in, present
from durable.ledger.reading import Reader
from durable.owner import DEAD, UNKNOWN
from durable.step import PREPARED, RUNNING, UNPREPARED
from durable.view import duration, needs_a_person

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    Row = dict[str, Any]

SLOW_MS = 500.0
_NAMED = 20


def step_checks(home: str) -> Iterator[Check]:
    if not present(database_in(home)):
        return
    with Reader(home) as reader:
        yield from _open(reader)
        yield from _unannounced(reader)
        yield from _times(reader)


def _open(reader: Reader) -> Iterator[Check]:
    rows = reader.all("open_steps")
    living = Living(reader)
    begun = [(row, life.verdict) for row in rows if row["status"] in (PREPARED, RUNNING) and (life := living.of(row))]
    left = [row for row, verdict in begun if verdict == DEAD]
    unseen = [row for row, verdict in begun if verdict == UNKNOWN]
    doubts = [row for row in rows if needs_a_person(row)]
    if left:
        sentence = f"{_steps(left)} of a client that is gone: the next session closes what its transcript proves"
        yield Check(WARN, "open steps", sentence, "durable reconcile does it now", seen=_ids(left))
    if unseen:
        sentence = f"{_steps(unseen)} of a client that can't be judged from here"
        yield Check(WARN, "open steps", sentence, f"{command()} open shows where", seen=_ids(unseen))
    if doubts:
        yield Check(WARN, "open steps", f"{_steps(doubts)} in doubt", f"settle it: {command()} open", seen=_ids(doubts))
    if not left and not unseen and not doubts:
        running = f"{_steps([row for row, _ in begun])} under way" if begun else "none was left behind"
        yield Check(PASS, "open steps", running)


def _unannounced(reader: Reader) -> Iterator[Check]:
    rows = [row for row in reader.all("flagged_steps") if row["flag"] == UNPREPARED]
    if rows:
        sentence = f"{_steps(rows)} ran without a row that said so first, the latest at {rows[-1]['closed_at']}"
        remedy = f"if the hooks were registered by then, one of them was skipped: {command()} open"
        yield Check(WARN, "unannounced", sentence, remedy, seen=_ids(rows))


def _times(reader: Reader) -> Iterator[Check]:
    times = [row["hook_us"] / 1000 for row in reader.all("hook_times")]
    if not times:
        return
    p95 = times[int((len(times) - 1) * 0.95)]
    words = f"PreToolUse needs {duration(p95)} at the 95th percentile of {len(times):,}"
    if p95 > SLOW_MS:
        yield Check(WARN, "speed", words, "see whether its disk is slow, or shared with other writers")
    else:
        yield Check(PASS, "speed", words)


def _steps(rows: list[Row]) -> str:
    return "1 step" if len(rows) == 1 else f"{len(rows)} steps"


def _ids(rows: list[Row]) -> list[str]:
    return [row["step_id"] for row in rows[:_NAMED]]
