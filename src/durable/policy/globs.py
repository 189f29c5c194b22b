"""`*` in words and names, gitignore-like patterns for paths. By hand, for `re` costs more than all our own work."""

from __future__ import annotations


def glob(pattern: str, text: str) -> bool:
    """`*` stands for any run of characters, also none; everything else for itself."""
    first, *rest = pattern.split("*")
    if not rest:
        return pattern == text
    last = rest.pop()
    if not text.startswith(first) or len(text) < len(first) + len(last) or not text.endswith(last):
        return False
    return _in_order(rest, text, len(first), len(text) - len(last))


def _in_order(parts: list[str], text: str, at: int, end: int) -> bool:
    for part in parts:
        found = text.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return True


def longest_literal(pattern: str) -> str:
    return max(pattern.split("*"), key=len)


# ---- paths ------------------------------------------------------------------------------------


def path_matches(pattern: str, path: str, project: str, home: str) -> bool:
    """`//abs`, `~/x`, `/x` and `x/y` (both of the project), `x` (that name at any depth). `**` crosses
    directories, `*` and `?` do not. What names a directory names all that is in it."""
    wanted = _segments(pattern, project, home)
    return _walk(wanted, [part for part in path.split("/") if part])


def path_literal(pattern: str) -> str:
    """The longest piece of a name that every path it matches must hold."""
    names = pattern.removeprefix("~").split("/")
    return max((longest_literal(name.replace("?", "*")) for name in names if name not in (".", "..")), key=len)


def _segments(pattern: str, project: str, home: str) -> list[str]:
    if pattern.startswith("//"):
        base, rest = "", pattern
    elif pattern.startswith("~/"):
        base, rest = home, pattern[2:]
    else:
        base, rest = project, pattern.removeprefix("./")
        if "/" not in rest.rstrip("/"):
            rest = f"**/{rest}"
    found = [part for part in rest.split("/") if part]
    if not found or "*" not in found[-1]:
        found.append("**")
    return [part for part in base.split("/") if part] + found


def _walk(wanted: list[str], given: list[str]) -> bool:
    """Linear in both but for one step back: to the latest `**`, never to an earlier one."""
    at = seen = 0
    star, resume = -1, 0
    while seen < len(given):
        if at < len(wanted) and wanted[at] == "**":
            star, resume = at, seen
            at += 1
        elif at < len(wanted) and _segment(wanted[at], given[seen]):
            at, seen = at + 1, seen + 1
        elif star >= 0:
            resume += 1
            at, seen = star + 1, resume
        else:
            return False
    return all(part == "**" for part in wanted[at:])


def _segment(pattern: str, text: str) -> bool:
    if "?" not in pattern:
        return glob(pattern, text)
    at = seen = 0
    star, resume = -1, 0
    while seen < len(text):
        if at < len(pattern) and pattern[at] == "*":
            star, resume = at, seen
            at += 1
        elif at < len(pattern) and pattern[at] in ("?", text[seen]):
            at, seen = at + 1, seen + 1
        elif star >= 0:
            resume += 1
            at, seen = star + 1, resume
        else:
            return False
    return not pattern[at:].strip("*")
