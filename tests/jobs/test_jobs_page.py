"""docs/jobs.md holds: its job runs, its commands do what they say, its tables have every field and code."""

import re
import shlex

import pytest

from durable.job.model import TOOLS, Job, JobStep
from jobs.workshop import ROOT

PAGE = (ROOT / "docs" / "jobs.md").read_text("utf-8")
(JOB,) = re.findall(r"^```json\n(.*?)^```", PAGE, re.M | re.S)
COMMANDS = [
    line.partition("  #")[0].strip()
    for block in re.findall(r"^```sh\n(.*?)^```", PAGE, re.M | re.S)
    for line in block.splitlines()
]


def test_its_job_is_one():
    assert Job.model_validate_json(JOB).name == "release-notes"


def test_each_field_of_a_step_has_its_row_and_no_other():
    rows = re.findall(r"^\| `(\w+)` \|", PAGE.partition("| field of a step |")[2].partition("\n\n")[0], re.M)
    assert rows == list(JobStep.model_fields)


def test_each_tool_is_named():
    row = next(line for line in PAGE.splitlines() if line.startswith("| `tool` |"))
    assert re.findall(r"`(\w+)`", row)[1:] == [
        "Bash",
        "Write",
        "Edit",
        "MultiEdit",
        "NotebookEdit",
        "mcp__SERVER__TOOL",
    ]
    assert {*re.findall(r"`(\w+)`", row)[1:-1]} == set(TOOLS)


@pytest.mark.parametrize("line", COMMANDS)
def test_each_command_does_what_it_says(shop, line):
    (shop.cwd / "job.json").write_text(JOB)
    words = shlex.split(line)
    assert words[0] == "durable"
    if words[1] == "show":
        shop.durable("run", "job.json", "--run-id", "notes-7")
    if words[1] == "resume":
        killed = shop.durable("run", "job.json", "--run-id", "notes-9", DURABLE_TEST_CRASH="job-step-prepared:kill")
        assert killed.code == -9
    done = shop.durable(*words[1:])
    assert (done.code, done.err) == (0, "") and done.out
    if words[1] != "show" and "--dry-run" not in words:
        assert (shop.cwd / "outbox").read_text() == "Since last week: three changes.\n"
    elif words[1] == "resume":
        assert not (shop.cwd / "outbox").exists()
