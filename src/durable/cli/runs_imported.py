"""The runs that came in bundles, as they stood when each was made."""

from __future__ import annotations

import time

from durable import home
from durable.cli.blocks import Paragraph, Table
from durable.cli.reading import notices
from durable.cli.result import Result
from durable.cli.screen import cut, from_home, room
from durable.cli.when import clock
from durable.cli.words import fit
from durable.evidence.imported import all_kept
from durable.view import short_id

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from durable.view import Row

COLUMNS = ["run", "project", "started", "as of", "status", "steps", "open", "ledger"]
PROJECT, LEAST = 1, 12


def listed(wanted: Callable[[Row], bool], limit: int) -> Result:
    kept = [one for one in all_kept(home.data_home()) if wanted(one.summary)]
    found = [one.summary | {"ledger_id": one.ledger_id, "made_at": one.made_at, "file": one.path} for one in kept]
    shown = found[:limit]
    more = [Paragraph(f"{len(found) - limit} more: --limit {len(found)}")] if len(found) > limit else []
    nothing = Paragraph("no imported run here matches: durable import FILE brings one in")
    return Result("runs", shown, view=[*notices(), *([_table(shown), *more] if shown else [nothing])])


def _table(runs: list[Row]) -> Table:
    lines = [_line(one) for one in runs]
    cut(lines, PROJECT, max(room(lines, COLUMNS, [PROJECT]), LEAST))
    return Table(COLUMNS, lines)


def _line(one: Row) -> list[str]:
    today = time.strftime("%Y-%m-%d", time.localtime())
    times = [clock(one[name], today)[:-3] for name in ("started_at", "last_at")]
    stands = [one["status"], str(one["steps"]), str(one["open"] or ""), one["ledger_id"][:8]]
    return [fit(short_id(one["run_id"]), 24), from_home(one["project"]), *times, *stands]
