from __future__ import annotations

from durable.cli.blocks import Heading, Note, Paragraph, Table, Verbatim
from durable.cli.options import argument, value
from durable.cli.record import opened
from durable.cli.result import Result
from durable.cli.screen import columns
from durable.cli.words import fit
from durable.errors import UsageError
from durable.evidence.findings import FAIL, ORDER, PASS, UNKNOWN, holds
from durable.evidence.invariants import NAMES, examined, verdict_of
from durable.view import counted, short_id

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from durable.cli.blocks import Block
    from durable.evidence.findings import Finding
    from durable.evidence.invariants import Looked

OPTIONS = (
    argument("RUN", "A run or session (else the latest run), an imported run, or a bundle's file.", required=False),
    value("--only", "NAMES", "Look only at these invariants, with commas between them."),
    value("--skip", "NAMES", "Leave these out; the whole is then WARN at best."),
)
LEFT_OUT = "left out"
TOLD = 10
BESIDE = 8 + 8  # the verdict, and what rich puts between columns
# What to do about it, by the code of the finding; else by the invariant.
NEXT = {
    "open_doubt": "look whether it happened, then durable happened {step}, or durable not-happened {step}",
    "cut_off": "durable reconcile {run} looks up how it ended",
    "not_judged": "look on the machine that it was permitted on",
    "approval_waits": "durable approve {step}, or durable deny {step}",
    "approved_not_run": "durable resume --run-id {run} goes on with it",
    "contradicted": "durable step {step} shows both receipts: look which effect is to be undone",
    "unprepared": "durable doctor says whether the hooks are on; durable audit {run} names the calls they missed",
    "run_open": "look again when it has ended",
    "run_cut_off": "durable resume --run-id {run} goes on with it, durable cancel {run} gives it up",
    "run_not_judged": "look on that machine",
    "content_missing": "put a backup back: durable restore FILE --reason TEXT",
    "content_changed": "durable doctor --repair takes it out, a backup brings it back",
    "nothing_compared": "put its transcript back, or leave this out: --skip tool_trace_consistency",
    "reference_elsewhere": "look in the ledger that it came from",
}
NEXT_OF = {
    "chain_valid": "durable verify {run} names all that is wrong with the chain",
    "tool_trace_consistency": "durable audit {run} names each call",
    "stage_required_path": "durable verify {run} says which rows differ from their events",
    "single_finalize": "durable verify {run} says which rows differ from their events",
    "output_bound": "durable verify {run} says which rows differ from their events",
    "claims_bound": "durable verify {run} says which rows differ from their events",
}


def run(run: str = "", only: str = "", skip: str = "") -> Result:
    """Check that a run's record is whole: each invariant passes, warns, fails, or can't be known."""
    left_out = _left_out(_names("--only", only), _names("--skip", skip))
    with opened(run, "check") as (reader, run_id):
        looked = examined(reader, run_id, left_out)
    verdict = verdict_of(looked)
    data = {"run_id": run_id, "verdict": verdict, "invariants": [_json(one) for one in looked]}
    return Result("check", data, int(not holds(verdict)), _view(run_id, verdict, looked))


def _names(option: str, text: str) -> frozenset[str]:
    names = frozenset(name.strip() for name in text.split(",") if name.strip())
    if unknown := sorted(names - set(NAMES)):
        raise UsageError(f"{option}: there is no invariant {', '.join(unknown)}", f"there are {', '.join(NAMES)}")
    return names


def _left_out(only: frozenset[str], skip: frozenset[str]) -> frozenset[str]:
    found = skip | (frozenset(NAMES) - only if only else frozenset())
    if len(found) == len(NAMES):
        raise UsageError("that leaves nothing to look at", "leave --skip out, or name fewer")
    return found


def _json(one: Looked) -> dict[str, Any]:
    findings = [finding.json() for finding in one.findings]
    return {"name": one.invariant.name, "verdict": one.verdict or None, "optional": one.invariant.optional,
            "says": one.invariant.says, "findings": findings}  # fmt: skip


# ---- for people -------------------------------------------------------------------------------


def _view(run_id: str, verdict: str, looked: list[Looked]) -> list[Block]:
    table = Table(["verdict", "invariant", "what was found"], _lines(looked))
    return [Heading(f"{verdict}  run {short_id(run_id)}"), table, *_reasons(run_id, looked), *_end(verdict, looked)]


def _lines(looked: list[Looked]) -> list[list[str]]:
    name = max(len(one.invariant.name) for one in looked)
    room = max(columns() - name - BESIDE, 20)
    return [[one.verdict or LEFT_OUT, one.invariant.name, fit(_line(one), room)] for one in looked]


def _line(one: Looked) -> str:
    if not one.verdict or one.verdict == PASS:
        return one.invariant.says
    first = _worst_first(one.findings)[0].says
    return first if len(one.findings) == 1 else f"{counted(len(one.findings), 'finding')}: {first}"


def _reasons(run_id: str, looked: list[Looked]) -> Iterable[Block]:
    for one in looked:
        findings = _worst_first(one.findings)
        if not findings:
            continue
        yield Heading(f"{one.verdict} {one.invariant.name}")
        yield Verbatim("\n".join(_told(run_id, one.invariant.name, finding) for finding in findings[:TOLD]))
        if len(findings) > TOLD:
            yield Paragraph(f"{len(findings) - TOLD} more: --json lists them all")


def _told(run_id: str, name: str, finding: Finding) -> str:
    line = f"{finding.verdict}  {finding.code}: {finding.says}"
    remedy = NEXT.get(finding.code) or NEXT_OF.get(name, "")
    if not remedy:
        return line
    return f"{line}\n    → {remedy.format(step=finding.where.get('step', 'STEP'), run=short_id(run_id))}"


def _worst_first(findings: Iterable[Finding]) -> list[Finding]:
    return sorted(findings, key=lambda one: ORDER.index(one.verdict))


def _end(verdict: str, looked: list[Looked]) -> list[Block]:
    """Said last, where it is read: a person scrolls back from here."""
    missing = [one.invariant.name for one in looked if not one.verdict]
    said: list[Block] = [Note("warning", f"not looked at: {', '.join(missing)}")] if missing else []
    if verdict == PASS:
        return [*said, Note("ok", "every invariant holds")]
    level = "problem" if verdict in (FAIL, UNKNOWN) else "warning"
    return [*said, Note(level, f"the run is {verdict}{': what is not known does not hold' * (verdict == UNKNOWN)}")]
