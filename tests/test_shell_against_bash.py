"""What is said of a line is held against what bash does with it, whichever of its commands fails."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from durable.shell import Command, Open, parse_line
from shell_rows import ROWS

BASH = shutil.which("bash")
CODES = {"a": 3, "b": 4, "c": 5, "d": 6, "gh": 7, "npm": 8}
STUB = """#!/bin/sh
code=0
case " $FAILING " in *" ${0##*/} "*) code=$CODE;; esac
printf '%s\\037' "$code" "$PWD" "${0##*/}" "$@" '\036' >> "$RECORD"
exit $code
"""
# They never end, need a program that may be missing, or run what is not in the scratch directory.
LEFT_OUT = (
    "while", "until", "select", ":()", "sudo", "doas", "ssh", "docker", "watch", "parallel", "su bob", "flock", "npx",
    "uv ", "poetry", "op run", "direnv", "/usr/bin", "zsh", "git", "curl", "mkdir", "cat > f", "-lc", "cd ..", "stdbuf",
    "env", "ionice", "s.sh",
)  # fmt: skip
LINES = [line for line, _ in ROWS if not any(word in line for word in LEFT_OUT)]

pytestmark = pytest.mark.skipif(BASH is None, reason="there is no bash to compare with")


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("bash").resolve()
    for name in ("bin", "home/x/y", "w/x/q", "w/y", "w/r", "q/r"):
        (root / name).mkdir(parents=True)
    for name in CODES:
        stub = root / "bin" / name
        stub.write_text(STUB)
        stub.chmod(0o755)
    (root / "w/f").write_text("one\n")
    return root


class Ran:
    def __init__(self, root: Path, line: str, failing: str) -> None:
        record = root / "record"
        record.unlink(missing_ok=True)
        environment = {
            "PATH": f"{root}/bin:/usr/bin:/bin",
            "HOME": f"{root}/home",
            "LC_ALL": "C.UTF-8",
            "RECORD": str(record),
            "FAILING": failing,
            "CODE": str(CODES.get(failing, 9)),
        }
        (root / "w/in").write_text("")
        # The pipe stays open as long as anything in the background lives.
        done = subprocess.run([str(BASH), "-c", line], cwd=root / "w", env=environment, capture_output=True, timeout=20)
        self.code = done.returncode
        text = record.read_text(errors="surrogateescape") if record.exists() else ""
        self.calls = [entry.split("\x1f")[:-1] for entry in text.split("\x1e\x1f") if entry]

    def of(self, command: Command, home: str) -> list[int]:
        """The codes of the calls that `command` speaks of."""
        return [int(code) for code, cwd, *words in self.calls if speaks_of(command, words, cwd, home)]


def speaks_of(command: Command, words: list[str], cwd: str, home: str) -> bool:
    place = home + command.cwd[1:] if command.cwd.startswith("~") else command.cwd
    if place not in ("", cwd) or command.program != words[0]:
        return False
    if any(type(word) is Open for word in command.words):
        return True
    mine = command.words[1:]
    return words[1:] == mine or (command.open_ended and words[1 : len(mine) + 1] == mine)


def unalike(word: str, home: str) -> str:
    return word.replace("~", home, 1) if word.startswith("~") else word


def test_enough_lines_are_compared():
    assert len(LINES) >= 60


@pytest.mark.parametrize("failing", ["", "a", "b", "c", "a b c d gh npm"], ids=lambda failing: failing or "none fails")
@pytest.mark.parametrize("line", LINES)
def test_bash_does_what_the_line_is_said_to_do(line, failing, place):
    line = line.replace("/q", f"{place}/q")
    names = [name for name in CODES if name in line]
    if failing and not (set(failing.split()) & set(names)):
        return
    home = f"{place}/home"
    commands = [command for command in parse_line(line, f"{place}/w").commands if command.program in CODES]
    for command in commands:
        command.words = [
            word if type(word) is Open else unalike(word, home) if "'" not in line else word for word in command.words
        ]
    ran = Ran(place, line, failing)
    for _, cwd, *words in ran.calls:
        assert any(speaks_of(command, words, cwd, home) for command in commands), words
    for command in commands:
        codes = ran.of(command, home)
        if ran.code == 0 and not command.exit_hidden:
            assert 0 in codes, f"{command} did not succeed"
        if ran.code in CODES.values():
            if not command.failure_hidden:
                assert ran.code in codes, f"{command} did not fail"
            if command.failure_clears:
                assert 0 not in codes, f"{command} succeeded"
