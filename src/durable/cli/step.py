from __future__ import annotations

import json
import time

from durable.cli.blocks import Facts, Heading, Paragraph, Table, Verbatim
from durable.cli.living import Living
from durable.cli.options import argument, flag
from durable.cli.reading import contents, find_step, heard, observed, read, unshown
from durable.cli.result import Result
from durable.cli.when import clock, local_day, moment
from durable.cli.words import LET_THROUGH, notes, standing, took
from durable.native import loads
from durable.view import Mark, is_damaged, step_json, was_let_through

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from durable.cli.blocks import Block
    from durable.ledger.reading import Reader
    from durable.view import Row

OPTIONS = (
    argument("ID", "The step: its id or the beginning of it.", name="step_id"),
    flag("--full", "Show large inputs and outputs whole."),
)
LINES = 40
# What a history line says of its event, beside its name.
TELLING = ("closed_by", "doubt", "flag", "task_id", "verb", "approval", "by", "text", "reason")


def run(step_id: str, full: bool = False) -> Result:
    """Show one step: what was asked, what came back, and every event behind it."""

    def work(reader: Reader) -> Result:
        row = find_step(reader, step_id)
        life = Living(reader).of(row)
        step = step_json(row, contents(reader, full), life)
        events = reader.all("events_of_step", subject=row["step_id"])
        step["events"] = [{name: event[name] for name in ("seq", "type", "at")} for event in events]
        stands = standing(row, life, heard(reader, row["run_id"]), time.time_ns()) if life else None
        return Result("step", step, int(is_damaged(step)), _view(step, row, stands, events, full))

    return read("step", None, work)


def _view(step: Row, row: Row, stands: str | None, events: list[Row], full: bool) -> list[Block]:
    view: list[Block] = [Facts(_facts(step, row, stands)), *observed(int(step["mode"] == "observe"), 1)]
    view += unshown([step])
    for name in ("input", "effective_input", "output", "error"):
        if step[name] is not None and not isinstance(step[name], Mark):
            view += [Heading(name.replace("_", " ").capitalize()), *_value(step[name], full)]
    return [*view, Heading("History"), Table(["time", "event", ""], [_event(event, events) for event in events])]


def _facts(step: Row, row: Row, stands: str | None) -> list[tuple[str, object]]:
    facts: list[tuple[str, object]] = [
        ("step", step["step_id"]),
        ("tool", step["tool_name"]),
        ("status", step["status"]),
        ("closed by", step["closed_by"]),
        ("stands", stands),
        ("doubt was", step["doubt"] if step["closed_at"] else None),
        ("would have been", step["would"]),
        ("prepared", moment(step["prepared_at"]) or _never(row)),
        ("permitted", moment(step["running_at"])),
        ("closed", moment(step["closed_at"])),
        ("approval", _answered(step)),
        ("released", moment(step["released_at"])),
        ("took", took(step, 0) if step["duration_ms"] is not None else None),
        ("exit code", step["exit_code"]),
        ("notes", ", ".join(notes(row, None))),
        ("effect", f"{step['effect']} ({step['rule']})"),
        ("attempt", step["attempt"]),
        ("twin", step["duplicate_of"]),
        ("key", step["idempotency_key"]),
        ("run", step["run_id"]),
        ("session", step["session_id"]),
        ("agent", step["agent_id"]),
        ("call id", step["tool_use_id"]),
        ("directory", step["cwd"]),
        ("task", step["task_id"]),
        ("hook took", None if step["hook_us"] is None else f"{step['hook_us'] / 1000:.1f} ms"),
    ]
    return [(name, value) for name, value in facts if value not in (None, "")]


def _answered(step: Row) -> str | None:
    said = step["approval"]
    return said and f"{said} by {step['approval_by']}, {moment(step['approval_at'])}"


def _never(row: Row) -> str:
    said = f"it {LET_THROUGH}" if was_let_through(row) else "a receipt came for a call that no row had announced"
    return f"never: {said}"


def _value(value: Any, full: bool) -> list[Block]:
    text = _readable(value)
    lines = text.splitlines()
    if full or len(lines) <= LINES:
        return [Verbatim(text)]
    return [Verbatim("\n".join(lines[:LINES])), Paragraph(f"… {len(lines) - LINES} more lines: --full shows them")]


def _readable(value: Any) -> str:
    """Text as text; an object by its fields, so that a command's output keeps its lines."""
    if isinstance(value, str):
        return value
    if not isinstance(value, dict) or set(value) == {"blob", "bytes"}:
        return json.dumps(value, indent=2, ensure_ascii=False)
    return "\n".join(_field(name, item) for name, item in value.items() if item not in ("", None, False))


def _field(name: str, item: Any) -> str:
    text = item if isinstance(item, str) else json.dumps(item, ensure_ascii=False)
    return f"{name}:\n{_indented(text)}" if "\n" in text.strip() else f"{name}: {text.strip()}"


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.rstrip().splitlines())


def _event(event: Row, events: list[Row]) -> list[str]:
    body = loads(event["body"])
    said = [str(body[name]) for name in TELLING if isinstance(body, dict) and body.get(name) not in (None, "")]
    return [clock(event["at"], local_day(events[0]["at"])), event["type"].removeprefix("step."), ", ".join(said)]
