"""Whoever follows docs/bundles.md to the letter gets what it says there."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

from cli.cli_machine import ROOT, SESSION, Machine
from durable.evidence import bundle, verify_bundle
from durable.evidence.bundles import vouching

PAGE = (ROOT / "docs" / "bundles.md").read_text("utf-8")
ELSEWHERE = ("import", "runs")


def lines():
    blocks = re.findall(r"^```\n(.*?)^```", PAGE, re.M | re.S)
    return [line.partition("  #")[0].strip() for block in blocks for line in block.splitlines()]


def test_each_command_does_what_it_says(tmp_path):
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    machine = Machine(tmp_path)
    machine.ran("Bash", command="npm test")
    key = Ed25519PrivateKey.generate()
    (machine.project / "KEY").write_bytes(
        key.private_bytes(form.Encoding.PEM, form.PrivateFormat.OpenSSH, form.NoEncryption())
    )
    public = key.public_key().public_bytes(form.Encoding.OpenSSH, form.PublicFormat.OpenSSH)
    (machine.project / "KEY.pub").write_bytes(public)
    assert len(lines()) == 8
    for line in lines():
        words = [SESSION[:8] if word == "RUN" else word for word in shlex.split(line)]
        if words[0] == "python3":
            words = [sys.executable, "-I", "-S", str(ROOT / words[1]), words[2]]
            done = subprocess.run(words, cwd=machine.project, capture_output=True, text=True)
        else:
            env = {"DURABLE_HOME": str(tmp_path / "elsewhere")} if words[1] in ELSEWHERE else {}
            done = machine.cli(*words[1:], env=env)
        assert (done.returncode, done.stderr) == (0, ""), (line, done)
    assert (machine.project / "contents").is_dir()
    machine.close()


def test_every_code_of_a_finding_stands_on_the_page_and_no_other():
    said = set()
    for module in (bundle, verify_bundle, vouching):
        text = Path(module.__file__).read_text("utf-8")
        said |= set(re.findall(r'Finding\(\s*(?:FAIL|PASS|WARN|UNKNOWN), "(\w+)"', text))
        said |= set(
            re.findall(
                r'"(\w+)"\)(?: from None)?\n', "".join(re.findall(r"raise (?:BundleError|no_bundle)\(.*\n", text))
            )
        )
    table = PAGE.partition("| code | what it found |")[2]
    named = {code for cell in re.findall(r"^\| (`.*?) \|", table, re.M) for code in re.findall(r"`(\w+)`", cell)}
    assert said - {"unreadable", "more"} == named
