"""Runs after a tool call or a batch of them. The effect is there: nothing may be lost."""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
# From a checkout the package is in ../src, from an installed wheel in the directory above it.
# Appended, so that nothing there can stand in for a module of the standard library.
sys.path += [os.path.join(os.path.dirname(HERE), "src"), os.path.dirname(os.path.dirname(HERE)), HERE]

try:
    from durable.door import enter

    enter("post_tool_use", __file__)
except BaseException as error:
    import last_resort

    last_resort.leave("post_tool_use", error)
