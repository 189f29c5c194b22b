from __future__ import annotations

from durable.cli.deciding import REASON, RECEIPT, STEP, by, record
from durable.person import Said

TYPE_CHECKING = False
if TYPE_CHECKING:
    from durable.cli.result import Result

OPTIONS = (STEP, RECEIPT, REASON)


def run(step: str, receipt: str = "", reason: str = "") -> Result:
    """Settle a step that nobody could tell about: it took effect."""
    return record("happened", Said("happened", step, reason, by(), receipt))
