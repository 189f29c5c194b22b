"""File writes made by durable itself: on real files, with real kills."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from durable import clock
from durable.execute.files import replace as replacing
from durable.execute.files.write import execute_file, file_guard
from durable.execute.outcome import Outcome
from durable.file_probe import file_state

KEY = b"k" * 32
LATER = "2999-01-01T00:00:00.000000Z"
EARLIER = "2001-01-01T00:00:00.000000Z"


def as_it_was(path: str) -> str:
    return ""


def changed(path: str) -> str:
    return f"{path} was changed"


def write(path: Path, content: str, unchanged: Callable[[str], str] | None = as_it_was) -> Outcome:
    return execute_file("Write", {"file_path": str(path), "content": content}, "/", unchanged)


def edit(path: Path, old: str, new: str, unchanged: Callable[[str], str] | None = as_it_was, **more: bool) -> Outcome:
    given = {"file_path": str(path), "old_string": old, "new_string": new, **more}
    return execute_file("Edit", given, "/", unchanged)


def multi_edit(path: Path, *edits: tuple[str, str], unchanged: Callable[[str], str] | None = as_it_was) -> Outcome:
    all_of_them = [{"old_string": old, "new_string": new} for old, new in edits]
    return execute_file("MultiEdit", {"file_path": str(path), "edits": all_of_them}, "/", unchanged)


def holding(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return holding(tmp_path / "a.txt", b"one\ntwo\nthree\n")


def assert_refused(outcome: Outcome, why: str, file: Path, data: bytes | None) -> None:
    assert outcome.not_begun
    assert why in outcome.error
    assert (file.read_bytes() if file.exists() else None) == data
    assert not list(file.parent.glob(".durable-*"))


# ---- write ------------------------------------------------------------------------------------


def test_a_new_file_is_made_with_the_folders_above_it(tmp_path: Path) -> None:
    path = tmp_path / "new" / "er" / "x.txt"
    outcome = write(path, "é\n")
    assert path.read_bytes() == "é\n".encode()
    assert outcome.error is None
    assert outcome.response == {
        "type": "create", "filePath": str(path), "content": "é\n", "originalFile": None, "userModified": False,
    }  # fmt: skip
    assert os.listdir(path.parent) == ["x.txt"]


def test_a_new_file_is_as_open_as_the_umask_lets_it_be(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write(tmp_path / "x", "x")
    finally:
        os.umask(before)
    assert stat.S_IMODE(os.stat(tmp_path / "x").st_mode) == 0o640


def test_a_file_is_replaced_and_keeps_its_mode(file: Path) -> None:
    file.chmod(0o751)
    outcome = write(file, "new\n")
    assert file.read_bytes() == b"new\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o751
    assert (outcome.response["type"], outcome.response["originalFile"]) == ("update", "one\ntwo\nthree\n")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_keeps_its_owner(file: Path) -> None:
    os.chown(file, 12345, 23456)
    write(file, "new\n")
    assert (file.stat().st_uid, file.stat().st_gid) == (12345, 23456)


def test_nobody_can_look_into_a_private_file_while_it_is_replaced(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.chmod(0o600)
    modes = []
    real = replacing._keep_owner

    def keep_owner(descriptor: int, old: os.stat_result) -> None:
        modes.append(stat.S_IMODE(os.fstat(descriptor).st_mode))
        real(descriptor, old)

    monkeypatch.setattr(replacing, "_keep_owner", keep_owner)
    write(file, "secret")
    assert modes == [0o600]


def test_a_relative_path_is_one_of_the_directory(tmp_path: Path) -> None:
    execute_file("Write", {"file_path": "sub/x", "content": "x"}, str(tmp_path), None)
    assert (tmp_path / "sub/x").read_text() == "x"


def test_a_file_that_holds_the_content_is_left_alone(file: Path) -> None:
    before = file.stat()
    for unchanged in (None, as_it_was, changed):
        outcome = write(file, "one\ntwo\nthree\n", unchanged)
        assert outcome.response == {"already": True, "filePath": str(file)}
    assert file.stat() == before


def test_a_file_that_was_changed_meanwhile_stays_as_it_is(file: Path) -> None:
    assert_refused(write(file, "new", changed), "was changed", file, b"one\ntwo\nthree\n")


def test_a_symbolic_link_is_refused_with_its_target_as_the_client_does(file: Path) -> None:
    link = file.parent / "link"
    link.symlink_to(file)
    assert_refused(write(link, "new"), str(file), file, b"one\ntwo\nthree\n")
    assert_refused(edit(link, "one", "1"), str(file), file, b"one\ntwo\nthree\n")
    assert link.is_symlink()


def test_what_is_no_plain_file_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert write(tmp_path / "pipe", "x").not_begun
    assert write(tmp_path, "x").not_begun


def test_what_was_changed_while_it_was_being_replaced_stays(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def somebody_else(name: str) -> None:
        holding(file, b"theirs")

    monkeypatch.setattr(replacing.crash, "point", somebody_else)
    assert_refused(write(file, "ours"), "was changed while", file, b"theirs")


def test_what_was_removed_while_it_was_being_replaced_stays_away(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replacing.crash, "point", lambda name: file.unlink())
    assert_refused(write(file, "ours"), "was changed while", file, None)


def test_the_file_is_synced_before_it_is_in_place_and_its_folder_after(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = []
    monkeypatch.setattr(
        replacing.os, "fsync", lambda descriptor: order.append(os.readlink(f"/proc/self/fd/{descriptor}"))
    )
    real = os.replace
    monkeypatch.setattr(replacing.os, "replace", lambda old, new: order.append("replaced") or real(old, new))
    write(file, "new")
    assert os.path.basename(order[0]).startswith(".durable-")
    assert order[1:] == ["replaced", str(file.parent)]


def test_what_appeared_while_it_was_being_made_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x"
    monkeypatch.setattr(replacing.crash, "point", lambda name: holding(path, b"theirs"))
    assert_refused(write(path, "ours"), "was changed while", path, b"theirs")


def test_where_nothing_can_be_written_nothing_is_left(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(replacing.os, "fsync", full)
    assert_refused(write(file, "new"), "No space left", file, b"one\ntwo\nthree\n")


def test_a_folder_that_is_a_file_is_refused(file: Path) -> None:
    assert_refused(write(file / "x", "new"), "can't be written", file, b"one\ntwo\nthree\n")


def test_a_file_that_may_not_outlast_a_power_cut_is_no_success_and_was_begun(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(folder: str) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(replacing, "_sync", broken)
    outcome = write(file, "new")
    assert (outcome.not_begun, outcome.response) == (False, None)
    assert "power cut" in outcome.error
    assert file.read_bytes() == b"new"


# ---- kills ------------------------------------------------------------------------------------


def killed_between(file: Path, content: str) -> None:
    call = f"execute_file('Write', {{'file_path': {str(file)!r}, 'content': {content!r}}}, '/', None)"
    script = f"from durable.execute.files.write import execute_file; {call}"
    env = {**os.environ, "DURABLE_TEST_CRASH": "file-written:kill"}
    assert subprocess.run([sys.executable, "-c", script], env=env).returncode == -9


def test_killed_before_the_new_file_is_in_place_the_old_one_stands(file: Path) -> None:
    killed_between(file, "new")
    assert file.read_bytes() == b"one\ntwo\nthree\n"


def test_whoever_makes_the_call_again_clears_away_what_the_killed_one_left(file: Path) -> None:
    killed_between(file, "new")
    assert len(list(file.parent.glob(".durable-*"))) == 1
    write(file, "new")
    assert file.read_bytes() == b"new"
    assert os.listdir(file.parent) == ["a.txt"]


def test_what_somebody_is_still_writing_is_not_cleared_away(file: Path) -> None:
    killed_between(file, "new")
    (left,) = file.parent.glob(".durable-*")
    alive = left.with_name(f"{left.name.rpartition('-')[0]}-1")
    left.rename(alive)
    others = [holding(file.parent / name, b"") for name in (".durable-000000000000-999999", "999999")]
    write(file, "new")
    assert sorted(os.listdir(file.parent)) == sorted((alive.name, "a.txt", *(other.name for other in others)))


# ---- edit -------------------------------------------------------------------------------------


def test_an_edit_is_made_and_answered_as_by_the_client(file: Path) -> None:
    outcome = edit(file, "two", "2")
    assert file.read_bytes() == b"one\n2\nthree\n"
    assert outcome.response == {
        "filePath": str(file), "oldString": "two", "newString": "2", "originalFile": "one\ntwo\nthree\n",
        "userModified": False, "replaceAll": False,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("data", "old", "new", "after"),
    [
        (b"a\r\nb\r\nc\r\n", "a\nb", "A\nB", b"A\r\nB\r\nc\r\n"),
        (b"a\r\nb\r\nc\r\n", "b", "", b"a\r\nc\r\n"),
        (b"a\r\nb\nc\n", "b\nc", "B\nC", b"a\r\nB\nC\n"),
        (b"a\nb\nc\n", "b", "", b"a\nc\n"),
        (b"a\nb\nc\n", "b\n", "", b"a\nc\n"),
        (b"a b c\n", "b ", "", b"a c\n"),
        ("\ufeffa\n".encode(), "a", "A", "\ufeffA\n".encode()),
        (b"", "", "made", b"made"),
    ],
)
def test_line_ends_marks_and_whole_lines_come_out_as_with_the_client(
    tmp_path: Path, data: bytes, old: str, new: str, after: bytes
) -> None:
    file = holding(tmp_path / "x", data)
    assert edit(file, old, new).error is None
    assert file.read_bytes() == after


def test_an_empty_old_text_makes_the_file(tmp_path: Path) -> None:
    edit(tmp_path / "x", "", "made")
    assert (tmp_path / "x").read_text() == "made"


def test_every_place_is_edited_only_where_that_was_said(tmp_path: Path) -> None:
    file = holding(tmp_path / "x", b"a a a")
    assert_refused(edit(file, "a", "b"), "stands 3 times", file, b"a a a")
    edit(file, "a", "b", replace_all=True)
    assert file.read_bytes() == b"b b b"


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("four", "4", "is not in the file"),
        ("one", "one", "are the same"),
        ("", "new", "the file is not"),
        ("one", "\ud800", "can't be written as UTF-8"),
    ],
)
def test_an_edit_that_can_t_be_made_says_why(file: Path, old: str, new: str, why: str) -> None:
    assert_refused(edit(file, old, new), why, file, b"one\ntwo\nthree\n")


def test_a_file_that_is_gone_or_no_text_is_not_edited(file: Path) -> None:
    assert_refused(edit(file.parent / "gone", "a", "b"), "does not exist", file.parent / "gone", None)
    file.write_bytes(b"caf\xe9\n")
    assert_refused(edit(file, "caf", "b"), "no UTF-8 text", file, b"caf\xe9\n")


def test_a_call_that_lacks_something_is_refused(file: Path) -> None:
    for tool, given in (
        ("Write", {"file_path": str(file)}),
        ("Write", {"content": "x"}),
        ("Write", {"file_path": f"{file}\0", "content": "x"}),
        ("Edit", {"file_path": str(file), "old_string": "one"}),
        ("MultiEdit", {"file_path": str(file), "edits": []}),
        ("MultiEdit", {"file_path": str(file), "edits": ["one"]}),
    ):
        assert_refused(execute_file(tool, given, "/", as_it_was), "the call", file, b"one\ntwo\nthree\n")


def test_several_edits_are_made_in_turn_all_or_none(file: Path) -> None:
    assert_refused(multi_edit(file, ("one", "1"), ("four", "4")), "is not in", file, b"one\ntwo\nthree\n")
    assert multi_edit(file, ("one", "two"), ("two\ntwo", "2")).error is None
    assert file.read_bytes() == b"2\nthree\n"


# ---- made already, or changed since -----------------------------------------------------------


def test_an_edit_that_was_made_before_it_was_cut_off_is_not_made_again(file: Path) -> None:
    edit(file, "two", "2")
    for unchanged in (None, changed):
        assert edit(file, "two", "2", unchanged).response == {"already": True, "filePath": str(file)}
        assert multi_edit(file, ("two", "2"), unchanged=unchanged).response["already"]


def test_on_a_file_that_is_as_it_was_an_edit_without_its_old_text_was_not_made(file: Path) -> None:
    holding(file, b"one\n2\n")
    assert_refused(edit(file, "two", "2"), "is not in the file", file, b"one\n2\n")


@pytest.mark.parametrize(
    ("data", "old", "new"),
    [
        (b"one 2 2\n", "two", "2"),  # Which of them was it?
        (b"one two 2\n", "two", "2"),  # Was it another?
        (b"one\n", "two", ""),  # An empty text stands everywhere.
        (b"one twofold\n", "two", "twofold"),  # The new text holds the old one.
        (b"one other\n", "two", "2"),
    ],
)
def test_where_a_changed_file_may_tell_another_story_it_is_refused(
    tmp_path: Path, data: bytes, old: str, new: str
) -> None:
    file = holding(tmp_path / "x", data)
    assert_refused(edit(file, old, new, changed), "was changed", file, data)


def test_an_edit_that_doubles_itself_is_made_only_where_the_file_is_known_to_be_as_it_was(file: Path) -> None:
    holding(file, b"one twofold\n")
    refused = edit(file, "two", "twofold", None)
    assert_refused(refused, "can't be told whether", file, b"one twofold\n")
    assert edit(file, "two", "twofold", as_it_was).error is None
    assert file.read_bytes() == b"one twofoldfold\n"


# ---- the guard --------------------------------------------------------------------------------


def test_with_its_state_known_only_that_very_content_passes(file: Path) -> None:
    guard = file_guard(file_state(str(file), KEY), LATER, KEY)
    assert guard(str(file)) == ""
    file.write_bytes(b"other")
    assert "was changed since" in guard(str(file))
    file.unlink()
    assert "was changed since" in guard(str(file))
    file.mkdir()
    assert "can't be told" in guard(str(file))


def test_a_file_that_was_not_there_must_not_be_there(tmp_path: Path) -> None:
    guard = file_guard(file_state(str(tmp_path / "x"), KEY), LATER, KEY)
    assert guard(str(tmp_path / "x")) == ""
    assert "was changed since" in guard(str(holding(tmp_path / "x", b"")))


def test_without_its_state_the_time_of_its_last_change_speaks(file: Path) -> None:
    assert file_guard("", LATER, KEY)(str(file)) == ""
    why = file_guard("", EARLIER, KEY)(str(file))
    assert "was changed at" in why and EARLIER in why
    assert file_guard("", EARLIER, KEY)(str(file.parent / "gone")) == ""
    assert "can't be told" in file_guard("", EARLIER, KEY)(f"{file}/x\0")


def test_an_old_file_moved_into_its_place_counts_as_a_change(file: Path, tmp_path: Path) -> None:
    os.utime(file, (1, 1))
    assert "was changed at" in file_guard("", EARLIER, KEY)(str(file))


def test_a_change_in_the_tick_of_the_clock_before_counts_as_one(file: Path) -> None:
    changed_at = file.stat().st_ctime_ns
    assert file_guard("", clock.stamp(changed_at + 5_000_000), KEY)(str(file)) != ""
    assert file_guard("", clock.stamp(changed_at + 50_000_000), KEY)(str(file)) == ""


def test_a_guard_and_a_call_that_was_cut_off_after_its_effect_agree_on_already(file: Path) -> None:
    guard = file_guard(file_state(str(file), KEY), LATER, KEY)
    assert write(file, "new", guard).response["type"] == "update"
    assert write(file, "new", guard).response == {"already": True, "filePath": str(file)}
    shutil.copy(file, file.parent / "b")
    assert_refused(write(file, "newer", guard), "was changed since", file, b"new")
