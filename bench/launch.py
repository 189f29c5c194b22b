"""Starts a program and says what it cost. Small itself: a child's peak of memory counts from its parent's."""

import os
import sys
import time

began = time.perf_counter()
process = os.posix_spawn(sys.argv[2], sys.argv[2:], os.environ)
_, status, used = os.wait4(process, 0)
wall = time.perf_counter() - began
cpu = used.ru_utime + used.ru_stime
with open(sys.argv[1], "w", encoding="ascii") as told:
    told.write(f"{os.waitstatus_to_exitcode(status)} {wall * 1000} {cpu * 1000} {used.ru_maxrss / 1024}")
