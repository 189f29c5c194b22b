"""The page: constant markup, style and script of our own, and the run's data in one block beside them.

Nothing of the ledger is ever markup. It stands in a JSON block that cannot end early, and the script puts it on
the page as text alone. The page's own policy lets it load nothing, and run nothing but this script by its hash.
"""

from __future__ import annotations

import os
from base64 import b64encode
from hashlib import sha256
from json import dumps

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# By this line a report is known again, before it is written over.
MARK = '<meta name="generator" content="durable report">'
SCRIPTS = ("kit", "axis", "head", "map", "rows", "step", "filter", "keys")
_ASSETS = os.path.join(os.path.dirname(__file__), "assets")
# Text of a script block ends at "</script", and "<!--" changes how the rest is read. In JSON all three stand in
# strings alone, where an escape means the same.
_ESCAPES = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"}


def page(data: dict[str, Any]) -> str:
    style, script = _asset("page.css"), _script()
    parts = {
        "POLICY": _policy(style, script),
        "MARK": MARK,
        "STYLE": style,
        "DATA": embedded(data),
        "SCRIPT": script,
    }
    return _filled(_asset("page.html"), parts)


def _filled(template: str, parts: dict[str, str]) -> str:
    """Each slot once and from the left: what was filled in is not looked at again."""
    found, rest = [], template
    for name, text in parts.items():
        before, _, rest = rest.partition(f"@@{name}@@")
        found += [before, text]
    return "".join([*found, rest])


def embedded(data: Any) -> str:
    # ASCII alone: line separators and lone surrogates are escapes, and no encoding of the page can change them.
    text = dumps(data, separators=(",", ":"), ensure_ascii=True)
    for char, escape in _ESCAPES.items():
        text = text.replace(char, escape)
    return text


def _policy(style: str, script: str) -> str:
    allowed = f"style-src '{_hash(style)}'; script-src '{_hash(script)}'"
    return f"default-src 'none'; {allowed}; base-uri 'none'; form-action 'none'"


def _hash(text: str) -> str:
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"


def _script() -> str:
    return '"use strict";\n(() => {\n' + "\n".join(_asset(f"{name}.js") for name in SCRIPTS) + "})();\n"


def _asset(name: str) -> str:
    with open(os.path.join(_ASSETS, name), encoding="ascii") as file:
        return file.read()
