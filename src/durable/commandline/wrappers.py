"""Commands that run another command: `sudo gh …`, `bash -c '…'`, `xargs -n 1 gh …`.

What runs elsewhere (`ssh HOST 'cmd'`, `docker exec`) is no command of this machine and stays as it is.
"""

from __future__ import annotations

from durable.commandline.command import HIDDEN, REPEATED, SUBSHELL, Open
from durable.commandline.wrapper_options import (
    FETCHING,
    FIND_RUNS,
    GROUPS,
    PARALLEL,
    PREFIXES,
    SHELL_VALUES,
    SUDO,
    SUDO_RUNS_NOTHING,
    UP_TO,
    XARGS,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


class Inside:
    """What a wrapper runs: `words`, or a `script`, or the text on its standard input (`stdin`)."""

    __slots__ = ("cwd", "here", "marks", "more", "options", "script", "stdin", "words")

    def __init__(self, words: list[str] | None = None, script: str | None = None, marks: int = 0) -> None:
        self.words = words or []
        self.script = script
        self.marks = marks
        self.stdin = False
        self.more = False  # further words follow that nobody knows yet
        self.here = False  # in this very shell, so that `cd` in it counts
        self.cwd: str | None = None
        self.options: list[str] = []


def peel(words: list[str], name: str) -> list[Inside]:
    """What the command `words` (called `name`) runs in its turn; nothing if it is the command itself."""
    special = SPECIAL.get(name)
    if special is not None:
        return special(words)
    if name in GROUPS and len(words) > 1:
        name = f"{name} {words[1]}"
        words = words[1:]
    mark = next((at for at, word in enumerate(words) if word in UP_TO.get(name, ())), 0)
    if mark and mark + 1 < len(words):
        return [Inside(words[mark + 1 :])]
    prefix = PREFIXES.get(name)
    found = [] if prefix is None else _prefix(words, *prefix)
    if name in FETCHING:
        for inside in found:
            inside.words[0] = _without_version(inside.words[0])
    return found


def _without_version(package: str) -> str:
    """`npx lerna@6 publish` is `lerna publish`; the first character of `@scope/name` is none."""
    name, _, _ = package[1:].partition("@")
    return package if type(package) is Open else package[:1] + name


def _options_end(words: list[str], with_value: tuple[str, ...]) -> int:
    """Where the options after the first word end."""
    at = 1
    while at < len(words):
        word = words[at]
        if word == "--":
            return at + 1
        if len(word) < 2 or word[0] not in "-+":
            break
        at += 2 if word in with_value else 1
    return at


def _prefix(words: list[str], with_value: tuple[str, ...], plain: int) -> list[Inside]:
    at = _options_end(words, with_value) + plain
    if words[at : at + 1] == ["--"]:
        at += 1
    return [Inside(words[at:])] if at < len(words) else []


def _in_this_shell(words: list[str]) -> list[Inside]:
    """`command gh`, `builtin cd`, `exec -a name gh`; `command -v gh` runs nothing."""
    if any(word in ("-v", "-V") for word in words[1:2]):
        return []
    found = _prefix(words, ("-a",) if words[0] == "exec" else (), 0)
    for inside in found:
        inside.here = True
    return found


def _assignments_end(words: list[str], at: int) -> int:
    while at < len(words) and words[at].partition("=")[0].isidentifier() and "=" in words[at]:
        at += 1
    return at


def _env(words: list[str]) -> list[Inside]:
    at, cwd, script = 1, None, None
    while at < len(words) and words[at].startswith("-"):
        word = words[at]
        value = words[at + 1] if at + 1 < len(words) else ""
        if word in ("-C", "--chdir", "-S", "--split-string", "-u", "--unset"):
            at += 1
        if word == "--":
            at += 1
            break
        if word in ("-C", "--chdir") or word.startswith("--chdir="):
            cwd = value if "=" not in word else word.partition("=")[2]
        elif word in ("-S", "--split-string"):
            script = value
        elif word.startswith("-S"):
            script = word[2:]
        at += 1
    at = _assignments_end(words, at)
    return _placed(words[at:], script, cwd)


def _placed(rest: list[str], script: str | None, cwd: str | None) -> list[Inside]:
    if script is not None:
        rest = [script, *rest]
        inside = Inside(script=" ".join(rest) if type(script) is not Open else Open(" ".join(rest)))
    elif rest:
        inside = Inside(rest)
    else:
        return []
    inside.cwd = cwd
    return [inside]


def _sudo(words: list[str]) -> list[Inside]:
    at, cwd = 1, None
    while at < len(words) and words[at].startswith("-"):
        if words[at] == "--":
            at += 1
            break
        if words[at] in SUDO_RUNS_NOTHING:
            return []
        if words[at] in ("-D", "--chdir"):
            cwd = words[at + 1] if at + 1 < len(words) else ""
            at += 1
        elif words[at] in ("-i", "--login"):
            cwd = "~"
        elif words[at] in SUDO:
            at += 1
        at += 1
    return _placed(words[_assignments_end(words, at) :], None, cwd)


def _filled(words: list[str], mark: str) -> list[str]:
    """Each word that holds the mark is completed by whoever runs the command."""
    return [Open(word) if mark in word else word for word in words]


def _xargs(words: list[str]) -> list[Inside]:
    found = _prefix(words, XARGS, 0)
    mark = next((words[at + 1] for at in range(1, len(words) - 1) if words[at] in ("-I", "-J")), "{}")
    for inside in found:
        inside.words = _filled(inside.words, mark)
        inside.more = True
        inside.marks = HIDDEN | REPEATED
    return found


def _parallel(words: list[str]) -> list[Inside]:
    at = _options_end(words, PARALLEL)
    end = next((n for n, word in enumerate(words) if word.startswith(":::")), len(words))
    if at >= end:
        return []
    # GNU parallel hands its words to a shell: one quoted word may be a whole script.
    inside = Inside(script=Open(" ".join(words[at:end])), marks=HIDDEN | REPEATED)
    inside.more = True
    return [inside]


def _watch(words: list[str]) -> list[Inside]:
    at = _options_end(words, ("-n", "--interval", "-q", "--equexit"))
    return [Inside(script=_joined(words[at:]), marks=HIDDEN | REPEATED)] if at < len(words) else []


def _find(words: list[str]) -> list[Inside]:
    found: list[Inside] = []
    at = 1
    while at < len(words):
        if words[at] in FIND_RUNS:
            end = at + 1
            while end < len(words) and words[end] not in (";", "+"):
                end += 1
            if end > at + 1:
                inside = Inside(_filled(words[at + 1 : end], "{}"), marks=HIDDEN | REPEATED)
                inside.more = True
                inside.cwd = "" if words[at].endswith("dir") else None
                found.append(inside)
            at = end
        at += 1
    return found


def _fd(words: list[str]) -> list[Inside]:
    for at, word in enumerate(words):
        if word in ("-x", "-X", "--exec", "--exec-batch") and at + 1 < len(words):
            inside = Inside(_filled(words[at + 1 :], "{}"), marks=HIDDEN | REPEATED)
            inside.more = True
            return [inside]
    return []


def _joined(words: list[str]) -> str:
    text = " ".join(words)
    return Open(text) if any(type(word) is Open for word in words) else text


def _eval(words: list[str]) -> list[Inside]:
    if len(words) < 2:
        return []
    inside = Inside(script=_joined(words[1:]))
    inside.here = True
    return [inside]


def _trap(words: list[str]) -> list[Inside]:
    at = _options_end(words, ())
    if len(words) < at + 2 or words[at] in ("", "-"):
        return []
    return [Inside(script=words[at], marks=HIDDEN)]


def _shell(words: list[str]) -> list[Inside]:
    """`bash -euo pipefail -c '…'`, `zsh -lc '…'`, `sh -s`, `bash` with a here-document."""
    at, script, stdin = 1, False, False
    while at < len(words) and words[at][:1] in ("-", "+") and len(words[at]) > 1:
        word = words[at]
        at += 1
        if word == "--":
            break
        if not word.startswith("--"):
            script = script or "c" in word
            stdin = stdin or "s" in word
            at += "o" in word or "O" in word
        elif word in SHELL_VALUES:
            at += 1
    if script:
        inside = Inside(script=words[at] if at < len(words) else "")
    elif stdin or at >= len(words):
        inside = Inside()
        inside.stdin = True
    else:
        return []
    inside.marks = SUBSHELL
    inside.options = words[1:at]
    return [inside]


def _with_command_option(words: list[str]) -> list[Inside]:
    """`su user -c '…'`, `script -qc '…' log`, `nix-shell --run '…'`, `flock FILE -c '…'`."""
    for at in range(1, len(words) - 1):
        word = words[at]
        short = word.startswith("-") and not word.startswith("--") and word.endswith("c")
        if short or word in ("--command", "--run"):
            return [Inside(script=words[at + 1], marks=SUBSHELL)]
    return []


def _flock(words: list[str]) -> list[Inside]:
    return _with_command_option(words) or _prefix(words, ("-w", "-E", "--timeout", "--conflict-exit-code"), 1)


SPECIAL: dict[str, Callable[[list[str]], list[Inside]]] = {
    **dict.fromkeys(("bash", "sh", "zsh", "dash", "fish", "ksh", "mksh", "ash"), _shell),
    **dict.fromkeys(("command", "builtin", "exec"), _in_this_shell),
    **dict.fromkeys(("su", "runuser", "script", "nix-shell"), _with_command_option),
    **dict.fromkeys(("fd", "fdfind"), _fd),
    "env": _env,
    "eval": _eval,
    "find": _find,
    "flock": _flock,
    "parallel": _parallel,
    "sudo": _sudo,
    "trap": _trap,
    "watch": _watch,
    "xargs": _xargs,
}
# These do something themselves beside what they run.
KEPT = frozenset(("find", "fd", "fdfind"))
