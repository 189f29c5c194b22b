"""Would this command line touch our state, take our hooks out, or decide in a person's stead?"""

from __future__ import annotations

from durable.protection.ground import Ground, matches
from durable.protection.settings import PLUGIN, holds_ours, is_settings_file, settings_refused
from durable.protection.tampering import refused, state_refused
from durable.shell import loose_words, parse_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from durable.shell import Command

# Verbs by which a person decides, or ends our keeping of the record. Each other verb of the command line reads,
# or does what a hook does by itself; a test sorts every verb there is into one of the two.
DECIDING = frozenset(
    (
        "allow", "approve", "cancel", "clear", "deny", "happened", "not-happened", "off", "on", "resolve", "restore",
        "retry", "uninit",
    )
)  # fmt: skip
DECIDING_WITH = {
    "key": frozenset(("export", "import", "renew")),
    "init": frozenset(("--force",)),
    "retention": frozenset(("apply",)),
    "backup": frozenset(("--with-key",)),
    "doctor": frozenset(("--repair",)),
    "rebuild": frozenset(("--replace",)),
    "export": frozenset(("--sign", "--force")),
    "resume": frozenset(("--yes", "--replay", "--only", "--no-strict", "--anyway")),
}
_BEFORE_THE_VERB = ("--json", "--version")
_LOOKERS = frozenset(
    (
        "[", "[[", "basename", "cd", "df", "dirname", "du", "echo", "file", "find", "ls", "popd", "printf", "pushd",
        "pwd", "readlink", "realpath", "stat", "test", "tree", "true", "type", "which",
    )
)  # fmt: skip
_ACTS_OF_FIND = ("-delete", "-exec", "-execdir", "-ok", "-okdir", "-fprint", "-fprint0", "-fprintf", "-fls")
# Their words may be a message to somebody, and a search for these words in a source is none of our business.
_SPEAKERS = frozenset(("echo", "gh", "git", "grep", "printf", "rg"))
_RUN_TEXT = ("python", "pypy", "node", "deno", "bun", "perl", "ruby", "php", "sqlite3", "awk", "gawk")
_STARTERS = frozenset(
    (
        "at", "busybox", "conda", "docker", "entr", "expect", "flock", "hatch", "parallel", "pdm", "pipx", "podman",
        "poetry", "rye", "script", "strace", "su", "systemd-run", "uv", "watch",
    )
)  # fmt: skip
# They type what they are given into another session, where it would look like a person's.
_TYPISTS = frozenset(("screen", "ssh", "tmux", "xdotool"))
_WRITERS = frozenset(
    (
        "awk", "chmod", "chown", "cp", "dd", "ed", "ex", "gawk", "install", "ln", "mv", "patch", "perl", "rm", "rsync",
        "sed", "shred", "sponge", "tee", "truncate", "unlink",
    )
)  # fmt: skip
_TO_THE_LAST = frozenset(("cp", "install", "ln", "mv", "rsync"))
_IN_PLACE = ("-i", "--in-place", "-pi", "inplace")
_CHANGES = ("write", "dump", "'w", '"w', "'a'", '"a"', "unlink", "remove", "rename", "replace", "copy", "move", "trunc")


def of_line(line: str, cwd: str, home: str, env: Mapping[str, str], project: str) -> str:
    ground = Ground(home, env)
    found = parse_line(line, cwd)
    for command in found.commands:
        said = _Look(command, line, ground, project).harm()
        if said:
            return said
    return "" if found.parsed else _of_unclear(line, ground)


def _of_unclear(line: str, ground: Ground) -> str:
    verb = _spoken(loose_words(line))
    if verb:
        return _decides(verb)
    if "disableAllHooks" in line and "settings" in line:
        return settings_refused("a settings file", "switch all hooks off")
    return state_refused("what this line names") if ground.is_mentioned(line) else ""


class _Look:
    """One command of the line. A program that gets its text from the line's here-document is read with all of it."""

    __slots__ = ("_command", "_ground", "_line", "_program", "_project", "_text")

    def __init__(self, command: Command, line: str, ground: Ground, project: str) -> None:
        self._command = command
        self._ground = ground
        self._line = line
        self._program = command.program
        self._project = project
        runs_text = self._program.startswith(_RUN_TEXT)
        self._text = (line if command.reads_stdin else command.text) if runs_text else ""

    def harm(self) -> str:
        verb = self._verb()
        if verb:
            return _decides(verb)
        return self._of_state() or self._of_settings() or self._of_client()

    # ---- deciding -----------------------------------------------------------------------------

    def _verb(self) -> str:
        words = self._command.words
        if self._program == "durable":
            return _verb_of(words[1:])
        if self._text:
            return _spoken(loose_words(self._text)) or self._called()
        if self._program in _TYPISTS:
            return _spoken(loose_words(" ".join(words[1:])))
        return _spoken(words[1:]) if self._program in _STARTERS else ""

    def _called(self) -> str:
        """By its modules, from a program's text."""
        words = loose_words(self._text) if "durable.cli" in self._text else []
        return next((word for word in words if word in DECIDING), "")

    # ---- the state ----------------------------------------------------------------------------

    def _of_state(self) -> str:
        named = next(self._named(), "")
        if not named:
            return ""
        if any(self._ground.is_named(target, self._command.cwd) for target in self._written_to()):
            return state_refused(named)
        return "" if self._only_looks() else state_refused(named)

    def _named(self) -> Iterator[str]:
        command, ground = self._command, self._ground
        values = [value for _, value in command.assignments]
        for word in (*command.words, *values, *(target for _, target in command.redirects)):
            if ground.is_named(word, command.cwd) or (" " in word and self._is_told(word)):
                yield word
        if self._text and ground.is_mentioned(self._text):
            yield "what this program is told to reach"
        inside = ground.path(".", command.cwd)
        if inside and ground.holds(inside):
            yield inside
        yield from (word for word in self._swept() if ground.is_swept(word, command.cwd))

    def _is_told(self, word: str) -> bool:
        return self._program not in _SPEAKERS and self._ground.is_mentioned(word)

    def _only_looks(self) -> bool:
        is_module = self._program.startswith("py") and "-m durable" in self._command.text
        if self._program == "durable" or is_module:
            return True  # Of its verbs only those are left by now that don't decide.
        acts = self._program == "find" and any(word in _ACTS_OF_FIND for word in self._command.words)
        # What it lists there may be what the next one takes.
        return self._program in _LOOKERS and not acts and "xargs" not in self._line

    # ---- settings -----------------------------------------------------------------------------

    def _of_settings(self) -> str:
        for target in self._settings_written():
            if "disableAllHooks" in self._line:
                return settings_refused(target, "switch all hooks off")
            if PLUGIN in self._line or holds_ours(target):
                return settings_refused(target, "change durable's hooks unseen")
        return ""

    def _settings_written(self) -> Iterator[str]:
        targets = [*self._written_to(), *self._changed_by_program()]
        yield from (path for path in map(self._path, targets) if path and is_settings_file(path))
        swept = [path for path in map(self._path, self._swept()) if path]
        known = [f"{folder}/settings{local}.json" for folder in self._folders() for local in ("", ".local")]
        yield from (path for path in known if any(_goes_with(path, taken) for taken in swept))

    def _folders(self) -> list[str]:
        chosen = self._ground.expanded("$CLAUDE_CONFIG_DIR")
        users = chosen if chosen.startswith("/") else self._ground.expanded("~/.claude")
        return [users, f"{self._project}/.claude"]

    def _changed_by_program(self) -> list[str]:
        words = self._command.words[1:]
        if self._text:
            return loose_words(self._text) if any(sign in self._text for sign in _CHANGES) or self._in_place() else []
        if self._program not in _WRITERS or (self._program == "sed" and not self._in_place()):
            return []
        if self._program not in _TO_THE_LAST:
            return [word.removeprefix("of=") for word in words]
        into = [f"{words[-1]}/{word.rpartition('/')[2]}" for word in words[:-1]] if words else []
        return [*words[-1:], *into, *(words if self._program == "mv" else ())]

    def _in_place(self) -> bool:
        return any(word.startswith(_IN_PLACE) for word in self._command.words[1:])

    def _of_client(self) -> str:
        words = self._command.words
        if self._program != "claude":
            return ""
        if "disableAllHooks" in self._command.text and "true" in self._command.text:
            return settings_refused("the settings of another session", "switch all hooks off")
        ends = "plugin" in words and any(word in words for word in ("disable", "remove", "rm", "uninstall"))
        if ends and any(word.startswith("durable") for word in words):
            return settings_refused("the client's settings", "switch durable's plugin off")
        return ""

    # ---- what the command reaches -------------------------------------------------------------

    def _written_to(self) -> list[str]:
        return [target for operator, target in self._command.redirects if ">" in operator]

    def _swept(self) -> list[str]:
        """Directories that go, or change, with all that is in them."""
        words = self._command.words[1:]
        operands = [word for word in words if not word.startswith("-")]
        recursive = any(word.startswith("-") and "R" in word for word in words)
        if self._program == "rm" or (self._program in ("chmod", "chown") and recursive):
            return operands
        if self._program == "mv":
            return operands[:-1]
        return operands[-1:] if self._program == "rsync" and any(word.startswith("--del") for word in words) else []

    def _path(self, word: str) -> str:
        return self._ground.path(word, self._command.cwd)


def _goes_with(path: str, taken: str) -> bool:
    return path.startswith(taken.rstrip("/") + "/") or matches(taken, [path])


def _spoken(words: list[str]) -> str:
    """The deciding verb that these words give to `durable`, or ""."""
    found = (_verb_of(words[at + 1 :]) for at, word in enumerate(words) if _is_durable(word))
    return next((verb for verb in found if verb), "")


def _is_durable(word: str) -> bool:
    return word in ("durable", "durable.cli.main") or word.endswith(("/bin/durable", "/durable/__main__.py"))


def _verb_of(given: list[str]) -> str:
    verb = next((word for word in given if word not in _BEFORE_THE_VERB), "")
    if "--help" in given:
        return ""
    acts = {word.partition("=")[0] for word in given}
    decides = verb in DECIDING or verb.startswith("$") or acts & DECIDING_WITH.get(verb, frozenset())
    return verb if decides else ""


def _decides(verb: str) -> str:
    return refused(
        f"`durable {verb}` is for a person to decide, not for the agent whose calls it is about",
        f"Ask the person for it and go on with something else. In a terminal of their own: {{command}} {verb} …",
    )
