"""The file that holds all that an ordinary hook loads: it counts only while it is what the sources say."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
DOOR = "pre_tool_use"
# Imports everything as the hook does, and says what came out of the bundle and what it holds.
LOAD = """
import sys
sys.path.append({src!r})
from durable.quick_import import install
install()
from durable.bundle import Bundle
bundle = Bundle({door!r})
stale = bundle.stale
bundle.load("durable.switch")
assert stale or "durable.switch" in sys.modules and "durable.hook" not in sys.modules
bundle.load()
import durable, durable.prepare, durable.hook, durable.protection.tampering
from durable.ledger import sqlite
assert durable.ledger.sqlite is sqlite is sys.modules["durable.ledger.sqlite"]
assert durable.policy.decide.__file__ == {src!r} + "/durable/policy/decide.py"
bundled = [name for name, module in sys.modules.items() if name.startswith("durable.") and module.__spec__ is None]
if {make!r}:
    from durable.bundling import make
    make({door!r})
print("stale" if stale else "fresh", len(bundled), *{seen})
"""


class Package:
    """A copy of it, to be changed. Its compiled files come along."""

    def __init__(self, folder: Path) -> None:
        self.src = folder / "src"
        shutil.copytree(ROOT / "src", self.src, ignore=shutil.ignore_patterns("*.bundle"))
        self.caches = self.src / "durable" / "__pycache__"

    @property
    def bundle(self) -> Path:
        return self.caches / f"{DOOR}.{sys.implementation.cache_tag}.bundle"

    def load(self, *, make: bool = False, seen: str = "()", python: str = sys.executable, flags: str = "-IS") -> str:
        source = LOAD.format(src=str(self.src), door=DOOR, make=make, seen=seen)
        done = subprocess.run([python, flags, "-c", source], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Package:
    package = Package(tmp_path_factory.mktemp("package"))
    assert package.load(make=True) == "stale 0"
    return package


@pytest.fixture
def package(template: Package, tmp_path: Path) -> Package:
    """With a bundle that counts."""
    shutil.copytree(template.src, tmp_path / "src")
    found = Package.__new__(Package)
    found.src, found.caches = tmp_path / "src", tmp_path / "src/durable/__pycache__"
    return found


def is_fresh(package: Package) -> bool:
    stale, bundled = package.load().split()
    assert (stale == "fresh") == (int(bundled) > 40)
    return stale == "fresh"


def test_what_was_made_is_taken_the_next_time_also_where_the_package_was_moved(package: Package) -> None:
    assert is_fresh(package)


@pytest.mark.parametrize("file", ["policy/decide.py", "clock.py", "policy/__init__.py", "ordinary.py"])
def test_a_source_that_was_touched_makes_it_stale(package: Package, file: str) -> None:
    os.utime(package.src / "durable" / file)
    assert is_fresh(package) == (file == "ordinary.py")


def test_a_source_of_another_size_makes_it_stale_and_counts(package: Package) -> None:
    source = package.src / "durable/clock.py"
    found = source.stat()
    source.write_text(source.read_text("utf-8") + "NEW = 7\n", "utf-8")
    os.utime(source, ns=(found.st_atime_ns, found.st_mtime_ns))
    assert package.load(make=True, seen="(durable.clock.NEW,)") == "stale 0 7"
    assert package.load(seen="(durable.clock.NEW,)").endswith(" 7") and is_fresh(package)


def test_a_source_that_is_gone_makes_it_stale(package: Package) -> None:
    (package.src / "durable/protection/tampering.py").rename(package.src / "durable/policy/elsewhere.py")
    done = subprocess.run(
        [sys.executable, "-IS", "-c", LOAD.format(src=str(package.src), door=DOOR, make=False, seen="()")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "No module named 'durable.protection.tampering'" in done.stderr


@pytest.mark.parametrize("keep", [0, 1, 3, 4, 100, -1000, -1])
def test_half_a_file_is_none(package: Package, keep: int) -> None:
    package.bundle.write_bytes(package.bundle.read_bytes()[:keep])
    assert not is_fresh(package)
    package.load(make=True)
    assert is_fresh(package)


def test_one_of_another_python_is_none(package: Package) -> None:
    data = package.bundle.read_bytes()
    package.bundle.write_bytes(bytes([data[0] ^ 1]) + data[1:])
    assert not is_fresh(package)


def test_a_python_that_leaves_assertions_out_makes_no_use_of_it(package: Package) -> None:
    assert package.load(flags="-ISO").startswith("stale")


def test_where_nothing_can_be_written_nothing_is_said(package: Package) -> None:
    package.bundle.unlink()
    shutil.rmtree(package.caches)
    package.caches.write_text("a file in its place")
    assert package.load(make=True) == "stale 0"


def test_what_can_not_be_made_leaves_nothing_behind(package: Package) -> None:
    package.bundle.unlink()
    ordinary = package.src / "durable/ordinary.py"
    ordinary.write_text(ordinary.read_text("utf-8").replace("clock errors", "clock no_such_module errors"), "utf-8")
    assert package.load(make=True) == "stale 0"
    assert list(package.caches.glob("*.bundle*")) == []


def test_a_module_that_fails_is_not_left_half_made() -> None:
    source = (
        f"import sys; sys.path.append({str(ROOT / 'src')!r}); from durable.bundle import _execute\n"
        "try:\n    _execute('durable.broken', '/x/broken.py', compile('half = 1; 1 / 0', 'broken.py', 'exec'))\n"
        "except ZeroDivisionError: print('durable.broken' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-IS", "-c", source], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
