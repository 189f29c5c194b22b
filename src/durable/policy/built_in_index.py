"""The index of the built-in rules, made ahead by scripts/built_in_index: the hook loads the rules only on a hit."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

DIGEST = "none"
NAMES: list[str] = []
INDEX: dict[str, Any] = {"tools": {}, "paths": {}, "globs": [], "words": {}, "chunks": {}, "whole": []}
