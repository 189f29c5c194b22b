"""The way in, the same for all hooks. Written so that any Python can read it, an old one included."""

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn  # noqa: F401 - in comments, which is all that Python 2 can parse


def enter(door, script):
    # type: (str, str) -> NoReturn
    """Ends the process with an answer, or raises if our own code can't be run."""
    if sys.version_info < (3, 11):
        import os

        from durable.old_python import reexec_or_exit

        reexec_or_exit(os.path.abspath(script), _too_old)
    from durable.quick_import import install

    install()
    from durable.bundle import Bundle
    from durable.lean import os

    bundle = Bundle(door)
    bundle.load("durable.switch")
    from durable.switch import read_marker

    # A person's `durable off` is looked for before anything that could be broken is loaded.
    marker = read_marker(os.environ)
    if marker is not None and marker.active():
        os._exit(0)
    bundle.load("durable.alarm")
    from durable.alarm import catch_signals

    catch_signals()
    bundle.load()
    from durable.hook import main

    main(door, marker, bundle)


def _too_old(problem):
    # type: (str) -> NoReturn
    raise RuntimeError(problem)
