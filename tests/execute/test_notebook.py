"""NotebookEdit made by durable itself."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from durable.execute.files.write import execute_file
from durable.execute.outcome import Outcome


def notebook(minor: int = 5) -> dict[str, Any]:
    code = {
        "cell_type": "code", "id": "aa", "execution_count": 3, "metadata": {"x": 1},
        "outputs": [{"output_type": "stream", "name": "stdout", "text": ["hi\n"]}],
        "source": ["print(1)\n", "print(2)"],
    }  # fmt: skip
    text = {"cell_type": "markdown", "id": "bb", "metadata": {}, "source": "é **x**"}
    cells = [code, text] if minor >= 5 else [{k: v for k, v in cell.items() if k != "id"} for cell in (code, text)]
    return {"cells": cells, "metadata": {"language_info": {"name": "R"}}, "nbformat": 4, "nbformat_minor": minor}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "n.ipynb"
    path.write_text(json.dumps(notebook(), indent=1, ensure_ascii=False) + "\n")
    return path


def edit(file: Path, **given: Any) -> Outcome:
    return execute_file("NotebookEdit", {"notebook_path": str(file), **given}, "/", lambda path: "")


def cells(file: Path) -> list[dict[str, Any]]:
    return json.loads(file.read_text())["cells"]


def test_a_replaced_cell_keeps_its_place_and_loses_the_outputs_of_its_old_source(file: Path) -> None:
    outcome = edit(file, cell_id="aa", new_source="print(9)\nprint(8)")
    expected = notebook()
    expected["cells"][0] |= {"source": ["print(9)\n", "print(8)"], "outputs": [], "execution_count": None}
    assert file.read_text() == json.dumps(expected, indent=1, ensure_ascii=False) + "\n"
    assert outcome.response == {
        "edit_mode": "replace", "language": "R", "error": "", "new_source": "print(9)\nprint(8)",
        "old_source": "print(1)\nprint(2)", "cell_type": "code", "cell_id": "aa", "notebook_path": str(file),
    }  # fmt: skip


def test_a_cell_that_becomes_another_type_has_just_what_that_type_must_have(file: Path) -> None:
    edit(file, cell_id="aa", new_source="text", cell_type="markdown")
    edit(file, cell_id="bb", new_source="code", cell_type="code")
    assert cells(file) == [
        {"cell_type": "markdown", "id": "aa", "metadata": {"x": 1}, "source": ["text"]},
        {"cell_type": "code", "id": "bb", "metadata": {}, "source": "code", "execution_count": None, "outputs": []},
    ]


def test_a_cell_is_inserted_after_the_one_named_or_first(file: Path) -> None:
    after = edit(file, cell_id="aa", new_source="after", edit_mode="insert", cell_type="markdown")
    first = edit(file, new_source="first", edit_mode="insert", cell_type="code")
    assert ["".join(cell["source"]) for cell in cells(file)] == ["first", "print(1)\nprint(2)", "after", "é **x**"]
    assert [cells(file)[0]["id"], cells(file)[2]["id"]] == [first.response["cell_id"], after.response["cell_id"]]
    assert re.fullmatch("[0-9a-f]{8}", first.response["cell_id"])
    assert (cells(file)[0]["outputs"], cells(file)[0]["execution_count"]) == ([], None)
    assert "outputs" not in cells(file)[2]


def test_in_an_older_format_cells_have_no_ids_and_are_named_by_their_place(file: Path) -> None:
    file.write_text(json.dumps(notebook(minor=4)))
    edit(file, cell_id="cell-0", new_source="new", edit_mode="insert", cell_type="markdown")
    edit(file, cell_id="cell-0", new_source="by place")
    assert ["".join(cell["source"]) for cell in cells(file)] == ["by place", "new", "é **x**"]
    assert not any("id" in cell for cell in cells(file))
    assert json.loads(file.read_text())["nbformat_minor"] == 4


def test_a_cell_is_deleted(file: Path) -> None:
    outcome = edit(file, cell_id="bb", edit_mode="delete")
    assert [cell["id"] for cell in cells(file)] == ["aa"]
    assert outcome.response["old_source"] == "é **x**"


@pytest.mark.parametrize("indent", [None, 1, 4, "\t"])
@pytest.mark.parametrize("end", ["", "\n"])
def test_indentation_and_final_newline_stay(file: Path, indent: int | str | None, end: str) -> None:
    file.write_text(json.dumps(notebook(), indent=indent, ensure_ascii=False) + end)
    edit(file, cell_id="bb", new_source="y")
    expected = notebook()
    expected["cells"][1]["source"] = "y"
    assert file.read_text() == json.dumps(expected, indent=indent, ensure_ascii=False) + end


def test_line_ends_stay(file: Path) -> None:
    file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
    edit(file, cell_id="bb", edit_mode="delete")
    data = file.read_bytes()
    assert data.count(b"\n") == data.count(b"\r\n") > 10
    assert b"\r\r" not in data


def test_a_dense_notebook_stays_dense(file: Path) -> None:
    file.write_text(json.dumps({"cells": [], "nbformat": 4, "nbformat_minor": 5}, separators=(",", ":")))
    edit(file, new_source="", edit_mode="insert")
    assert ": " not in file.read_text()


def test_what_is_there_already_is_not_written_again(file: Path) -> None:
    edit(file, cell_id="aa", new_source="x")
    before = file.stat()
    given = {"notebook_path": str(file), "cell_id": "aa", "new_source": "x"}
    outcome = execute_file("NotebookEdit", given, "/", lambda path: "it was changed")
    assert outcome.response == {"already": True, "filePath": str(file)}
    assert file.stat() == before


def test_a_changed_notebook_gets_no_cell_a_second_time(file: Path) -> None:
    given = {"notebook_path": str(file), "new_source": "x", "edit_mode": "insert"}
    execute_file("NotebookEdit", given, "/", lambda path: "")
    again = execute_file("NotebookEdit", given, "/", lambda path: "it was changed")
    assert again.not_begun and "it was changed" in again.error
    assert len(cells(file)) == 3


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"cell_id": "zz", "new_source": "x"}, "has no cells 'zz'"),
        ({"cell_id": "cell-2", "new_source": "x"}, "has no cells 'cell-2'"),
        ({"new_source": "x"}, "names no cell"),
        ({"cell_id": "aa"}, "no new_source"),
        ({"cell_id": "aa", "new_source": "x", "edit_mode": "append"}, "asks for 'append'"),
        ({"cell_id": "aa", "new_source": "x", "cell_type": "java"}, "'java' cell"),
    ],
)
def test_an_edit_that_can_t_be_made_says_why(file: Path, given: dict[str, Any], why: str) -> None:
    before = file.read_bytes()
    outcome = edit(file, **given)
    assert outcome.not_begun
    assert why in outcome.error
    assert file.read_bytes() == before


@pytest.mark.parametrize("text", ["", "{", "[]", '{"cells": {}}', '{"cells": [1]}'])
def test_what_is_no_notebook_is_refused(file: Path, text: str) -> None:
    file.write_text(text)
    assert edit(file, cell_id="aa", new_source="x").not_begun
    file.unlink()
    assert "does not exist" in edit(file, cell_id="aa", new_source="x").error


def test_odd_metadata_is_none_of_our_business(file: Path) -> None:
    file.write_text(json.dumps({"cells": [], "metadata": None, "nbformat": "4"}))
    assert edit(file, new_source="x", edit_mode="insert").response["language"] == "python"
    assert "id" not in cells(file)[0]


def test_where_two_cells_have_one_id_neither_is_touched(file: Path) -> None:
    given = notebook()
    given["cells"][1]["id"] = "aa"
    file.write_text(json.dumps(given))
    outcome = edit(file, cell_id="aa", new_source="x")
    assert outcome.not_begun
    assert "2 cells 'aa'" in outcome.error
    assert json.loads(file.read_text()) == given
