"""Where the settings in force leave a hole: a call that could run unrecorded, or none that could run.

`lint` is pure; what it must know of the machine stands in a World. A severity is

    problem   a call may run unrecorded, or every call is denied
    warning   outcomes go unrecorded, or a safety net is missing
    note      what can't be known from here
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from durable.home import command
from durable.settings.registered import foreign_handlers, registered_hooks
from durable.settings.registration import POST, PRE, REGISTRATION
from durable.settings.shape import misshapen
from durable.settings.world import OLDEST_PYTHON, REAL

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from durable.settings.in_force import SettingsFile
    from durable.settings.registered import RegisteredHook
    from durable.settings.world import World

DEFAULT_DEADLINE_S = 5.0
EVERY_TOOL = frozenset({None, "", "*", ".*"})
REGISTER = f"run {command()} init"
RECEIPTS = frozenset({"PostToolUse", "PostToolUseFailure"})
NOT_FOR_A_GUARD = {
    "async": "runs beside the call instead of before it",
    "asyncRewake": "runs beside the call instead of before it",
    "once": "is removed after the first call",
    "if": "runs only for the calls that its `if` names",
}


class Finding(NamedTuple):
    severity: str
    code: str
    file: str
    # A JSON pointer into the file; empty where the whole file is meant.
    pointer: str
    problem: str
    remedy: str


def lint(files: Sequence[SettingsFile], world: World = REAL, deadline_s: float = DEFAULT_DEADLINE_S) -> list[Finding]:
    """What is wrong with these files, weakest file first, taken together as the client would."""
    hooks = registered_hooks(files, world.reads_as_ours)
    guards = [hook for hook in hooks if hook.event == "PreToolUse"]
    return [
        *_unloadable(files),
        *_switched_off(files),
        *_managed_only(files, guards),
        *_missing(hooks, guards),
        *_matchers(hooks),
        *(finding for guard in guards for finding in _guard(guard, deadline_s)),
        *_started_twice(hooks),
        *_paths(hooks, world),
        *_others(files, world),
    ]


# ---- whole files ------------------------------------------------------------------------------


def _unloadable(files: Iterable[SettingsFile]) -> Iterator[Finding]:
    for file in files:
        if file.error:
            yield Finding(
                "problem", "not-json", file.path, "", file.error, "repair it: the client takes nothing from this file"
            )
            continue
        for found in misshapen(file.data):
            problem = f"{found.pointer or 'the file'} {found.problem}"
            if found.drops_file:
                remedy = "repair it: the client drops this whole file, hooks and permission rules"
                yield Finding("problem", "file-dropped", file.path, found.pointer, problem, remedy)
            else:
                remedy = "repair it: the client skips this entry"
                yield Finding("warning", "entry-skipped", file.path, found.pointer, problem, remedy)


def _switched_off(files: Sequence[SettingsFile]) -> Iterator[Finding]:
    speaking = [file for file in files if file.loads and "disableAllHooks" in file.data]
    for file in speaking:
        if file.data["disableAllHooks"] is True:
            decides = file is speaking[-1]
            yield Finding(
                "problem" if decides else "warning",
                "hooks-off",
                file.path,
                "/disableAllHooks",
                "disableAllHooks switches every hook off, the user's own and plugins too"
                if decides
                else f"disableAllHooks is true, and only {speaking[-1].path} stands against it",
                "set it to false or remove it",
            )


def _managed_only(files: Iterable[SettingsFile], guards: Iterable[RegisteredHook]) -> Iterator[Finding]:
    if any(guard.scope == "managed" for guard in guards):
        return
    for file in files:
        if file.scope == "managed" and file.loads and file.data.get("allowManagedHooksOnly") is True:
            yield Finding(
                "problem",
                "managed-hooks-only",
                file.path,
                "/allowManagedHooksOnly",
                "only hooks of managed settings run on this machine, and ours are not among them",
                f"ask its administrator to add what {command()} init --print shows",
            )


# ---- what is not there ------------------------------------------------------------------------


def _missing(hooks: Sequence[RegisteredHook], guards: Sequence[RegisteredHook]) -> Iterator[Finding]:
    if not guards:
        problem = "no settings file registers our PreToolUse hook: nothing is recorded and nothing is denied"
        yield Finding("problem", "not-registered", "", "/hooks/PreToolUse", problem, f"{REGISTER} --user")
    present = {hook.event for hook in hooks}
    if not present:
        return
    for one in REGISTRATION:
        if one.event not in present and one.script != PRE:
            yield Finding(
                "problem" if one.event in RECEIPTS else "warning",
                "event-missing",
                hooks[0].file,
                f"/hooks/{one.event}",
                f"{one.event} has no hook of ours, so what it reports is not recorded",
                f"{REGISTER} again",
            )


def _matchers(hooks: Sequence[RegisteredHook]) -> Iterator[Finding]:
    for one in REGISTRATION:
        of_event = [hook for hook in hooks if hook.event == one.event]
        if not of_event or any(hook.matcher in EVERY_TOOL for hook in of_event):
            continue
        for hook in of_event:
            yield Finding(
                "problem" if one.script in (PRE, POST) else "warning",
                "matcher-gap",
                hook.file,
                hook.pointer.rpartition("/hooks/")[0] + "/matcher",
                f"our {one.event} hook sees only what matches {hook.matcher!r}",
                'set the matcher to "*"',
            )


# ---- the one handler that can stop a call -----------------------------------------------------


def _guard(guard: RegisteredHook, deadline_s: float) -> Iterator[Finding]:
    blocks = guard.handler.get("onFailure") == "block"
    if not blocks:
        problem = "lets a call run when it is killed or times out"
        yield _of(guard, "problem", "fails-open", "onFailure", problem, 'add "onFailure": "block"')
    if not guard.reading.guarded:
        problem = "lets a call run when it can't start, under a client before 2.1.295"
        severity = "warning" if blocks else "problem"
        yield _of(guard, severity, "no-exit-2", "command", problem, "end the command in || exit 2")
    timeout = guard.handler.get("timeout")
    if timeout is not None and timeout <= deadline_s:
        problem = f"is given {timeout} s, no more than its own deadline of {deadline_s:g} s"
        yield _of(guard, "problem", "timeout-short", "timeout", problem, f"give it {REGISTRATION[2].timeout} s")
    for key, problem in NOT_FOR_A_GUARD.items():
        if guard.handler.get(key):
            yield _of(guard, "problem", "guard-conditional", key, problem, f"remove {key!r} from this handler")


def _of(hook: RegisteredHook, severity: str, code: str, key: str, problem: str, remedy: str) -> Finding:
    return Finding(severity, code, hook.file, f"{hook.pointer}/{key}", f"our {hook.event} hook {problem}", remedy)


# ---- what the handlers name -------------------------------------------------------------------


def _started_twice(hooks: Sequence[RegisteredHook]) -> Iterator[Finding]:
    """The client starts equal handlers of two files once; ours differ by path or interpreter."""
    doubled = [pair for one in REGISTRATION if (pair := _unequal(hooks, one.event))]
    if doubled:
        first, last = doubled[0]
        problem = f"is registered a second time, differently (first in {first.file}); {len(doubled)} events start twice"
        yield _of(last, "warning", "registered-twice", "command", problem, f"run {command()} uninit for one of the two")


def _unequal(hooks: Sequence[RegisteredHook], event: str) -> tuple[RegisteredHook, RegisteredHook] | None:
    of_event = [hook for hook in hooks if hook.event == event]
    lines = {(hook.command, tuple(hook.args or ())) for hook in of_event}
    return (of_event[0], of_event[-1]) if len(lines) > 1 else None


def _paths(hooks: Iterable[RegisteredHook], world: World) -> Iterator[Finding]:
    seen: set[tuple[str, str]] = set()
    for hook in hooks:
        script, python = hook.reading.path, hook.reading.python
        if ("script", script) not in seen and "$" not in script:
            yield from _script(hook, script, world)
        if python is not None and ("python", python) not in seen and "$" not in python:
            yield from _python(hook, python, world)
        seen |= {("script", script), ("python", python or "")}


def _script(hook: RegisteredHook, script: str, world: World) -> Iterator[Finding]:
    if not world.readable(script):
        effect = "every call is denied" if hook.event == "PreToolUse" else "nothing is recorded"
        problem = f"names {script}, which is not there or can't be read: {effect}"
        yield _of(hook, "problem", "script-missing", "command", problem, f"{REGISTER} again")


def _python(hook: RegisteredHook, python: str, world: World) -> Iterator[Finding]:
    version = world.python_version(python)
    if version is None:
        problem = f"runs with {python}, which can't be started"
        yield _of(hook, "problem", "python-missing", "command", problem, f"{REGISTER} again, with a Python that stays")
    elif version < OLDEST_PYTHON:
        problem = f"runs with {python}, a Python {version[0]}.{version[1]}: it works only while a newer one is on PATH"
        yield _of(hook, "warning", "python-old", "command", problem, f"{REGISTER} again, with Python 3.11 or later")


def _others(files: Sequence[SettingsFile], world: World) -> Iterator[Finding]:
    for file, pointer in foreign_handlers(files, "PreToolUse", world.reads_as_ours):
        problem = "another PreToolUse hook may rewrite a call (updatedInput) after ours has recorded it"
        yield Finding("note", "other-guard", file, pointer, problem, "the receipt then shows the input that ran")
