"""One run, taken out of the ledger as a bundle. Reads one moment of the ledger and writes nothing to it."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from durable import __version__
from durable.clock import now
from durable.evidence import bundle
from durable.evidence.bundles.rows_of_run import named_contents, rows_of, summary_of
from durable.evidence.bundles.vouching import bundle_mac, is_ours
from durable.evidence.findings import FAIL, PASS, WARN, Finding, worst
from durable.evidence.verify_bundle import event_faults
from durable.ledger import head
from durable.ledger.chain import head_mac
from durable.ledger.files import sync_dir, write_synced
from durable.ledger.reading import Reader
from durable.ledger.replica import Replica
from durable.ledger.walk import NAMES_KEY
from durable.native import dumps, loads, sha256

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any, TextIO

    from durable.ledger.keys import Key

    Row = dict[str, Any]
    Sign = Callable[[str], Row]


class Source:
    """The ledger at one moment, after its head was read: it can't be behind it then, unless it was cut. `key` is what
    vouches for the head; without it nobody vouches for what is taken out."""

    __slots__ = ("key", "keys", "last", "ledger_id", "reader")

    def __init__(self, reader: Reader, keys: list[Key], held: head.Head | None, key: Key | None) -> None:
        self.reader = reader
        self.keys = keys
        self.key = key
        self.ledger_id = next(row["value"] for row in reader.all("meta") if row["name"] == "ledger_id")
        self.last = reader.one("last_event") or {}
        if held is not None:
            at = reader.all("events_after", seq=held.seq - 1, most=1)
            head.check_against(held, self.ledger_id, self.last.get("seq", 0), at[0]["hash"] if at else None)

    def about(self) -> Row:
        seq, digest = self.last["seq"], self.last["hash"]
        mac = head_mac(self.key.chain, self.ledger_id, seq, digest) if self.key else ""
        return {
            "id": self.ledger_id,
            "keys": _keys_named(self.reader),
            "head": {"seq": seq, "hash": digest, "mac": mac},
        }


@contextmanager
def source(home: str) -> Iterator[Source]:
    from durable.evidence.verifying.head import keys_of

    keys = list(keys_of(home))
    held, key = head.read_head(home, keys) if keys and head.exists(home) else (None, None)
    with Reader(home) as reader:
        yield Source(reader, keys, held, key)


def _keys_named(reader: Reader) -> list[str]:
    """The ids of all keys that the ledger had, in order."""
    events = [row for row in reader.each("events_of_run", run_id="") if row["type"] in NAMES_KEY]
    return list(dict.fromkeys(str(loads(row["body"])[NAMES_KEY[row["type"]]]) for row in events))


class Draft:
    """A bundle but for its contents, which are read one by one when it is written."""

    __slots__ = ("_digests", "_source", "expired", "findings", "lost", "members", "run_id")

    def __init__(self, source: Source, run_id: str) -> None:
        self._source = source
        self.run_id = run_id
        events = source.reader.all("events_of_run", run_id=run_id)
        self.findings = list(event_faults(events))
        with Replica(run_id, events) as replica:
            rows, summary = rows_of(replica), summary_of(replica, run_id, events)
        self.findings += _edited(source.reader, run_id, rows)
        self._digests, self.expired, self.lost = _sorted_out(source.reader, sorted(named_contents(events)))
        self.members: Row = {
            "schema": bundle.SCHEMA,
            "made_at": now(),
            "made_by": f"durable {__version__}",
            "run_id": run_id,
            "summary": summary,
            "ledger": source.about(),
            "rows": rows,
            "events": events,
            "expired": self.expired,
            "lost": self.lost,
        }

    @property
    def contents(self) -> int:
        return len(self._digests)

    def write(self, out: TextIO, sign: Sign | None = None, beside: str = "") -> Row:
        """`beside` is a folder for the contents. What was written before an error is of no use. Returns digest, MAC and
        signature."""
        hashes: dict[str, str] = {}
        out.write("{")
        for name, value in (self.members | {"beside": os.path.basename(beside) or None}).items():
            hashes[name] = _written(out, name, bundle.pieces(value))
        hashes["blobs"] = _written(out, "blobs", bundle.listed("{", self._blobs(beside), "}"))
        if beside:
            sync_dir(beside)
        digest = bundle.digest_over(hashes)
        last = {"digest": digest, "mac": self._mac(digest), "signature": sign(digest) if sign else None}
        out.write(",\n".join(f"{dumps(name)}:{dumps(value)}" for name, value in last.items()) + "}\n")
        return last

    def _mac(self, digest: str) -> str:
        """Our key vouches for what it finds in order, and for nothing else."""
        key, keys = self._source.key, {key.key_id: key.chain for key in self._source.keys}
        in_order = worst([PASS, *(one.verdict for one in self.findings)]) != FAIL
        genuine = all(is_ours(row, keys) for row in self.members["events"])
        return bundle_mac(key.chain, digest) if key and in_order and genuine else ""

    def _blobs(self, beside: str) -> Iterator[tuple[str, Any]]:
        for digest in self._digests:
            data = _bytes(self._source.reader, digest)
            if sha256(data) != digest:
                says = f"the content {digest} was changed after it was recorded"
                self.findings.append(Finding(FAIL, "blob_changed", says, {"blob": digest}))
            if beside:
                write_synced(os.path.join(beside, digest), data)
            yield f"{dumps(digest)}:", {"bytes": len(data)} if beside else bundle.stored(data)


def _written(out: TextIO, name: str, pieces: Iterator[str]) -> str:
    """The member, a line for each of its entries: blanks between them are no part of what is hashed."""
    from hashlib import sha256 as started

    hashed = started()
    out.write(f"{dumps(name)}:")
    for piece in pieces:
        hashed.update(piece.encode())
        out.write(",\n" if piece == "," else piece)
    out.write(",\n")
    return hashed.hexdigest()


def _sorted_out(reader: Reader, digests: list[str]) -> tuple[list[str], list[Row], list[str]]:
    """Those that are there, those whose time was over, those that are gone."""
    here = {row["digest"] for row in reader.each("blobs_up_to", digests=dumps(digests), most=0)}
    there, expired, lost = [], [], []
    for digest in digests:
        if digest in here:
            there.append(digest)
        elif gone := reader.one("let_go", digest=digest):
            kept_as = {"digest": digest, "bytes": gone["bytes"], "kept_as": gone["class"], "at": gone["at"]}
            expired.append(kept_as)
        else:
            lost.append(digest)
    return there, expired, lost


def _bytes(reader: Reader, digest: str) -> bytes:
    row = reader.one("blob_up_to", digest=digest, most=2**62)
    data = row["bytes"] if row else b""
    # SQLite keeps whatever it is given: who changed the bytes may have left a text.
    return data if isinstance(data, bytes) else str(data).encode("utf-8", "backslashreplace")


def _edited(reader: Reader, run_id: str, rows: dict[str, list[Row]]) -> Iterator[Finding]:
    """The bundle holds what the events say. That the ledger shows something else is worth a word."""
    shown = {row["step_id"]: row for row in reader.all("steps_of_run", run_id=run_id)}
    for row in rows["steps"]:
        if shown.get(row["step_id"]) != row:
            says = (
                f"the ledger's row of step {row['step_id']} is not what its events say; the bundle holds what they say"
            )
            yield Finding(WARN, "row_edited", says, {"table": "steps", "row": row["step_id"]})
