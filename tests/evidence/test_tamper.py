"""The short form of `make tamper`: every column of every table once, and as many random bytes."""

import everything
from tampering import NO_EVIDENCE, cells, tampered

from durable.evidence.verify import verify_ledger
from durable.ledger.rebuild import PROJECTED

SEED = 20261121


def test_every_change_that_means_something_is_found(tmp_path):
    everything.write(tmp_path / "counted")
    columns = cells(tmp_path / "counted")
    tally = tampered(2 * len(columns), SEED, tmp_path)
    assert tally.missed == []
    # Most changes of a column mean something, and a good part of the bytes: else nothing was tried.
    assert tally.found > len(columns)


def test_every_table_that_is_evidence_is_among_them(tmp_path):
    everything.write(tmp_path)
    tables = {table for table, _ in cells(tmp_path)}
    assert tables == {*PROJECTED, "events", "blobs", "moves", "meta"}
    assert not tables & set(NO_EVIDENCE)
    assert verify_ledger(str(tmp_path)).findings == []
