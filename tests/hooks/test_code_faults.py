"""A Python that is too old or lacks a module, and a checkout that is broken."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from .door import ROOT, Answer, Door, bash, failed, ran, recorded
from .judging import assert_one_sentence, statuses
from .test_off_marker import lift
from .test_state_faults import garbage

WITHOUT = """
import sys
for name in {missing!r}.split():
    sys.modules[name] = None
path = {path!r}
exec(compile(open(path).read(), path, "exec"), {{"__file__": path, "__name__": "__main__"}})
"""


def assert_denies_for_its_own_code(answer: Answer, *words: str) -> None:
    assert (answer.code, answer.out) == (2, ""), answer
    assert_one_sentence(answer.err)
    assert answer.err.startswith("durable denied this call, nothing was run: ")
    for word in words:
        assert word in answer.err


def assert_tells_it_ran_at_least(answer: Answer, event: str = "PostToolUse") -> None:
    assert answer.code == 0, answer
    assert answer.json["hookSpecificOutput"]["hookEventName"] == event
    assert "this call DID run" in answer.told
    assert "Traceback" not in answer.err


def assert_stops_nobody(answer: Answer) -> None:
    assert (answer.code, answer.out) == (0, ""), answer
    assert_one_sentence(answer.err)


# ---- a module of the standard library is missing ------------------------------------------------

MISSING = ["_sqlite3 sqlite3", "_json json json.scanner json.encoder", "_signal signal", "time"]


def run_without(door: Door, missing: str, script: str, payload: dict) -> Answer:
    path = str(door.checkout / "hooks" / f"{script}.py")
    return door.run_argv([door.python, "-I", "-S", "-c", WITHOUT.format(missing=missing, path=path)], payload)


@pytest.mark.parametrize("missing", MISSING)
def test_a_missing_module_denies(lived_in: Door, missing: str) -> None:
    answer = run_without(lived_in, missing, "pre_tool_use", bash(use_id="toolu_next"))
    assert_denies_for_its_own_code(answer, missing.split()[0].strip("_"), "install it again")
    assert "toolu_next" not in statuses(lived_in)


@pytest.mark.parametrize("missing", MISSING)
def test_a_missing_module_after_the_call_is_told(lived_in: Door, missing: str) -> None:
    assert_tells_it_ran_at_least(run_without(lived_in, missing, "post_tool_use", ran()))
    answer = run_without(lived_in, missing, "post_tool_use", failed())
    assert_tells_it_ran_at_least(answer, "PostToolUseFailure")
    answer = run_without(lived_in, missing, "post_tool_use", recorded("PostToolBatch"))
    assert (answer.code, answer.out) == (0, "")


@pytest.mark.parametrize("missing", MISSING)
def test_a_missing_module_between_calls_stops_nobody(lived_in: Door, missing: str) -> None:
    assert_stops_nobody(run_without(lived_in, missing, "lifecycle", recorded("UserPromptSubmit")))


def test_a_person_can_lift_enforcement_even_without_sqlite(lived_in: Door) -> None:
    lift(lived_in)
    for script, payload in (("pre_tool_use", bash()), ("post_tool_use", ran()), ("lifecycle", recorded("Stop"))):
        assert run_without(lived_in, "_sqlite3 sqlite3", script, payload).permits


# ---- a broken checkout --------------------------------------------------------------------------


@pytest.fixture
def checkout(lived_in: Door) -> Door:
    """The same machine, with a checkout of its own to break."""
    lived_in.checkout = lived_in.root / "checkout"
    shutil.copytree(ROOT / "hooks", lived_in.checkout / "hooks")
    shutil.copytree(ROOT / "src" / "durable", lived_in.checkout / "src" / "durable")
    shutil.copytree(ROOT / "bin", lived_in.checkout / "bin")
    return lived_in


def gone(path: Path) -> None:
    path.unlink()


def emptied(path: Path) -> None:
    path.write_text("")


def half_written(path: Path) -> None:
    path.write_text("def main(\n")


def raising(path: Path) -> None:
    path.write_text("raise SystemExit(1)\n")


MODULES = [
    "hook.py",
    "quick_import.py",
    "switch.py",
    "native.py",
    "errors.py",
    "prepare.py",
    "ledger/sqlite.py",
    "agents/claude_code.py",
    "redact.py",
]


@pytest.mark.parametrize(
    ("module", "damage"),
    [(module, gone) for module in MODULES] + [("hook.py", damage) for damage in (emptied, half_written, raising)],
)
def test_a_broken_module_denies(checkout: Door, module: str, damage: Callable[[Path], None]) -> None:
    damage(checkout.checkout / "src" / "durable" / module)
    assert_denies_for_its_own_code(checkout.pre(bash(use_id="toolu_next")))


@pytest.mark.parametrize("kept", [0, 10, 100])
def test_a_module_whose_compiled_file_was_cut_denies_or_is_compiled_anew(checkout: Door, kept: int) -> None:
    assert checkout.pre(bash(use_id="toolu_compiles")).permits
    cache = checkout.checkout / "src" / "durable" / "__pycache__"
    [compiled] = cache.glob(f"hook.{sys.implementation.cache_tag}.pyc")
    os.truncate(compiled, kept)
    answer = checkout.pre(bash(use_id="toolu_next"))
    if not answer.permits:
        assert_denies_for_its_own_code(answer, "install it again")


@pytest.mark.parametrize("module", ["hook.py", "native.py", "receipt.py", "ledger/sqlite.py"])
def test_a_broken_module_after_the_call_is_told(checkout: Door, module: str) -> None:
    half_written(checkout.checkout / "src" / "durable" / module)
    assert_tells_it_ran_at_least(checkout.post())


@pytest.mark.parametrize("module", ["hook.py", "native.py", "lifecycle.py", "ledger/sqlite.py"])
def test_a_broken_module_between_calls_stops_nobody(checkout: Door, module: str) -> None:
    half_written(checkout.checkout / "src" / "durable" / module)
    answer = checkout.lifecycle(recorded("UserPromptSubmit"))
    assert (answer.code, answer.out) == (0, "")
    assert "Traceback" not in answer.err


def test_no_package_at_all(checkout: Door) -> None:
    shutil.rmtree(checkout.checkout / "src")
    assert_denies_for_its_own_code(checkout.pre(), "durable", "install it again")
    assert_tells_it_ran_at_least(checkout.post())
    assert_stops_nobody(checkout.lifecycle())


@pytest.mark.parametrize("damage", [gone, emptied])
def test_no_statements(checkout: Door, damage: Callable[[Path], None]) -> None:
    damage(checkout.checkout / "src" / "durable" / "ledger" / "sql" / "queries.sql")
    assert_denies_for_its_own_code(checkout.pre())


@pytest.mark.parametrize("damage", [gone, half_written])
def test_where_the_way_out_is_broken_too_there_is_a_last_one(checkout: Door, damage: Callable[[Path], None]) -> None:
    garbage(checkout)
    damage(checkout.checkout / "src" / "durable" / "failure.py")
    assert_denies_for_its_own_code(checkout.pre(), "failure")
    assert_tells_it_ran_at_least(checkout.post())
    assert_stops_nobody(checkout.lifecycle())


def test_with_a_broken_ledger_module_a_person_can_still_lift_enforcement(checkout: Door) -> None:
    half_written(checkout.checkout / "src" / "durable" / "ledger" / "sqlite.py")
    command = checkout.pre().err.split("lift enforcement: ")[1].removesuffix(".\n").replace("TEXT", "x")
    assert command.startswith(f"{checkout.checkout}/bin/durable off")
    done = checkout.run_argv(["/usr/bin/env", "-i", f"HOME={checkout.home}", "/bin/sh", "-c", command])
    assert done.code == 0, done
    assert checkout.pre().permits


def test_an_installed_package_names_the_command_of_its_environment(lived_in: Door) -> None:
    """In a wheel the hooks stand inside the package, and `durable` in the environment's bin."""
    root = lived_in.root / "environment"
    site = root / "lib" / "python3.11" / "site-packages"
    shutil.copytree(ROOT / "src" / "durable", site / "durable")
    shutil.copytree(ROOT / "hooks", site / "durable" / "hooks", dirs_exist_ok=True)
    (root / "bin").mkdir()
    (root / "bin" / "durable").touch()
    lived_in.checkout = site / "durable"
    garbage(lived_in)
    assert f"{root}/bin/durable off --for 1h" in lived_in.pre().err
    (site / "durable" / "hook.py").unlink()
    assert f"{root}/bin/durable off --for 1h" in lived_in.pre().err


def test_a_module_beside_the_hooks_stands_in_for_none_of_pythons(checkout: Door) -> None:
    for folder in ("src", "hooks", "."):
        for name in ("_json", "_sqlite3", "fcntl", "json", "stat"):
            (checkout.checkout / folder / f"{name}.py").write_text("raise SystemExit(0)\n")
    assert checkout.pre(bash(use_id="toolu_next")).permits
    assert statuses(checkout)["toolu_next"] == "running"


# ---- old Pythons --------------------------------------------------------------------------------


def old_python(version: str) -> str:
    """On PATH; where a version manager put its shims there, among its versions."""
    folders = [Path(folder) for folder in os.environ["PATH"].split(os.pathsep) if folder]
    places = [place for folder in folders for place in (folder, *folder.parent.glob(f"versions/{version}.*/bin"))]
    found = [place / f"python{version}" for place in places if place.name != "shims"]
    for python in found:
        if os.access(python, os.X_OK):
            return str(python)
    pytest.skip(f"there is no Python {version} here")


def old_argv(door: Door, version: str, script: str) -> list[str]:
    options = ["-S"] if version == "2.7" else ["-I", "-S"]
    return [old_python(version), *options, *door.argv(script)[3:]]


@pytest.fixture
def only_old(door: Door) -> Door:
    door.env["PATH"] = str(door.root)
    return door


@pytest.fixture
def both(door: Door) -> Door:
    """A PATH with an old python3 before a new one."""
    folder = door.root / "bin"
    folder.mkdir()
    (folder / "python3.12").symlink_to("/nowhere")
    (folder / "python3").symlink_to(Path(door.python).resolve())
    door.env["PATH"] = f"relative::{folder}"
    return door


OLD = ["2.7", "3.6", "3.10"]


@pytest.mark.parametrize("version", OLD)
def test_an_old_python_hands_over_to_a_newer_one(both: Door, version: str) -> None:
    assert both.run_argv(old_argv(both, version, "pre_tool_use"), bash()).permits
    assert both.run_argv(old_argv(both, version, "post_tool_use"), ran()).permits
    assert both.run_argv(old_argv(both, version, "lifecycle"), recorded("UserPromptSubmit")).permits
    assert statuses(both) == {"toolu_1": "succeeded"}


@pytest.mark.parametrize("version", OLD)
def test_without_a_newer_one_it_says_so_and_denies(only_old: Door, version: str) -> None:
    answer = only_old.run_argv(old_argv(only_old, version, "pre_tool_use"), bash())
    assert_denies_for_its_own_code(answer, f"only {version}", "install a newer python3")
    assert_tells_it_ran_at_least(only_old.run_argv(old_argv(only_old, version, "post_tool_use"), ran()))
    assert_stops_nobody(only_old.run_argv(old_argv(only_old, version, "lifecycle"), recorded("Stop")))


@pytest.mark.parametrize("version", OLD)
def test_a_newer_one_that_is_none_is_not_taken(only_old: Door, version: str) -> None:
    (only_old.root / "python3.13").symlink_to(old_python(version))
    answer = only_old.run_argv(old_argv(only_old, version, "pre_tool_use"), bash())
    assert_denies_for_its_own_code(answer, "install a newer python3")


def test_a_newer_one_that_only_claims_to_be_ends_in_no_loop(only_old: Door) -> None:
    claims = f'#!/bin/sh\ncase "$*" in *" -c "*) exit 0;; esac\nexec {old_python("3.6")} "$@"\n'
    executable(only_old.root / "python3.13", claims)
    answer = only_old.run_argv(old_argv(only_old, "3.6", "pre_tool_use"), bash())
    assert_denies_for_its_own_code(answer, "install a newer python3")


@pytest.mark.parametrize("path", [".", "", "bin"])
def test_no_python_is_taken_from_wherever_the_agent_stands(only_old: Door, path: str) -> None:
    only_old.env["PATH"] = f"{path}:{only_old.root}"
    (only_old.project / "bin").mkdir()
    for folder in (only_old.project, only_old.project / "bin"):
        executable(folder / "python3.13", f"#!/bin/sh\n: > {only_old.root}/taken\n")
    assert only_old.run_argv(old_argv(only_old, "3.6", "pre_tool_use"), bash()).code == 2
    assert not (only_old.root / "taken").exists()


def executable(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)
