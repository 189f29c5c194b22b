"""What the registered hooks will see: the settings in force, and the environment these give them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from durable.doctor.check import FAIL, WARN, Check
from durable.doctor.trust import OF_THE_PROJECT, Trust
from durable.errors import HomeError
from durable.home import data_home
from durable.settings.in_force import load
from durable.settings.registered import registered_hooks

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from durable.doctor.trust import Objection
    from durable.settings.in_force import SettingsFile
    from durable.settings.registered import RegisteredHook

LOOSENS = {
    "DURABLE_POLICY": "chooses the policy of your hooks, observe mode included",
    "DURABLE_TEST_CRASH": "makes your hooks crash on purpose",
    "HOME": "moves your policy and the switch of `durable off`",
    "XDG_CONFIG_HOME": "moves your policy and the switch of `durable off`",
}
MOVES = {
    "DURABLE_DEADLINE_S": "sets how long your hooks may take",
    "DURABLE_HOME": "has your hooks write another ledger",
    "DURABLE_LEDGER": "has your hooks write another ledger",
    "DURABLE_RUN_ID": "makes its sessions part of a run that it names",
    "XDG_DATA_HOME": "has your hooks write another ledger",
}
RUNS = dict.fromkeys(
    ("BASH_ENV", "DYLD_INSERT_LIBRARIES", "ENV", "LD_LIBRARY_PATH", "LD_PRELOAD", "PATH"),
    "decides which programs your hooks run with",
)


class Surroundings:
    """`hooks_env` is this shell's environment with what the settings' `env` puts over it."""

    __slots__ = ("cwd", "env", "files", "hooks", "hooks_env", "trust")

    def __init__(self, env: Mapping[str, str], cwd: str, settings: str = "", fire_project: bool = False) -> None:
        self.env = dict(env)
        self.cwd = cwd
        self.files = load(env, cwd, settings or None)
        self.hooks = registered_hooks(self.files)
        self.trust = Trust(env, cwd, fire_project)
        self.hooks_env = {**self.env, **_given([file for file in self.files if self.trust.takes(file)])}

    def of_event(self, event: str) -> list[RegisteredHook]:
        """The handlers that may be started; the same line in two files runs once."""
        distinct = {(hook.command, tuple(hook.args or ())): hook for hook in self.hooks if hook.event == event}
        return [hook for hook in distinct.values() if self.trust.objection(hook) is None]

    def objections(self) -> list[tuple[RegisteredHook, Objection]]:
        found = [(hook, self.trust.objection(hook)) for hook in self.hooks]
        return [(hook, objection) for hook, objection in found if objection is not None]


def _given(files: Sequence[SettingsFile]) -> dict[str, str]:
    found: dict[str, str] = {}
    for file in files:
        found |= _env_of(file)
    return found


def _env_of(file: SettingsFile) -> dict[str, str]:
    given = file.data.get("env") if file.loads else None
    if not isinstance(given, dict):
        return {}
    return {name: str(value) for name, value in given.items() if isinstance(value, str | int | float)}


# ---- what a project may not do, and what a person may want to know ------------------------------


def environment_checks(around: Surroundings) -> Iterator[Check]:
    for file in around.files:
        if file.scope in OF_THE_PROJECT:
            yield from _imposed(file)
    yield from _two_ledgers(around)


def _imposed(file: SettingsFile) -> Iterator[Check]:
    for name in sorted(_env_of(file)):
        for status, table in ((FAIL, LOOSENS), (WARN, MOVES), (WARN, RUNS)):
            if name in table:
                sentence = f"{file.path} sets {name}: the project {table[name]}"
                remedy = f"remove {name} from its `env`; if you want it, put it into your own settings"
                yield Check(status, "environment", sentence, remedy)


def _two_ledgers(around: Surroundings) -> Iterator[Check]:
    here, theirs = _home_in(around.env), _home_in(around.hooks_env)
    if here != theirs:
        sentence = f"the settings have the hooks write {theirs}, but durable run from this shell reads {here}"
        yield Check(WARN, "environment", sentence, f"export DURABLE_HOME={theirs} in this shell")
        return
    usual = _home_in({name: value for name, value in around.env.items() if not name.startswith("DURABLE_")})
    if here != usual and os.path.exists(f"{usual}/heads/ledger"):
        sentence = f"this shell names the state directory {here}, and there is a ledger in {usual} as well"
        remedy = "a client started from elsewhere writes that one: name the directory in the settings' `env`"
        yield Check(WARN, "environment", sentence, remedy)


def _home_in(env: Mapping[str, str]) -> str:
    try:
        return data_home(env)
    except HomeError:
        return ""
