"""The built-in rules compiled ahead, for scripts/built_in_index and the test that holds it to them."""

from __future__ import annotations

from pprint import pformat

from durable.native import dumps, sha256
from durable.policy.built_in.rules import RULES
from durable.policy.fields import OURS, RULE, normal, wrong_rule
from durable.policy.index import index_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

TARGET = "src/durable/policy/built_in/index.py"
WIDTH = 96
HEAD = '''"""The index of the built-in rules, made by scripts/built_in_index: a hook loads the rules only on a hit."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# fmt: off
'''


def source() -> str:
    digest = sha256(dumps(list(RULES.items())).encode())[:8]
    names = pformat(list(RULES), width=WIDTH, compact=True)
    index = pformat(index_of(RULES.values()), width=WIDTH, compact=True, sort_dicts=False)
    return f'{HEAD}DIGEST = "{digest}"\nNAMES: list[str] = {names}\nINDEX: dict[str, Any] = {index}\n'


def faults(rules: dict[str, dict[str, Any]]) -> list[str]:
    """What the compiler would refuse of them, or write in another form."""
    return [f"{name}: {said}" for name, rule in rules.items() for said in _faults(rule)]


def _faults(rule: dict[str, Any]) -> list[str]:
    checks = {field: (RULE | OURS).get(field) for field in rule}
    unknown = [f"{field} is no field" for field, check in checks.items() if check is None]
    if unknown:
        return unknown
    wrong = [said for field, check in checks.items() if check is not None and (said := check(rule[field]))]
    whole = wrong_rule(rule) if not wrong else None
    found = wrong + ([" ".join(whole)] if whole else [])
    return found if found or normal(rule) == rule else ["is not in the form that the compiler makes"]
