"""What came of `doctor --chaos`, as a screen and as JSON; and how far it is, for whoever waits at a terminal."""

from __future__ import annotations

import os
import sys

from durable.cli.blocks import Heading, Note, Paragraph, Table
from durable.cli.result import Result
from durable.home import command
from durable.view import counted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from durable.cli.blocks import Block
    from durable.doctor.chaos import Chaos, Played

UNHURT = "none"


def chaos_result(found: Chaos) -> Result:
    ok = not (found.faults or found.missing)
    data = {
        "ok": ok,
        "cells": [_row(one) for one in found.played],
        "not_tried": [why for why in (found.missing, found.left_out) if why],
    }
    return Result("doctor", data, 0 if ok else 1, _view(found))


def tell_progress(done: int, total: int) -> None:
    """On a terminal alone, and over itself; the last one takes it away."""
    if sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
        said = f"{done} of {total} cells" if done < total else ""
        sys.stderr.write(f"\r\x1b[K{said}")
        sys.stderr.flush()


def _row(one: Played) -> dict[str, object]:
    cell = one.cell
    return {
        "victim": cell.victim,
        "hook": one.handler or None,
        "point": cell.point,
        "where": cell.where or None,
        "ending": cell.ending or None,
        "outcome": one.found.outcome,
        "why": one.found.why or None,
    }


def _view(found: Chaos) -> Iterator[Block]:
    yield _sum(found)
    for one in found.faults:
        cell = one.cell
        struck = f"{cell.ending} at {cell.where}" if cell.ending else cell.point
        yield Heading(f"FAULT  {cell.victim}, {struck}{_of(one)}")
        yield Paragraph(f"{one.found.why}.")
    if found.faults:
        yield Paragraph(
            f"→ please report it with the output of: {command()} doctor --chaos --json; and {command()} doctor"
        )
    if found.missing:
        yield Heading("FAIL  hooks")
        yield Paragraph(f"{found.missing}.")
        yield Paragraph(f"→ register them, or see what is in the way: {command()} init; {command()} doctor")
    if found.left_out:
        yield Heading("UNKNOWN  jobs")
        yield Paragraph(f"No job was run: {found.left_out}.")
    yield Table(["struck", "when", "by", "afterwards"], [_line(one) for one in found.played])


def _line(one: Played) -> list[object]:
    return [one.cell.victim, one.cell.point, one.cell.ending or UNHURT, one.found.outcome]


def _of(one: Played) -> str:
    return f" ({one.handler})" if one.handler else ""


def _sum(found: Chaos) -> Note:
    tried = counted(len(found.played), "cell")
    if found.faults:
        return Note(
            "problem", f"{tried}, and in {len(found.faults)} of them an effect was doubled, lost or unaccounted for"
        )
    if found.missing:
        return Note("problem", f"{tried} without a fault, and not every hook was struck")
    return Note("ok", f"{tried}: each effect happened once, or is in doubt and says so")
