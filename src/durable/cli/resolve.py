from __future__ import annotations

from durable.cli.deciding import RECEIPT, STEP, record
from durable.cli.deciding import by as typed_by
from durable.cli.options import flag, value
from durable.errors import UsageError
from durable.person import Said

TYPE_CHECKING = False
if TYPE_CHECKING:
    from durable.cli.result import Result

OPTIONS = (
    STEP,
    flag("--happened", "It took effect; it is not run again."),
    flag("--not-happened", "It did not take effect; it may run again."),
    value("--reason", "TEXT", "How you know; it goes on record.", required=True),
    RECEIPT,
    value("--by", "NAME", "Who says so, if not you; who typed it goes on record too."),
)


def run(
    step: str, reason: str, happened: bool = False, not_happened: bool = False, receipt: str = "", by: str = ""
) -> Result:
    """Settle a step that nobody could tell about."""
    if happened == not_happened:
        raise UsageError("say which of the two it is", "add either --happened or --not-happened")
    if receipt and not_happened:
        raise UsageError("what did not happen has no receipt", "leave --receipt out")
    verb = "happened" if happened else "not-happened"
    return record("resolve", Said(verb, step, reason, typed_by(by), receipt))
