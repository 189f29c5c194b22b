"""What those say who look at a run's record: verify, audit and check. One that can't is said, not left out."""

from __future__ import annotations

from durable.errors import DurableError
from durable.evidence.findings import ORDER, UNKNOWN, worst

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any

    from durable.evidence.findings import Finding
    from durable.evidence.verifying.verdict import Verified
    from durable.ledger.reading import Reader

    Look = dict[str, Any]

MOST = 100
CONSISTENT = "the record agrees with itself: links, rows and contents"
AUTHENTIC = "it was written with the ledger's key, and nothing is missing up to the last head"
AUDIT = "the client's own transcript tells of the same calls"
CHECK = "the record keeps its promises: receipts, one end, no doubt left"


def looks_at(reader: Reader, run_id: str, keys: Mapping[str, bytes], places: Mapping[str, int]) -> list[Look]:
    """`places`: where each step stands on the page."""
    known: dict[str, list[Finding]] = {}
    return [
        *_verified(lambda: _verify(reader, run_id, keys, known), places),
        _looked("audit", AUDIT, lambda: _audit(reader, run_id, known), places),
        _looked("check", CHECK, lambda: _check(reader, run_id, known), places),
    ]


# ---- who looks --------------------------------------------------------------------------------

# What is `known` from the first two the third does not look at again: verifying is half of all the work.


def _verify(reader: Reader, run_id: str, keys: Mapping[str, bytes], known: dict[str, list[Finding]]) -> Verified:
    from durable.evidence.checking.beside import wrong_with_chain
    from durable.evidence.invariants import CHAIN
    from durable.evidence.verify import verify_run
    from durable.evidence.verify_bundle import verify_bundle
    from durable.ledger.replica import Replica

    found = verify_bundle(reader.path, keys) if isinstance(reader, Replica) else verify_run(reader, run_id, keys)
    known[CHAIN] = wrong_with_chain(found, run_id)
    return found


def _audit(reader: Reader, run_id: str, known: dict[str, list[Finding]]) -> tuple[str, list[Finding]]:
    from durable.evidence.audit import audit
    from durable.evidence.checking.beside import wrong_in
    from durable.evidence.invariants import TRACE

    found = audit(reader, run_id)
    known[TRACE] = wrong_in(found.findings)
    return found.verdict, found.findings


def _check(reader: Reader, run_id: str, known: Mapping[str, list[Finding]]) -> tuple[str, list[Finding]]:
    from durable.evidence.invariants import check

    findings = check(reader, run_id, known=known)
    return worst(one.verdict for one in findings), findings


# ---- what they said ---------------------------------------------------------------------------


def _verified(verify: Callable[[], Verified], places: Mapping[str, int]) -> list[Look]:
    """Consistent and authentic are two answers; a finding belongs to the one that it speaks of."""
    from durable.evidence.verifying.verdict import OF_AUTHENTICITY

    try:
        found = verify()
    except (DurableError, OSError) as error:
        return [_unable(name, says, error) for name, says in (("consistent", CONSISTENT), ("authentic", AUTHENTIC))]
    own = [one for one in found.findings if one.code not in OF_AUTHENTICITY]
    keyed = [one for one in found.findings if one.code in OF_AUTHENTICITY]
    return [
        look("consistent", found.consistent, CONSISTENT, own, places),
        look("authentic", found.authentic, AUTHENTIC, keyed, places),
    ]


def _looked(name: str, says: str, work: Callable[[], tuple[str, list[Finding]]], places: Mapping[str, int]) -> Look:
    try:
        verdict, findings = work()
    except (DurableError, OSError) as error:
        return _unable(name, says, error)
    return look(name, verdict, says, findings, places)


def _unable(name: str, says: str, error: DurableError | OSError) -> Look:
    code, why = ("unreadable", f"{error.strerror}: {error.filename}") if isinstance(error, OSError) else _known(error)
    finding = {"verdict": UNKNOWN, "code": code, "says": why, "step": None}
    return {"name": name, "verdict": UNKNOWN, "says": says, "findings": [finding], "of": 1}


def _known(error: DurableError) -> tuple[str, str]:
    return error.code, error.problem


def look(name: str, verdict: str, says: str, findings: Iterable[Finding], places: Mapping[str, int]) -> Look:
    """The worst first, and no more than anybody reads."""
    ranked = sorted(findings, key=lambda one: ORDER.index(one.verdict))
    told = [_told(one, places) for one in ranked[:MOST]]
    return {"name": name, "verdict": verdict, "says": says, "findings": told, "of": len(ranked)}


def _told(one: Finding, places: Mapping[str, int]) -> Look:
    step = one.where.get("step") or one.where.get("step_id")
    return {"verdict": one.verdict, "code": one.code, "says": one.says, "step": places.get(str(step))}
