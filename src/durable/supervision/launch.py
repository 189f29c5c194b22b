"""How a session is started with the hooks on, whatever a project's settings say; and started again."""

from __future__ import annotations

import os
import shutil
import uuid
from typing import TYPE_CHECKING, Any

from durable.errors import UsageError
from durable.settings import files, in_force, merge, ours, shape
from durable.settings.registration import installed_hooks
from durable.supervision.words import END, Words

if TYPE_CHECKING:
    from collections.abc import Mapping

GO_ON = "Go on with the work where it was cut off."
RESUMES = ("--resume", "--continue", "--from-pr")
# What says where a conversation begins. Its second start goes on at its end.
BEGINNINGS = (
    *RESUMES, "--fork-session", "--prefill", "--resume-drops-turn", "--resume-session-at", "--rewind-files",
    "--session-id", "--settings",
)  # fmt: skip
SKIP_HOOKS = ("--bare", "--safe-mode", "--managed-settings")
# The client takes these four for true, and in settings files as in its environment.
SKIP_HOOKS_ENV = ("CLAUDE_CODE_SIMPLE", "CLAUDE_CODE_SAFE_MODE")
TRUE = ("1", "true", "yes", "on")
ELSEWHERE = ("--background", "--cloud", "--desktop", "--teleport", "--tmux")
NOT_AGAIN = {
    "--no-session-persistence": "keeps no record that the session could go on from",
    "--input-format": "reads a stream that can't be given a second time",
    "--worktree": "would make another worktree the second time",
}
NO_SESSION = frozenset(
    (
        "agents", "attach", "auth", "auto-mode", "doctor", "gateway", "import", "install", "kill", "logs", "mcp",
        "plugin", "plugins", "purge", "respawn", "rm", "setup-token", "stop", "ultrareview", "update", "upgrade",
    )
)  # fmt: skip


class Launch:
    """`session_id` is "" where only the client can know which session it will be."""

    def __init__(self, client: str, words: list[str], settings: str) -> None:
        self.client = client
        self.words = Words(words)
        self.settings = settings
        # The client takes an id for what begins, a fork included, and refuses one for what goes on.
        self.names_session = not self.words.has(*RESUMES) or bool(self.words.has("--fork-session"))
        self.session_id = self._session()

    def _session(self) -> str:
        if self.names_session:
            return self.words.value("--session-id") or str(uuid.uuid4())
        return _uuid(self.words.value("--resume"))

    def first(self) -> list[str]:
        """As the user wrote it; ours stands in front, where no list of his can swallow it, nor his `--` end it."""
        named = ["--session-id", self.session_id] if self.names_session else []
        kept = self.words.without("--settings", *(["--session-id"] if named else []))
        return [self.client, "--settings", self.settings, *named, *kept]

    def anew(self) -> list[str]:
        """Under another id: the client refuses one of which a file exists, also without a conversation in it."""
        if self.names_session:
            self.session_id = str(uuid.uuid4())
        return self.first()

    def again(self, session_id: str, headless: bool) -> list[str]:
        prompt = [GO_ON] if headless else []
        kept = self.words.options(without=BEGINNINGS)
        return [self.client, "--settings", self.settings, "--resume", session_id, *prompt, *kept]


def _uuid(text: str) -> str:
    try:
        return str(uuid.UUID(text))
    except ValueError:
        return ""


def client_at(chosen: str) -> str:
    found = shutil.which(chosen or "claude")
    if found is None:
        problem = f"there is no program {chosen}" if chosen else "claude is not on the PATH"
        raise UsageError(problem, "install the client, or name it: durable claude --client PATH")
    return os.path.abspath(found)


# ---- what can't be guarded ----------------------------------------------------------------------


def check(words: list[str], env: Mapping[str, str], keep_going: bool) -> None:
    """UsageError for what would run without hooks, or out of our reach."""
    said = Words(words)
    if words and words[0] in NO_SESSION:
        raise UsageError(f"claude {words[0]} starts no session", f"run it without durable: claude {words[0]}")
    skipped = _skipped(words)
    if skipped:
        raise UsageError(f"with {skipped} the client skips the hooks: nothing would be on record", "leave it out")
    switch = next((name for name in SKIP_HOOKS_ENV if env.get(name, "").strip().lower() in TRUE), "")
    if switch:
        raise UsageError(f"with {switch} set the client skips the hooks: nothing would be on record", "unset it")
    elsewhere = said.has(*ELSEWHERE)
    if elsewhere:
        raise UsageError(f"with {elsewhere} the session runs out of our reach", "leave it out")
    again = said.has(*NOT_AGAIN) if keep_going else ""
    if again and not (again == "--input-format" and said.value(again) == "text"):
        raise UsageError(f"{again} {NOT_AGAIN[again]}", f"leave out --keep-going or {again}")


def _skipped(words: list[str]) -> str:
    """The client looks for the bare word, also where it is another option's value."""
    before = words[: words.index(END)] if END in words else words
    return next((word for word in before if word.partition("=")[0] in SKIP_HOOKS), "")


def check_managed(env: Mapping[str, str], cwd: str, managed: str | None = None) -> None:
    """What the machine's administrator switches off stays off, and must not pass for guarded."""
    for file in in_force.load(env, cwd, managed=managed):
        if file.scope == "managed" and file.loads:
            for name in ("disableAllHooks", "allowManagedHooksOnly"):
                if file.data.get(name) is True:
                    problem = f"{file.path} sets {name}: no hooks but its own run on this machine"
                    raise UsageError(problem, "ask its administrator to register durable's hooks there")


# ---- settings -----------------------------------------------------------------------------------


def settings_for(given: str, cwd: str) -> dict[str, Any]:
    """The user's own --settings with our hooks in them, and on. SettingsError if the client would drop them."""
    text = _text(given, cwd)
    files.check_mergeable(text)
    env = text.data.get("env", {})
    if not isinstance(env, dict):
        raise files.SettingsError(f"{text.path}: /env is not an object", files.CLIENT_TOO)
    # A settings file, of a user or a project, can set these variables too; the last to speak is this one.
    merged = merge.with_ours(text.data, installed_hooks(), ours.is_ours)
    merged |= {"disableAllHooks": False, "env": {**env, **dict.fromkeys(SKIP_HOOKS_ENV, "0")}}
    for found in shape.misshapen(merged):
        if found.drops_file:
            problem = f"{text.path}: {found.pointer} {found.problem}; the client drops the whole of it"
            raise files.SettingsError(problem, "repair it")
    return merged


def _text(given: str, cwd: str) -> files.Text:
    if given.strip().startswith("{"):
        raw = given.encode("utf-8", "surrogateescape")
        return files.Text("--settings", raw, files.parse("--settings", raw))
    if not given:
        return files.Text("--settings", None, {})
    text = files.read(os.path.join(cwd, given))
    if not text.exists:
        raise UsageError(f"there is no settings file {given}", "name one that exists")
    return text
