"""Keeps an agent's own calls off the ledger that records them.

Best effort, and no more: whoever runs any command as the same user can reach the same files by a way that
is not foreseen here. What is changed behind the ledger's back is detected by its chain and its head; this only
keeps a model from taking the near way out of a deny.

An ordinary call costs one look at its words and imports nothing.
"""

from __future__ import annotations

from durable.lean import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from durable.event import Call

# Tools that reach one file, and the field that names it. Glob and LS show names only.
_FILE_FIELDS = {
    "Edit": "file_path",
    "Grep": "path",
    "MultiEdit": "file_path",
    "NotebookEdit": "notebook_path",
    "Read": "file_path",
    "Write": "file_path",
}
_WRITES = ("Edit", "MultiEdit", "Write")
# No line gets at the state or the settings without one of these, unless by a pattern or from further up.
_WORDS = ("durable", "claude", "settings", "ledger.db", "off.json", "disableAllHooks")
_SWEEPING = ("*", "?", "[", "rm ", "mv ", "rmdir ", "shred ", "chmod ", "chown ", "rsync ")


def tampers(call: Call, cwd: str, home: str, env: Mapping[str, str], project: str) -> str:
    """What to say if the call would touch durable's own state, take its hooks out or decide in a person's stead.

    "" if it would not. `home` is the state directory, "" if there is none.
    """
    field = _FILE_FIELDS.get(call.tool)
    if field is not None:
        path = call.input.get(field)
        return _of_file(call, path, cwd, home, env) if isinstance(path, str) else ""
    line = call.input.get("command")
    if isinstance(line, str):
        if not _deserves_a_look(line, cwd, home):
            return ""
        from durable.protection.line import of_line

        return of_line(line, cwd, home, env, project)
    return _of_values(call, cwd, home, env) if call.tool.startswith("mcp__") else ""


def _deserves_a_look(line: str, cwd: str, home: str) -> bool:
    if any(word in line for word in _WORDS) or os.path.basename(home) in line:
        return True
    if "/.claude" in cwd or "/.config/durable" in cwd or f"{cwd}/".startswith(f"{home}/"):
        return True
    top = home[: home.find("/", 1) + 1]
    reaches = "~" in line or "$" in line or ".." in line or top in line or line.endswith(" /") or " / " in line
    reaches = reaches or home.startswith(f"{cwd}/")
    return reaches and any(sign in line for sign in _SWEEPING)


def _of_file(call: Call, path: str, cwd: str, home: str, env: Mapping[str, str]) -> str:
    if "\0" in path:
        return ""
    real = os.path.realpath(_joined(path, cwd, env))
    if (real != path or _is_near(path, home)) and _holds(real, path, cwd, home, env):
        return state_refused(path)
    if call.tool in _WRITES and real.endswith(".json"):
        from durable.protection.settings import of_write

        return of_write(call, real)
    return ""


def _joined(path: str, cwd: str, env: Mapping[str, str]) -> str:
    if path.startswith("~/"):
        return env.get("HOME", "") + path[1:]
    return path if path.startswith("/") else f"{cwd}/{path}"


def _is_near(path: str, home: str) -> bool:
    """Through no link and no `..` it leads there only if it ends in these names."""
    return "durable" in path or os.path.basename(home) in path


def _holds(real: str, path: str, cwd: str, home: str, env: Mapping[str, str]) -> bool:
    from durable.protection.ground import Ground

    ground = Ground(home, env)
    return ground.holds(real) or ground.is_named(path, cwd)


def _of_values(call: Call, cwd: str, home: str, env: Mapping[str, str]) -> str:
    """A tool that we don't know may take a path anywhere."""
    for value in call.input.values():
        if _is_near_path(value, home) and _holds(os.path.realpath(_joined(value, cwd, env)), value, cwd, home, env):
            return state_refused(value)
    return ""


def _is_near_path(value: object, home: str) -> bool:
    if not isinstance(value, str) or "\n" in value or "\0" in value:
        return False
    return value[:1] in ("/", "~", ".") and _is_near(value, home)


def state_refused(path: str) -> str:
    return refused(
        f"{path} belongs to durable's own records, which an agent's tools leave alone",
        "The reading verbs (`durable runs`, `show`, `step`, `open`) say what is in there. A person can lift "
        "enforcement for a while, outside of this session: {command} off --for 1h --reason TEXT",
    )


def refused(what: str, instead: str) -> str:
    from durable.home import command

    return f"durable refused this call, nothing was run: {what}. {instead.replace('{command}', command())}"
