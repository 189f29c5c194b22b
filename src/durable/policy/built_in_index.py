"""The index of the built-in rules, made by scripts/built_in_index: a hook loads the rules only on a hit."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# fmt: off
DIGEST = "4f53cda1"
NAMES: list[str] = []
INDEX: dict[str, Any] = {'tools': {}, 'paths': {}, 'globs': [], 'words': {}, 'chunks': {}, 'whole': []}
