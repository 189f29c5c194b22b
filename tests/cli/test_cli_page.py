"""docs/cli.md holds: each of its commands is run."""

import re
import shlex
import subprocess

import pytest
from cli_machine import ROOT, SESSION

from claude_lines import Lines


def commands():
    page = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```sh\n(.*?)```", page, re.S)
    lines = [line.partition("  #")[0].strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if line]


@pytest.mark.parametrize("line", commands())
def test_every_command_of_the_page_does_what_it_says_there(machine, line):
    use_id = machine.ran("Bash", command="npm test")
    transcript = Lines(SESSION)
    transcript.ran("Bash", use_id, {"command": "npm test"}, {"stdout": "done"})
    transcript.write(machine.root / "transcript.jsonl")
    words = shlex.split(line)
    assert words[0] == "durable"
    named = {"RUN": SESSION[:8], "STEP": machine.steps()[0]["step_id"], "FILE": str(machine.root / "key.txt")}
    named["BACKUP"] = str(machine.root / "backup")
    words = [named.get(word, word) for word in words[1:]]
    if words[:2] == ["key", "import"]:
        machine.said("key", "export", named["FILE"])
    if words[:1] == ["tail"]:
        words.append("--once")
    if words[:1] == ["restore"] and named["FILE"] in words:
        subprocess.run(["cp", machine.state / "ledger.db", named["FILE"]], check=True)
    done = machine.cli(*words)
    assert (done.returncode, done.stderr) == (0, ""), done
    assert done.stdout
