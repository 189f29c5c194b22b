"""Whether a bundle is what it says it is.

Consistent: nothing in it contradicts itself, which anybody can check. Whoever changes a bundle can make it consistent
again: whether it is authentic is for vouching.py.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from durable.errors import BundleError, DurableError
from durable.evidence import bundle
from durable.evidence.bundles.rows_of_run import ACROSS, named_contents, rows_of, summary_of
from durable.evidence.bundles.vouching import vouched, vouching
from durable.evidence.findings import FAIL, PASS, UNKNOWN, WARN, Finding, worst
from durable.ledger.chain import START, event_of
from durable.ledger.projection import REMARKS, STATEMENTS
from durable.ledger.replica import Replica
from durable.ledger.walk import own_fault
from durable.native import loads, sha256, sqlite

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from durable.evidence.verifying.verdict import Verified
    from durable.ledger.reading import Reader

    Row = dict[str, Any]

# More of the same is counted, not told: a bundle of another run has a fault in each of its events.
TOLD = 20
# Columns that hold a JSON object as text.
OBJECTS = frozenset(("redacted",))
_STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z", re.ASCII)


def verify_bundle(
    path: str, keys: Mapping[str, bytes], signer: str | None = None, ledger: Reader | None = None
) -> Verified:
    """`keys`: the chain keys at hand by their id. `signer`: the public key that must have signed it, or its file.
    `ledger`: the one at hand, which is asked only about a run of its own. BundleError if the file can't be read."""
    from durable.evidence.verifying.verdict import Verified

    found = Examined(path)
    authentic = vouching(found, keys, signer, ledger)
    findings = [*found.findings, *authentic]
    return Verified(
        found.consistent, vouched(authentic), findings, found.counted, found.last_hash, found.is_replay_safe
    )


class Examined:
    """All that can be said of a bundle without any key. `document` is None if it can't be read as one."""

    __slots__ = ("counted", "digest", "document", "findings", "folder", "path")

    def __init__(self, path: str) -> None:
        self.path = path
        self.document: Row | None = None
        self.findings: list[Finding] = []
        self.counted = {"events": 0, "steps": 0, "contents": 0}
        self.digest = self.folder = ""
        try:
            document = self.document = bundle.read(path)
        except BundleError as error:
            if error.code == "unreadable":
                raise
            verdict = UNKNOWN if error.code == "schema_unknown" else FAIL
            self.findings = [Finding(verdict, error.code, error.problem)]
            return
        self.folder = bundle.folder_of(path, document)
        self.digest = bundle.digest_of(document)
        faults = list(event_faults(document["events"]))
        rows = [] if faults else self._rows(document)
        for found in ([*_whole(document, self.digest)], faults, [*_contents(document, self.folder)], rows):
            self.findings += _few(found)
        self._count(document)

    @property
    def consistent(self) -> str:
        return worst([PASS, *(one.verdict for one in self.findings)])

    @property
    def last_hash(self) -> str:
        return str(self.document["events"][-1]["hash"]) if self.document else ""

    @property
    def is_replay_safe(self) -> bool:
        """The events give these rows again, and every content that they name is here."""
        return self.consistent == PASS and not (self.document or {"expired": True})["expired"]

    def open(self) -> Replica:
        """To be read like a ledger. Only of a consistent one."""
        assert self.document is not None
        return Replica(self.path, self.document["events"], bundle.contents(self.document, self.folder))

    def _rows(self, document: Row) -> list[Finding]:
        try:
            with (replica := Replica(self.path, document["events"])):
                return list(_follows(replica, replica.unprojected, document))
        except (sqlite.Error, TypeError, ValueError, OverflowError, AttributeError, DurableError) as error:
            return [Finding(FAIL, "event_senseless", f"rows can't follow from these events ({error})")]

    def _count(self, document: Row) -> None:
        self.counted["events"] = len(document["events"])
        self.counted["steps"] = len(document["rows"].get("steps", ()))
        self.counted["contents"] = len(document["blobs"])
        if document["expired"]:
            self.counted["contents_expired"] = len(document["expired"])


def _few(findings: list[Finding]) -> list[Finding]:
    told, rest = findings[:TOLD], findings[TOLD:]
    if not rest:
        return told
    return [*told, Finding(worst(one.verdict for one in rest), "more", f"{len(rest)} more findings like these")]


# ---- consistent -------------------------------------------------------------------------------


def _whole(document: Row, digest: str) -> Iterator[Finding]:
    if digest != document["digest"]:
        yield Finding(FAIL, "digest", "the bundle was changed after it was made: its digest is another")


def event_faults(events: list[Row]) -> Iterator[Finding]:
    last_seq, last_run_seq, last_hash, run_id = 0, 0, START, events[0]["run_id"]
    for row in events:
        where = {"event": row["seq"], "run": run_id}
        if row["run_id"] != run_id:
            yield Finding(FAIL, "event_of_another_run", f"event {row['seq']} belongs to run {row['run_id']}", where)
        if row["run_seq"] != last_run_seq + 1:
            yield Finding(FAIL, "event_missing", _gap(last_run_seq + 1, row["run_seq"]), where)
        elif row["run_prev"] != last_hash:
            says = f"event {row['seq']} does not follow from the one before it in its run"
            yield Finding(FAIL, "event_link", says, where)
        if row["seq"] <= last_seq:
            yield Finding(FAIL, "event_order", f"event {row['seq']} is out of order", where)
        if fault := own_fault(event_of(row)):
            yield Finding(FAIL, "event_changed", fault, where)
        yield from _meaning(row, where)
        last_seq, last_run_seq, last_hash = row["seq"], row["run_seq"], row["hash"]


def _gap(wanted: int, found: int) -> str:
    return f"event {wanted} of the run is missing" if found > wanted else f"event {found} of the run is out of order"


def _meaning(row: Row, where: dict[str, Any]) -> Iterator[Finding]:
    if row["type"] not in STATEMENTS and row["type"] not in REMARKS:
        says = f"event {row['seq']} is of a type that this durable does not know: {row['type'][:60]}"
        yield Finding(FAIL, "event_type", says, where)
    if not _is_object(row["body"]):
        yield Finding(FAIL, "event_senseless", f"what event {row['seq']} says can't be read", where)
    if not _STAMP.fullmatch(row["at"]):
        yield Finding(FAIL, "event_senseless", f"event {row['seq']} has no time", where)


def _contents(document: Row, folder: str) -> Iterator[Finding]:
    named = named_contents(document["events"])
    expired = {one["digest"] for one in document["expired"]}
    for digest in document["blobs"]:
        yield from _blob(document, digest, folder)
    there = document["blobs"].keys() | expired | set(document["lost"])
    for digest in sorted(there - named.keys()):
        yield Finding(FAIL, "blob_unnamed", f"no event names the content {digest}", {"blob": digest})
    for digest, seq in named.items():
        if digest not in there:
            yield Finding(FAIL, "blob_missing", f"the content {digest} is missing", {"blob": digest, "event": seq})
    for digest in document["lost"]:
        says = f"the ledger itself no longer had the content {digest}"
        yield Finding(WARN, "blob_lost", says, {"blob": digest})


def _blob(document: Row, digest: str, folder: str) -> Iterator[Finding]:
    try:
        data = bundle.content(digest, document["blobs"][digest], folder)
    except BundleError as error:
        yield Finding(FAIL, error.code, error.problem, {"blob": digest})
        return
    if sha256(data) != digest:
        yield Finding(FAIL, "blob_changed", f"the content {digest} was changed", {"blob": digest})


def _follows(replica: Reader, unprojected: list[int], document: Row) -> Iterator[Finding]:
    by_seq = {row["seq"]: row for row in document["events"]}
    for seq in unprojected:
        if by_seq[seq]["type"] not in ACROSS:
            says = f"event {seq} ({by_seq[seq]['type']}) does not follow from where its subject stands"
            yield Finding(FAIL, "event_illegal", says, {"event": seq})
    rows = rows_of(replica)
    yield from _misfits(replica, rows)
    yield from _rows_differ(rows, document["rows"])
    run_id = document["run_id"]
    if (
        document["events"][0]["run_id"] != run_id
        or summary_of(replica, run_id, document["events"]) != document["summary"]
    ):
        yield Finding(FAIL, "summary", "the summary is not what the events come to", {"run": run_id})


def _misfits(replica: Reader, rows: dict[str, list[Row]]) -> Iterator[Finding]:
    """SQLite keeps a text where a number belongs, and whoever reads the rows counts on numbers, times and objects."""
    for table, found in rows.items():
        numbers = {column["name"] for column in replica.all("numbers_in", table=table)}
        for row in found:
            for name, value in row.items():
                if isinstance(value, str) and (name in numbers or not _fits(name, value)):
                    says = f"{name} in a row of {table} can't be {value[:60]!r}"
                    yield Finding(FAIL, "event_senseless", says, {"table": table, "column": name})


def _fits(column: str, value: str) -> bool:
    if column == "at" or column.endswith("_at"):
        return bool(_STAMP.fullmatch(value))
    return column not in OBJECTS or _is_object(value)


def _is_object(text: str) -> bool:
    try:
        return isinstance(loads(text), dict)
    except DurableError:
        return False


def _rows_differ(rows: dict[str, list[Row]], claimed: dict[str, list[Row]]) -> Iterator[Finding]:
    for table in sorted(rows.keys() | claimed.keys()):
        ours, theirs = rows.get(table), claimed.get(table)
        if ours is None or theirs is None or len(ours) != len(theirs):
            says = f"the table {table} has not the rows that follow from the events"
            yield Finding(FAIL, "rows", says, {"table": table})
            continue
        for row, other in zip(ours, theirs, strict=True):
            if row != other:
                yield _row_differs(table, row, other)


def _row_differs(table: str, row: Row, other: Row) -> Finding:
    columns = sorted(name for name in row.keys() | other.keys() if row.get(name, ...) != other.get(name, ...))
    key = str(next(iter(row.values())))
    says = f"a row of {table} ({key}) is not what its events say: {', '.join(columns)}"
    return Finding(FAIL, "row", says, {"table": table, "row": key, "column": columns[0]})
