from __future__ import annotations

import os
import time

from durable import home, switch
from durable.cli.blocks import Note, Paragraph
from durable.cli.options import value
from durable.cli.result import Result
from durable.cli.when import moment, seconds_in
from durable.errors import UsageError
from durable.redact import Redactor
from durable.switch import LONGEST_DAYS, LONGEST_S

TYPE_CHECKING = False
if TYPE_CHECKING:
    from durable.cli.blocks import Block

OPTIONS = (
    value("--for", "TIME", f"For how long: 30s, 10m, 1h, 2d; at most {LONGEST_DAYS}d.", name="duration", required=True),
    value("--reason", "TEXT", "Why; it goes on record.", required=True),
)


def run(duration: str, reason: str) -> Result:
    """Lift enforcement for a stated time: until then no call is recorded or held back."""
    marker = switch.lift(os.environ, _seconds(duration), _reason(reason), who(), time.time_ns())
    view: list[Block] = [
        Note("warning", f"enforcement is off until {moment(marker.fields['until'])}: no call is recorded or held back"),
        Paragraph(f"{home.command()} on ends it early. The time without it goes on record with the next hook."),
    ]
    return Result("off", {"enforcement": marker.fields, "file": marker.path}, view=view)


def who() -> str:
    """Whoever the environment says sits here, and the user id, which it can't forge."""
    names = (os.environ.get(name, "").strip() for name in ("SUDO_USER", "LOGNAME", "USER"))
    name = next((name for name in names if name), "")
    return f"{name} (uid {os.getuid()})" if name else f"uid {os.getuid()}"


def _seconds(text: str) -> int:
    seconds = seconds_in(text)
    if seconds > LONGEST_S:
        raise UsageError(f"{text} is longer than {LONGEST_DAYS} days", f"give at most {LONGEST_DAYS}d")
    return seconds


def _reason(text: str) -> str:
    if not text.strip():
        raise UsageError("--reason is empty", "say why enforcement is lifted")
    return Redactor().text(text.strip())
