"""The rules of one policy file, or the built-in ones. Each is made when a call may match it, and once."""

from __future__ import annotations

from durable.policy.index import WHOLE, rules_for_line, rules_for_tool

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from durable.policy.index import Index
    from durable.policy.rule import Rule

    Load = Callable[[int], tuple[str, dict[str, Any]]]


class Layer:
    """`names` are the rules' names in order; `load` gives one by its number."""

    __slots__ = ("_load", "_names", "_rules", "allow_project", "index", "origin", "path")

    def __init__(
        self,
        origin: str,
        path: str,
        index: Index,
        names: Callable[[], list[str]],
        load: Load,
        allow_project: tuple[str, ...] = (),
    ) -> None:
        self.origin = origin
        self.path = path
        self.index = index
        self.allow_project = allow_project
        self._names = names
        self._load = load
        self._rules: dict[int, Rule] = {}

    def for_tool(self, tool: str, paths: Callable[[], tuple[str, ...]]) -> list[int]:
        return rules_for_tool(self.index, tool, paths)

    def for_line(self, line: str) -> list[int]:
        return rules_for_line(self.index, line)

    def for_any_line(self) -> list[int]:
        whole: list[int] = self.index[WHOLE]
        return whole

    def rule(self, number: int) -> Rule:
        found = self._rules.get(number)
        if found is None:
            from durable.policy.rule import Rule

            name, fields = self._load(number)
            found = self._rules[number] = Rule(name, fields, self.origin)
        return found

    def names(self) -> list[str]:
        return self._names()

    def rules(self) -> Iterator[Rule]:
        return (self.rule(number) for number in range(len(self.names())))
