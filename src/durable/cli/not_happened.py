from __future__ import annotations

from durable.cli.deciding import REASON, STEP, decide

TYPE_CHECKING = False
if TYPE_CHECKING:
    from durable.cli.result import Result

OPTIONS = (STEP, REASON)


def run(step: str, reason: str = "") -> Result:
    """Settle a step that nobody could tell about: it did not take effect."""
    return decide("not-happened", step, reason)
