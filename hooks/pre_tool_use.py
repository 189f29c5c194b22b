"""Runs before every tool call. Whatever goes wrong here ends in exit 2: the call is denied."""

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

    enter("pre_tool_use", __file__)
except BaseException as error:
    try:
        import last_resort

        last_resort.leave("pre_tool_use", error)
    finally:  # Even that could not be loaded: without file descriptors left, for one.
        posix.write(2, b"durable denied this call, nothing was run: it can't load itself; end some programs.\n")
        posix._exit(2)
