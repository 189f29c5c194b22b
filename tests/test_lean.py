"""The hooks' stand-in for `os`: the same answers, and the real one for whatever it lacks."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from durable import lean

ROOT = Path(__file__).resolve().parent.parent
LEAN: Any = lean._lean_os()
PATHS = st.lists(st.sampled_from(["", "/", ".", "..", "a", ".b", "c d", "é", "~"])).map("/".join)


@given(PATHS)
def test_paths_are_taken_apart_as_os_path_does(path: str) -> None:
    for name in ("basename", "dirname", "split", "normpath", "realpath", "exists", "isdir", "abspath"):
        assert getattr(LEAN.path, name)(path) == getattr(os.path, name)(path)


@given(PATHS, st.lists(PATHS, max_size=3))
def test_paths_are_joined_as_os_path_does(path: str, others: list[str]) -> None:
    assert LEAN.path.join(path, *others) == os.path.join(path, *others)


def test_links_are_followed(tmp_path: Path) -> None:
    (tmp_path / "real/inside").mkdir(parents=True)
    (tmp_path / "link").symlink_to("real")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "real/file").symlink_to("/etc/hosts")
    for path in ("real", "link", "link/inside", "link/none", "loop", "loop/x", "real/file", "none/x", "link/../x"):
        at = str(tmp_path / path) if ".." not in path else f"{tmp_path}/{path}"
        assert LEAN.path.realpath(at) == os.path.realpath(at)


def test_what_is_there_is_seen_through_links(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "to-file").symlink_to("file")
    (tmp_path / "to-dir").symlink_to(".")
    (tmp_path / "to-nothing").symlink_to("none")
    for name in ("", "file", "to-file", "to-dir", "to-nothing", "none", "file/x", "a\0b"):
        path = f"{tmp_path}/{name}"
        assert LEAN.path.exists(path) == os.path.exists(path)
        assert LEAN.path.isdir(path) == os.path.isdir(path)


def test_what_it_lacks_is_the_real_thing_s() -> None:
    assert LEAN.makedirs is os.makedirs
    assert LEAN.path.expanduser is os.path.expanduser
    assert LEAN.open is os.open
    with pytest.raises(AttributeError):
        _ = LEAN.no_such_thing


def test_a_process_that_has_os_gets_it() -> None:
    assert lean.os is os


def test_the_environment_is_the_same_whatever_bytes_it_holds() -> None:
    source = "import sys; sys.path.append(%r); from durable.lean import os as lean; import os; assert lean is not os; "
    check = "assert lean.environ == dict(os.environ); assert lean.fsencode(lean.environ['ODD']) == b'\\xff\\xc3\\xa9'"
    command = [sys.executable, "-I", "-S", "-c", source % str(ROOT / "src") + check]
    for more in ({}, {b"LC_ALL": b"C"}, {b"LC_ALL": b"en_US.ISO-8859-1"}):
        subprocess.run(command, env={b"ODD": b"\xff\xc3\xa9", **more}, check=True)
