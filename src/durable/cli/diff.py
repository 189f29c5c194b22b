from __future__ import annotations

import os
from contextlib import contextmanager

from durable.cli.blocks import Note
from durable.cli.options import argument, flag, value
from durable.cli.reading import notices
from durable.cli.result import Result
from durable.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from durable.evidence.comparing.account import Account
    from durable.evidence.findings import Finding
    from durable.ledger.reading import Reader

OPTIONS = (
    argument("A", "A run, one of its sessions, or a bundle file; with --golden: the run (else the latest).",
             required=False),
    argument("B", "The other one.", required=False),
    value("--golden", "FILE", "Compare the run with what is expected: a golden file, or the bundle of a run."),
    flag("--update", "Write what the run did into the golden file, instead of comparing."),
    value("--cost-within", "PERCENT", "With --golden: it may cost at most so much more, as 10%."),
    flag("--ignore-output", "Compare what was called and how it ended, not what came back."),
    flag("--full", "Show every difference."),
)  # fmt: skip


def run(
    a: str = "",
    b: str = "",
    golden: str | None = None,
    update: bool = False,
    cost_within: str | None = None,
    ignore_output: bool = False,
    full: bool = False,
) -> Result:
    """Compare what two runs did, or a run with what is expected of it."""
    if golden == "":
        raise UsageError("an empty text names no golden file", "name one with --golden FILE")
    if golden:
        within = _share(cost_within)
        if b:
            raise UsageError("--golden compares one run", "leave the second one out")
        if update:
            _check_alone(cost_within, ignore_output)
        return _updated(golden, a) if update else _checked(golden, a, within, not ignore_output, full)
    if update or cost_within is not None:
        raise UsageError("--update and --cost-within speak of a golden file", "name it with --golden FILE")
    if not (a and b):
        raise UsageError("two runs are compared", "name both: durable diff A B; durable runs lists them")
    return _compared(a, b, not ignore_output, full)


def _check_alone(cost_within: str | None, ignore_output: bool) -> None:
    for name, is_given in (("--cost-within", cost_within is not None), ("--ignore-output", ignore_output)):
        if is_given:
            raise UsageError(f"{name} says how a run is compared, and --update compares none", "leave one of them out")


def _share(text: str | None) -> float | None:
    if text is None:
        return None
    digits = text.removesuffix("%").strip()
    if not (digits.isascii() and digits.replace(".", "", 1).isdigit()):
        raise UsageError(f"--cost-within can't be {text!r}", "give per cent, as 10%")
    return float(digits) / 100


@contextmanager
def _account(word: str) -> Iterator[tuple[Account, Reader, str]]:
    from durable.cli.record import opened
    from durable.evidence.comparing.account import account_of

    with opened(word, "diff --golden GOLDEN") as (reader, run_id):
        yield account_of(reader, run_id), reader, run_id


# ---- two runs ---------------------------------------------------------------------------------


def _compared(a: str, b: str, outputs: bool, full: bool) -> Result:
    from durable.cli.diff_data import data_of
    from durable.cli.diff_view import edited_note, record_note, view_of
    from durable.evidence.compare import compare

    with _account(a) as (first, reader_a, run_a), _account(b) as (second, reader_b, run_b):
        begins = _shared(reader_a, reader_b, run_a) if run_a == run_b else (0, True, True)
        compared = compare(first, second, outputs)
        same_events = begins[0] > 0 and begins[1:] == (False, False)
        edited = _edited(reader_a, reader_b, run_a) if same_events else []
        one_record = same_events and not edited
        data = data_of(compared, first, second) | {"same_record": one_record, "rows_differ": edited}
        if one_record:
            said = f"the same record: run {run_a}, {begins[0]:,} events, each the same"
            return Result("diff", data, view=[*notices(), Note("ok", said)])
        about = edited_note(run_a, edited) if edited else record_note(run_a, begins)
        view = [*notices(), *about, *view_of(compared, first, second, ("A", "B"), full)]
        return Result("diff", data, int(bool(edited) or not compared.same), view)


def _shared(first: Reader, second: Reader, run_id: str) -> tuple[int, bool, bool]:
    from durable.evidence.compare import shared

    return shared(first.each("events_of_run", run_id=run_id), second.each("events_of_run", run_id=run_id))


def _edited(first: Reader, second: Reader, run_id: str) -> list[str]:
    from durable.evidence.compare import OWN_ROWS

    rows = {table: [side.all(query, run_id=run_id) for side in (first, second)] for table, query in OWN_ROWS.items()}
    return [table for table, (one, other) in rows.items() if one != other]


# ---- a run and what is expected of it ---------------------------------------------------------


def _updated(path: str, word: str) -> Result:
    from durable.evidence import golden

    if os.path.isdir(path):
        raise UsageError(f"{path} is a directory", "name a file")
    with _account(word) as (account, _, run_id):
        golden.write(path, account)
    calls = len(account.calls)
    data = {"golden": path, "run_id": run_id, "calls": calls}
    return Result("diff", data, view=[*notices(), Note("ok", f"{path} holds what run {run_id} did: {calls:,} calls")])


@contextmanager
def _expected(path: str) -> Iterator[Account]:
    from durable.evidence import golden

    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            head = file.read(golden.HEAD)
    except OSError as error:
        said = error.strerror or str(error)
        raise UsageError(f"{path} can't be read ({said})", "--update makes it of a run") from None
    if golden.is_golden(head):
        yield golden.read(path)
        return
    with _account(path) as (account, _, _):
        yield account


def _checked(path: str, word: str, within: float | None, outputs: bool, full: bool) -> Result:
    from durable.cli.diff_data import data_of
    from durable.cli.diff_view import verdict_view, view_of
    from durable.evidence import golden
    from durable.evidence.compare import compare
    from durable.evidence.findings import PASS, worst

    with _expected(path) as expected, _account(word) as (account, _, _):
        compared = compare(expected, account, outputs)
        found = golden.findings(compared, expected, account, within)
        verdict = worst(one.verdict for one in found) if found else PASS
        data = _verdict_data(path, verdict, found) | data_of(compared, expected, account)
        sides = view_of(compared, expected, account, ("golden", "run"), full)
        view = [*notices(), *verdict_view(verdict, found), *sides]
        return Result("diff", data, int(verdict != PASS), view)


def _verdict_data(path: str, verdict: str, found: list[Finding]) -> dict[str, Any]:
    return {"golden": path, "verdict": verdict, "findings": [one.json() for one in found]}
