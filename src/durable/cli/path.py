from __future__ import annotations

import os

from durable import home
from durable.cli.blocks import Facts
from durable.cli.result import Result

OPTIONS = ()


def run() -> Result:
    """Print where everything lies: state, configuration, hook scripts."""
    from durable.policy.files import policy_files
    from durable.settings.registration import SCRIPTS, hook_folder

    state = home.data_home()
    places: dict[str, str | list[str]] = {
        "home": state,
        "ledger": os.path.join(state, "ledger.db"),
        "key": os.path.join(state, "key"),
        "spool": os.path.join(state, "spool"),
        "heads": os.path.join(state, "heads"),
        "locks": os.path.join(state, "locks"),
        "hook_log": os.path.join(state, "hook.log"),
        "config": home.config_dir(),
        "policy_files": [path for _, path in policy_files(os.getcwd(), os.environ)],
        "hook_scripts": [os.path.join(hook_folder(), name) for name in SCRIPTS],
        "command": home.command(),
    }
    return Result("path", places, view=[Facts(_lines(places))])


def _lines(places: dict[str, str | list[str]]) -> list[tuple[str, str]]:
    lines = []
    for name, found in places.items():
        for path in [found] if isinstance(found, str) else found:
            lines.append((name.replace("_", " "), path))
    return lines
