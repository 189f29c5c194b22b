"""Moves a step to where its ending says, whoever brought the news."""

from __future__ import annotations

from durable.step import IN_DOUBT, PREPARED, RUNNING, UNPREPARED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from durable.ending import Ending
    from durable.ledger.transaction import Transaction
    from durable.step import Step


class News:
    """An ending with what came along: `output` and `error` are redacted bytes or None."""

    __slots__ = ("by", "duration_ms", "ending", "error", "output", "returned")

    def __init__(
        self,
        ending: Ending,
        by: str,
        output: bytes | None = None,
        error: bytes | None = None,
        duration_ms: int | None = None,
        returned: bool = False,
    ) -> None:
        self.ending = ending
        self.by = by
        self.output = output
        self.error = error
        self.duration_ms = duration_ms
        self.returned = returned


def apply(tx: Transaction, step: Step, news: News) -> None:
    if step.status == PREPARED:
        step = _ran_without_permit(tx, step)
    if news.ending.status == RUNNING:
        _still_running(tx, step, news)
    elif news.ending.status == IN_DOUBT:
        _into_doubt(tx, step, news)
    else:
        tx.close_step(step, _closed(tx, news))


def closing(status: str, by: str, **fields: Any) -> dict[str, Any]:
    """The body of a closing event: every column it may set, so that a rebuild sets the same."""
    empty = dict.fromkeys(("duration_ms", "exit_code", "exit_known", "output", "error"))
    return {"status": status, "closed_by": by, "returned": 0, **empty, **fields}


def _closed(tx: Transaction, news: News) -> dict[str, Any]:
    code = news.ending.exit_code
    return closing(
        news.ending.status,
        news.by,
        duration_ms=news.duration_ms,
        exit_code=code,
        exit_known=0 if news.ending.exit_hidden else None if code is None else 1,
        output=_put(tx, news.output),
        error=_put(tx, news.error),
        returned=int(news.returned),
    )


def _still_running(tx: Transaction, step: Step, news: News) -> None:
    if step.status == RUNNING:
        tx.append("step.returned", step.run_id, step.step_id, {"task_id": news.ending.task_id})


def _into_doubt(tx: Transaction, step: Step, news: News) -> None:
    if step.status == RUNNING:
        tx.doubt(step, news.ending.why, _put(tx, news.error), news.returned)
    else:
        tx.append("step.late_receipt", step.run_id, step.step_id, _closed(tx, news))


def _ran_without_permit(tx: Transaction, step: Step) -> Step:
    tx.mark_running(step)
    tx.append("step.flagged", step.run_id, step.step_id, {"flag": UNPREPARED})
    found = tx.step("step", step_id=step.step_id)
    assert found is not None
    return found


def _put(tx: Transaction, data: bytes | None) -> str | None:
    return None if data is None else tx.put(data)
