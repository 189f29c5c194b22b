"""The lint over the settings in force, as checks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from durable.alarm import DEFAULT_S
from durable.doctor.check import FAIL, PASS, UNKNOWN, WARN, Check
from durable.settings.lint import lint
from durable.settings.world import World, starting_only

if TYPE_CHECKING:
    from collections.abc import Iterator

    from durable.doctor.surroundings import Surroundings
    from durable.settings.lint import Finding

STATUS = {"problem": FAIL, "warning": WARN, "note": UNKNOWN}


def settings_checks(around: Surroundings) -> Iterator[Check]:
    findings = lint(around.files, _world(around), _deadline(around))
    yield from (_check(finding) for finding in findings)
    if not any(finding.severity == "problem" for finding in findings):
        files = {hook.file for hook in around.hooks}
        where = next(iter(files)) if len(files) == 1 else f"{len(files)} files"
        yield Check(PASS, "settings", f"the hooks are registered in {where}", seen=sorted(files))


def _check(finding: Finding) -> Check:
    sentence = f"{finding.file}: {finding.problem}" if finding.file else finding.problem
    return Check(STATUS[finding.severity], "settings", sentence, finding.remedy, seen=[finding._asdict()])


def _world(around: Surroundings) -> World:
    distrusted = {hook.reading.python for hook, _ in around.objections()}
    return starting_only(lambda python: python not in distrusted)


def _deadline(around: Surroundings) -> float:
    try:
        return float(around.hooks_env.get("DURABLE_DEADLINE_S", "") or DEFAULT_S)
    except ValueError:
        return DEFAULT_S
