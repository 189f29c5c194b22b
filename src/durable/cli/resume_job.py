"""A job's run goes on here: what has no receipt is executed, in the job's order."""

from __future__ import annotations

from durable.cli.blocks import Paragraph
from durable.cli.job_view import ended
from durable.cli.progress import progress
from durable.cli.result import Result
from durable.cli.resume_asked import left_of
from durable.cli.resume_view import needs_somebody, plan_json, plan_view
from durable.errors import UsageError
from durable.job.rule import own_rule
from durable.job.runner import Runner
from durable.job.store import recall
from durable.job.work import end, go_on

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from durable.cli.resume_asked import Asked, CutOff
    from durable.policy.rule import Rule
    from durable.resume import Item

FOR_AN_AGENT = ("replay", "only", "prompt", "strict", "no_strict")


class JobRun:
    def __init__(self, cut: CutOff) -> None:
        self.cut = cut
        _check(cut.run_id, cut.asked)
        with cut.ledger.begin() as tx:
            self.loaded = recall(tx, cut.run_id)

    def rules(self) -> dict[str, Rule]:
        job = self.loaded.job
        found = [own_rule(job.name, step.id, step.effect, step.rule_fields()) for step in job.steps]
        return {rule.name: rule for rule in found}

    def shown(self, items: dict[str, list[Item]]) -> Result:
        data = {"run_id": self.cut.run_id, "job": self.loaded.job.name, "plan": plan_json(items), "start": None}
        return Result("resume", data, 1 if needs_somebody(items) else 0, plan_view(self.cut.run_id, items))

    def begun(self, items: dict[str, list[Item]]) -> Result:
        """Where each step stands is told in the end, by then for good."""
        result = self.shown(items)
        result.view = [Paragraph(f"run {self.cut.run_id}")]
        result.begins = True
        return result

    def agreed(self) -> bool:
        """Whoever wrote the job has said what shall be run."""
        return True

    def go_on(self, items: dict[str, list[Item]]) -> Iterator[Result]:
        cut = self.cut
        cwd: str = cut.row["project"]
        hand = go_on(cut.state, cut.ledger, cut.policy, cut.run_id, cwd)
        with progress(self.loaded.job) as watch:
            runner = Runner(hand, self.loaded.job, cwd, cut.asked.at_once, watch)
            runner.look(left_of(items))
            runner.run()
        yield ended("resume", self.cut.run_id, end(hand, runner), runner)


def _check(run_id: str, asked: Asked) -> None:
    given = [f"--{name.replace('_', '-')}" for name in FOR_AN_AGENT if getattr(asked, name)]
    if given:
        problem = f"{given[0]} is for an agent's run, and {run_id} is a job's"
        raise UsageError(problem, f"leave it out: durable resume --run-id {run_id} executes what is left of it")
