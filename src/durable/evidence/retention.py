"""Which contents have been kept long enough, which stay, and why. Pure.

A content is the bytes of an input, output or error. It is named by steps, often by several, and lives as long as the
one that needs it longest. Its hash stays in the events for ever: what is let go can be told from what was never there.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from durable.clock import nanoseconds, stamp
from durable.policy.policy import FOREVER
from durable.policy.rule import PUBLIC, SEALED
from durable.prompts import SCHEDULERS
from durable.step import CONTRADICTED as FLAGGED
from durable.step import ONCE, OPEN, READ

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Any

    Row = Mapping[str, Any]
    Days = Mapping[str, Any]

CLASSES = (PUBLIC, SEALED, READ)
NAMES = ("input", "effective_input", "output", "error")
_DAY_NS = 86_400 * 1_000_000_000

# Why a content stays whatever its age. The first that holds is the one that is told.
UNSETTLED, CONTRADICTED, JOB, JOB_GIVEN, OPEN_RUN, SCHEDULE, UNNAMED = (
    "unsettled",
    "contradicted",
    "job",
    "job_given",
    "open_run",
    "schedule",
    "unnamed",
)
KEPT_FOREVER, YOUNG = "forever", "young"
SAYS = {
    UNSETTLED: "of a step that is not settled: prepared, running or in doubt",
    CONTRADICTED: "of a call that contradicts another: somebody has to look at both",
    JOB: "of a job that is not at its end: a later step may be given it",
    JOB_GIVEN: "what a job was started with",
    OPEN_RUN: "of a call that must not happen twice, in a run that is open: a repeat is answered with it",
    SCHEDULE: "the words of a schedule: by them a person's prompt is told from the model's",
    UNNAMED: "no step names it",
    KEPT_FOREVER: "[retention] says forever",
    YOUNG: "its time is not over",
}


@dataclass(frozen=True, slots=True)
class Use:
    """One naming of a content by a step. `ends_at` is the end of its time; None where `why` says that it stays."""

    digest: str
    run_id: str
    kind: str
    since: str
    ends_at: str | None
    why: str


@dataclass(frozen=True, slots=True)
class Content:
    """`run_id` is the run that needs it longest, `runs` are all that name it."""

    digest: str
    bytes: int
    run_id: str
    runs: frozenset[str]
    kind: str
    since: str
    ends_at: str | None
    why: str  # "" for one that goes


@dataclass(slots=True)
class Plan:
    """`seq` is the event up to which the record was looked at: what came later may have changed what stays."""

    days: Days
    now: str
    seq: int
    goes: list[Content] = field(default_factory=list)
    stays: list[Content] = field(default_factory=list)

    @property
    def next_at(self) -> str | None:
        """When the next content has been kept long enough."""
        return min((one.ends_at for one in self.stays if one.why == YOUNG and one.ends_at), default=None)


def class_of(row: Row) -> str:
    """What is sealed is so whatever the call did to the world: mostly it is a look at something secret."""
    if row["evidence"] == SEALED or row["redacted"]:
        return SEALED
    return READ if row["effect"] == READ else PUBLIC


def uses_of(row: Row, days: Days) -> Iterator[Use]:
    """`row` is of the query `steps_naming_contents`."""
    kind = class_of(row)
    for name in NAMES:
        if row[name] is not None:
            yield _use(row, row[name], kind, _kept_because(row, name), days)


def use_by_event(digest: str, row: Row, days: Days) -> Use:
    """Named by an event of the step alone: a late receipt, or what an earlier ending had said."""
    return _use(row, digest, class_of(row), _kept_because(row, ""), days)


def _use(row: Row, digest: str, kind: str, why: str, days: Days) -> Use:
    kept = days[f"{kind}_days"]
    since = row["closed_at"] or ""
    if not why and kept == FOREVER:
        why = KEPT_FOREVER
    ends_at = None if why else stamp(nanoseconds(since) + kept * _DAY_NS)
    return Use(digest, row["run_id"], kind, since, ends_at, why)


def _kept_because(row: Row, name: str) -> str:
    if row["status"] in OPEN or row["closed_at"] is None:
        return UNSETTLED
    if row["flag"] == FLAGGED:
        return CONTRADICTED
    if row["job"] and row["run_status"] != "completed":
        return JOB
    if row["effect"] == ONCE and row["run_status"] == "open":
        return OPEN_RUN
    if row["tool_name"] in SCHEDULERS and name in ("input", "effective_input"):
        return SCHEDULE
    return ""


def plan(sizes: Mapping[str, int], uses: Iterable[Use], given: Iterable[str], days: Days, now: str, seq: int) -> Plan:
    """`sizes` are the contents there are, `given` those that jobs were started with."""
    longest: dict[str, Use] = {digest: Use(digest, "", PUBLIC, "", None, JOB_GIVEN) for digest in given}
    runs: dict[str, set[str]] = {}
    for use in uses:
        runs.setdefault(use.digest, set()).add(use.run_id)
        known = longest.get(use.digest)
        if known is None or _outlives(use, known):
            longest[use.digest] = use
    found = Plan(days, now, seq)
    for digest, size in sizes.items():
        use = longest.get(digest) or Use(digest, "", PUBLIC, "", None, UNNAMED)
        over = use.ends_at is not None and use.ends_at <= now
        why = use.why or ("" if over else YOUNG)
        by = frozenset(runs.get(digest, ()))
        content = Content(digest, size, use.run_id, by, use.kind, use.since, use.ends_at, why)
        (found.goes if over else found.stays).append(content)
    found.goes.sort(key=lambda one: (one.since, one.digest))
    return found


def _outlives(use: Use, known: Use) -> bool:
    if use.ends_at is None or known.ends_at is None:
        return use.ends_at is None and known.ends_at is not None
    return use.ends_at > known.ends_at
