"""Runs at every other event of a session. Nobody is stopped here."""

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

    enter("lifecycle", __file__)
except BaseException as error:
    try:
        import last_resort

        last_resort.leave("lifecycle", error)
    finally:  # Even that could not be loaded: without file descriptors left, for one.
        posix._exit(0)
