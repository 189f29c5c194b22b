"""Reads what a page tells of from a ledger, or from rows made anew out of a bundle."""

from __future__ import annotations

from durable import __version__
from durable.cli.cost import dollars
from durable.cli.reading import contents_of, heard
from durable.clock import now
from durable.errors import LedgerError
from durable.evidence.reporting.looks import looks_at
from durable.evidence.reporting.model import Record, page_data
from durable.evidence.reporting.texts import Texts
from durable.evidence.usage import cost_of, tokens_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from durable.ledger.reading import Reader


def gathered(reader: Reader, run_id: str, keys: Mapping[str, bytes]) -> dict[str, Any]:
    run = reader.one("run", run_id=run_id)
    if run is None:
        raise LedgerError(f"the row of run {run_id} is gone", "durable rebuild makes the rows anew from the events")
    found = Record(
        run,
        reader.all("sessions_of_run", run_id=run_id),
        reader.all("steps_of_run", run_id=run_id),
        reader.all("notes_of_run", run_id=run_id),
    )
    found.heard, found.made_at, found.version = heard(reader, run_id), now(), __version__
    places = {step["step_id"]: place for place, step in enumerate(found.steps)}
    found.looks = looks_at(reader, run_id, keys, places)
    found.tokens = {"models": tokens_of(reader, run_id)["models"], "cost": _money(cost_of(reader, run_id))}
    return page_data(found, lambda steps: contents_of(reader, steps), Texts())


def _money(cost: dict[str, Any]) -> str:
    if cost["micro_usd"] is None:
        return ""
    return f"{'at least ' if cost['at_least'] else ''}{dollars(cost['micro_usd'])}"
