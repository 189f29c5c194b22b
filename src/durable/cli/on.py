from __future__ import annotations

import os

from durable import switch
from durable.cli.blocks import Note
from durable.cli.result import Result
from durable.cli.when import moment

OPTIONS = ()


def run() -> Result:
    """Put enforcement back in force."""
    marker = switch.read_marker(os.environ)
    if marker is None or not marker.active():
        return Result("on", {"ended": None}, view=[Note("ok", "enforcement is in force; nothing had lifted it")])
    since = moment(marker.fields["since"])
    switch.restore(marker)
    told = Note("ok", f"enforcement is in force again; it was off since {since}")
    return Result("on", {"ended": marker.fields}, view=[told])
