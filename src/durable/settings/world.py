"""What the lint must know of the machine."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING, NamedTuple

from durable.settings.ours import script_text_is_ours

if TYPE_CHECKING:
    from collections.abc import Callable

ASK_VERSION = "import sys; print(sys.version_info[0], sys.version_info[1])"
OLDEST_PYTHON = (3, 11)
PATIENCE_S = 10


class World(NamedTuple):
    reads_as_ours: Callable[[str], bool | None]
    readable: Callable[[str], bool]
    # None where it can't be started.
    python_version: Callable[[str], tuple[int, int] | None]


def _readable(path: str) -> bool:
    return os.path.isfile(path) and os.access(path, os.R_OK)


def _python_version(command: str) -> tuple[int, int] | None:
    program = shutil.which(command)
    if program is None:
        return None
    try:
        answer = subprocess.run(
            [program, "-I", "-S", "-c", ASK_VERSION],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
        )
        major, minor = answer.stdout.split()
        return int(major), int(minor)
    except (OSError, ValueError, subprocess.SubprocessError):
        return None


REAL = World(script_text_is_ours, _readable, _python_version)


def starting_only(may_start: Callable[[str], bool]) -> World:
    """Asking an interpreter for its version starts it, and a cloned project may name any program at all.
    One that may not be started passes for new enough."""

    def version(python: str) -> tuple[int, int] | None:
        return REAL.python_version(python) if may_start(python) else OLDEST_PYTHON

    return World(REAL.reads_as_ours, REAL.readable, version)
