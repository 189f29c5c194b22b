"""Runs after a tool call or a batch of them. The effect is there: nothing may be lost."""

import posix  # `os` without what it costs to import: a tenth of a hook's time
import sys

HERE = __file__.rpartition("/")[0]
if HERE[:1] != "/":  # an older Python, started by a relative path
    import os

    HERE = os.path.abspath(HERE)
ABOVE = HERE.rpartition("/")[0]
# From a checkout the package is in ../src, from an installed wheel in the directory above it.
# Appended, so that nothing there can stand in for a module of the standard library.
sys.path += [ABOVE + "/src", ABOVE.rpartition("/")[0], HERE]

try:
    from durable.door import enter

    enter("post_tool_use", __file__)
except BaseException as error:
    last_resort = None
    try:
        import last_resort

        last_resort.leave("post_tool_use", error)
    finally:
        if last_resort is None:  # Even that could not be loaded: without file descriptors left, for one.
            # The client drops an answer that carries another event's name; a batch has none.
            start = posix.read(0, 65536)
            name = "PostToolUseFailure" if b'"PostToolUseFailure"' in start else "PostToolUse"
            told = "durable: this call DID run; do not run it again. Its receipt could not be recorded now."
            answer = '{"hookSpecificOutput":{"additionalContext":"%s","hookEventName":"%s"}}' % (told, name)
            if b'"PostToolBatch"' not in start:
                posix.write(1, answer.encode())
        posix.write(2, b"durable could not record a receipt: it can't even load itself; end some programs.\n")
        posix._exit(0)
