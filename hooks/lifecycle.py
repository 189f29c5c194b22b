"""Runs at every other event of a session. Nobody is stopped here."""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
# From a checkout the package is in ../src, from an installed wheel in the directory above it.
# Appended, so that nothing there can stand in for a module of the standard library.
sys.path += [os.path.join(os.path.dirname(HERE), "src"), os.path.dirname(os.path.dirname(HERE)), HERE]

try:
    from durable.door import enter

    enter("lifecycle", __file__)
except BaseException as error:
    try:
        import last_resort

        last_resort.leave("lifecycle", error)
    finally:  # Even that could not be loaded: without file descriptors left, for one.
        os._exit(0)
