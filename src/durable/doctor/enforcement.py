"""What a person, or a file, has lifted: `durable off`, observe mode, a policy that can't be read."""

from __future__ import annotations

import os
import time

from durable import switch
from durable.clock import nanoseconds
from durable.doctor.check import FAIL, PASS, WARN, Check
from durable.home import command, config_dir
from durable.policy.files import load_policy
from durable.policy.ignored import ignored_in
from durable.policy.policy import OBSERVE
from durable.view import span_words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# The compiled policies are kept in the state directory. To look must not write there.
NOWHERE = os.devnull


def enforcement_checks(env: Mapping[str, str], project: str) -> Iterator[Check]:
    lifted = list(_switch(env))
    yield from lifted
    found = list(_policy(env, project))
    yield from found
    if not lifted and not found:
        yield Check(PASS, "enforcement", "it is on, and the policy is valid")


def _switch(env: Mapping[str, str]) -> Iterator[Check]:
    path = f"{config_dir(env)}/off.json"
    marker = switch.read_marker(env)
    if marker is None and os.path.lexists(path):
        yield Check(WARN, "enforcement", f"{path} is no valid switch, so it lifts nothing", "remove it")
    elif marker is not None and marker.active():
        left = span_words((nanoseconds(marker.fields["until"]) - time.time_ns()) / 1_000_000_000)
        sentence = (
            f"durable off is in force for another {left}: no call is recorded or held back "
            f"(by {marker.fields['by']}: {marker.fields['reason']})"
        )
        yield Check(WARN, "enforcement", sentence, f"end it: {command()} on", seen=[marker.fields])


def _policy(env: Mapping[str, str], project: str) -> Iterator[Check]:
    policy = load_policy(NOWHERE, project, env)
    if policy.broken:
        sentence = f"a policy file is invalid: {policy.broken}"
        yield Check(FAIL, "policy", sentence, f"mend {policy.broken_file}; until then all but reading is denied")
    elif policy.mode == OBSERVE:
        sentence = (
            "observe mode: nothing is ever denied, whatever the checks above say. Promises 1 (prepared first), "
            "2 (fail closed) and 4 (at most once) do not hold"
        )
        yield Check(WARN, "policy", sentence, 'set mode = "enforce" in the policy that says otherwise')
    told = ignored_in(policy)
    if told:
        sentence = f"a project's policy wants to loosen, and can't: {told[0]}"
        yield Check(WARN, "policy", sentence, f"{command()} policy show lists what is in force", seen=told)
