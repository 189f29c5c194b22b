"""The README's commands on a machine that has Python and nothing of ours."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
NOT_CLONED = (".git", ".venv", "__pycache__", ".*_cache", ".hypothesis", "dist", "build")


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """The files of this checkout, changed ones too, without anything that a command has made in it."""
    return Path(shutil.copytree(ROOT, tmp_path / "clone", ignore=shutil.ignore_patterns(*NOT_CLONED), symlinks=True))


def make(clone: Path, target: str, **env: str) -> subprocess.CompletedProcess[str]:
    home = clone.parent / "home"
    home.mkdir(exist_ok=True)
    everything = {**os.environ, "HOME": str(home), **env}
    return subprocess.run(["make", target], cwd=clone, env=everything, capture_output=True, text=True, check=False)


def test_make_demo_shows_the_hooks_at_work_and_leaves_the_home_alone(clone: Path) -> None:
    shown = make(clone, "demo", PIP_NO_CACHE_DIR="1", PYTHON=sys.executable)
    assert shown.returncode == 0, shown.stdout + shown.stderr
    assert "still run" in shown.stdout or not Path("/proc/self").exists()
    assert "in flight" in shown.stdout or "Already done" in shown.stdout
    assert shown.stdout.count("order 4711") >= 2
    assert "DENIED, not run: durable denied this call" in shown.stdout
    assert f"{clone}/.venv/bin/durable init --user" in shown.stdout
    ours = [path for path in (clone.parent / "home").rglob("*") if path.name in ("durable", ".claude")]
    assert ours == []


def test_a_machine_without_a_new_enough_python_is_told_so(clone: Path) -> None:
    refused = make(clone, "demo", PYTHON="no-such-python")
    assert refused.returncode == 2
    assert "needs Python 3.11 or newer" in refused.stderr
    assert not (clone / ".venv").exists()


def test_a_python_without_venv_is_named_with_what_to_install(clone: Path) -> None:
    """Debian's python3 comes without ensurepip."""
    python = clone / "debian-python"
    python.write_text(f'#!/bin/sh\ncase "$2" in *ensurepip*) exit 1;; esac\nexec "{sys.executable}" "$@"\n', "utf-8")
    python.chmod(0o755)
    refused = make(clone, "demo", PYTHON=str(python))
    assert refused.returncode == 2
    assert "apt-get install python3-venv" in refused.stderr
