"""Hands a hook over to a new enough Python. Written so that any Python 3 (and 2.7) can run it."""

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable  # noqa: F401 - in comments, which is all that Python 2 can parse
    from typing import NoReturn  # noqa: F401

WANTED = (3, 11)
NAMES = ["python3." + str(minor) for minor in range(20, 10, -1)] + ["python3", "python"]


def reexec_or_exit(script, leave=None):
    # type: (str, Callable[[str], NoReturn] | None) -> None
    """Does nothing under Python 3.11 or later; otherwise never returns. `leave` ends the process
    with one sentence; without it that is exit 2."""
    if sys.version_info >= WANTED:
        return
    newer = None if os.environ.get("DURABLE_REEXEC") else _newer()
    if newer:
        os.environ["DURABLE_REEXEC"] = "1"
        os.execv(newer, [newer, "-I", "-S", script] + sys.argv[1:])
    (leave or _exit)(
        "it needs Python 3.11 or later and found only %d.%d at %s; "
        "install a newer python3 or put one on PATH" % (sys.version_info[0], sys.version_info[1], sys.executable)
    )


def _exit(problem):
    # type: (str) -> NoReturn
    sys.stderr.write("durable: " + problem + "\n")
    sys.stderr.flush()
    os._exit(2)


def _newer():
    # type: () -> str | None
    for name in NAMES:
        for folder in os.environ.get("PATH", "").split(os.pathsep):
            path = os.path.join(folder, name)
            if os.path.isabs(folder) and os.access(path, os.X_OK) and _is_new(path):
                return path
    return None


def _is_new(path):
    # type: (str) -> bool
    import subprocess

    test = "import sys; sys.exit(0 if sys.version_info >= (%d, %d) else 1)" % WANTED
    null = os.open(os.devnull, os.O_RDWR)
    try:
        return subprocess.call([path, "-I", "-S", "-c", test], stdin=null, stdout=null, stderr=null) == 0
    except OSError:
        return False
    finally:
        os.close(null)
