"""What stands on the page, as data: a run's rows in, one JSON value out. Pure but for `texts`, which reads.

A step refers to another by its place in the list, or by its id where that step is of another run.
"""

from __future__ import annotations

from durable.cli.words import notes, telling, tool
from durable.evidence.reporting.lanes import lanes_of, sessions_of
from durable.evidence.reporting.timing import bar_of, idle, microseconds, origin_of
from durable.evidence.reporting.totals import totals_of
from durable.resume import CONTRADICTED, DOUBT, WAITS, kind_of
from durable.step import FAILED, IN_DOUBT, REFUSED
from durable.view import duration, taken_out

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeAlias

    from durable.evidence.reporting.texts import Texts
    from durable.view import Contents, Row

    LookUp: TypeAlias = Callable[[list[Row]], Contents]

FORMAT = "durable.report.v1"
CALL = 400
# So many steps' contents are looked up at once, and held in memory.
TOGETHER = 200
_CONTENTS = ("input", "effective_input", "output", "error")
_AS_STORED = (
    "tool_use_id", "attempt", "rule", "cwd", "doubt", "closed_by", "exit_code", "flag", "verdict", "fingerprint",
    "idempotency_key", "nonce", "task_id", "permission_mode", "approval", "approval_by",
)  # fmt: skip
_TIMES = ("prepared_at", "deferred_at", "asked_at", "running_at", "returned_at", "doubted_at", "closed_at")


class Record:
    """All that the page tells of: rows of the queries `run`, `sessions_of_run`, `steps_of_run`, `notes_of_run`.
    `looks` and `tokens` are what verify, audit and check said, and what the models used."""

    __slots__ = ("heard", "looks", "made_at", "notes", "run", "sessions", "steps", "tokens", "version")

    def __init__(self, run: Row, sessions: list[Row], steps: list[Row], notes: list[Row]) -> None:
        self.run = run
        self.sessions = sessions
        self.steps = steps
        self.notes = notes
        self.heard = run["started_at"]
        self.made_at = ""
        self.version = ""
        self.looks: list[dict[str, Any]] = []
        self.tokens: dict[str, Any] = {}


def page_data(record: Record, look_up: LookUp, texts: Texts) -> dict[str, Any]:
    """`look_up` gives the contents of these steps."""
    steps = record.steps
    origin = origin_of(steps, record.run["started_at"])
    bars = [bar_of(step, origin) for step in steps]
    end = max([microseconds(record.heard) - origin, *(bar.get("settled", bar.get("to", 0)) for bar in bars)])
    return {
        "format": FORMAT,
        "version": record.version,
        "made_at": microseconds(record.made_at),
        "origin": origin,
        "end": end,
        "run": _run(record),
        "folds": idle(bars, 0, end),
        "lanes": lanes_of(steps),
        "sessions": sessions_of(record.sessions, steps, origin),
        "steps": _steps(record, bars, look_up, texts, origin),
        "texts": texts.found,
        "left_out": texts.left_out,
        "totals": totals_of(steps),
        "tokens": record.tokens,
        "looks": record.looks,
    }


def _run(record: Record) -> Row:
    names = ("run_id", "project", "status", "client", "started_at", "ended_at", "epoch", "recoveries")
    found = {name: record.run[name] for name in names}
    found["observed"] = sum(step["mode"] == "observe" for step in record.steps)
    found["notes"] = [[note["name"], note["value"], note["given_by"]] for note in record.notes if note["value"]]
    return found


# ---- one step ---------------------------------------------------------------------------------


def _steps(record: Record, bars: list[Row], look_up: LookUp, texts: Texts, origin: int) -> list[Row]:
    steps = record.steps
    places = {step["step_id"]: place for place, step in enumerate(steps)}
    lanes = {lane["id"]: place for place, lane in enumerate(lanes_of(steps))}
    sessions = {session["session_id"]: place for place, session in enumerate(record.sessions)}
    says, kept = _told(steps, look_up, texts)
    found = []
    for step, bar in zip(steps, bars, strict=True):
        twin = step["duplicate_of"]
        found.append(
            {
                "id": step["step_id"],
                "tool": tool(step["tool_name"]),
                "says": says[step["step_id"]],
                "status": step["status"],
                "effect": step["effect"],
                "lane": lanes[step["agent_id"]],
                "session": sessions.get(step["session_id"]),
                "bar": bar,
                "took": "" if step["duration_ms"] is None else duration(step["duration_ms"]),
                "notes": notes(step, None),
                "needs": needs(step),
                "twin": None if twin is None else places.get(twin, twin),
                "texts": kept[step["step_id"]],
                "times": {name: microseconds(step[name]) - origin for name in _TIMES if step[name]},
                "facts": {name: step[name] for name in _AS_STORED if step[name] not in (None, "")},
                "redacted": sorted(taken_out(step) or ()),
            }
        )
    return found


def _told(steps: list[Row], look_up: LookUp, texts: Texts) -> tuple[dict[str, str], dict[str, Row]]:
    """The words of each call, and where its texts stand. Where the page would grow too large, what went wrong is kept
    before what went as it should."""
    says, kept = {}, {}
    ranked = sorted(steps, key=lambda step: not (needs(step) or step["status"] in (FAILED, REFUSED)))
    for start in range(0, len(ranked), TOGETHER):
        part = ranked[start : start + TOGETHER]
        content = look_up(part)
        for step in part:
            says[step["step_id"]] = telling(step["tool_name"], content(step["input"]), step["cwd"])[:CALL]
            places = {name: texts.place(step[name], content) for name in _CONTENTS}
            kept[step["step_id"]] = {name: place for name, place in places.items() if place is not None}
    return says, kept


def needs(step: Row) -> str:
    """Why somebody has to look at it; "" for most."""
    kind = kind_of(step)
    if kind == CONTRADICTED:
        return "the record contradicts itself: its effect may exist twice"
    if step["flag"]:
        return "ran in observe mode, unrecorded" if step["would"] else "it ran, and nothing had said that it would"
    if kind == DOUBT and step["status"] == IN_DOUBT:
        return step["doubt"] or "no receipt says how it ended"
    return "waits for a person's answer" if kind == WAITS else ""
