"""What has to hold of a run, in one table. A run holds if every invariant of it does; what could not be looked at
is UNKNOWN and does not."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from durable.errors import DurableError
from durable.evidence.checking import beside, ends, steps
from durable.evidence.checking.record import Record
from durable.evidence.findings import PASS, UNKNOWN, WARN, Finding, worst
from durable.native import sqlite

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from durable.ledger.reading import Reader


@dataclass(frozen=True, slots=True)
class Invariant:
    """`says` what is so if it holds; `look` gives what it found wrong. An `optional` one may be left out without a word
    about the whole."""

    name: str
    says: str
    look: Callable[[Record], Iterable[Finding]]
    optional: bool = False


CHAIN, TRACE = "chain_valid", "tool_trace_consistency"
INVARIANTS = (
    Invariant(CHAIN, "linked, unchanged, made with our key", beside.chain),
    Invariant("receipt_completeness", "each success has its receipt", steps.receipts),
    Invariant("evaluation_completeness", "each step names rule, policy, verdict", steps.evaluations),
    Invariant("finalization_completeness", "the run and all in it have their end", ends.finalization),
    Invariant("single_finalize", "one end in each epoch", ends.single_end),
    Invariant("stage_required_path", "prepared first, then legal moves alone", steps.paths),
    Invariant(TRACE, "the transcript tells of the same calls", beside.trace),
    Invariant("refs_closed_world", "whatever a row names is there", beside.references),
    Invariant("no_open_doubt", "no call left that may have happened", steps.doubts),
    Invariant("no_contradiction", "nothing ran twice or unannounced", steps.contradictions),
    Invariant("approvals_decided", "no call waits for a person", steps.approvals),
    Invariant("output_bound", "contents are what their hashes say", steps.bound_outputs, optional=True),
    Invariant("claims_bound", "claims stand as their steps do", steps.bound_claims, optional=True),
)
NAMES = tuple(one.name for one in INVARIANTS)
NOTHING: Mapping[str, list[Finding]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Looked:
    """An invariant and what was found. `verdict` is empty for one that was left out."""

    invariant: Invariant
    verdict: str
    findings: list[Finding]


def check(
    reader: Reader, run_id: str, skip: Collection[str] = (), known: Mapping[str, list[Finding]] = NOTHING
) -> list[Finding]:
    """All findings, each with the invariant that it speaks of; a PASS for each invariant that holds. One that was
    left out is not among them: `verdict_of` knows what that does to the whole. `known`: what is wrong with those that
    somebody has looked at already."""
    found: list[Finding] = []
    for one in examined(reader, run_id, skip, known):
        name = one.invariant.name
        holds = [Finding(PASS, name, one.invariant.says)] if one.verdict == PASS else []
        for finding in holds or one.findings:
            found.append(Finding(finding.verdict, finding.code, finding.says, {"invariant": name, **finding.where}))
    return found


def examined(
    reader: Reader, run_id: str, skip: Collection[str] = (), known: Mapping[str, list[Finding]] = NOTHING
) -> list[Looked]:
    record = Record(reader, run_id)
    return [Looked(one, "", []) if one.name in skip else _looked(one, record, known) for one in INVARIANTS]


def verdict_of(looked: Iterable[Looked]) -> str:
    """That of the worst. Whoever leaves out what is not optional gets no more than a WARN."""
    looked = list(looked)
    left_out = [WARN for one in looked if not one.verdict and not one.invariant.optional]
    seen = [one.verdict for one in looked if one.verdict]
    return worst([*seen, *left_out]) if seen else UNKNOWN


def _looked(invariant: Invariant, record: Record, known: Mapping[str, list[Finding]]) -> Looked:
    name = invariant.name
    findings = known[name] if name in known else list(_found(invariant, record))
    return Looked(invariant, worst([PASS, *(one.verdict for one in findings)]), findings)


def _found(invariant: Invariant, record: Record) -> Iterable[Finding]:
    """What can't be looked at, for whatever reason, is not known. It never passes, and never hides the others."""
    try:
        return list(invariant.look(record))
    except DurableError as error:
        why = str(error)
    except (sqlite.Error, ImportError, OSError, LookupError, TypeError, ValueError) as error:
        why = f"{type(error).__name__}: {error}"
    return [Finding(UNKNOWN, "not_looked_at", f"it could not be looked at ({why})", {"run": record.run_id})]
