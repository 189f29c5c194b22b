"""What NotebookEdit makes of a notebook. Pure; the habits of whoever wrote the file stay."""

from __future__ import annotations

import json
import os
import re
from typing import TYPE_CHECKING

from durable.execute.files.edits import decoded
from durable.execute.files.replace import CantApply

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

MODES = ("replace", "insert", "delete")
TYPES = ("code", "markdown", "raw")
_BY_PLACE = re.compile(r"cell-(\d+)")
_INDENT = re.compile(r"\{\r?\n([ \t]+)\"")


def notebook_edited(now: bytes | None, given: dict[str, Any]) -> tuple[bytes, dict[str, Any]]:
    """The new file, and what the client's tool would answer."""
    if now is None:
        raise CantApply("the notebook does not exist", "")
    mode, cell_type = given.get("edit_mode") or "replace", given.get("cell_type")
    if mode not in MODES or cell_type not in (None, *TYPES):
        raise CantApply(f"the call asks for {mode!r} of a {cell_type!r} cell", "")
    text = decoded(now)
    notebook = _parsed(text)
    answer = _EDITS[mode](notebook, given, _source(given, mode))
    return _written(notebook, text), {"edit_mode": mode, "language": _language(notebook), "error": "", **answer}


def _replace(notebook: dict[str, Any], given: dict[str, Any], source: str) -> dict[str, Any]:
    cell = notebook["cells"][_place(notebook, given)]
    was = _joined(cell.get("source"))
    cell["source"] = _like(cell.get("source"), source)
    cell["cell_type"] = given.get("cell_type") or cell.get("cell_type") or "code"
    _fit(cell)
    return {"new_source": source, "old_source": was, "cell_type": cell["cell_type"], "cell_id": given["cell_id"]}


def _insert(notebook: dict[str, Any], given: dict[str, Any], source: str) -> dict[str, Any]:
    at = _place(notebook, given) + 1 if given.get("cell_id") else 0
    cell: dict[str, Any] = {"cell_type": given.get("cell_type") or "code", "metadata": {}, "source": _lines(source)}
    if _cells_have_ids(notebook):
        cell["id"] = os.urandom(4).hex()
    _fit(cell)
    notebook["cells"].insert(at, cell)
    named = cell.get("id", f"cell-{at}")
    return {"new_source": source, "cell_type": cell["cell_type"], "cell_id": named}


def _delete(notebook: dict[str, Any], given: dict[str, Any], source: str) -> dict[str, Any]:
    cell = notebook["cells"].pop(_place(notebook, given))
    was = _joined(cell.get("source"))
    return {"new_source": "", "old_source": was, "cell_type": cell.get("cell_type"), "cell_id": given["cell_id"]}


_EDITS: dict[str, Callable[[dict[str, Any], dict[str, Any], str], dict[str, Any]]] = {
    "replace": _replace,
    "insert": _insert,
    "delete": _delete,
}


def _parsed(text: str) -> dict[str, Any]:
    try:
        notebook = json.loads(text)
    except ValueError as error:
        raise CantApply(f"the notebook is no JSON ({error})", "") from None
    cells = notebook.get("cells") if isinstance(notebook, dict) else None
    if not isinstance(cells, list) or not all(isinstance(cell, dict) for cell in cells):
        raise CantApply("the file is no notebook with cells", "")
    return notebook  # type: ignore[no-any-return]


def _written(notebook: dict[str, Any], like: str) -> bytes:
    found = _INDENT.search(like)
    separators = None if found or ": " in like else (",", ":")
    text = json.dumps(notebook, indent=found[1] if found else None, separators=separators, ensure_ascii=False)
    text += "\n" if like.endswith("\n") else ""
    return (text.replace("\n", "\r\n") if "\r\n" in like else text).encode("utf-8", "surrogatepass")


def _place(notebook: dict[str, Any], given: dict[str, Any]) -> int:
    """By its id, else by its place: that is how a notebook without ids is shown to a model."""
    wanted, cells = given.get("cell_id"), notebook["cells"]
    if not isinstance(wanted, str) or not wanted:
        raise CantApply("the call names no cell", "")
    places = [at for at, cell in enumerate(cells) if cell.get("id") == wanted]
    by_place = _BY_PLACE.fullmatch(wanted)
    if not places and by_place and int(by_place[1]) < len(cells):
        places = [int(by_place[1])]
    if len(places) != 1:
        raise CantApply(f"the notebook has {len(places) or 'no'} cells {wanted!r}", "")
    return places[0]


def _source(given: dict[str, Any], mode: str) -> str:
    source = given.get("new_source", "" if mode == "delete" else None)
    if not isinstance(source, str):
        raise CantApply("the call has no new_source", "")
    return source


def _fit(cell: dict[str, Any]) -> None:
    """What a cell of its type must have, and none else may: outputs of a source that is gone would be untrue."""
    if cell["cell_type"] == "code":
        cell["execution_count"] = None
        cell["outputs"] = []
    else:
        cell.pop("execution_count", None)
        cell.pop("outputs", None)


def _language(notebook: dict[str, Any]) -> Any:
    found: Any = notebook
    for name in ("metadata", "language_info", "name"):
        found = found.get(name) if isinstance(found, dict) else None
    return found or "python"


def _like(was: object, source: str) -> str | list[str]:
    return source if isinstance(was, str) else _lines(source)


def _lines(source: str) -> list[str]:
    return source.splitlines(keepends=True)


def _joined(source: object) -> str:
    return "".join(str(part) for part in source) if isinstance(source, list) else str(source or "")


def _cells_have_ids(notebook: dict[str, Any]) -> bool:
    """Since format 4.5. A file of an older one would become invalid by them."""
    major, minor = notebook.get("nbformat", 4), notebook.get("nbformat_minor", 0)
    return isinstance(major, int) and isinstance(minor, int) and (major, minor) >= (4, 5)
