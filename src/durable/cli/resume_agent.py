"""An agent's run goes on where the agent is: its client is started again, and hears what became of its calls.
Before that, what was asked for and is safe is executed here."""

from __future__ import annotations

import os
import shlex
import shutil

from durable import crash
from durable.cli.blocks import Note, Paragraph, Verbatim
from durable.cli.result import Result, agrees, attended
from durable.cli.resume_asked import left_of
from durable.cli.resume_view import needs_somebody, plan_json, plan_view, redo_view, redone, unfinished_json
from durable.errors import UsageError
from durable.execute.own import Place
from durable.execute.redo import Redo, replayed, unfinished
from durable.execute.start import Hand
from durable.recovery import lease, strict
from durable.recovery.on_resume import Asked as Wanted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from durable.cli.blocks import Block
    from durable.cli.resume_asked import CutOff
    from durable.execute.redo import Redone, Unfinished
    from durable.policy.rule import Rule
    from durable.resume import Item

INTERRUPTED = 130
_BY_HAND = "start it by hand"


class AgentRun:
    def __init__(self, cut: CutOff) -> None:
        self.cut = cut
        self.cwd: str = cut.row["project"] or ""
        self.wanted = Wanted(cut.asked.replay, cut.asked.only)
        self.unfinished: list[Unfinished] = []
        talks = [one["session_id"] for one in cut.sessions if one["transcript_path"]]
        headless = ["-p", cut.asked.prompt] if cut.asked.prompt else []
        self.argv = ["claude", "--resume", (talks or [cut.sessions[-1]["session_id"]])[-1], *headless]

    def rules(self) -> dict[str, Rule]:
        return {}

    def shown(self, items: dict[str, list[Item]]) -> Result:
        cut = self.cut
        self.unfinished = unfinished(cut.ledger, cut.run_id, self.wanted, left_of(items), cut.policy)
        data = {
            "run_id": self.cut.run_id,
            "plan": plan_json(items),
            "here": unfinished_json(self.unfinished),
            "start": {"cwd": self.cwd or None, "argv": self.argv, "line": self.line()},
        }
        here = redo_view(self.unfinished, self.wanted)
        way_on: list[Block] = [Paragraph("To go on, protected:"), Verbatim(f"  {self.line()}")]
        view: list[Block] = [*plan_view(self.cut.run_id, items), *here, *way_on]
        return Result("resume", data, 1 if needs_somebody(items) else 0, view)

    def begun(self, items: dict[str, list[Item]]) -> Result:
        return self.shown(items)

    def agreed(self) -> bool:
        first = replayed(self.unfinished)
        what = f"Execute {len(first)} of them here, and then start" if first else "Start"
        return attended() and agrees([], f"{what} {self.line()}?")

    def go_on(self, items: dict[str, list[Item]]) -> Iterator[Result]:
        starts = self._starts_client()
        if starts and shutil.which(self.argv[0]) is None:
            raise UsageError(f"it can't be started, for there is no {self.argv[0]} on PATH: {self.line()}", _BY_HAND)
        token = self._take()
        here = replayed(self.unfinished)
        if here:
            redo = Redo(Hand(self.cut.state, self.cut.ledger, self._place(), token, self.cut.policy))
            done = redo.all(here)
            redo.close()
            yield self._redone(done, redo.interrupted)
            starts = starts and not redo.interrupted
        if starts:
            self._become_client()
        else:
            self._give_back(token)

    def line(self) -> str:
        place = f"cd {shlex.quote(self.cwd)} && " if self.cwd else ""
        return f"{place}DURABLE_RUN_ID={shlex.quote(self.cut.run_id)} {shlex.join(self.argv)}"

    # ---- what is executed here ----------------------------------------------------------------

    def _starts_client(self) -> bool:
        """Whoever wants calls made here, with nobody at the terminal, need not want the client as well."""
        return bool(self.cut.asked.prompt) or attended() or not (self.cut.asked.replay or self.cut.asked.only)

    def _place(self) -> Place:
        return Place(self.cut.run_id, f"{self.cut.run_id}.resume", self.cwd)

    def _redone(self, done: list[Redone], interrupted: int) -> Result:
        failed = any(one.status not in ("succeeded", "spooled") for one in done)
        code = INTERRUPTED if interrupted else 1 if failed else 0
        return Result("resume", {"run_id": self.cut.run_id, "redone": [redone(one) for one in done]}, code, _told(done))

    # ---- the client ---------------------------------------------------------------------------

    def _take(self) -> int:
        """The client keeps our process id, and so the lease: as long as it lives nobody else resumes the run."""
        with self.cut.ledger.begin() as tx:
            token = lease.take(tx, self.cut.run_id, shlex.join(self.argv))
            tx.append("run.recovered", self.cut.run_id, self.cut.run_id, {"by": "durable resume"})
            if self.cut.asked.strict:
                strict.turn_on(tx, self.cut.run_id)
            elif self.cut.asked.no_strict:
                strict.turn_off(tx, self.cut.run_id, "durable resume --no-strict")
            crash.point("resume-taken")
            tx.commit()
        return token

    def _give_back(self, token: int) -> None:
        with self.cut.ledger.begin() as tx:
            lease.release(tx, self.cut.run_id, token)
            tx.commit()

    def _become_client(self) -> None:
        try:
            if self.cwd:
                os.chdir(self.cwd)
            os.execvpe(self.argv[0], self.argv, {**os.environ, "DURABLE_RUN_ID": self.cut.run_id})
        except OSError as error:
            raise UsageError(f"it can't be started ({error.strerror}): {self.line()}", _BY_HAND) from None


def _told(done: list[Redone]) -> Iterator[Note]:
    for one in done:
        level = "ok" if one.status in ("succeeded", "spooled") else "warning"
        why = f": {one.why}" if one.why else ""
        yield Note(level, f"{one.step.step_id} was made again as {one.again}: {one.status}{why}")
