"""Whether policy files can be used: each fault with its line; and what of a project's file is not taken."""

from __future__ import annotations

import os

from durable.cli.blocks import Note
from durable.cli.result import Result
from durable.errors import UsageError
from durable.home import data_home
from durable.policy.files import load_policy, policy_files
from durable.policy.ignored import ignored_in
from durable.policy.models import faults_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from durable.cli.blocks import Block
    from durable.view import Row


def run(file: str = "") -> Result:
    """One file, or without one all that are in force here."""
    paths = [os.path.abspath(file)] if file else _in_force()
    files = [_checked(path) for path in paths]
    ignored = [] if file else ignored_in(load_policy(data_home(), os.getcwd(), os.environ))
    wrong = any(one["faults"] for one in files)
    return Result("policy", {"files": files, "ignored": ignored}, 1 if wrong else 0, _view(files, ignored))


def _in_force() -> list[str]:
    chosen = os.environ.get("DURABLE_POLICY", "")
    return [path for _, path in policy_files(os.getcwd(), os.environ) if os.path.lexists(path) or path == chosen]


def _checked(path: str) -> Row:
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except UnicodeDecodeError:
        return {"path": path, "rules": 0, "faults": [{"line": 1, "field": "", "said": "this is not UTF-8"}]}
    except OSError as error:
        raise UsageError(f"{path} can't be read ({error.strerror})", "name a policy file") from None
    faults = [{"line": fault.line, "field": fault.field, "said": fault.said} for fault in faults_of(text)]
    return {"path": path, "rules": 0 if faults else _rules_in(text, path), "faults": faults}


def _rules_in(text: str, path: str) -> int:
    """By the reader that the hooks use: what it refuses, a hook would deny over."""
    from durable.policy.compiler import compile_text

    return len(compile_text(text, path).get("rules", {}))


def _view(files: list[Row], ignored: list[str]) -> list[Block]:
    blocks: list[Block] = []
    for one in files:
        count = f"{one['rules']} rule{'' if one['rules'] == 1 else 's'}"
        blocks += [Note("problem", _sentence(one["path"], fault)) for fault in one["faults"]]
        blocks += [] if one["faults"] else [Note("ok", f"{one['path']}: valid, {count}")]
    if not files:
        blocks.append(Note("ok", "there is no policy file; the built-in rules are in force"))
    return [*blocks, *(Note("warning", f"not taken: {said}") for said in ignored)]


def _sentence(path: str, fault: Row) -> str:
    return f"{path}, line {fault['line']}: {fault['field']} {fault['said']}".replace(":  ", ": ")
