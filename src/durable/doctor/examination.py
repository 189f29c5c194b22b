"""All that doctor looks at, in the order in which a person would ask."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from durable.doctor.check import Check, looked_at
from durable.doctor.client import client_checks
from durable.doctor.directory import directory_checks, log_checks, waiting_checks, wal_checks
from durable.doctor.disk import disk_checks
from durable.doctor.enforcement import enforcement_checks
from durable.doctor.ledger import ledger_checks
from durable.doctor.proof import proof
from durable.doctor.registration import settings_checks
from durable.doctor.scratch import Scratch
from durable.doctor.steps import step_checks
from durable.doctor.surroundings import Surroundings, environment_checks
from durable.home import data_home

if TYPE_CHECKING:
    from collections.abc import Iterable


def examine(around: Surroundings, client: str = "") -> list[Check]:
    """Writes nothing but a scratch directory, which is gone when it returns or is interrupted."""
    with Scratch() as scratch:
        guards = around.of_event("PreToolUse")
        home = os.path.join(scratch.root, "client")
        checks = [
            *looked_at("records", lambda: proof(around, scratch)),
            *looked_at("settings", lambda: settings_checks(around)),
            *looked_at("environment", lambda: environment_checks(around)),
            *looked_at("client", lambda: client_checks(client, around.env, home, guards)),
        ]
    return [*checks, *_state(around)]


def _state(around: Surroundings) -> Iterable[Check]:
    env = around.hooks_env
    yield from looked_at("enforcement", lambda: enforcement_checks(env, around.cwd))
    yield from looked_at("state directory", lambda: _of_home(data_home(env), around))


def _of_home(home: str, around: Surroundings) -> Iterable[Check]:
    yield from looked_at("state directory", lambda: directory_checks(home))
    ledger = looked_at("ledger", lambda: ledger_checks(home))
    yield from ledger
    if not any(check.fails for check in ledger):
        yield from looked_at("open steps", lambda: step_checks(home))
    yield from looked_at("spool", lambda: waiting_checks(home, around.hooks_env))
    yield from looked_at("write-ahead log", lambda: wal_checks(home))
    yield from looked_at("hook log", lambda: log_checks(home))
    yield from looked_at("file system", lambda: disk_checks(home))
