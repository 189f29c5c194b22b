"""What the hooks may import: a plugin checkout must work with nothing installed, and start fast."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ALLOWED = {
    "__future__", "_functools", "_json", "_sha2", "_sha256", "_signal", "_sqlite3", "_thread",
    "errno", "os", "os.path", "posix", "posixpath", "stat", "sys", "time", "genericpath", "abc", "_abc",
    "_collections_abc", "_stat", "unicodedata", "gc", "marshal",
}  # fmt: skip
LOADED = """
import sys
before = set(sys.modules)
sys.path.append({src!r})
{imports}
print("\\n".join(sorted(set(sys.modules) - before)))
"""
DOORS = {
    "pre_tool_use": "import durable.door, durable.quick_import, durable.hook, durable.prepare, durable.policy.decide",
    "post_tool_use": "import durable.hook, durable.receipt",
    "lifecycle": "import durable.hook, durable.lifecycle, durable.agents.claude_transcript",
    "failure": "import durable.hook, durable.failure",
    "evidence": "import durable.probe, durable.file_probe, durable.notify, durable.prompts, durable.hint",
    "protection": "import durable.protection.line",
}


def loaded(imports: str) -> list[str]:
    source = LOADED.format(src=str(ROOT / "src"), imports=imports)
    done = subprocess.run([sys.executable, "-I", "-S", "-c", source], capture_output=True, text=True, check=True)
    return done.stdout.split()


@pytest.mark.parametrize("door", DOORS)
def test_the_hook_path_imports_only_what_is_allowed(door: str) -> None:
    foreign = {name for name in loaded(DOORS[door]) if name.split(".")[0] != "durable"}
    assert foreign <= ALLOWED


def test_the_list_would_notice_a_heavy_import() -> None:
    assert not set(loaded("import json")) <= ALLOWED


def test_the_hook_path_needs_no_installed_package() -> None:
    """-S leaves site-packages out, so reaching the end at all is the proof."""
    assert "durable.hook" in loaded(DOORS["pre_tool_use"])
