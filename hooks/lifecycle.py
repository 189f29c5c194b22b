"""Runs at every other event of a session. Nobody is stopped here."""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
# From a checkout the package is in ../src, from an installed wheel in the directory above it.
# Appended, so that nothing there can stand in for a module of the standard library.
sys.path += [os.path.join(os.path.dirname(HERE), "src"), os.path.dirname(os.path.dirname(HERE))]

try:
    from durable.old_python import reexec_or_exit

    reexec_or_exit(os.path.abspath(__file__))
    from durable.hook import main
except Exception as error:
    sys.stderr.write("durable: its own code can't be loaded (%s); install it again or check this Python\n" % error)
    sys.stderr.flush()
    os._exit(2)

main("lifecycle")
