"""What a command takes from the directory that it stands in: the same words on another branch are another call.

Only files are read, a bounded number of them, and nothing here raises. What can't be found is left out.
"""

from __future__ import annotations

import os

from durable.policy.built_in import manifests
from durable.policy.globs import glob
from durable.policy.options import is_option, words_match
from durable.shell import Open

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from durable.shell import Command

BRANCH_OPTIONS = ("--head", "-H", "--source-branch", "-s", "--ref", "-h")
PLACE_OPTIONS = {
    "git": ("-C",), "npm": ("--prefix", "-C"), "pnpm": ("--dir", "-C"), "yarn": ("--cwd",), "bun": ("--cwd",),
    "cargo": ("--manifest-path", "-C"), "poetry": ("-C", "--directory", "-P", "--project"),
    "uv": ("--directory", "--project"), "pdm": ("-p", "--project"), "mvn": ("-f", "--file"), "hub": ("-C",),
    "gradle": ("-p", "--project-dir"), "gradlew": ("-p", "--project-dir"),
}  # fmt: skip
MEMBER_OPTIONS = ("-w", "--workspace", "-p", "--package", "-F", "--filter")
ALL_MEMBERS = frozenset(("-r", "--recursive", "--workspaces", "-ws", "--workspace", "--all"))
PR_VALUES = frozenset(("-b", "--body", "-F", "--body-file", "-R", "--repo"))
REF = "ref: "
BRANCHES = "refs/heads/"
RAISING = tuple(
    tuple(words.split())
    for words in (
        "npm version", "pnpm version", "yarn version", "lerna version", "cargo set-version", "poetry version",
        "hatch version", "uv version", "pdm bump", "bump2version", "bump-my-version", "bumpversion",
        "changeset version",
    )
)  # fmt: skip
BUILDING = tuple(
    tuple(words.split())
    for words in (
        "python* -m build", "pyproject-build", "uv build", "poetry build", "hatch build", "flit build", "pdm build",
        "maturin build", "maturin publish", "python* setup.py", "poetry publish * --build", "flit publish",
        "pdm publish", "gem build", "git format-patch", "make", "tox", "nox",
    )
)  # fmt: skip
SWITCHING = frozenset(("checkout", "switch"))
NEW_BRANCH = ("-b", "-B", "-c", "-C", "--create", "--orphan")


def taken(kinds: tuple[str, ...], commands: list[Command], at: int) -> dict[str, str]:
    """For the command `at` in its line, kind → value."""
    folder = _folder(commands[at])
    if not folder:
        return {}
    found = {kind: KINDS[kind](folder, commands, at) for kind in kinds if kind in KINDS}
    return {kind: value for kind, value in found.items() if value}


def _folder(command: Command) -> str:
    place = command.cwd
    if place == "~" or place.startswith("~/"):
        place = os.path.expanduser(place)
    named = _value(command.words, PLACE_OPTIONS.get(command.program, ()))
    if type(named) is Open:
        return ""
    place = os.path.normpath(os.path.join(place, named)) if named else place
    if place.rpartition("/")[2] in ("Cargo.toml", "pom.xml", "package.json"):
        place = os.path.dirname(place)
    return place if place.startswith("/") else ""


def _value(words: list[str], names: tuple[str, ...]) -> str:
    for at, word in enumerate(words):
        if word in names:
            return words[at + 1] if at + 1 < len(words) else ""
        name, equals, value = word.partition("=")
        if equals and name in names:
            return Open(value) if type(word) is Open else value
    return ""


# ---- git ----------------------------------------------------------------------------------------


def _branch(folder: str, commands: list[Command], at: int) -> str:
    command = commands[at]
    if _value(command.words, BRANCH_OPTIONS) or _names_its_pull_request(command.words):
        return ""
    for earlier in reversed(commands[:at]):
        name = _switched_to(earlier) if earlier.cwd == command.cwd else ""
        if name:
            return name
    return head_of(folder)


def _names_its_pull_request(words: list[str]) -> bool:
    """`gh pr comment 5` is the same call on any branch."""
    if "comment" not in words and "review" not in words:
        return False
    before = ""
    for word in words[3:]:
        if not is_option(word) and before not in PR_VALUES:
            return True
        before = word
    return False


def _switched_to(command: Command) -> str:
    """The branch after `git checkout -b NAME`: the file that tells it is not written yet."""
    words = command.words
    if command.program != "git" or len(words) < 3 or words[1] not in SWITCHING or "--" in words:
        return ""
    name = _value(words, NEW_BRANCH) or (words[2] if len(words) == 3 else "")
    return "" if type(name) is Open or is_option(name) else name


def head_of(folder: str) -> str:
    """The branch, or the commit of a detached HEAD."""
    text = manifests.text_of(os.path.join(_git_directory(folder), "HEAD")).strip()
    return text.removeprefix(REF).removeprefix(BRANCHES)


def _git_directory(folder: str) -> str:
    path = manifests.above(folder, ".git")
    if not path or os.path.isdir(path):
        return path
    # In a worktree or a submodule `.git` is a file that says where.
    named = manifests.text_of(path).partition("gitdir:")[2].strip()
    return os.path.join(os.path.dirname(path), named) if named else ""


def _commit(folder: str, commands: list[Command], at: int) -> str:
    git = _git_directory(folder)
    text = manifests.text_of(os.path.join(git, "HEAD")).strip()
    if not text.startswith(REF):
        return text
    name = text.removeprefix(REF)
    common = manifests.text_of(os.path.join(git, "commondir")).strip()
    shared = os.path.join(git, common) if common else git
    return manifests.text_of(os.path.join(shared, name)).strip() or _packed(shared, name)


def _packed(git: str, name: str) -> str:
    for line in manifests.text_of(os.path.join(git, "packed-refs")).splitlines():
        commit, _, ref = line.partition(" ")
        if ref == name:
            return commit
    return ""


# ---- packages and files -------------------------------------------------------------------------


def _raises_version(commands: list[Command]) -> bool:
    """`npm version patch && npm publish`: what it publishes no file tells yet, and afterwards the files tell of the
    next version, for the same line."""
    return _any_is(RAISING, commands)


def _any_is(listed: tuple[tuple[str, ...], ...], commands: list[Command]) -> bool:
    return any(words_match(one, True, command.words) for command in commands for one in listed)


def _npm(folder: str, commands: list[Command], at: int) -> str:
    words = commands[at].words
    if _raises_version(commands[:at]):
        return ""
    own = next((word for word in words[2:] if not is_option(word) and os.path.isdir(os.path.join(folder, word))), "")
    return _with_members(manifests.npm_package(os.path.join(folder, own)), words, folder, "package.json")


def _cargo(folder: str, commands: list[Command], at: int) -> str:
    if _raises_version(commands[:at]):
        return ""
    return _with_members(manifests.cargo_package(folder), commands[at].words, folder, "Cargo.toml")


def _with_members(own: str, words: list[str], folder: str, manifest: str) -> str:
    """Of a workspace, the packages that are published: those named, or all."""
    named = _value(words, MEMBER_OPTIONS)
    if not named and ALL_MEMBERS.isdisjoint(words) and words[0] != "lerna":
        return own
    found = manifests.members(folder, manifest)
    chosen = [one for one in found if not named or one.rpartition("@")[0].endswith(named.rpartition("/")[2])]
    return " ".join(chosen or [own, *found])


def _python(folder: str, commands: list[Command], at: int) -> str:
    if _raises_version(commands[:at]):
        return ""
    if _any_is(BUILDING, commands[: at + 1]):
        return manifests.python_manifest(folder) or _commit(folder, commands, at)
    return manifests.python_package(folder)


def _maven(folder: str, commands: list[Command], at: int) -> str:
    return manifests.maven_package(folder)


def _files(folder: str, commands: list[Command], at: int) -> str:
    """What the globs among its words stand for now, unless the line makes them first."""
    if _any_is(BUILDING, commands[:at]):
        return ""
    found: list[str] = []
    for word in commands[at].words[1:]:
        if type(word) is Open and "*" in word and not word.startswith("-"):
            inside, _, pattern = word.rpartition("/")
            names = manifests.names_in(os.path.join(folder, inside)) if "*" not in inside else []
            found += [name for name in names if glob(pattern, name)]
    return " ".join(found)


KINDS: dict[str, Callable[[str, list[Command], int], str]] = {
    "git-branch": _branch,
    "git-commit": _commit,
    "npm-package": _npm,
    "cargo-package": _cargo,
    "python-package": _python,
    "maven-package": _maven,
    "files": _files,
}
