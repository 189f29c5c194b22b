"""What a run did, apart from when and under which ids: its calls in order, by lane, and what came of each."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from durable.errors import InputError
from durable.evidence.bundles.rows_of_run import ACROSS
from durable.evidence.comparing.volatile import Volatile
from durable.fingerprint import REWORDED, STANDING, canonical
from durable.native import dumps, loads, sha256
from durable.receipt_text import text_of
from durable.step import IN_DOUBT, ONCE, OPEN, RUNNING, SUCCEEDED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from durable.ledger.reading import Reader

    Row = dict[str, Any]
    Returned = Callable[["Call"], tuple[Any, bool]]

MAIN = ""
DONE, MAYBE, NOT_DONE = "done", "in doubt", "not done"
WHOLE = 2**62
LONGEST = 4000  # of what a call was given, that much is kept to be shown and compared by words
_ENDED = ("completed", "failed", "cancelled")


@dataclass(frozen=True, slots=True)
class Call:
    """`key` is equal where the same was called in the same place. `number` is its place in the run, from 1."""

    number: int
    key: str
    tool: str
    given: str
    lane: str
    effect: str
    status: str
    exit_code: int | None = None
    approval: str | None = None
    flag: str | None = None
    output: str | None = None
    step_id: str = ""
    content: str = ""
    place: str = ""
    gone: bool = False

    def world(self) -> str:
        """What it did that must not happen twice."""
        if self.effect != ONCE:
            return NOT_DONE
        return DONE if self.status == SUCCEEDED else MAYBE if self.status in (RUNNING, IN_DOUBT) else NOT_DONE


@dataclass(frozen=True, slots=True)
class Account:
    """`result` gives what came back from a call, as a hash without anything volatile, and `said` as text; None where
    it is gone. `missing` says in words why this may not be all that happened."""

    name: str
    status: str
    calls: list[Call]
    result: Callable[[Call], str | None]
    missing: list[str] = field(default_factory=list)
    tokens: int | None = None
    micro_usd: int | None = None
    said: Callable[[Call], str | None] = field(default=lambda call: None)


def account_of(reader: Reader, run_id: str) -> Account:
    run = reader.one("run", run_id=run_id) or {"status": "", "project": ""}
    rows = reader.all("steps_of_run", run_id=run_id)
    volatile = Volatile(run["project"], _ids(reader, run_id, rows))
    lanes = _lanes(rows)
    calls = [_call(reader, volatile, number, row, lanes) for number, row in enumerate(rows, 1)]
    ordered = [call for lane in dict.fromkeys(lanes.values()) for call in _settled_order(calls, rows, lane)]
    missing = _missing(run["status"], calls, _astray(reader, run_id))
    tokens, micro_usd = _spent(reader, run_id)

    def returned(call: Call) -> tuple[Any, bool]:
        value, found = _value(reader, call.output) if call.output is not None else (None, True)
        return canonical(volatile.returned(value)), found

    return Account(run_id, run["status"], ordered, _hashed(returned), missing, tokens, micro_usd, _told(returned))


def _ids(reader: Reader, run_id: str, rows: list[Row]) -> Iterable[str]:
    yield from (row["session_id"] for row in reader.all("sessions_of_run", run_id=run_id))
    for row in rows:
        yield from (row[name] for name in ("agent_id", "tool_use_id", "task_id", "step_id") if row[name])


def _lanes(rows: list[Row]) -> dict[str, str]:
    """By agent id; a sub-agent is known by its type and which of that type it is."""
    lanes = {MAIN: MAIN}
    counts: dict[str, int] = defaultdict(int)
    for row in rows:
        if row["agent_id"] not in lanes:
            kind = row["agent_type"] or "agent"
            counts[kind] += 1
            lanes[row["agent_id"]] = f"{kind} {counts[kind]}"
    return lanes


def _call(reader: Reader, volatile: Volatile, number: int, row: Row, lanes: dict[str, str]) -> Call:
    tool, digest = row["tool_name"], row["effective_input"] or row["input"]
    value, found = _value(reader, digest)
    given = canonical(volatile.given(_meant(tool, value))) if found else None
    place = volatile.given(row["cwd"]) if tool in STANDING else ""
    key = key_of(tool, place, given if found else digest)
    names = ("effect", "status", "exit_code", "approval", "flag", "step_id")
    return Call(number=number, key=key, tool=tool, given=dumps(given)[:LONGEST] if found else "", content=digest,
                place=place, lane=lanes[row["agent_id"]], output=row["output"] or row["error"], gone=not found,
                **{name: row[name] for name in names})  # fmt: skip


def key_of(tool: str, place: str, given: Any) -> str:
    return sha256(dumps([tool, place, given]).encode())


def _meant(tool: str, value: Any) -> Any:
    ignored = REWORDED.get(tool, ())
    return {name: item for name, item in value.items() if name not in ignored} if isinstance(value, dict) else value


def _settled_order(calls: list[Call], rows: list[Row], lane: str) -> Iterable[Call]:
    """Calls that were under way together have no order that means anything: they stand in that of their keys."""
    together: list[Call] = []
    until = ""
    for call, row in zip(calls, rows, strict=True):
        if call.lane != lane:
            continue
        if (row["prepared_at"] or row["closed_at"] or "") >= until:
            yield from sorted(together, key=lambda one: one.key)
            together, until = [], ""
        together.append(call)
        until = max(until, "" if row["task_id"] else row["closed_at"] or "")
    yield from sorted(together, key=lambda one: one.key)


def _hashed(returned: Returned) -> Callable[[Call], str | None]:
    def result(call: Call) -> str | None:
        value, found = returned(call)
        return ("" if value is None else sha256(dumps(value).encode())) if found else None

    return result


def _told(returned: Returned) -> Callable[[Call], str | None]:
    def said(call: Call) -> str | None:
        value, found = returned(call)
        return text_of(value) if found else None

    return said


def _value(reader: Reader, digest: str) -> tuple[Any, bool]:
    """What was recorded, if its bytes are there and still what they were."""
    row = reader.one("blob_up_to", digest=digest, most=WHOLE)
    data = row["bytes"] if row else None
    if not isinstance(data, bytes) or sha256(data) != digest:
        return None, False
    text = data.decode("utf-8", "backslashreplace")
    try:
        return loads(text), True
    except InputError:
        return text, True


def _astray(reader: Reader, run_id: str) -> int:
    """How many events of a record made anew came to nothing, and were to come to something in this run."""
    left = set(getattr(reader, "unprojected", ()))
    events = reader.each("events_of_run", run_id=run_id) if left else ()
    return sum(row["seq"] in left and row["type"] not in ACROSS for row in events)


def _missing(status: str, calls: list[Call], astray: int) -> list[str]:
    unsettled = sum(call.status in OPEN and (call.status != IN_DOUBT or call.effect == ONCE) for call in calls)
    gone = sum(call.gone for call in calls)
    found = [] if status in _ENDED else ["it has not come to its end"]
    found += [f"how {unsettled} of its calls ended is not known"] if unsettled else []
    found += [f"what {gone} of its calls were given is gone"] if gone else []
    return found + ([f"{astray} of its events lead nowhere"] if astray else [])


def _spent(reader: Reader, run_id: str) -> tuple[int | None, int | None]:
    """Tokens in and out, and the cost; None for what is not known, or not wholly."""
    from durable.evidence.usage import cost_of, tokens_of

    tokens, cost = tokens_of(reader, run_id), cost_of(reader, run_id)
    known = tokens["input"] is not None and tokens["output"] is not None
    return tokens["input"] + tokens["output"] if known else None, None if cost["at_least"] else cost["micro_usd"]
