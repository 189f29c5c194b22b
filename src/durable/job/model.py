"""A job file, as pydantic reads it: everything that is wrong with it is said before its first step runs."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from durable.job.references import mentioned, misplaced
from durable.policy.models import Exits, Lasting, Outputs, Span

NAME = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$"
# Each tool with the text that its input must have.
TOOLS = {
    "Bash": "command",
    "Edit": "file_path",
    "MultiEdit": "file_path",
    "NotebookEdit": "notebook_path",
    "Write": "file_path",
}
MOST_STEPS = 2_000


class JobStep(BaseModel):
    """One call. It happens once unless `effect` says otherwise."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: Annotated[str, Field(pattern=NAME)]
    tool: str
    input: dict[str, Any]
    effect: Literal["once", "repeatable", "read"] = "once"
    needs: Annotated[list[str] | None, BeforeValidator(lambda v: [v] if isinstance(v, str) else v)] = None
    cwd: str = ""
    gate: Literal["ask"] | None = None
    probe: Annotated[str, Field(min_length=1)] | None = None
    probe_timeout: Lasting | None = None
    settle: Span | None = None
    no_effect_exits: Exits | None = None
    no_effect_output: Outputs | None = None

    @field_validator("tool")
    @classmethod
    def _can_be_executed(cls, tool: str) -> str:
        if tool in TOOLS or (tool.startswith("mcp__") and tool.count("__") >= 2):
            return tool
        raise ValueError(f"there is no tool {tool!r} that a job can run: {', '.join(TOOLS)}, mcp__SERVER__TOOL")

    @model_validator(mode="after")
    def _input_fits(self) -> Self:
        field = TOOLS.get(self.tool)
        if field is not None and not (isinstance(self.input.get(field), str) and self.input[field]):
            raise ValueError(f"the input of {self.tool} has no text {field!r}")
        if self.tool == "Bash" and self.input.get("run_in_background"):
            raise ValueError("a job waits for its commands: leave out run_in_background, and use `needs`")
        found, where = misplaced(self.input["command"]) if self.tool == "Bash" else ("", "")
        if found:
            raise ValueError(f"{found} stands {where}: write it bare, it is quoted for the shell as one word")
        if self.effect != "once" and self.rule_fields():
            raise ValueError(f"{', '.join(self.rule_fields())}: only for what must not happen twice")
        return self

    def rule_fields(self) -> dict[str, Any]:
        """What it says as a rule of a policy would."""
        return self.model_dump(
            include={"probe", "probe_timeout", "settle", "no_effect_exits", "no_effect_output"}, exclude_none=True
        )


class Job(BaseModel):
    """`steps` run in their order; those that name what they `needs` run as soon as that is done."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(pattern=NAME)]
    steps: Annotated[list[JobStep], Field(min_length=1, max_length=MOST_STEPS)]

    @model_validator(mode="after")
    def _hangs_together(self) -> Self:
        ids = [step.id for step in self.steps]
        twice = next((name for name in ids if ids.count(name) > 1), None) if len(set(ids)) < len(ids) else None
        if twice is not None:
            raise ValueError(f"two steps are called {twice!r}")
        needs = self.needs()
        for step in self.steps:
            for name in [*needs[step.id], *sorted(mentioned(step.input))]:
                if name not in needs:
                    raise ValueError(f"step {step.id!r} needs {name!r}, and there is no such step")
        _refuse_cycles(needs)
        for step in self.steps:
            for name in mentioned(step.input) - _before(step.id, needs):
                raise ValueError(f"step {step.id!r} uses the output of {name!r}: name that in its `needs`")
        return self

    def needs(self) -> dict[str, list[str]]:
        """What each step waits for: what it names, else the step that stands before it."""
        before = [[], *([step.id] for step in self.steps[:-1])]
        return {
            step.id: previous if step.needs is None else list(step.needs)
            for step, previous in zip(self.steps, before, strict=True)
        }

    def step(self, name: str) -> JobStep:
        return next(step for step in self.steps if step.id == name)


def _refuse_cycles(needs: dict[str, list[str]]) -> None:
    left = {name: set(those) for name, those in needs.items()}
    while ready := [name for name, those in left.items() if not those]:
        for name in ready:
            del left[name]
        for those in left.values():
            those.difference_update(ready)
    if left:
        raise ValueError(f"these steps wait for each other: {', '.join(left)}")


def _before(name: str, needs: dict[str, list[str]]) -> set[str]:
    """All that is done when the step begins."""
    found: set[str] = set()
    todo = list(needs[name])
    while todo:
        one = todo.pop()
        if one not in found:
            found.add(one)
            todo += needs[one]
    return found
