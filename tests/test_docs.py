"""The pages say what is there: rows, tests, files, verbs, commands and links."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from durable.cli.verbs import VERBS

ROOT = Path(__file__).resolve().parents[1]
ROWS = {"L": 21, "A": 32, "T": 14, "R": 8, "K": 11, "P": 7, "N": 12}
PAGES = sorted(
    [
        *ROOT.glob("*.md"),
        *ROOT.glob("docs/*.md"),
        *ROOT.glob("docs/tasks/*.md"),
        *ROOT.glob("bench/*.md"),
        *ROOT.glob("examples/*.md"),
    ]
)
LINK = re.compile(r"\]\(([^)\s]+)\)")
YES, PARTLY, NOT_YET = "yes", "partly", "not yet"


def read(path: str) -> str:
    return (ROOT / path).read_text("utf-8")


def coverage() -> dict[str, list[str]]:
    """Row id → capability, state, where, tests, what is missing."""
    lines = re.findall(r"^\| ([A-Z]\d+) \|(.*)\|$", read("docs/coverage.md"), re.M)
    ids = [row for row, _ in lines]
    assert len(ids) == len(set(ids))
    return {row: [cell.strip() for cell in rest.split("|")] for row, rest in lines}


def quoted(text: str) -> list[str]:
    return re.findall(r"`([^`]+)`", text)


@pytest.fixture(scope="module")
def collected() -> set[str]:
    """Every test by its name, as pytest itself finds them."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-o", "addopts=", "-p", "no:cacheprovider"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    names = {line.partition("[")[0] for line in listed.stdout.splitlines() if "::" in line}
    assert names, listed.stdout + listed.stderr
    return names


def test_every_capability_has_its_row() -> None:
    assert set(coverage()) == {f"{group}{number}" for group, last in ROWS.items() for number in range(1, last + 1)}


def test_every_row_says_as_much_as_its_state_promises() -> None:
    for row, (_, state, where, tests, missing) in coverage().items():
        says = (bool(where), bool(tests), bool(missing))
        assert state in (YES, PARTLY, NOT_YET), row
        assert says[:2] == (state != NOT_YET, state != NOT_YET), row
        assert missing or state != PARTLY, row


def test_every_test_that_is_named_exists(collected: set[str]) -> None:
    named = {test for cells in coverage().values() for test in quoted(cells[3])}
    assert named - collected == set()


def test_every_file_that_is_named_exists() -> None:
    named = {path for cells in coverage().values() for path in quoted(cells[2])}
    assert [path for path in sorted(named) if not (ROOT / path).exists()] == []


def test_every_verb_is_documented() -> None:
    pages = "".join(page.read_text("utf-8") for page in PAGES)
    assert [verb for verb in VERBS if not re.search(rf"^durable {verb}\b", pages, re.M)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    targets = [target for target in LINK.findall(page.read_text("utf-8")) if "://" not in target]
    assert [target for target in targets if not (page.parent / target.partition("#")[0]).exists()] == []


def test_the_readme_names_only_verbs_and_make_targets_that_exist() -> None:
    blocks = "\n".join(re.findall(r"^```\n(.*?)^```", read("README.md"), re.M | re.S))
    verbs = re.findall(r"^durable (\w+)", blocks, re.M)
    targets = re.findall(r"^make (\w+)", blocks, re.M)
    assert verbs and set(verbs) <= set(VERBS)
    assert targets == ["demo", "test"]
    assert [target for target in targets if f"\n{target}:" not in read("Makefile")] == []


def test_ci_runs_the_readmes_test_command() -> None:
    assert read(".ci/run").rstrip().endswith("\nexec make test")
