from __future__ import annotations

from collections import Counter

from durable import home
from durable.agents.registry import AGENTS
from durable.cli.blocks import Facts, Heading, Note, Paragraph, Table
from durable.cli.options import argument
from durable.cli.reading import has_ledger, no_ledger, notices
from durable.cli.record import opened
from durable.cli.result import Result
from durable.cli.screen import columns
from durable.cli.when import clock, local_day
from durable.cli.words import fit
from durable.errors import UsageError
from durable.evidence.audit import COUNTED, WRITES, Audited, audit, audit_unheard
from durable.evidence.findings import FAIL, PASS, UNKNOWN, WARN, Finding, holds
from durable.view import counted, short_id

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from durable.cli.blocks import Block

OPTIONS = (
    argument("RUN", "The run, or one of its sessions: the id or its beginning; else the latest.", required=False),
)
LEVEL = {PASS: "ok", WARN: "warning", FAIL: "problem", UNKNOWN: "warning"}
SENTENCE = {FAIL: "is not complete", UNKNOWN: "can't be told complete", WARN: "is complete but for what is explained"}
KINDS = {
    "ran_without_row": "ran without a row", "row_removed": "lost its row", "row_without_call": "row of no call",
    "row_without_event": "row of no event", "unprepared": "ran before it was prepared",
    "prepared_late": "row younger than the result", "ran_though_refused": "ran though refused",
    "ran_without_permit": "ran without a permit", "receipt_without_run": "receipt of what never ran",
    "input_differs": "another input", "result_differs": "another result", "may_have_run": "may have run without a row",
    "from_elsewhere": "from a session that is not at hand", "transcript_gone": "transcript gone",
    "transcript_unreadable": "transcript can't be read", "transcript_broken": "transcript not whole",
    "transcript_cut": "beyond the end of the transcript", "no_result": "no result in the transcript",
    "enforcement_off": "while enforcement was off", "observe_unrecorded": "unrecorded in observe mode",
    "cut_off": "cut off with its client", "job": "a job, which keeps no transcript", "no_session": "no session",
    "nothing_compared": "nothing to compare",
    "session_unknown": "session that the ledger has not heard of",
}  # fmt: skip
# Calls that are told by their stretch of time; of the others each has something of its own to tell.
HOLES = {
    "ran_without_row": "no hook fired",
    "may_have_run": "may have run, and have no row",
    "from_elsewhere": "belong to a session whose transcript is not at hand",
}
MOST = 20  # of one kind on the screen
NAMES = {
    "sessions": "sessions", "silent": "sessions without a word", "transcripts": "transcripts read",
    "calls": "calls in them", "compared": "with their row",
    "results": "results alike", "never_ran": "never ran", "repeated": "repeated by forks",
    "by_durable": "run by durable", "typed": "typed with !",
}  # fmt: skip
BESIDE, LEAST, ID = 44, 24, 28


def run(run: str = "") -> Result:
    """Hold the client's own transcripts against the record: whether every call that ran had its row first."""
    state = home.data_home()
    if not run and not has_ledger(state):
        return _result(None, Audited(UNKNOWN, [], dict.fromkeys(COUNTED, 0)), [Paragraph(no_ledger(state))])
    try:
        with opened(run) as (reader, run_id):
            found = audit(reader, run_id)
    except UsageError:
        unheard = AGENTS[WRITES].sessions_named(run)
        if len(unheard) != 1:
            raise
        found = audit_unheard(*unheard[0])
        return _result(None, found, [*notices(), *_view(unheard[0][0], found, "session")])
    return _result(run_id, found, [*notices(), *_view(run_id, found, "run")])


def _result(run_id: str | None, found: Audited, view: list[Block]) -> Result:
    data: dict[str, Any] = {"run_id": run_id, "verdict": found.verdict, "counted": found.counted}
    data["findings"] = [one.json() for one in found.findings]
    return Result("audit", data, 0 if holds(found.verdict) else 1, view)


# ---- for people -------------------------------------------------------------------------------


def _view(named: str, found: Audited, what: str) -> list[Block]:
    view: list[Block] = [Note(LEVEL[found.verdict], f"{found.verdict}: {what} {short_id(named)} {_sentence(found)}")]
    for group in _groups(found.findings):
        view += _group(group)
    counts = [(NAMES[name], f"{count:,}") for name, count in found.counted.items() if count]
    return [*view, Heading("Counted"), Facts(counts)] if counts else view


def _sentence(found: Audited) -> str:
    compared = found.counted["compared"]
    have = f"{counted(compared, 'call')} with their row"
    if found.verdict == PASS:
        return f"is complete: {counted(compared, 'call')}, prepared before they ran" if compared else "made no call"
    worst = Counter(one.code for one in found.findings if one.verdict == found.verdict)
    listed = ", ".join(f"{count} × {KINDS[code]}" for code, count in worst.items())
    return f"{SENTENCE[found.verdict]}: {listed}; {have}"


def _groups(findings: list[Finding]) -> list[list[Finding]]:
    """Those that belong together, the worst first, in order of time."""
    found: dict[tuple[str, ...], list[Finding]] = {}
    for one in findings:
        stretch = str(one.where.get("stretch", ""))
        found.setdefault((one.verdict, one.code, str(one.where.get("session")), stretch), []).append(one)
    order = (FAIL, UNKNOWN, WARN)
    return sorted(found.values(), key=lambda group: order.index(group[0].verdict))


def _group(group: list[Finding]) -> list[Block]:
    first = group[0]
    if first.code not in HOLES:
        listed = [Paragraph(_told(one)) for one in group[:MOST]]
        return [Heading(f"{first.verdict} {first.code}: {KINDS[first.code]}"), *listed, *_more(group)]
    day = local_day(first.where["at"])
    width = max(columns() - BESIDE, LEAST)
    rows = [[clock(one.where["at"], day), _agent(one), _id(one), fit(_bare(one), width)] for one in group[:MOST]]
    table = Table(["time", "agent", "id", "call"], rows)
    return [Heading(f"{first.verdict} {_span(group, day)}"), table, *_more(group)]


def _span(group: list[Finding], day: str) -> str:
    first, last = (clock(one.where["at"], day) for one in (group[0], group[-1]))
    when = f"at {first}" if len(group) == 1 else f"from {first} to {last}"
    whose = short_id(str(group[0].where["session"]))
    return f"{counted(len(group), 'call')} {when}: {HOLES[group[0].code]} ({day}, session {whose})"


def _told(one: Finding) -> str:
    if "tool_use_id" not in one.where:
        return f"{one.says} ({one.where['transcript']})" if one.where.get("transcript") else one.says
    when = clock(one.where.get("at"), "")
    step = f", step {one.where['step']}" if one.where.get("step") else ""
    return f"{when}  {one.says} ({one.where['tool_use_id']}{step})"


def _bare(one: Finding) -> str:
    return str(one.where.get("call", ""))


def _agent(one: Finding) -> str:
    return (one.where.get("agent") or "main")[:8]


def _id(one: Finding) -> str:
    """Ids of one session differ at their end."""
    found = str(one.where["tool_use_id"])
    return found if len(found) <= ID else f"…{found[-ID + 1 :]}"


def _more(group: list[Finding]) -> list[Block]:
    return [Paragraph(f"… and {len(group) - MOST:,} more; --json names them all")] if len(group) > MOST else []
