"""Where a call stands, and by which names the file it is about is known. Looked up when a rule asks, and once."""

from __future__ import annotations

import os

from durable.policy.globs import path_matches

TYPE_CHECKING = False
if TYPE_CHECKING:
    from durable.event import Call

# Where each tool keeps its path.
EDITING = {"Edit": "file_path", "MultiEdit": "file_path", "NotebookEdit": "notebook_path", "Write": "file_path"}
READING = {"Read": "file_path", "NotebookRead": "notebook_path", "Glob": "path", "Grep": "path", "LS": "path"}
_FIELDS = EDITING | READING


class Place:
    __slots__ = ("_bases", "_paths", "call", "cwd", "project")

    def __init__(self, call: Call, cwd: str, project: str) -> None:
        self.call = call
        self.cwd = cwd
        self.project = project
        self._paths: tuple[str, ...] = ()
        self._bases: list[tuple[str, str]] = []

    def paths(self) -> tuple[str, ...]:
        """As given, and with its links followed: another name must not lead round a rule."""
        if not self._paths:
            given = self.call.input.get(_FIELDS[self.call.tool]) if isinstance(self.call.input, dict) else ""
            path = os.path.normpath(os.path.join(self.cwd or "/", given if isinstance(given, str) else ""))
            self._paths = (path, _real(path))
        return self._paths

    def is_at(self, pattern: str) -> bool:
        return any(path_matches(pattern, path, *base) for path, base in zip(self.paths(), self._both(), strict=True))

    def _both(self) -> list[tuple[str, str]]:
        """(project, home) by the same two kinds of name."""
        if not self._bases:
            project, home = os.path.normpath(self.project or self.cwd or "/"), os.environ.get("HOME", "")
            self._bases = [(project, home), (_real(project), _real(home) if home else "")]
        return self._bases


def _real(path: str) -> str:
    try:
        return os.path.realpath(path)
    except (OSError, ValueError):
        return path
