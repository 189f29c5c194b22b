"""The same words are another call on another branch, or when the package has another version."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from policies import claimed

from durable.policy.built_in.manifests import cargo_package, maven_package, npm_package, python_package
from durable.policy.built_in.surroundings import head_of, taken
from durable.policy.policy import Policy
from durable.shell import parse_line


def took(kind: str, command: str, cwd: Path) -> str:
    commands = parse_line(command, str(cwd)).commands
    return taken((kind,), commands, len(commands) - 1).get(kind, "")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    git = tmp_path / ".git"
    (git / "refs/heads").mkdir(parents=True)
    (git / "HEAD").write_text("ref: refs/heads/feature/x\n")
    (tmp_path / "src/deep").mkdir(parents=True)
    return tmp_path


# ---- branches -----------------------------------------------------------------------------------


def test_the_branch_is_known_anywhere_in_the_repository(repository: Path) -> None:
    assert head_of(str(repository)) == "feature/x"
    assert head_of(str(repository / "src/deep")) == "feature/x"


def test_a_worktree_has_a_branch_of_its_own(repository: Path) -> None:
    tree = repository / ".git/worktrees/w"
    tree.mkdir(parents=True)
    (tree / "HEAD").write_text("ref: refs/heads/other\n")
    (repository / "w").mkdir()
    (repository / "w/.git").write_text(f"gitdir: {tree}\n")
    assert head_of(str(repository / "w")) == "other"
    (repository / "w/.git").write_text("gitdir: ../.git/worktrees/w\n")
    assert head_of(str(repository / "w")) == "other"


def test_of_a_detached_head_the_commit_counts(repository: Path) -> None:
    (repository / ".git/HEAD").write_text("0123abcd\n")
    assert head_of(str(repository)) == "0123abcd"


@pytest.mark.skipif(shutil.which("git") is None, reason="there is no git to compare with")
def test_git_itself_says_the_same(tmp_path: Path) -> None:
    def git(*words: str, cwd: Path = tmp_path) -> str:
        environment = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}
        who = ("-c", "user.name=a", "-c", "user.email=a@example.com")
        done = subprocess.run(
            ["git", *who, *words], cwd=cwd, env=environment, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    git("init", "-q", "-b", "one")
    git("commit", "-q", "--allow-empty", "-m", "x")
    git("worktree", "add", "-q", "-b", "two", "tree")
    assert head_of(str(tmp_path)) == git("branch", "--show-current")
    assert head_of(str(tmp_path / "tree")) == git("branch", "--show-current", cwd=tmp_path / "tree")
    commit = git("rev-parse", "HEAD")
    for packed in (False, True):
        assert took("git-commit", "git send-email a", tmp_path) == commit
        assert took("git-commit", "git send-email a", tmp_path / "tree") == commit
        if not packed:
            git("pack-refs", "--all")


@pytest.mark.parametrize(
    ("command", "branch"),
    [
        ("gh pr create --fill", "feature/x"),
        ("cd src/deep && gh pr create", "feature/x"),
        ("git checkout -b new && gh pr create", "new"),
        ("git switch -c new; git push; gh pr create", "new"),
        ("git checkout main && gh pr create", "main"),
        ("git checkout -- file && gh pr create", "feature/x"),
        ("git checkout -b $B && gh pr create", "feature/x"),
        ("cd /elsewhere && git checkout -b new; cd - && gh pr create", "feature/x"),
        ("gh pr create --head other", ""),
        ("gh pr create --head=other", ""),
        ("gh pr comment -b hi", "feature/x"),
        ("gh pr comment 5 -b hi", ""),
        ("gh pr comment --body hi 5", ""),
        ("cd $DIR && gh pr create", ""),
        ("cd /nowhere/at/all && gh pr create", ""),
    ],
)
def test_the_branch_counts_where_the_words_do_not_name_one(repository: Path, command: str, branch: str) -> None:
    assert took("git-branch", command, repository) == branch


# ---- packages -----------------------------------------------------------------------------------

PYPROJECT = '[build-system]\nname = "no"\n\n[project]\nname = "a"  # x\nversion = \'1.2\'\n\n[tool.x]\nversion = "9"\n'
POETRY = '[tool.poetry]\nversion = "3"\nname = "p"\n'
CARGO = '[package]\nname = "c"\nversion = "0.1.0"\n[dependencies]\nversion = "7"\n'
MEMBER = '[package]\nname = "m"\nversion.workspace = true\n'
POM = (
    "<project><parent><artifactId>up</artifactId><version>9</version></parent><dependencies><dependency>"
    "<artifactId>d</artifactId><version>8</version></dependency></dependencies>"
    "<artifactId>a</artifactId><version>1.0</version></project>"
)


def test_manifests_tell_name_and_version(tmp_path: Path) -> None:
    (tmp_path / "package.json").write_text('{"name": "@o/n", "version": "1.0.0", "x": {"version": "2"}}')
    (tmp_path / "pyproject.toml").write_text(PYPROJECT)
    (tmp_path / "Cargo.toml").write_text(CARGO)
    (tmp_path / "pom.xml").write_text(POM)
    (tmp_path / "src").mkdir()
    for folder in (str(tmp_path), str(tmp_path / "src")):
        assert npm_package(folder) == "@o/n@1.0.0"
        assert python_package(folder) == "a@1.2"
        assert cargo_package(folder) == "c@0.1.0"
        assert maven_package(folder) == "a@1.0"


def test_a_version_may_stand_with_poetry_or_with_the_workspace(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(POETRY)
    (tmp_path / "Cargo.toml").write_text('[workspace.package]\nversion = "4.5"\n')
    (tmp_path / "crates/m").mkdir(parents=True)
    (tmp_path / "crates/m/Cargo.toml").write_text(MEMBER)
    assert python_package(str(tmp_path)) == "p@3"
    assert cargo_package(str(tmp_path / "crates/m")) == "m@4.5"


def test_a_version_made_at_build_time_is_that_of_the_built_files(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "a"\ndynamic = ["version"]\n')
    (tmp_path / "dist").mkdir()
    (tmp_path / "dist/a-2.whl").touch()
    assert python_package(str(tmp_path)) == "a-2.whl"


@pytest.mark.parametrize(
    ("command", "found"),
    [
        ("npm publish", "root@1"),
        ("npm --prefix packages/b publish", "b@2"),
        ("npm publish ./packages/b", "b@2"),
        ("cd packages/b && npm publish", "b@2"),
        ("npm publish -w b", "b@2"),
        ("npm publish --workspace=packages/b", "b@2"),
        ("npm publish --workspaces", "b@2 c@3"),
        ("pnpm publish -r", "b@2 c@3"),
        ("lerna publish", "b@2 c@3"),
        ("npm --prefix $X publish", ""),
        ("npm version patch && npm publish", ""),
        ("npm -w b version patch; npm publish -w b", ""),
    ],
)
def test_the_package_that_is_published_counts(tmp_path: Path, command: str, found: str) -> None:
    for folder, name, version in ((".", "root", 1), ("packages/b", "b", 2), ("packages/c", "c", 3)):
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
        (tmp_path / folder / "package.json").write_text(f'{{"name": "{name}", "version": "{version}"}}')
    assert took("npm-package", command, tmp_path) == found


def test_a_line_that_raises_the_version_first_is_the_same_line_after_it_did(tmp_path: Path) -> None:
    (tmp_path / "package.json").write_text('{"name": "a", "version": "1"}')
    (tmp_path / "Cargo.toml").write_text(CARGO)
    (tmp_path / "pyproject.toml").write_text(PYPROJECT)
    for line in (
        "npm version patch && npm publish",
        "cargo set-version --bump minor && cargo publish",
        "poetry version patch && poetry publish --build",
        "bump2version minor; python -m build; twine upload dist/*.whl",
    ):
        (claim,) = claimed(Policy(), line, str(tmp_path))
        assert dict(claim[0])["taken"] == {}, line


@pytest.mark.parametrize("manifest", [PYPROJECT, '[project]\nname = "a"\ndynamic = ["version"]\n'])
@pytest.mark.parametrize(
    "line",
    [
        "python -m build && twine upload dist/*",
        "rm -rf dist; uv build && uv publish",
        "poetry publish --build",
        "gem build a.gemspec && gem push *.gem",
    ],
)
def test_a_line_that_builds_first_is_the_same_line_after_it_did(repository: Path, manifest: str, line: str) -> None:
    (repository / "pyproject.toml").write_text(manifest)
    first = claimed(Policy(), line, str(repository))
    (repository / "dist").mkdir()
    for name in ("dist/a-1.whl", "a-1.gem"):
        (repository / name).touch()
    assert first == claimed(Policy(), line, str(repository))


def test_a_version_made_at_build_time_is_that_of_the_commit(repository: Path) -> None:
    (repository / "pyproject.toml").write_text('[project]\nname = "a"\ndynamic = ["version"]\n')
    (repository / ".git/HEAD").write_text("1111\n")
    first = claimed(Policy(), "python -m build && twine upload dist/*", str(repository))
    (repository / ".git/HEAD").write_text("2222\n")
    assert first != claimed(Policy(), "python -m build && twine upload dist/*", str(repository))


def test_a_workflow_runs_again_after_the_next_commit(repository: Path) -> None:
    ref = repository / ".git/refs/heads/feature/x"
    ref.parent.mkdir()
    ref.write_text("1111\n")
    first = claimed(Policy(), "gh workflow run ci.yml", str(repository))
    assert first == claimed(Policy(), "gh workflow run ci.yml", str(repository))
    ref.write_text("2222\n")
    assert first != claimed(Policy(), "gh workflow run ci.yml", str(repository))


def test_a_glob_counts_by_what_it_stands_for_now(tmp_path: Path) -> None:
    (tmp_path / "dist").mkdir()
    for name in ("a-1.whl", "a-1.tar.gz", "x.txt"):
        (tmp_path / "dist" / name).touch()
    assert took("files", "twine upload dist/*", tmp_path) == "a-1.tar.gz a-1.whl x.txt"
    assert took("files", "twine upload 'dist/*' dist/*.whl", tmp_path) == "a-1.whl"


# ---- trouble ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["", "[", "{", '{"name": 1}', "[]", "\x00\xff", "[package]\nname", "<project><version>"]
)
def test_a_manifest_that_makes_no_sense_adds_nothing(tmp_path: Path, text: str) -> None:
    for name in ("package.json", "Cargo.toml", "pyproject.toml", "pom.xml", ".git"):
        (tmp_path / name).write_bytes(text.encode("latin-1"))
    folder = str(tmp_path)
    assert npm_package(folder) == cargo_package(folder) == maven_package(folder) == python_package(folder) == ""
    assert head_of(folder) == ""


def test_a_pipe_or_a_directory_in_a_manifest_s_place_holds_nothing_up(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "package.json")
    (tmp_path / "Cargo.toml").mkdir()
    assert npm_package(str(tmp_path)) == cargo_package(str(tmp_path)) == ""


def test_only_the_beginning_of_a_huge_manifest_is_read(tmp_path: Path) -> None:
    (tmp_path / "Cargo.toml").write_text("#" * 300_000 + "\n" + CARGO)
    assert cargo_package(str(tmp_path)) == ""


@settings(deadline=None)
@given(st.text(), st.text())
def test_no_place_and_no_line_is_too_strange(line: str, cwd: str) -> None:
    commands = parse_line(line + "\ngh pr create", "/" + cwd).commands
    for at in range(len(commands)):
        taken(("git-branch", "git-commit", "npm-package", "cargo-package", "python-package", "files"), commands, at)


# ---- what it is for -----------------------------------------------------------------------------


def test_the_same_line_on_another_branch_is_another_call(repository: Path) -> None:
    first = claimed(Policy(), "gh pr create --fill", str(repository))
    assert first == claimed(Policy(), "gh pr create --fill", str(repository))
    (repository / ".git/HEAD").write_text("ref: refs/heads/y\n")
    assert first != claimed(Policy(), "gh pr create --fill", str(repository))


def test_the_next_version_may_be_published(tmp_path: Path) -> None:
    manifest = tmp_path / "package.json"
    manifest.write_text('{"name": "a", "version": "1"}')
    first = claimed(Policy(), "npm publish", str(tmp_path))
    assert first == claimed(Policy(), "npm publish", str(tmp_path))
    manifest.write_text('{"name": "a", "version": "2"}')
    assert first != claimed(Policy(), "npm publish", str(tmp_path))
