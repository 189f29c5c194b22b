"""A full disk, a file-size limit, and rights that are missing."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from durable.failure import sentence
from durable.redact import Redactor

from .conftest import needs_root
from .door import NOBODY, ROOT, Answer, Door, bash, failed, ran, recorded
from .judging import (
    assert_denies,
    assert_lets_through_unrecorded,
    assert_one_sentence,
    assert_tells_it_ran,
    statuses,
)

# ---- no space -----------------------------------------------------------------------------------


def mounted(path: Path) -> None:
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m,mode=0700", "tmpfs", str(path)], capture_output=True, text=True
    )
    if done.returncode:
        pytest.skip(f"no small file system can be mounted here ({done.stderr.strip()})")


@pytest.fixture
def small_disk(lived_in: Door) -> Iterator[Door]:
    """The state directory on a disk of one megabyte."""
    away = lived_in.state.rename(lived_in.root / "away")
    lived_in.state.mkdir(mode=0o700)
    mounted(lived_in.state)
    try:
        shutil.copytree(away, lived_in.state, dirs_exist_ok=True)
        yield lived_in
    finally:
        subprocess.run(["umount", str(lived_in.state)], check=True)


def fill(folder: Path) -> Path:
    path = folder / "filler"
    with path.open("wb", buffering=0) as file:
        try:
            while file.write(b"x" * 1024):
                pass
        except OSError:
            return path


LARGE = bash("echo " + "lorem ipsum " * 20_000, "toolu_large")


@needs_root
def test_a_full_disk_denies_and_frees_itself(small_disk: Door) -> None:
    filler = fill(small_disk.state)
    assert_denies(small_disk.pre(LARGE), "space")
    filler.unlink()
    assert small_disk.pre(LARGE).permits


@needs_root
def test_a_full_disk_on_the_first_day_denies_and_frees_itself(small_disk: Door) -> None:
    for path in small_disk.state.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    filler = fill(small_disk.state)
    assert_denies(small_disk.pre(), "No space left", "free space")
    filler.unlink()
    assert small_disk.pre().permits


@needs_root
def test_a_receipt_that_finds_the_disk_full_waits_on_another(small_disk: Door) -> None:
    filler = fill(small_disk.state)
    receipt = ran("echo second", "toolu_second", stdout="lorem ipsum " * 20_000)
    assert_tells_it_ran(small_disk.post(receipt))
    [path] = small_disk.spooled(small_disk.config / "spool")
    filler.unlink()
    assert small_disk.pre(bash(use_id="toolu_next")).permits
    assert statuses(small_disk)["toolu_second"] == "succeeded"
    assert not path.exists()


@needs_root
def test_observe_mode_on_a_full_disk(small_disk: Door) -> None:
    small_disk.policy('mode = "observe"\n')
    fill(small_disk.state)
    assert_lets_through_unrecorded(small_disk.pre(LARGE))


def limited(door: Door, script: str, payload: dict, kibibytes: int) -> Answer:
    """With a limit to the size of any file that is written, which SIGXFSZ and EFBIG speak for."""
    line = " ".join(f"'{word}'" for word in door.argv(script))
    return door.run_argv(["/bin/bash", "-c", f"ulimit -f {kibibytes}; exec {line}"], payload)


@pytest.mark.parametrize("kibibytes", [0, 1, 30])
def test_a_limit_to_file_sizes_denies(lived_in: Door, kibibytes: int) -> None:
    assert_denies(limited(lived_in, "pre_tool_use", LARGE, kibibytes))
    assert lived_in.pre(LARGE).permits


@pytest.mark.parametrize("kibibytes", [0, 1, 16, 64])
def test_a_limit_to_file_sizes_on_the_first_day_denies(door: Door, kibibytes: int) -> None:
    assert_denies(limited(door, "pre_tool_use", LARGE, kibibytes))
    assert door.pre(LARGE).permits


@pytest.mark.parametrize("kibibytes", [0, 1, 30])
def test_a_limit_to_file_sizes_after_the_call_is_told(lived_in: Door, kibibytes: int) -> None:
    receipt = ran("echo second", "toolu_second", stdout="lorem ipsum " * 20_000)
    answer = limited(lived_in, "post_tool_use", receipt, kibibytes)
    assert_tells_it_ran(answer)
    assert "could not be kept" in answer.told
    rooms = [lived_in.state, lived_in.config, Path(f"/tmp/durable-{os.geteuid()}")]
    assert [path for room in rooms for path in room.glob("spool/*")] == []


def with_descriptors(door: Door, script: str, payload: dict, most: int) -> Answer:
    line = " ".join(f"'{word}'" for word in door.argv(script))
    return door.run_argv(["/bin/bash", "-c", f"ulimit -n {most}; exec {line}"], payload)


@pytest.mark.parametrize("most", [4, 5, 6, 7, 8])
def test_without_descriptors_left_a_call_is_denied(lived_in: Door, most: int) -> None:
    answer = with_descriptors(lived_in, "pre_tool_use", bash(use_id="toolu_next"), most)
    if answer.permits:
        assert statuses(lived_in)["toolu_next"] == "running"
        return
    assert (answer.code, answer.out) == (2, "")
    assert_one_sentence(answer.err)
    assert answer.err.startswith("durable denied this call, nothing was run: ")


def test_the_hooks_last_resort_needs_no_descriptor_at_all(lived_in: Door) -> None:
    """Four let Python start, and nothing of ours be loaded beside the script."""
    assert with_descriptors(lived_in, "pre_tool_use", bash(use_id="toolu_next"), 4).code == 2
    assert with_descriptors(lived_in, "post_tool_use", recorded("PostToolBatch"), 4).out == ""
    assert with_descriptors(lived_in, "lifecycle", recorded("Stop"), 4).code == 0


@pytest.mark.parametrize("most", [4, 5, 6, 7, 8])
@pytest.mark.parametrize("event", [ran, failed])
def test_without_descriptors_left_the_model_hears_that_the_call_ran(
    lived_in: Door, event: Callable[[], dict], most: int
) -> None:
    answer = with_descriptors(lived_in, "post_tool_use", event(), most)
    assert answer.code == 0
    if answer.permits:
        assert statuses(lived_in)["toolu_1"] in ("succeeded", "failed")
        return
    assert answer.json["hookSpecificOutput"]["hookEventName"] == event()["hook_event_name"]
    assert "this call DID run" in answer.told


@pytest.mark.parametrize(
    ("number", "remedy"),
    [(errno.ENOSPC, "free some space"), (errno.EMFILE, "close some programs"), (errno.EACCES, "restore your access")],
)
def test_what_the_system_refuses_has_a_remedy_of_its_own(number: int, remedy: str) -> None:
    said = sentence(Redactor(), OSError(number, os.strerror(number), "/x"))
    assert said.startswith(f"'/x' can't be used ({os.strerror(number)}); {remedy}")


# ---- no access ----------------------------------------------------------------------------------


def pythons() -> list[str]:
    return [sys.executable, "/usr/bin/python3", "/usr/local/bin/python3"]


def works_for_nobody(python: str) -> bool:
    test = "import sys; sys.exit(sys.version_info < (3, 11))"
    try:
        return subprocess.run([python, "-I", "-S", "-c", test], user=NOBODY, capture_output=True).returncode == 0
    except OSError:
        return False


@pytest.fixture
def nobodys(lived_in: Door) -> Iterator[Door]:
    """The same machine, lived in by a user whom file permissions hold back."""
    python = next((path for path in pythons() if works_for_nobody(path)), None)
    if python is None:
        pytest.skip("no Python here that another user may run")
    root = Path(tempfile.mkdtemp(prefix="durable-test-"))
    door = lived_in.copy(root / "machine")
    door.python, door.user, door.checkout = python, NOBODY, root / "checkout"
    for name in ("bin", "hooks", "src"):
        shutil.copytree(ROOT / name, door.checkout / name)
    root.chmod(0o755)
    for path in (door.root, *door.root.rglob("*")):
        os.chown(path, NOBODY, NOBODY)
    yield door
    shutil.rmtree(root)


def read_only_file(door: Door) -> None:
    (door.state / "ledger.db").chmod(0o400)


def read_only_log(door: Door) -> None:
    (door.state / "ledger.db-wal").chmod(0o400)


def unreadable(name: str) -> Callable[[Door], None]:
    return lambda door: (door.state / name).chmod(0)


def read_only_state(door: Door) -> None:
    """As on a medium that was mounted so; a mode alone we would set right ourselves."""
    shutil.rmtree(door.state)
    (door.root / "above").mkdir(mode=0o500)
    os.chown(door.root / "above", NOBODY, NOBODY)
    door.env["DURABLE_HOME"] = str(door.root / "above" / "state")


def state_that_is_roots(door: Door) -> None:
    os.chown(door.state, 0, 0)


def read_only_room(name: str) -> Callable[[Door], None]:
    return lambda door: (door.state / name).chmod(0o500)


def unreadable_policy(door: Door) -> None:
    door.policy("")
    (door.config / "policy.toml").chmod(0)


ACCESS = {
    "ledger read-only": (read_only_file, "ledger.db"),
    "ledger unreadable": (unreadable("ledger.db"), "ledger.db"),
    "log read-only": (read_only_log, "ledger.db"),
    "key unreadable": (unreadable("key"), "key"),
    "head unreadable": (unreadable("heads/ledger"), "heads/ledger"),
    "lock unreadable": (unreadable("locks/ledger.lock"), "lock"),
    "parent read-only": (read_only_state, "above/state"),
    "state root's": (state_that_is_roots, "state"),
}


@needs_root
@pytest.mark.parametrize("fault", ACCESS)
def test_without_the_rights_a_call_is_denied(nobodys: Door, fault: str) -> None:
    damage, word = ACCESS[fault]
    damage(nobodys)
    assert_denies(nobodys.pre(bash(use_id="toolu_next")), word)


@needs_root
@pytest.mark.parametrize("fault", ACCESS)
def test_without_the_rights_a_receipt_is_kept_somewhere(nobodys: Door, fault: str) -> None:
    ACCESS[fault][0](nobodys)
    answer = nobodys.post(ran("echo second", "toolu_second"))
    assert_tells_it_ran(answer)
    path = Path(answer.told.split("waits in ")[1].split(" and will")[0])
    assert (path.stat().st_uid, stat.S_IMODE(path.stat().st_mode)) == (NOBODY, 0o600)
    assert path.is_relative_to(nobodys.root)


@needs_root
def test_a_policy_without_the_right_to_read_it_denies_by_name_and_loses_no_receipt(nobodys: Door) -> None:
    unreadable_policy(nobodys)
    assert "policy.toml" in nobodys.pre(bash(use_id="toolu_next")).told
    assert nobodys.post(ran("echo second", "toolu_second")).permits


@needs_root
def test_where_no_home_can_be_written_either_tmp_holds_it(nobodys: Door) -> None:
    read_only_state(nobodys)
    nobodys.home.chmod(0o500)
    answer = nobodys.post(ran("echo second", "toolu_second"))
    assert_tells_it_ran(answer)
    path = Path(answer.told.split("waits in ")[1].split(" and will")[0])
    assert path.parent == Path(f"/tmp/durable-{NOBODY}/spool")
    path.unlink()


@needs_root
def test_with_all_rights_nobody_is_held_back(nobodys: Door) -> None:
    assert nobodys.pre(bash(use_id="toolu_next")).permits
    assert nobodys.post(ran("echo second", "toolu_second")).permits


@needs_root
def test_roots_own_ledger_is_not_anothers_to_write(lived_in: Door, nobodys: Door) -> None:
    nobodys.env["DURABLE_HOME"] = str(lived_in.state)
    assert_denies(nobodys.pre(bash(use_id="toolu_next")))
    assert "toolu_next" not in statuses(lived_in)
