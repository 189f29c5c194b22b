"""The quick finder is only quick: it takes what Python's own would take, and leaves it the rest."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parent.parent / "src" / "durable"
ASK = """
import sys
sys.path.append({src!r})
from durable.quick_import import install
install()
{statement}
"""


@pytest.fixture
def package(tmp_path: Path) -> Path:
    shutil.copytree(SOURCE, tmp_path / "durable", ignore=shutil.ignore_patterns("__pycache__", "cli", "doctor"))
    return tmp_path / "durable"


def ask(package: Path, statement: str) -> str:
    source = ASK.format(src=str(package.parent), statement=statement)
    done = subprocess.run([sys.executable, "-I", "-S", "-c", source], capture_output=True, text=True, check=True)
    return done.stdout.strip()


LOADER = "import durable.{0} as m; print(type(m.__loader__).__name__, getattr(m.__loader__, '__name__', ''))"


def loader_of(package: Path, module: str) -> str:
    return ask(package, LOADER.format(module)).split()[-1]


def test_a_module_is_compiled_by_python_first_and_taken_quickly_from_then_on(package: Path) -> None:
    assert loader_of(package, "clock") == "SourceFileLoader"
    assert loader_of(package, "clock") == "QuickLoader"


def test_a_package_is_taken_quickly_too(package: Path) -> None:
    loader_of(package, "ledger.chain")
    assert ask(package, "import durable.ledger as m; print(m.__path__[0])") == str(package / "ledger")
    assert loader_of(package, "ledger") == "QuickLoader"


def test_a_source_that_has_changed_is_compiled_again(package: Path) -> None:
    loader_of(package, "clock")
    (package / "clock.py").write_text("def now():\n    return 'changed'\n", encoding="utf-8")
    assert ask(package, "from durable.clock import now; print(now())") == "changed"
    assert ask(package, "from durable.clock import now; print(now())") == "changed"


def test_a_source_with_another_time_is_compiled_again(package: Path) -> None:
    loader_of(package, "clock")
    os.utime(package / "clock.py", (1_000_000_000, 1_000_000_000))
    assert loader_of(package, "clock") == "SourceFileLoader"


def test_a_compiled_file_of_another_python_is_not_taken(package: Path) -> None:
    loader_of(package, "clock")
    (compiled,) = (package / "__pycache__").glob("clock.*.pyc")
    compiled.write_bytes(b"\0\0\r\n" + compiled.read_bytes()[4:])
    assert loader_of(package, "clock") == "SourceFileLoader"


def test_a_compiled_file_without_its_source_is_not_taken(package: Path) -> None:
    loader_of(package, "clock")
    (package / "clock.py").unlink()
    with pytest.raises(subprocess.CalledProcessError):
        ask(package, "import durable.clock")


def test_the_modules_look_the_same_as_pythons_own(package: Path) -> None:
    fields = "m.__name__, m.__file__, m.__package__, m.__cached__, m.__spec__.parent, m.__spec__.origin"
    statement = f"import durable.ledger.statements as m; print({fields})"
    assert ask(package, statement) == ask(package, statement)
    assert loader_of(package, "ledger.statements") == "QuickLoader"


def test_a_hook_starts_where_nothing_can_be_compiled_or_kept(package: Path) -> None:
    """As in an installation that belongs to somebody else: slower, not broken."""
    (package / "__pycache__").write_text("in the way", encoding="utf-8")
    assert loader_of(package, "clock") == "SourceFileLoader"
    assert loader_of(package, "clock") == "SourceFileLoader"
