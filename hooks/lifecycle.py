"""Runs at every other event of a session. Nobody is stopped here."""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
# From a checkout the package is in ../src, from an installed wheel in the directory above it.
# Appended, so that nothing there can stand in for a module of the standard library.
sys.path += [os.path.join(os.path.dirname(HERE), "src"), os.path.dirname(os.path.dirname(HERE))]


def leave(problem):
    sys.stderr.write("durable could not record this event: %s.\n" % problem)
    sys.stderr.flush()
    os._exit(0)


try:
    if sys.version_info < (3, 11):
        from durable.old_python import reexec_or_exit

        reexec_or_exit(os.path.abspath(__file__), leave)
    from durable.quick_import import install

    install()
    from durable.switch import read_marker

    # A person's `durable off` is looked for before anything that could be broken is loaded.
    marker = read_marker(os.environ)
    if marker is not None and marker.active():
        os._exit(0)
    from durable.alarm import catch_signals

    catch_signals()
    from durable.hook import main

    main("lifecycle", marker)
except BaseException as error:
    why = " ".join(("%s %s" % (type(error).__name__, error)).split())
    leave("its own code can't be run (%s); install it again or check this Python" % why)
