"""What is seen only with something beside the run's own rows: the chain and its key, the transcript, other rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from durable.evidence.findings import FAIL, UNKNOWN, Finding

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from durable.evidence.checking.record import Record
    from durable.evidence.verifying.verdict import Verified
    from durable.view import Row

# What may belong to another run, and is looked up there.
ACROSS = ("step", "session")
WORDS = {"content": "the content", "step": "step", "session": "session", "owner": "client"}


def chain(record: Record) -> Iterable[Finding]:
    from durable.evidence.verify import keys_at_hand, verify_run
    from durable.evidence.verify_bundle import verify_bundle
    from durable.home import data_home

    keys = keys_at_hand(data_home())
    found = verify_bundle(record.reader.path, keys) if record.alone else verify_run(record.reader, record.run_id, keys)
    return wrong_with_chain(found, record.run_id)


def wrong_with_chain(found: Verified, run_id: str) -> list[Finding]:
    wrong = wrong_in(found.findings)
    if wrong or found.verdict == "PASS":
        return wrong
    return [Finding(found.verdict, "chain_unknown", "whether the chain is whole can't be told", {"run": run_id})]


def wrong_in(findings: Iterable[Finding]) -> list[Finding]:
    return [one for one in findings if one.verdict != "PASS"]


def trace(record: Record) -> Iterable[Finding]:
    from durable.evidence.audit import audit

    return wrong_in(audit(record.reader, record.run_id).findings)


def references(record: Record) -> Iterator[Finding]:
    for row in record.reader.each("dangling_of_run", run_id=record.run_id):
        yield _gone(row, record.alone and row["kind"] in ACROSS)


def _gone(row: Row, elsewhere: bool) -> Finding:
    what = f"{WORDS[row['kind']]} {row['value']}"
    where = {"table": row["of"], "column": row["name"], "row": row["holder"]}
    if row["of"] == "steps":
        where["step"] = row["holder"]
    if elsewhere:
        says = f"{row['holder']} names {what}, which belongs to another run and can't be looked up here"
        return Finding(UNKNOWN, "reference_elsewhere", says, where)
    return Finding(FAIL, f"{row['kind']}_missing", f"{row['holder']} names {what}, which is not there", where)
