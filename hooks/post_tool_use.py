"""Runs after a tool call or a batch of them. The effect is there: nothing may be lost."""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
# From a checkout the package is in ../src, from an installed wheel in the directory above it.
# Appended, so that nothing there can stand in for a module of the standard library.
sys.path += [os.path.join(os.path.dirname(HERE), "src"), os.path.dirname(os.path.dirname(HERE))]


def leave(problem):
    # Its own code is what failed, so the event's name is looked for by hand: the client drops an answer
    # that carries another event's name. The transcript keeps the receipt, which the next hook reads there.
    start = os.read(0, 65536)
    name = "PostToolUseFailure" if b'"PostToolUseFailure"' in start else "PostToolUse"
    told = "durable: this call DID run; do not run it again. Its receipt could not be recorded now."
    if b'"PostToolBatch"' not in start:
        os.write(1, ('{"hookSpecificOutput":{"additionalContext":"%s","hookEventName":"%s"}}' % (told, name)).encode())
    sys.stderr.write("durable could not record a receipt: %s.\n" % problem)
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

    main("post_tool_use", marker)
except BaseException as error:
    why = " ".join(("%s %s" % (type(error).__name__, error)).split())
    leave("its own code can't be run (%s); install it again or check this Python" % why)
