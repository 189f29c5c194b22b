"""What Claude Code's transcript and notifications say, as Reports. Loaded only when something is unsettled."""

from __future__ import annotations

from durable.agents.claude_transcript import NOTIFICATION, Notification, parse_notification, result_lines
from durable.report import (
    REPORT_FAILED,
    REPORT_LAUNCHED,
    REPORT_REFUSED,
    REPORT_SUCCEEDED,
    REPORT_TASK_ENDED,
    REPORT_UNCLEAR,
    Report,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from durable.agents.claude_transcript import Outcome

_REPORTED = {
    "succeeded": REPORT_SUCCEEDED,
    "failed_text": REPORT_FAILED,
    "refused": REPORT_REFUSED,
    "launched": REPORT_LAUNCHED,
    "notification": REPORT_TASK_ENDED,
}


def transcript_news(path: str, offset: int, limit: int) -> tuple[list[Report], int, bool]:
    outcomes, reached, whole = result_lines(path, offset, limit)
    return [_report(outcome) for outcome in outcomes if outcome.tool_use_id], reached, whole


def task_report(prompt: str) -> Report | None:
    notification = parse_notification(prompt)
    if notification is None:
        return None
    report = Report(notification.tool_use_id, REPORT_TASK_ENDED)
    _add_task(report, notification)
    return report


def _report(outcome: Outcome) -> Report:
    report = Report(outcome.tool_use_id, _REPORTED.get(outcome.kind, REPORT_UNCLEAR))
    report.text = outcome.text
    report.response = outcome.response
    report.evidence = outcome.evidence
    report.position = outcome.position
    report.at = outcome.at
    if outcome.kind == NOTIFICATION and isinstance(outcome.response, Notification):
        _add_task(report, outcome.response)
    return report


def _add_task(report: Report, notification: Notification) -> None:
    report.text = notification.summary
    report.task_id = notification.task_id
    report.task_status = notification.status
    report.exit_code = notification.exit_code
    report.response = None
