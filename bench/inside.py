"""The PreToolUse hook with a stopwatch: the lines of durable/door.py, with a mark after each import.

Started by bench/breakdown.py. Behind the imports it watches the named points at which tests kill the
hook, and a few functions on the way of the event; what the hook does stays as it is.
"""

import os
import sys
import time

SOURCE = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "src")
DOOR = os.path.join(SOURCE, "durable", "door.py")
POINTS = {
    "after-prepare": "prepared row",
    "after-answer": "running",
    "after-commit": "COMMIT, with its sync",
    "after-head": "head file, with its sync",
    "answered": "answer printed",
}
marks = []


def mark(name):
    marks.append((name, time.perf_counter(), time.process_time()))
    if name == POINTS["answered"]:
        lines = [f"{name}\t{wall!r}\t{spent!r}\n" for name, wall, spent in marks]
        os.write(2, "".join(lines).encode())


def point(name):
    if name in POINTS:
        mark(POINTS[name])


def after(owner, function, name):
    """Marks `name` whenever the function has returned."""
    original = getattr(owner, function)

    def watched(*args, **kwargs):
        found = original(*args, **kwargs)
        mark(name)
        return found

    setattr(owner, function, watched)


def watch():
    from durable import crash, hook
    from durable.ledger.sqlite import SqliteLedger

    crash.point = point
    after(hook.Hook, "read", "durable.prepare; policy, input, parse")
    after(SqliteLedger, "_connect", "lock, database opened")
    after(SqliteLedger, "begin", "key, BEGIN, head checked")
    after(hook.Hook, "transaction", "spool looked at")


def with_marks(line):
    words = line.split()
    if words[:1] == ["from"] and words[1].startswith("durable."):
        return f"{line}; mark('import {words[1]}')"
    if line.lstrip().startswith("bundle"):
        return f"{line}; mark({line.strip()!r})"
    indent = line[: len(line) - len(line.lstrip())]
    return f"{indent}watch()\n{line}" if line.lstrip().startswith("main(") else line


sys.path.append(SOURCE)
with open(DOOR, encoding="utf-8") as file:
    source = "\n".join(with_marks(line) for line in file.read().splitlines())
door = {"__name__": "durable.door", "mark": mark, "watch": watch}
exec(compile(source, DOOR, "exec"), door)
mark("")
door["enter"]("pre_tool_use", __file__)
