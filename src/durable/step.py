"""One tool call of a run, and where it may go.

                     ┌──▶ refused       (policy, permission rule, person, or provably never started)
   (PreToolUse)      │
  ── prepared ───────┼──▶ running ──▶ succeeded    (receipt)
                     │        │  ├───▶ failed       (the tool said so)
                     │        │  └───▶ in_doubt ──▶ succeeded | failed | not_done | refused  (by evidence)
                     └──▶ replayed

A receipt that comes after all for a closed step makes it succeeded, unless a newer attempt exists.
The same table stands in the ledger's schema, where a trigger enforces it; a test compares the two.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

PREPARED = "prepared"
RUNNING = "running"
SUCCEEDED = "succeeded"
FAILED = "failed"
IN_DOUBT = "in_doubt"
NOT_DONE = "not_done"
REFUSED = "refused"
REPLAYED = "replayed"

MOVES = {
    PREPARED: (RUNNING, REFUSED, REPLAYED),
    RUNNING: (SUCCEEDED, FAILED, IN_DOUBT, REFUSED),
    IN_DOUBT: (SUCCEEDED, FAILED, NOT_DONE, REFUSED),
    FAILED: (SUCCEEDED,),
    NOT_DONE: (SUCCEEDED,),
    REFUSED: (SUCCEEDED,),
    REPLAYED: (),
    SUCCEEDED: (),
}

OPEN = (PREPARED, RUNNING, IN_DOUBT)
TWINS = (PREPARED, RUNNING, IN_DOUBT, SUCCEEDED)

READ = "read"
REPEATABLE = "repeatable"
ONCE = "once"

# What a job's session is called behind the name of its run.
JOB = ".job"

UNPREPARED = "unprepared"
CONTRADICTED = "contradicted"


def overtaken(step: Step, owner_id: str, agent_id: str, prompt_id: str) -> bool:
    """A foreground call of the same agent under an earlier prompt, or one whose batch is over. What another
    process does in the same session (two terminals resumed it) says nothing about this one's calls."""
    if step.task_id or (step.owner_id, step.agent_id) != (owner_id, agent_id):
        return False
    return step.returned_at is not None or step.prompt_id != prompt_id


def could_run_since(row: dict[str, Any]) -> str:
    """From when on a process of it may have started. What durable executes itself begins with a worker, and only
    that gives the permit; what waited for a person can't have begun before his answer."""
    since: str = row["approval_at"] or (row["running_at"] if row["deferred_at"] else row["prepared_at"])
    return since or row["running_at"]


def way_on(row: dict[str, Any]) -> str:
    """The line that takes up a call that waited: with whoever asked for it."""
    run_id, session_id = row["run_id"], row["session_id"]
    return f"durable resume --run-id {run_id}" if session_id == run_id + JOB else f"claude --resume {session_id}"


class Step:
    """A row of the ledger, as it stood when it was read. Attributes are the columns."""

    __slots__ = ("row",)

    def __init__(self, row: dict[str, Any]) -> None:
        self.row = row

    def __getattr__(self, name: str) -> Any:
        try:
            return self.row[name]
        except KeyError:
            raise AttributeError(name) from None
