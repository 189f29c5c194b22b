"""What a client's own record says of a call, agent-neutral; ending.py draws the conclusion."""

from __future__ import annotations

from durable.ending import Ending, may_launch, of_error, of_response, of_task
from durable.step import IN_DOUBT, REFUSED, RUNNING

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from durable.step import Step

REPORT_SUCCEEDED = "succeeded"
REPORT_FAILED = "failed"
REPORT_REFUSED = "refused"
REPORT_LAUNCHED = "launched"
REPORT_TASK_ENDED = "task ended"
REPORT_UNCLEAR = "unclear"


class Report:
    """`unclear` may mean never ran or effect completed; only `refused` proves that it never ran."""

    __slots__ = (
        "at",
        "evidence",
        "exit_code",
        "kind",
        "position",
        "response",
        "task_id",
        "task_status",
        "text",
        "use_id",
    )

    def __init__(self, use_id: str, kind: str) -> None:
        self.use_id = use_id
        self.kind = kind
        self.evidence = ""
        self.position = 0
        self.at = ""
        self.text = ""
        self.response: Any = None
        self.task_id = ""
        self.task_status = ""
        self.exit_code: int | None = None


def ending_of(report: Report, step: Step) -> Ending:
    if report.kind == REPORT_REFUSED:
        return Ending(REFUSED, report.evidence)
    if report.kind == REPORT_TASK_ENDED:
        return of_task(report.task_status, step.effect, report.exit_code)
    if report.kind == REPORT_LAUNCHED and may_launch(step.tool_name):
        found = of_response(step.tool_name, report.response)
        return found if found.status == RUNNING else Ending(RUNNING, "launched")
    if report.kind in (REPORT_SUCCEEDED, REPORT_LAUNCHED):
        return of_response(step.tool_name, report.response)
    if report.kind == REPORT_FAILED:
        return of_error(step.tool_name, step.effect, report.text)
    return Ending(IN_DOUBT, report.evidence or "the client did not record how it ended")
