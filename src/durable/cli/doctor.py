from __future__ import annotations

import os

from durable.cli.blocks import Facts, Heading, Note, Paragraph
from durable.cli.options import flag, value
from durable.cli.result import Result
from durable.cli.screen import columns
from durable.cli.words import fit
from durable.doctor.check import FAIL, PASS, UNKNOWN, WARN, in_order
from durable.doctor.surroundings import Surroundings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from durable.cli.blocks import Block
    from durable.doctor.check import Check

OPTIONS = (
    flag("--chaos", "Strike the hooks and a job down at named points, in scratch directories, and count the effects."),
    flag("--repair", "Salvage a damaged ledger beside the old one, and say what was lost."),
    value("--client", "PATH", "The client, if it is not the claude on PATH."),
    value("--settings", "FILE", "A settings file that the client is given with --settings."),
    flag("--fire-project", "Also start the hooks of a project that the client has not been told to trust."),
)
WORDS = {FAIL: "failed", WARN: "to look at", UNKNOWN: "unknown", PASS: "passed"}


def run(
    chaos: bool = False, repair: bool = False, client: str = "", settings: str = "", fire_project: bool = False
) -> Result:
    """Prove that the registered hooks record and deny; find what is wrong with the installation."""
    if repair:
        from durable.doctor.repair import repaired

        return repaired(os.environ)
    around = Surroundings(os.environ, os.getcwd(), settings, fire_project)
    if chaos:
        from durable.cli.chaos_view import chaos_result, tell_progress
        from durable.doctor.chaos import wreak

        return chaos_result(wreak(around, tell_progress))
    from durable.doctor.examination import examine

    checks = in_order(examine(around, client))
    failing = any(check.fails for check in checks)
    data = {"ok": not failing, "checks": [check.as_json() for check in checks]}
    return Result("doctor", data, 1 if failing else 0, _view(checks))


def _view(checks: list[Check]) -> list[Block]:
    view: list[Block] = [_sum(checks)]
    for check in checks:
        if check.status != PASS:
            view += _finding(check)
    passed = [check for check in checks if check.status == PASS]
    if passed:
        room = columns() - max(len(check.name) for check in passed) - 3
        view += [Heading(PASS), Facts((check.name, fit(_tilde(check.sentence), room)) for check in passed)]
    return view


def _finding(check: Check) -> list[Block]:
    remedy: list[Block] = [Paragraph(f"→ {_tilde(check.remedy)}")] if check.remedy else []
    return [Heading(f"{check.status}  {check.name}"), Paragraph(f"{_tilde(check.sentence)}."), *remedy]


def _sum(checks: list[Check]) -> Note:
    counts = {status: sum(check.status == status for check in checks) for status in WORDS}
    said = ", ".join(f"{count} {WORDS[status]}" for status, count in counts.items() if count)
    if any(check.fails for check in checks):
        return Note("problem", f"the installation can't be relied on: {said}")
    if counts[WARN]:
        return Note("warning", f"nothing fails: {said}")
    return Note("ok", f"every call is recorded, and denied where it can't be: {said}")


def _tilde(text: str) -> str:
    """With the home directory as ~, where that leaves a path that a shell still understands."""
    home = os.path.expanduser("~")
    return text.replace(f"{home}/", "~/") if len(home) > 1 else text
