"""Where durable's own state lies, and whether a path, however it is written, leads there."""

from __future__ import annotations

import os

from durable.errors import HomeError
from durable.home import config_dir

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_VARIABLES = ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "DURABLE_HOME", "CLAUDE_CONFIG_DIR", "CLAUDE_PROJECT_DIR")
GLOBS = "*?["


class Ground:
    """The state directory, and the off marker and the waiting receipts wherever they lie."""

    __slots__ = ("_env", "roots")

    def __init__(self, home: str, env: Mapping[str, str]) -> None:
        self._env = env
        roots = [home] if home else []
        try:
            config = config_dir(env)
            roots += [f"{config}/off.json", f"{config}/spool"]
        except HomeError:
            pass  # Without HOME there is no config directory.
        roots.append(f"/tmp/durable-{os.geteuid()}")
        self.roots = list(dict.fromkeys(path for root in roots for path in (root, os.path.realpath(root))))

    def holds(self, path: str) -> bool:
        return any(_is_within(form, root) for form in _forms(path) for root in self.roots)

    def is_swept(self, word: str, cwd: str) -> bool:
        """Whether what goes with this directory, or with all that the pattern matches, is ours too."""
        path = self.path(word, cwd)
        below = [root for root in self.roots if os.path.lexists(root)]
        return bool(path) and (
            any(_is_within(root, form) for form in _forms(path) for root in below) or matches(path, below)
        )

    def is_named(self, word: str, cwd: str) -> bool:
        """As a path of its own, behind `=` as in `of=PATH`, or by a pattern that the shell completes."""
        for part in (word, word.partition("=")[2]):
            path = self.path(part, cwd) if part else ""
            if path and (self.holds(path) or matches(path, [root for root in self.roots if _is_as_deep(path, root)])):
                return True
        return False

    def is_mentioned(self, text: str) -> bool:
        expanded = self.expanded(text)
        return any(root in expanded for root in self.roots)

    def path(self, word: str, cwd: str) -> str:
        """Absolute, or "" where the directory it counts from can't be known."""
        word, base = self.expanded(word), self.expanded(cwd)
        if not word.startswith("/"):
            if not base.startswith("/"):
                return ""
            word = f"{base}/{word}"
        return "/" + os.path.normpath(word).lstrip("/")

    def expanded(self, text: str) -> str:
        home = self._env.get("HOME", "")
        if home and "~" in text:
            text = home + text[1:] if text == "~" or text.startswith("~/") else text.replace("~/", f"{home}/")
        if "$" in text:
            for name in _VARIABLES:
                value = self._env.get(name, f"${name}")
                text = text.replace(f"${{{name}}}", value).replace(f"${name}", value)
        return text


def matches(pattern: str, roots: list[str]) -> bool:
    if not any(sign in pattern for sign in GLOBS):
        return False
    parts = [_stars_only(part) for part in pattern.split("/")]
    return any(all(_completes(*pair) for pair in zip(parts, root.split("/"), strict=False)) for root in roots)


def _completes(part: str, name: str) -> bool:
    """A shell's `*` leaves out the names that begin with a dot."""
    from durable.policy.globs import glob

    return glob(part, name) and not (name.startswith(".") and part.startswith("*"))


def _is_as_deep(path: str, root: str) -> bool:
    return path.count("/") >= root.count("/")


def _stars_only(part: str) -> str:
    """Wider than it is written, which is the safe side: `k[a-f]y` and `k?y` as `k*y`."""
    before, bracket, rest = part.partition("[")
    wide = f"{before}*{rest.partition(']')[2]}" if bracket else part
    return wide.replace("?", "*")


def _forms(path: str) -> set[str]:
    return {path, os.path.realpath(path)} if "\0" not in path else {path}


def _is_within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")
