"""A step in a few words: what it was called with, what is odd about it, how it stands."""

from __future__ import annotations

from durable.cli.when import since
from durable.native import dumps
from durable.owner import ALIVE, DEAD
from durable.policy.decide import PERMIT
from durable.step import IN_DOUBT, PREPARED, READ
from durable.view import Mark, age, duration, is_deferred, short_step, span_words, waits_for_an_answer, was_let_through

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from durable.view import Life, Row

ELLIPSIS = "…"
LET_THROUGH = "ran in observe mode while the ledger could not be written"
COMMAND, ARGUMENT = 60, 40
# The field that says most about a call of this tool.
TELLING = {
    "Agent": "description",
    "Bash": "command",
    "Edit": "file_path",
    "Glob": "pattern",
    "Grep": "pattern",
    "LS": "path",
    "MultiEdit": "file_path",
    "NotebookEdit": "notebook_path",
    "Read": "file_path",
    "Skill": "skill",
    "Task": "description",
    "WebFetch": "url",
    "WebSearch": "query",
    "Write": "file_path",
}


# ---- the call ---------------------------------------------------------------------------------


def tool(name: str) -> str:
    """mcp__server__tool as server.tool."""
    if not name.startswith("mcp__"):
        return name
    server, found, rest = name.removeprefix("mcp__").partition("__")
    return f"{server}.{rest}" if found else name


def call(name: str, given: Any, folder: str = "") -> str:
    """The tool and what it was called with, on one line of any length."""
    return f"{tool(name)}  {telling(name, given, folder)}".rstrip()


def telling(name: str, given: Any, folder: str = "") -> str:
    if not isinstance(given, dict):
        return one_line(given if isinstance(given, str) else dumps(given))
    if isinstance(given, Mark):
        return f"({given.says})"
    if "blob" in given and "bytes" in given:
        return f"({given['bytes']:,} bytes)"
    field = TELLING.get(name, "")
    if isinstance(given.get(field), str):
        return one_line(_shortened(given[field], folder) if field.endswith("path") else given[field])
    return one_line(" ".join(_arguments(given)))


def one_line(text: str) -> str:
    """The first line that says anything, and a sign if there are more."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return "" if not lines else lines[0] if len(lines) == 1 else f"{lines[0]} {ELLIPSIS}"


def fit(text: str, width: int) -> str:
    return text if len(text) <= width else text[: max(width - 1, 0)] + ELLIPSIS


def _shortened(path: str, folder: str) -> str:
    return path.removeprefix(folder.rstrip("/") + "/") if folder else path


def _arguments(given: dict[str, Any]) -> list[str]:
    """The short ones first: they tell calls apart, and a long one would leave them no room."""
    parts = [f"{key}={one_line(value if isinstance(value, str) else dumps(value))}" for key, value in given.items()]
    return [fit(part, ARGUMENT) for part in sorted(parts, key=lambda part: len(part) > ARGUMENT)]


# ---- how it stands ----------------------------------------------------------------------------


def took(row: Row, now_ns: int) -> str:
    if row["duration_ms"] is not None:
        return duration(row["duration_ms"])
    if row["status"] == "running" and row["running_at"]:
        return span_words(since(row["running_at"], now_ns))
    return ""


def notes(row: Row, life: Life | None) -> list[str]:
    """What is out of the ordinary, a word or two each."""
    found = ["unrecorded" if was_let_through(row) else row["flag"]] if row["flag"] else []
    found += _deferred_notes(row) if is_deferred(row) else _life_notes(row, life) if life else []
    found += ["background"] if row["status"] == "running" and row["task_id"] else []
    found += [f"twin {short_step(row['duplicate_of'])}"] if row["duplicate_of"] else []
    found += [f"attempt {row['attempt']}"] if row["attempt"] > 1 else []
    found += [f"exit {row['exit_code']}"] if row["exit_code"] else []
    would = (row["would"] or "").partition(":")[0]
    found += [f"would {would}"] if would not in ("", PERMIT) else []
    found += ["released"] if row["released_at"] else []
    found += ["rewritten"] if row["effective_input"] else []
    found += ["redacted"] if row["redacted"] else []
    return found


def _deferred_notes(row: Row) -> list[str]:
    """That its client is gone is how it waits."""
    return ["waits for an answer" if waits_for_an_answer(row) else "approved"]


def _life_notes(row: Row, life: Life) -> list[str]:
    if life.processes:
        return [f"process {life.processes[0][0]} runs"]
    if life.verdict == ALIVE or row["status"] == IN_DOUBT:
        return []
    return ["client gone" if life.verdict == DEAD else "not judged"]


def standing(row: Row, life: Life, heard: str, now_ns: int) -> str:
    """One sentence on a step that nothing has settled. `heard` is the time of the run's last event."""
    if is_deferred(row):
        return deferral(row, now_ns)
    if row["status"] == IN_DOUBT:
        left = _left(life) if life.verdict == DEAD else ""
        return "; ".join(part for part in (row["doubt"], left, _advice(row, life)) if part)
    if life.verdict == ALIVE:
        return _with_client(row, now_ns)
    if life.verdict == DEAD:
        return f"{_gone(life, heard, now_ns)}; {_left(life)}"
    return f"can't be judged from this machine: {life.reason}"


def deferral(row: Row, now_ns: int) -> str:
    if row["approval"] is None:
        return f"waits for a person's answer for {span_words(since(row['deferred_at'], now_ns))}"
    return f"approved by {row['approval_by']}; it runs when its session is resumed"


def _advice(row: Row, life: Life) -> str:
    """That a call may be repeated is the policy's default where no rule speaks, not a finding."""
    if row["effect"] == READ:
        return "free to repeat"
    if life.processes:
        return "it may still finish: wait for it, or end it"
    return "it may have happened: look before it is repeated"


def _with_client(row: Row, now_ns: int) -> str:
    if row["status"] == PREPARED:
        return "prepared, not permitted yet"
    length = span_words(since(row["running_at"], now_ns))
    if row["task_id"]:
        return f"running in the background for {length} (task {row['task_id']})"
    if row["returned_at"]:
        return "its turn is over, and nothing says yet how it ended"
    return f"waiting for a person's answer or running, for {length}" if row["asked_at"] else f"running for {length}"


def _gone(life: Life, heard: str, now_ns: int) -> str:
    if life.ended_at:
        return f"client gone since {age(since(life.ended_at, now_ns))} ({life.reason})"
    return f"client gone ({life.reason}), last heard of {age(since(heard, now_ns))}"


def _left(life: Life) -> str:
    if life.processes:
        listed = ", ".join(f"{pid} ({fit(one_line(command), COMMAND)})" for pid, command in life.processes)
        return f"process {listed} still runs" if len(life.processes) == 1 else f"processes {listed} still run"
    unseen = f"whether a process of it is left can't be seen ({life.unseen})"
    return "no process of it is left here" if life.known else unseen
