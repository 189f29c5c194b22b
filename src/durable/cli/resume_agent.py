"""An agent's run goes on where the agent is: its client is started again, and hears what became of its calls."""

from __future__ import annotations

import os
import shlex
import shutil

from durable import crash, lease
from durable.cli.result import Paragraph, Result, Verbatim, agrees, attended
from durable.cli.resume_view import needs_somebody, plan_json, plan_view
from durable.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from durable.cli.resume import Asked
    from durable.ledger.sqlite import SqliteLedger
    from durable.policy.policy import Policy
    from durable.policy.rule import Rule
    from durable.resume import Item
    from durable.view import Row

_BY_HAND = "start it by hand"


class AgentRun:
    def __init__(
        self,
        state: str,
        ledger: SqliteLedger,
        policy: Policy,
        run_id: str,
        row: Row,
        sessions: list[Row],
        asked: Asked,
    ) -> None:
        self.state = state
        self.ledger = ledger
        self.policy = policy
        self.run_id = run_id
        self.cwd: str = row["project"] or ""
        self.asked = asked
        talks = [one["session_id"] for one in sessions if one["transcript_path"]] or [sessions[-1]["session_id"]]
        self.argv = ["claude", "--resume", talks[-1]]

    def rules(self) -> dict[str, Rule]:
        return {}

    def shown(self, items: dict[str, list[Item]]) -> Result:
        data = {
            "run_id": self.run_id,
            "plan": plan_json(items),
            "start": {"cwd": self.cwd or None, "argv": self.argv, "line": self.line()},
        }
        view = [*plan_view(self.run_id, items), Paragraph("To go on, protected:"), Verbatim(f"  {self.line()}")]
        return Result("resume", data, 1 if needs_somebody(items) else 0, view)

    def agreed(self) -> bool:
        return attended() and agrees([], f"Start {self.line()}?")

    def go_on(self, items: dict[str, list[Item]]) -> Iterator[Result]:
        if shutil.which(self.argv[0]) is None:
            raise UsageError(f"it can't be started, for there is no {self.argv[0]} on PATH: {self.line()}", _BY_HAND)
        self._take()
        self._become_client()
        yield from ()

    def line(self) -> str:
        place = f"cd {shlex.quote(self.cwd)} && " if self.cwd else ""
        return f"{place}DURABLE_RUN_ID={shlex.quote(self.run_id)} {shlex.join(self.argv)}"

    def _take(self) -> None:
        """The client keeps our process id, and so the lease: as long as it lives nobody else resumes the run."""
        with self.ledger.begin() as tx:
            lease.take(tx, self.run_id, shlex.join(self.argv))
            tx.append("run.recovered", self.run_id, self.run_id, {"by": "durable resume"})
            crash.point("resume-taken")
            tx.commit()

    def _become_client(self) -> None:
        try:
            if self.cwd:
                os.chdir(self.cwd)
            os.execvpe(self.argv[0], self.argv, {**os.environ, "DURABLE_RUN_ID": self.run_id})
        except OSError as error:
            raise UsageError(f"it can't be started ({error.strerror}): {self.line()}", _BY_HAND) from None
