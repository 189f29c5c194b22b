"""What a hook still does when the package can't be run. Loaded only then, and by any Python."""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))


def leave(door, error):
    why = str(error) if type(error) is RuntimeError else "%s %s" % (type(error).__name__, error)
    DOORS[door]("its own code can't be run (%s)" % " ".join(why.split()))


def deny(problem):
    said = "durable denied this call, nothing was run: %s; %s.\n"
    sys.stderr.write(said % (problem, "install it again" + lift()))
    sys.stderr.flush()
    os._exit(2)


def lift():
    for up in ("..", "../../../../.."):  # the checkout, or the environment it is installed in
        command = os.path.normpath(os.path.join(HERE, up, "bin", "durable"))
        if os.path.exists(command):
            return ", or lift enforcement: %s off --for 1h --reason TEXT" % command
    return " or check this Python"


def tell(problem):
    # The event's name is looked for by hand: the client drops an answer that carries another event's
    # name. The transcript keeps the receipt, which the next hook reads there.
    start = os.read(0, 65536)
    name = "PostToolUseFailure" if b'"PostToolUseFailure"' in start else "PostToolUse"
    told = "durable: this call DID run; do not run it again. Its receipt could not be recorded now."
    if b'"PostToolBatch"' not in start:
        os.write(1, ('{"hookSpecificOutput":{"additionalContext":"%s","hookEventName":"%s"}}' % (told, name)).encode())
    stop_nobody(problem)


def stop_nobody(problem):
    sys.stderr.write("durable could not record this: %s; install it again or check this Python.\n" % problem)
    sys.stderr.flush()
    os._exit(0)


DOORS = {"pre_tool_use": deny, "post_tool_use": tell, "lifecycle": stop_nobody}
