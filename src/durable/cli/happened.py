from __future__ import annotations

from durable.cli.deciding import STEP, decide
from durable.cli.options import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from durable.cli.result import Result

OPTIONS = (STEP, value("--receipt", "TEXT", "What is known of its result; it is handed over to the model."))


def run(step: str, receipt: str = "") -> Result:
    """Settle a step that nobody could tell about: it took effect."""
    return decide("happened", step, receipt)
