"""Runs before every tool call. Whatever goes wrong here ends in exit 2: the call is denied."""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
# From a checkout the package is in ../src, from an installed wheel in the directory above it.
# Appended, so that nothing there can stand in for a module of the standard library.
sys.path += [os.path.join(os.path.dirname(HERE), "src"), os.path.dirname(os.path.dirname(HERE)), HERE]

try:
    from durable.door import enter

    enter("pre_tool_use", __file__)
except BaseException as error:
    try:
        import last_resort

        last_resort.leave("pre_tool_use", error)
    finally:  # Even that could not be loaded: without file descriptors left, for one.
        os.write(2, b"durable denied this call, nothing was run: it can't load itself; end some programs.\n")
        os._exit(2)
