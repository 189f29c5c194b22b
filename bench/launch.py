"""Starts a program and says what it cost. Small itself: a child's peak of memory counts from its parent's.

python -I -S launch.py TOLD pipe|terminal PROGRAM ...
"""

import os
import sys
import time


def at_a_terminal(words):
    """A process whose output is read to its end, as a terminal does."""
    import pty

    process, terminal = pty.fork()
    if not process:
        os.execv(words[0], words)
    try:
        while os.read(terminal, 65_536):
            pass
    except OSError:  # What Linux says at the end of a terminal that nobody holds any more.
        pass
    return process


told, way, *words = sys.argv[1:]
began = time.perf_counter()
process = at_a_terminal(words) if way == "terminal" else os.posix_spawn(words[0], words, os.environ)
_, status, used = os.wait4(process, 0)
wall = time.perf_counter() - began
cpu = used.ru_utime + used.ru_stime
with open(told, "w", encoding="ascii") as file:
    file.write(f"{os.waitstatus_to_exitcode(status)} {wall * 1000} {cpu * 1000} {used.ru_maxrss / 1024}")
