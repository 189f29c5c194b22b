from __future__ import annotations

from durable.cli.deciding import REASON, STEP, decide

TYPE_CHECKING = False
if TYPE_CHECKING:
    from durable.cli.result import Result

OPTIONS = (STEP, REASON)


def run(step: str, reason: str = "") -> Result:
    """Let a call run that waits for a person's answer."""
    return decide("approve", step, reason)
