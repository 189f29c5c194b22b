"""Wherever the power goes, what had been promised by then is there when it comes back."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from chaos.checkout import checkout_with
from chaos.disk import Disk, Tree, outcomes, tree_of, write_tree
from chaos.power import RECEIPT, ROW, Record, faults
from chaos.trace import Op, can_trace
from chaos.world import a_world
from hooks.conftest import client  # noqa: F401
from hooks.door import Door, FakeClient, bash, ran
from ledger import rescues

needs_strace = pytest.mark.skipif(not can_trace(), reason="strace is not installed or may not trace here")
CALL, ITS_RECEIPT = bash("pay bob", "toolu_1"), ran("pay bob", "toolu_1")


# ---- the disk -------------------------------------------------------------------------------------


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    (tmp_path / "old").write_bytes(b"old")
    return Disk(tmp_path)


def left(disk: Disk, *ops: tuple) -> dict[str, dict[str, bytes | None]]:
    """By file name, after operations on names below the disk's root."""
    for what, name, *more in ops:
        disk.follow(Op(what, f"{disk.root}/{name}".rstrip("/"), **(more[0] if more else {})))
    return {how: names(disk, tree) for how, tree in outcomes(disk, seed=0).items()}


def names(disk: Disk, tree: Tree) -> dict[str, bytes | None]:
    return {path.removeprefix(f"{disk.root}/"): data for path, data in tree.items()}


def to(disk: Disk, name: str) -> dict[str, str]:
    return {"to": f"{disk.root}/{name}"}


def test_of_what_was_written_after_the_last_sync_nothing_need_be_left(disk: Disk) -> None:
    found = left(disk, ("fill", "old", {"data": b"new!"}), ("sync", "old"), ("fill", "old", {"data": b"later"}))
    assert found["only what was synced"] == {"old": b"new!"}
    assert found["everything"] == {"old": b"later"}


def test_a_file_is_left_under_its_new_name_only_once_the_directory_was_synced(disk: Disk) -> None:
    found = left(disk, ("move", "old", to(disk, "new")))
    assert found["only what was synced"] == {"old": b"old"}
    assert found["names without data"] == {"new": b"old"}
    assert left(disk, ("sync", ""))["only what was synced"] == {"new": b"old"}


def test_a_synced_file_may_have_no_name_yet_and_a_name_no_content(disk: Disk) -> None:
    made = (("make", "new"), ("fill", "new", {"data": b"new"}))
    assert left(disk, *made)["names without data"] == {"old": b"old", "new": b""}
    assert left(disk, ("sync", "new"))["only what was synced"] == {"old": b"old"}


def test_a_journal_brings_with_any_sync_all_names_that_came_before(disk: Disk) -> None:
    found = left(disk, ("make", "new"), ("sync", "old"), ("make", "newer"))
    assert found["journalled"] == {"old": b"old", "new": b""}


def test_what_lies_in_a_directory_goes_with_it(disk: Disk) -> None:
    found = left(disk, ("folder", "room"), ("make", "room/new"), ("sync", "room/new"), ("sync", "room"))
    assert found["only what was synced"] == {"old": b"old"}
    assert left(disk, ("sync", ""))["only what was synced"] == {"old": b"old", "room": None, "room/new": b""}


def test_a_torn_write_leaves_some_of_its_sectors(disk: Disk) -> None:
    disk.follow(Op("fill", f"{disk.root}/old", b"x" * 4096))
    sizes = {tree[f"{disk.root}/old"].count(b"x") for tree in outcomes(disk, 0, torn=40).values()}  # type: ignore[union-attr]
    assert {size % 512 for size in sizes} == {0}
    assert len(sizes) > 2


# ---- the power goes, after each single operation --------------------------------------------------


@pytest.fixture
def machine(client: FakeClient) -> Iterator[Door]:  # noqa: F811
    with a_world() as world:
        world.door.env["CLAUDE_PID"] = str(client.pid)
        yield world.door


def with_a_past(door: Door) -> Door:
    assert door.pre(bash("echo first", "toolu_first")).permits
    assert door.post(ran("echo first", "toolu_first")).permits
    return door


@needs_strace
def test_what_was_traced_is_all_that_was_done(machine: Door) -> None:
    record = Record(machine)
    record.run("pre_tool_use", CALL)
    record.run("post_tool_use", ITS_RECEIPT, DURABLE_TEST_CRASH="before-commit:term")
    record.run("lifecycle", bash("echo", "toolu_2"))
    real = tree_of(machine.root)
    write_tree(machine.root, record.before)
    disk = Disk(machine.root)
    for op, _ in record.heard:
        disk.follow(op)
    assert outcomes(disk, seed=0)["everything"] == real


@needs_strace
def test_wherever_the_power_goes_a_new_ledger_holds_what_was_promised(machine: Door) -> None:
    record = Record(machine)
    assert record.run("pre_tool_use", CALL, ROW).permits
    assert faults(record, torn=1) == []


@needs_strace
def test_a_new_ledger_lasts_with_all_the_directories_that_were_made_for_it(machine: Door) -> None:
    machine.state = machine.root / "above" / "it" / "state"
    record = Record(machine)
    assert record.run("pre_tool_use", CALL, ROW, DURABLE_HOME=str(machine.state)).permits
    assert faults(record, torn=0) == []


@needs_strace
def test_a_receipt_that_waits_elsewhere_lasts_with_the_directories_that_were_made_for_it(machine: Door) -> None:
    assert with_a_past(machine).pre(CALL).permits
    shutil.rmtree(machine.home)
    in_the_way(machine)
    record = Record(machine)
    record.run("post_tool_use", ITS_RECEIPT, RECEIPT)
    assert machine.spooled(machine.config / "spool")
    assert faults(record, torn=0, put_right=out_of_the_way) == []


def in_the_way(door: Door) -> None:
    (door.state / "spool").rmdir()
    (door.state / "spool").touch()


def out_of_the_way(door: Door) -> None:
    (door.state / "spool").unlink()


@needs_strace
def test_wherever_the_power_goes_a_ledger_holds_what_was_promised(machine: Door) -> None:
    record = Record(with_a_past(machine))
    assert record.run("pre_tool_use", CALL, ROW).permits
    assert record.run("post_tool_use", ITS_RECEIPT, RECEIPT).permits
    assert record.run("pre_tool_use", bash("echo 2", "toolu_2"), ROW).permits
    assert faults(record) == []


@needs_strace
def test_wherever_the_power_goes_a_receipt_that_was_said_to_wait_does(machine: Door) -> None:
    record = Record(with_a_past(machine))
    assert record.run("pre_tool_use", CALL, ROW).permits
    record.run("post_tool_use", ITS_RECEIPT, RECEIPT, DURABLE_TEST_CRASH="before-commit:term")
    assert machine.spooled()
    assert record.run("pre_tool_use", bash("echo 2", "toolu_2"), ROW).permits  # takes it in
    assert faults(record) == []


@needs_strace
def test_wherever_the_power_goes_a_wal_that_is_taken_in_loses_nothing(machine: Door) -> None:
    with_a_past(machine)
    used = (str(number) for number in range(100))
    while (machine.state / "ledger.db-wal").stat().st_size < 480_000:
        assert machine.pre(bash("echo " + "x" * 20_000, f"toolu_x{next(used)}")).permits
    record = Record(machine)
    for number in range(3):
        assert record.run("pre_tool_use", bash("echo " + "x" * 20_000, f"toolu_{number}"), ROW).permits
    assert any(op.what == "cut" and op.path.endswith("-wal") for op, _ in record.heard)
    assert faults(record) == []


MISSING = {
    "of the head": ("ledger/head.py", 'write_synced(path + ".new", ', 'open(path + ".new", "wb").write('),
    "of what waits": ("spool.py", "    sync_dir(room)\n", ""),
    "of a row": ("ledger/database.py", "synchronous = FULL", "synchronous = OFF"),
    "of the directory of a new ledger": ("ledger/create.py", "            sync_dir(path)\n", "            pass\n"),
}


@needs_strace
@pytest.mark.parametrize("which", MISSING)
def test_a_sync_that_is_missing_is_noticed(machine: Door, which: str, tmp_path: Path) -> None:
    module, present, absent = MISSING[which]
    machine.checkout = checkout_with(tmp_path / "checkout", module, present, absent)
    record = Record(machine)
    assert record.run("pre_tool_use", CALL, ROW).permits
    record.run("post_tool_use", ITS_RECEIPT, RECEIPT, DURABLE_TEST_CRASH="before-commit:term")
    assert machine.spooled()
    assert faults(record, torn=0)


# ---- what a person runs ---------------------------------------------------------------------------

ALWAYS_WHOLE = {"renew": rescues.renew(), "migrate": rescues.migrate(), "salvage": rescues.salvage()}
WHOLE_WHEN_DONE = {"restore": rescues.restore(), "renew --lost": rescues.renew(lost=True)}


def run_verb(record: Record, work: str) -> None:
    code = f"import sys\nsys.path.append({rescues.SRC!r})\nhome = {str(record.door.state)!r}\n{work}"
    assert record.run_argv([record.door.python, "-I", "-S", "-c", code]).code == 0


@needs_strace
@pytest.mark.parametrize("verb", ALWAYS_WHOLE)
def test_wherever_the_power_goes_the_hooks_go_on_after_a_verb_that_was_under_way(machine: Door, verb: str) -> None:
    record = Record(with_a_past(machine))
    record.promised["toolu_first"] = RECEIPT
    run_verb(record, ALWAYS_WHOLE[verb])
    assert faults(record) == []


@needs_strace
@pytest.mark.parametrize("verb", WHOLE_WHEN_DONE)
def test_what_a_verb_that_ended_has_settled_stays_settled_without_power(machine: Door, verb: str) -> None:
    """While it is under way hooks may deny, and name the verb that has to be run again."""
    record = Record(with_a_past(machine))
    if verb == "renew --lost":
        (machine.state / "key").unlink()
    run_verb(record, WHOLE_WHEN_DONE[verb])
    assert faults(record, since=len(record.heard) - 1) == []
