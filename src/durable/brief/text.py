"""The brief in words: sections in the order in which somebody who goes on has to know of them.

Whatever the run's size, every section says that it is there and how many it has: what it can't name is counted.
"""

from __future__ import annotations

from durable.brief.quoting import plain, quoted, quoted_title
from durable.resume import (
    APPROVED,
    CONTRADICTED,
    DONE,
    DOUBT,
    FREE,
    GOES_ON,
    HEADS,
    LONGEST,
    NOT_BEGUN,
    NOT_DONE,
    WAITS,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from durable.resume import Around, Item

# Characters, of each section at most. What comes first takes from what comes later, never the other way.
ROOM = {
    CONTRADICTED: 1_500,
    DOUBT: 3_500,
    GOES_ON: 1_500,
    WAITS: 1_000,
    APPROVED: 700,
    NOT_BEGUN: 1_000,
    NOT_DONE: 1_000,
    DONE: 3_000,
    FREE: 800,
}
NOTES_ROOM, CALLS_ROOM, FILES_ROOM = 1_500, 1_200, 1_500
LONGEST_LINE = 400
LONGEST_RUN_ID = 256
LEAST_TITLE = 60
NOTES_HEAD = "Notes that were left for whoever goes on."
CALLS_HEAD = "The last calls before this, of any kind, the latest last."
FILES_HEAD = "Files that were written, the latest first."

# What a step that is done is known by, where it isn't its own receipt.
EVIDENCE = {
    "transcript": "The client's own record says so.",
    "notification": "The client reported its end.",
    "probe": "Its probe says so.",
    "operator": "A person says so.",
}
_WITNESSES = ("probe", "operator")
OUTCOMES = {
    "succeeded": "succeeded",
    "failed": "failed",
    "in_doubt": "cut off, no result",
    "not_done": "did not happen",
    "refused": "was refused",
    "replayed": "answered with an earlier result",
    "running": "no result yet",
}


class Section:
    """`more` are those of it that have no line."""

    def __init__(self, head: str, lines: list[str], room: int, look: str, more: int = 0) -> None:
        self.head = head
        self.lines = lines
        self.room = room
        self.look = look
        self.more = more

    def least(self) -> int:
        return _size(self._cut(0))

    def within(self, room: int) -> list[str]:
        room = min(room, self.room)
        used = self.least()
        for at, line in enumerate(self.lines):
            used += len(line) + 1
            if used > room:
                return self._cut(at)
        return self._cut(len(self.lines))

    def _cut(self, at: int) -> list[str]:
        left = len(self.lines) - at + self.more
        rest = [f"- {left} more: {self.look}"] if left else []
        return ["", self.head, *self.lines[:at], *rest]


def text(planned: dict[str, list[Item]], run_id: str, around: Around) -> str:
    run_id = plain(run_id, LONGEST_RUN_ID)
    intro = [f"durable has every tool call of this work on record (run {run_id}). What matters for going on:"]
    sections = _sections(planned, run_id, around)
    room = LONGEST - _size(intro) - sum(section.least() for section in sections)
    parts: list[list[str]] = []
    for section in sections:
        lines = section.within(room + section.least())
        room -= _size(lines) - section.least()
        parts.append(lines)
    # That an effect may exist twice is the first line of all.
    parts.insert(1 if CONTRADICTED in planned else 0, ["", *intro])
    return "\n".join(line for part in parts for line in part).lstrip("\n")


def _sections(planned: dict[str, list[Item]], run_id: str, around: Around) -> list[Section]:
    show = f"durable show {run_id}"
    kinds = {kind: _of_kind(kind, items, show, around.more.get(kind, 0)) for kind, items in planned.items()}
    notes = [f"- {name}: {quoted(value, LONGEST_LINE - 80)}" for name, value in around.notes.items()]
    calls = [_call(item) for item in around.calls]
    files = [f"- {quoted(path, LONGEST_LINE - 80)}" for path in around.files]
    found = [kinds[kind] for kind in HEADS if kind in kinds and kind not in (DONE, FREE)]
    found += [Section(NOTES_HEAD, notes, NOTES_ROOM, f"durable note {run_id}")] if notes else []
    found += [kinds[kind] for kind in (DONE, FREE) if kind in kinds]
    found += [Section(CALLS_HEAD, calls, CALLS_ROOM, show)] if calls else []
    return found + ([Section(FILES_HEAD, files, FILES_ROOM, show, around.more_files)] if files else [])


def _of_kind(kind: str, items: list[Item], show: str, more: int) -> Section:
    latest_first = items[::-1] if kind == DONE else items
    return Section(HEADS[kind], [_line(kind, item) for item in latest_first], ROOM[kind], show, more)


def _size(lines: list[str]) -> int:
    return sum(len(line) + 1 for line in lines)


# ---- one step ---------------------------------------------------------------------------------


def _line(kind: str, item: Item) -> str:
    step = item.step
    at = step.closed_at if kind == DONE else step.running_at or step.prepared_at
    said = " ".join(part for part in _said(kind, item) if part)
    head = f"- step {step.step_id}, {_when(at)}, "
    room = max(LONGEST_LINE - len(head) - len(said) - 2, LEAST_TITLE)
    return f"{head}{quoted_title(item.title, room)}. {said}".rstrip()


def _said(kind: str, item: Item) -> list[str]:
    step_id = item.step.step_id
    if kind == DOUBT:
        return _doubt(item)
    if kind == DONE:
        return _done(item)
    return {
        CONTRADICTED: [f"Now on record as {item.step.status}."],
        GOES_ON: [f"{plain(item.left, 120)}."],
        WAITS: [f"A person decides: durable approve {step_id}, or durable deny {step_id}"],
    }.get(kind, [])


def _doubt(item: Item) -> list[str]:
    step = item.step
    why, since = step.row.get("doubt"), step.row.get("doubted_at")
    return [
        f"In doubt since {_when(since)}: {quoted(why, 100)}." if why and since else "",
        f"Its probe said last: {quoted(item.probed, 110)}." if item.probed else "",
        f"A person settles it: durable happened {step.step_id}, or durable not-happened {step.step_id}",
    ]


def _done(item: Item) -> list[str]:
    by = item.step.row.get("closed_by") or ""
    hidden = item.step.row.get("exit_known") == 0
    nothing = "What it printed is not known." if by in _WITNESSES else "It printed nothing."
    return [
        EVIDENCE.get(by, ""),
        "Its line hides whether it succeeded: check with a read-only command." if hidden else "",
        f"Its result: {quoted(item.receipt, 160)}" if item.receipt else nothing,
    ]


def _call(item: Item) -> str:
    step = item.step
    code = step.row.get("exit_code")
    came_to = OUTCOMES.get(step.status, step.status) + (f", exit {code}" if code else "")
    return f"- {_when(step.running_at)}, {quoted_title(item.title, 140)}: {came_to}"


def _when(at: str | None) -> str:
    return f"{at[:19].replace('T', ' ')} UTC" if at else "at an unknown time"
