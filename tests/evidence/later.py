"""The verbs as they answer some days later: the clock of their process is put forward, nothing else."""

import subprocess
import sys

CODE = """
import sys, time
now = time.time_ns
time.time_ns = lambda: now() + {days} * 86_400 * 10**9
sys.argv[1:] = {words!r}
{first}
from durable.cli.main import main
main()
"""


def command(days, *words, first=""):
    """`first` is run before the verb."""
    return [sys.executable, "-c", CODE.format(days=days, words=list(words), first=first)]


def later(machine, days, *words, first="", **env):
    return subprocess.run(
        command(days, *words, first=first),
        env=machine.env(**env),
        cwd=machine.project,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )
