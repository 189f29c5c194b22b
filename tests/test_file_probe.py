"""What a file proves about the Write or Edit that may have reached it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given as supposing
from hypothesis import strategies as st

from durable.file_probe import file_state
from durable.probe import CANT_TELL, HAPPENED, NOT_HAPPENED, built_in

KEY = b"k" * 32


class Page:
    """A file, the state of it that a step recorded, and what a call to it proves."""

    def __init__(self, folder: Path, was: str | None) -> None:
        self.path = folder / "page.txt"
        self.put(was)
        self.before = {"file_before": file_state(str(self.path), KEY)}

    def put(self, content: str | None) -> Page:
        if content is None:
            self.path.unlink(missing_ok=True)
        else:
            self.path.write_bytes(content.encode())
        return self

    def says(self, tool: str, **given: Any) -> str:
        return built_in(tool, {"file_path": str(self.path), **given}, self.before, KEY).says


@pytest.mark.parametrize(
    ("was", "now", "says"),
    [
        (None, "new", HAPPENED),
        ("old", "new", HAPPENED),
        ("old", "old", NOT_HAPPENED),
        (None, None, NOT_HAPPENED),
        ("old", "new\n", CANT_TELL),
        ("old", None, CANT_TELL),
        ("new", "new", CANT_TELL),
        ("", "new", HAPPENED),
    ],
)
def test_a_write_is_proven_by_the_content(tmp_path: Path, was: str | None, now: str | None, says: str) -> None:
    assert Page(tmp_path, was).put(now).says("Write", content="new") == says


EDIT = {"old_string": "one", "new_string": "two"}


@pytest.mark.parametrize(
    ("was", "now", "says"),
    [
        ("a one b", "a two b", HAPPENED),
        ("a one b", "a one b", NOT_HAPPENED),
        ("two one two", "two two two", HAPPENED),
        ("a one b", "a two b and more", CANT_TELL),
        ("a one b", "two", CANT_TELL),
        ("a three b", "a two b", CANT_TELL),
        ("a one b", None, CANT_TELL),
    ],
)
def test_an_edit_is_proven_by_taking_it_back(tmp_path: Path, was: str, now: str | None, says: str) -> None:
    assert Page(tmp_path, was).put(now).says("Edit", **EDIT) == says


def test_new_text_there_and_old_text_gone_is_no_proof(tmp_path: Path) -> None:
    """Somebody else rewrote the line: the text fits, the rest of the file does not."""
    page = Page(tmp_path, "head\none\n").put("another head\ntwo\n")
    assert page.says("Edit", **EDIT) == CANT_TELL


def test_every_place_of_an_edit_is_taken_back(tmp_path: Path) -> None:
    page = Page(tmp_path, "one one").put("two two")
    assert page.says("Edit", **EDIT, replace_all=True) == HAPPENED
    assert page.says("Edit", **EDIT) == CANT_TELL


def test_an_edit_that_changes_nothing_proves_nothing(tmp_path: Path) -> None:
    assert Page(tmp_path, "one").says("Edit", old_string="one", new_string="one") == CANT_TELL


def test_an_edit_may_make_a_file(tmp_path: Path) -> None:
    assert Page(tmp_path, None).put("two").says("Edit", old_string="", new_string="two") == HAPPENED


def test_text_that_was_taken_out_is_put_back_anywhere(tmp_path: Path) -> None:
    assert Page(tmp_path, "a one b").put("a  b").says("Edit", old_string="one", new_string="") == HAPPENED


def test_a_file_with_other_line_ends_is_known(tmp_path: Path) -> None:
    page = Page(tmp_path, "1\r\none\r\n3").put("1\r\none\r\ntwo\r\n3")
    assert page.says("Edit", old_string="one\n", new_string="one\ntwo\n") == HAPPENED
    assert Page(tmp_path, "1\r\n").put("2\r\n3\r\n").says("Write", content="2\n3\n") == HAPPENED


def test_several_edits_are_taken_back_last_first(tmp_path: Path) -> None:
    edits = [EDIT, {"old_string": "two", "new_string": "three"}]
    page = Page(tmp_path, "a one b").put("a three b")
    assert page.says("MultiEdit", edits=edits) == HAPPENED
    assert page.says("MultiEdit", edits=edits[:1]) == CANT_TELL


def test_a_notebook_shows_only_that_nothing_was_written(tmp_path: Path) -> None:
    page = Page(tmp_path, "{}")
    cell = {"notebook_path": str(page.path), "new_source": "x"}
    assert page.says("NotebookEdit", **cell, edit_mode="insert") == NOT_HAPPENED
    assert page.says("NotebookEdit", **cell, edit_mode="replace") == CANT_TELL
    assert page.put("{ }").says("NotebookEdit", **cell, edit_mode="insert") == CANT_TELL


@pytest.mark.parametrize("now", ["old", "[redacted:token]"])
def test_a_redacted_input_proves_nothing(tmp_path: Path, now: str) -> None:
    assert Page(tmp_path, "old").put(now).says("Write", content="[redacted:token]") == CANT_TELL


@pytest.mark.parametrize("before", [None, {}, {"file_before": ""}, {"file_before": None}])
def test_without_the_state_before_nothing_is_told(tmp_path: Path, before: dict[str, Any] | None) -> None:
    path = tmp_path / "x"
    path.write_text("new")
    assert built_in("Write", {"file_path": str(path), "content": "new"}, before, KEY).says == CANT_TELL


@pytest.mark.parametrize(
    ("tool", "given"),
    [
        ("Write", {}),
        ("Write", {"file_path": 7}),
        ("Write", {"file_path": "page.txt", "content": "new"}),
        ("Write", {"file_path": "/tmp/\0", "content": "new"}),
        ("Write", {"file_path": "/etc/hostname", "content": 5}),
        ("Edit", {"file_path": "/etc/hostname", "new_string": "x"}),
        ("MultiEdit", {"file_path": "/etc/hostname", "edits": "all"}),
        ("Bash", {"command": "true"}),
    ],
)
def test_what_is_no_edit_proves_nothing(tool: str, given: dict[str, Any]) -> None:
    assert built_in(tool, given, {"file_before": "0" * 64}, KEY).says == CANT_TELL


def test_a_state_is_a_keyed_hash_or_absent_or_unknown(tmp_path: Path) -> None:
    path = tmp_path / "pin"
    assert file_state(str(path), KEY) == "absent"
    path.write_text("1234")
    assert file_state(str(path), KEY) != file_state(str(path), b"another")
    assert len(file_state(str(path), KEY)) == 64
    assert file_state(str(tmp_path), KEY) == ""


def test_a_fifo_in_the_files_place_holds_nobody_up(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "page.txt")
    assert file_state(str(tmp_path / "page.txt"), KEY) == ""


words = st.text(alphabet="ab\n", max_size=6)


@supposing(was=words, old=words.filter(bool), new=words, other=words)
def test_a_verdict_is_never_wrong(
    tmp_path_factory: pytest.TempPathFactory, was: str, old: str, new: str, other: str
) -> None:
    """Whether the edit ran, did not, or the file is somebody else's by now."""
    page = Page(tmp_path_factory.getbasetemp(), was)
    edit = {"old_string": old, "new_string": new}
    after = was.replace(old, new, 1) if old in was else None
    assert page.says("Edit", **edit) != HAPPENED or after is None
    if after is not None and after != was:
        assert page.says("Edit", **edit) == NOT_HAPPENED
        assert page.put(after).says("Edit", **edit) == HAPPENED
    page.put(other)
    if page.says("Edit", **edit) == HAPPENED:
        assert any(was[:at] + new + was[at + len(old) :] == other for at in range(len(was)) if was.startswith(old, at))
