from __future__ import annotations

import os
from collections import Counter

from durable import home
from durable.cli.blocks import Facts, Heading, Note, Paragraph, Table
from durable.cli.options import Option, argument
from durable.cli.reading import contents, find_run, read
from durable.cli.result import Result
from durable.cli.screen import columns
from durable.cli.when import clock, local_day
from durable.cli.words import call, fit
from durable.failed import FAILING, SOURCES, failure_of, roots
from durable.policy.files import load_policy
from durable.receipt_text import text_of
from durable.view import Mark, counted, needs_a_person, short_id, short_step

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from durable.cli.blocks import Block
    from durable.ledger.reading import Reader
    from durable.view import Contents, Row

OPTIONS = (
    argument("RUN", "The run, or one of its sessions: the id or its beginning; else the latest.", required=False),
    Option("--source", "Only failures from this source.", metavar="SOURCE", choices=SOURCES),
)
MAIN = "main"
CALL, LEAST, BESIDE = 60, 30, 70


def run(run: str = "", source: str = "") -> Result:
    """Show what failed in a run, what was refused or is in doubt, and where each comes from."""
    state = home.data_home()

    def work(reader: Reader) -> Result:
        run_id = find_run(reader, run)
        steps = reader.all("steps_of_run", run_id=run_id)
        found = _failures(steps, contents(reader), _sandbox_rules(state))
        return _result(run_id, [one for one in found if source in ("", one["source"])], steps)

    return read("failures", {"run_id": None, "total": 0, "sources": {}, "agents": {}, "failures": []}, work)


def _failures(steps: list[Row], content: Contents, sandbox_rules: frozenset[str]) -> list[Row]:
    first = roots(steps)
    followers = Counter(first.values())
    found = []
    for step in steps:
        failure = failure_of(step, _said(step, content), sandbox_rules) if step["status"] in FAILING else None
        if failure is not None:
            row = _row(step, content) | {"source": failure.source, "why": failure.why}
            found.append(row | {"root": first.get(step["step_id"]), "followed_by": followers[step["step_id"]]})
    return found


def _said(step: Row, content: Contents) -> str:
    said = None if step["error"] is None else content(step["error"])
    unreadable = isinstance(said, Mark) or (isinstance(said, dict) and set(said) == {"blob", "bytes"})
    return "" if unreadable else text_of(said)


def _row(step: Row, content: Contents) -> Row:
    names = ("step_id", "session_id", "tool_name", "status", "effect", "closed_by", "verdict", "exit_code", "attempt")
    found: Row = {name: step[name] for name in names}
    found["at"] = step["prepared_at"] or step["running_at"] or step["closed_at"]
    found["call"] = call(step["tool_name"], content(step["input"]), step["cwd"])
    return found | {"agent_id": step["agent_id"] or None, "agent_type": step["agent_type"] or None}


def _sandbox_rules(state: str) -> frozenset[str]:
    """As the policy has them now: the row keeps the words of the answer, not the rule."""
    layers = load_policy(state, os.getcwd(), os.environ).layers
    return frozenset(rule.name for layer in layers for rule in layer.rules() if rule.unsandboxed)


# ---- what is shown ----------------------------------------------------------------------------


def _result(run_id: str, failures: list[Row], steps: list[Row]) -> Result:
    sources = _counted(SOURCES, (one["source"] for one in failures))
    agents = Counter(one["agent_type"] or one["agent_id"] or MAIN for one in failures)
    data: dict[str, Any] = {
        "run_id": run_id,
        "total": len(failures),
        "sources": sources,
        "agents": dict(agents),
        "failures": failures,
    }
    named = {one["step_id"] for one in failures}
    doubts = any(needs_a_person(step) for step in steps if step["step_id"] in named)
    return Result("failures", data, int(doubts), _view(run_id, failures, sources, dict(agents)))


def _counted(order: Iterable[str], given: Iterable[str]) -> dict[str, int]:
    counts = Counter(given)
    return {name: counts[name] for name in order if counts[name]}


def _view(run_id: str, failures: list[Row], sources: dict[str, int], agents: dict[str, int]) -> list[Block]:
    if not failures:
        return [Note("ok", f"nothing failed in run {short_id(run_id)}, nothing was refused, nothing is in doubt")]
    day = local_day(failures[0]["at"])
    lines = [_line(one, day) for one in failures]
    view: list[Block] = [Table(["time", "step", "call", "status", "source", "why"], lines)]
    view += [Heading("Where they come from"), Facts(sources.items())]
    view += [Facts(agents.items())] if set(agents) != {MAIN} else []
    return view + _chains(failures)


def _line(one: Row, day: str) -> list[str]:
    width = max(columns() - BESIDE, LEAST)
    step = short_step(one["step_id"])
    return [clock(one["at"], day), step, fit(one["call"], min(width, CALL)), one["status"], one["source"],
            fit(one["why"], width)]  # fmt: skip


def _chains(failures: list[Row]) -> list[Block]:
    said = [_first_of_chain(one) for one in failures if one["followed_by"]]
    return [Paragraph(". ".join(said) + ".")] if said else []


def _first_of_chain(one: Row) -> str:
    number = counted(1 + one["followed_by"], "failure")
    return f"step {short_step(one['step_id'])} ({one['source']}) was the first of {number} of the same call"
