"""A package's name and version, read from its manifest. Bounded, and never raises: "" is what can't be read."""

from __future__ import annotations

import os
import stat

from durable.errors import DurableError
from durable.native import loads

LARGEST = 262_144
HIGHEST = 40  # directories above the first
MOST = 200
PYTHON_TABLES = ("project", "tool.poetry", "tool.flit.metadata")
MEMBERS = ("packages", "crates", "apps", "libs", "modules")


def text_of(path: str) -> str:
    try:
        # Non-blocking: a FIFO in a manifest's place must not cost the hook its deadline.
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                return ""
            return file.read(LARGEST).decode("utf-8", "replace")
    except (OSError, ValueError):
        return ""


def above(folder: str, name: str) -> str:
    """The nearest `name` in `folder` or a directory above it."""
    for _ in range(HIGHEST):
        path = os.path.join(folder, name)
        if os.path.lexists(path):
            return path
        parent = os.path.dirname(folder)
        if parent == folder:
            break
        folder = parent
    return ""


def names_in(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))[:MOST]
    except (OSError, ValueError):
        return []


def npm_package(folder: str) -> str:
    return _npm(above(folder, "package.json"))


def cargo_package(folder: str) -> str:
    return _cargo(above(folder, "Cargo.toml"))


def python_package(folder: str) -> str:
    """Where the version is made at build time, the built files name it."""
    found = python_manifest(folder)
    path = above(folder, "pyproject.toml")
    return found or " ".join(names_in(os.path.join(os.path.dirname(path) or folder, "dist")))


def python_manifest(folder: str) -> str:
    path = above(folder, "pyproject.toml")
    text = text_of(path) if path else ""
    for table in PYTHON_TABLES:
        name, version = _in_table(text, table, "name"), _in_table(text, table, "version")
        if name and version:
            return f"{name}@{version}"
    return ""


def maven_package(folder: str) -> str:
    path = above(folder, "pom.xml")
    text = (
        _outside(text_of(path), "parent", "dependencies", "dependencyManagement", "build", "profiles") if path else ""
    )
    name, version = _element(text, "artifactId"), _element(text, "version")
    return f"{name}@{version}" if name and version else ""


def members(folder: str, manifest: str) -> list[str]:
    """The packages of a workspace, in the directories where they usually are."""
    read = _npm if manifest == "package.json" else _cargo
    paths = [os.path.join(folder, group, name, manifest) for group in MEMBERS for name in names_in(f"{folder}/{group}")]
    return [found for path in paths[:MOST] if (found := read(path))]


def _npm(path: str) -> str:
    try:
        given = loads(text_of(path)) if path else None
    except DurableError:
        return ""
    if not isinstance(given, dict):
        return ""
    name, version = given.get("name"), given.get("version")
    return f"{name}@{version}" if isinstance(name, str) and isinstance(version, str) else ""


def _cargo(path: str) -> str:
    text = text_of(path) if path else ""
    name, version = _in_table(text, "package", "name"), _in_table(text, "package", "version")
    if name and not version:
        version = _workspace_version(os.path.dirname(path))
    return f"{name}@{version}" if name else ""


def _workspace_version(folder: str) -> str:
    for _ in range(HIGHEST):
        path = above(folder, "Cargo.toml")
        version = _in_table(text_of(path), "workspace.package", "version") if path else ""
        if version or not path or os.path.dirname(path) == "/":
            return version
        folder = os.path.dirname(os.path.dirname(path))
    return ""


def _in_table(text: str, table: str, key: str) -> str:
    """A plain text under `[table]`: all that is needed here, at a hundredth of the cost of a TOML reader."""
    inside = False
    for line in text.splitlines():
        line = line.strip()
        if line.startswith("["):
            inside = line.partition("#")[0].strip() == f"[{table}]"
        elif inside and line.startswith(key):
            name, equals, value = line.partition("=")
            value = value.strip()
            if name.strip() == key and equals and value[:1] in ('"', "'"):
                return value[1:].partition(value[0])[0]
    return ""


def _outside(text: str, *elements: str) -> str:
    for element in elements:
        before, opened, rest = text.partition(f"<{element}>")
        text = before + rest.partition(f"</{element}>")[2] if opened else text
    return text


def _element(text: str, name: str) -> str:
    return text.partition(f"<{name}>")[2].partition(f"</{name}>")[0].strip()
