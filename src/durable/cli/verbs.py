"""Every verb and the module that holds it. A module is imported when its verb runs, never before."""

from __future__ import annotations

VERBS = {
    "init": "durable.cli.init",
    "uninit": "durable.cli.uninit",
    "path": "durable.cli.path",
}

# What bin/durable offers from a checkout, with the standard library alone.
RESCUE = frozenset({"init", "uninit", "path", "doctor", "off", "on", "migrate", "restore", "key", "open"})
