"""Nodes → commands: in which directory each runs, and what the line's exit code says about it."""

from __future__ import annotations

from durable.commandline.command import (
    ERREXIT,
    FAILURE_HIDDEN,
    HIDDEN,
    MAY_HAVE_RUN,
    MAYBE,
    REPEATED,
    STDIN,
    SUBSHELL,
    SUCCESS_HIDDEN,
    TESTED,
    Open,
)
from durable.commandline.nodes import Case, Function, Group, If, Loop, Simple, Test, Unclear
from durable.commandline.run import Call, Runner
from durable.commandline.state import State
from durable.commandline.stdin import given, text_for_next

TYPE_CHECKING = False
if TYPE_CHECKING:
    from durable.commandline.grammar import Parser
    from durable.commandline.nodes import Budget, Chain, Node, Pipeline, Redirect, Sequence, Word

TESTS = frozenset(("[", "test"))
SPLITS = frozenset(" \t\n*?[")


class Walker(Runner):
    def __init__(self, budget: Budget, assigned: dict[str, int]) -> None:
        super().__init__(budget)
        self.assigned = assigned

    # Lists.

    def sequence(self, node: Sequence, state: State, marks: int) -> None:
        last = len(node.chains) - 1
        for number, chain in enumerate(node.chains):
            inner = marks
            if number < last:
                inner |= self._followed(chain, state, marks)
            if number and state.errexit and not marks & TESTED:
                inner |= FAILURE_HIDDEN
            self._chain(chain, state, inner)

    def _followed(self, chain: Chain, state: State, marks: int) -> int:
        """What the commands after a chain hide of it: under `set -e` they run only if it succeeded."""
        if state.errexit and not marks & TESTED and len(chain.pipelines) == 1:
            return FAILURE_HIDDEN | MAY_HAVE_RUN | ERREXIT
        return HIDDEN

    def _chain(self, chain: Chain, state: State, marks: int) -> None:
        if chain.background:
            state = state.copy()
            marks |= HIDDEN | SUBSHELL
        if len(chain.pipelines) == 1:
            self._pipeline(chain.pipelines[0], state, marks)
            return
        if marks & ERREXIT:
            # `set -e` looks away when the left side of `&&` fails.
            marks |= HIDDEN
        start = before = state.cwd
        for number, pipeline in enumerate(chain.pipelines):
            inner = marks | _in_chain(chain.operators, number)
            either = number > 0 and chain.operators[number - 1] == "||"
            if either:
                left, state.cwd = state.cwd, before
            before = state.cwd
            self._pipeline(pipeline, state, inner | MAYBE if either else inner)
            if either and left != state.cwd:
                state.cwd = left if state.cwd == before else ""
        if state.cwd != start and _is_test(chain.pipelines[0]):
            state.cwd = ""

    def _pipeline(self, pipeline: Pipeline, state: State, marks: int) -> None:
        stages = pipeline.stages
        if pipeline.negated:
            marks |= HIDDEN | TESTED
        if len(stages) == 1:
            self.node(stages[0], state, marks, None)
            return
        hidden = FAILURE_HIDDEN | MAY_HAVE_RUN if state.pipefail else 0
        stdin: str | None = None
        for number, stage in enumerate(stages):
            inner = marks | hidden | SUBSHELL | (STDIN if number else 0)
            if number < len(stages) - 1 and not state.pipefail:
                inner |= HIDDEN
            self.node(stage, state.copy(), inner, stdin)
            words = [self._text(word, state) for word in stage.words] if isinstance(stage, Simple) else []
            stdin = text_for_next(stage, words)

    # Compound commands.

    def node(self, node: Node, state: State, marks: int, stdin: str | None) -> None:
        if isinstance(node, Simple):
            self._simple(node, state, marks, stdin)
            return
        before = len(self.commands)
        self._compound(node, state, marks)
        redirects = self._redirects(node.redirects, state)
        if redirects:
            for command in self.commands[before:]:
                command.redirects = redirects + command.redirects

    def _compound(self, node: Node, state: State, marks: int) -> None:
        if isinstance(node, Group):
            if node.subshell:
                state, marks = state.copy(), marks | SUBSHELL
            self.sequence(node.body, state, marks)
        elif isinstance(node, If):
            self._if(node, state, marks)
        elif isinstance(node, Loop):
            self._loop(node, state, marks)
        elif isinstance(node, Case):
            self._expand(node.words, state, marks)
            several = HIDDEN if node.falls else FAILURE_HIDDEN if len(node.arms) > 1 else 0
            self._branches(node.arms, False, state, marks | SUCCESS_HIDDEN | several)
        elif isinstance(node, Function):
            state.functions[node.name] = node.body
        elif isinstance(node, Test):
            self._expand(node.words, state, marks)

    def _if(self, node: If, state: State, marks: int) -> None:
        before = state.cwd
        for number, (condition, _) in enumerate(node.branches):
            self.sequence(condition, state, marks | HIDDEN | TESTED | (MAYBE if number else 0))
        bodies = [body for _, body in node.branches]
        if node.otherwise is not None:
            bodies.append(node.otherwise)
        several = FAILURE_HIDDEN if len(bodies) > 1 else 0
        marks |= SUCCESS_HIDDEN | several
        if state.cwd == before:
            self._branches(bodies, node.otherwise is not None, state, marks)
            return
        # `if cd x; then …`: only the first branch knows that it worked.
        for body in bodies:
            self.sequence(body, state, marks | MAYBE)
            state.cwd = ""

    def _branches(self, bodies: list[Sequence], complete: bool, state: State, marks: int) -> None:
        """Afterwards the directory is known only if every way leads to the same."""
        start = state.cwd
        ends = set() if complete else {start}
        for body in bodies:
            state.cwd = start
            self.sequence(body, state, marks | MAYBE)
            ends.add(state.cwd)
        state.cwd = start if ends == {start} else (ends.pop() if len(ends) == 1 else "")

    def _loop(self, node: Loop, state: State, marks: int) -> None:
        first, start = len(self.commands), state.cwd
        self._expand(node.words, state, marks)
        if node.condition is not None:
            self.sequence(node.condition, state, marks | HIDDEN | TESTED | MAYBE | REPEATED)
        self.sequence(node.body, state, marks | HIDDEN | MAYBE | REPEATED)
        if state.cwd != start:
            # The second round starts somewhere else than the first.
            state.cwd = ""
            for command in self.commands[first:]:
                command.cwd = ""

    # Simple commands.

    def _simple(self, node: Simple, state: State, marks: int, stdin: str | None) -> None:
        since = len(self.commands)
        self._expand_simple(node, state, marks)
        words = [self._text(word, state) for word in node.words]
        assignments = [self._text(word, state) for word in node.assignments]
        redirects = self._redirects(node.redirects, state)
        if not words:
            self._assign(assignments, state, marks)
            if not redirects:
                return
            words = [":"]
        call = Call(words, state, marks, node.text)
        call.since = since
        call.redirects = redirects
        call.fed = stdin is not None or any(sign.lstrip("0").startswith("<") for sign, _ in redirects)
        if assignments:
            call.assignments = [_pair(word) for word in assignments]
        call.stdin = given(node.redirects) if node.redirects else None
        if call.stdin is None:
            call.stdin = stdin
        self.run(call)

    def _assign(self, assignments: list[str], state: State, marks: int) -> None:
        for word in assignments:
            name, value = _pair(word)
            if not marks & MAYBE and type(word) is not Open:
                state.variables[name] = value

    def _expand_simple(self, node: Simple, state: State, marks: int) -> None:
        """Substitutions run first. `x=$(cmd)` alone ends with the code of its last one."""
        for redirect in node.redirects:
            self._expand([redirect.target], state, marks)
            if redirect.content is not None:
                self._expand([redirect.content], state, marks)
        if node.words:
            self._expand(node.assignments, state, marks)
            self._expand(node.words, state, marks)
            return
        runs = [run for word in node.assignments for run in word.runs or ()]
        for run in runs[:-1]:
            self.sequence(run, state.copy(), marks | HIDDEN | SUBSHELL | TESTED)
        if runs:
            self.sequence(runs[-1], state.copy(), marks | SUBSHELL)

    def _expand(self, words: list[Word], state: State, marks: int) -> None:
        for word in words:
            if word.runs is not None:
                for run in word.runs:
                    self.sequence(run, state.copy(), HIDDEN | SUBSHELL | TESTED | marks & REPEATED)

    def _redirects(self, redirects: list[Redirect], state: State) -> list[tuple[str, str]]:
        return [(redirect.operator, self._text(redirect.target, state)) for redirect in redirects]

    def _text(self, word: Word, state: State) -> str:
        if word.names is None:
            return Open(word.text) if word.unknown else word.text
        parts = list(word.parts)
        for index, name, double in word.names:
            value = self._value(name, state)
            if value is None or (not double and (not value or not SPLITS.isdisjoint(value))):
                return Open(word.text)
            parts[index] = value
        text = "".join(parts)
        return Open(text) if word.unknown else text

    def _value(self, name: str, state: State) -> str | None:
        """A variable's value if the line gives it one, once and for all."""
        if name == "PWD" and state.cwd.startswith("/"):
            return state.cwd
        if self.assigned.get(name) != 1 or "*" in self.assigned:
            return None
        return state.variables.get(name)

    def leftovers(self, parser: Parser) -> None:
        """What was read of a line before it turned unclear."""
        state = State("")
        for node in parser.simples:
            words = [self._text(word, state) for word in node.words]
            if words:
                call = Call(words, state, HIDDEN, node.text)
                call.redirects = self._redirects(node.redirects, state)
                call.own_shell = False
                try:
                    self.run(call)
                except Unclear:
                    return


def _in_chain(operators: list[str], number: int) -> int:
    """What the code of `a && b || c` hides of its member `number`."""
    rest = operators[number:]
    if "||" in rest:
        return HIDDEN | TESTED
    skipped = SUCCESS_HIDDEN if number and operators[number - 1] == "||" else 0
    alone = not rest and not (number and operators[number - 1] == "&&")
    if rest:
        skipped |= MAY_HAVE_RUN | TESTED
    return skipped if alone else skipped | FAILURE_HIDDEN


def _is_test(pipeline: Pipeline) -> bool:
    first = pipeline.stages[0]
    if isinstance(first, Simple):
        return bool(first.words) and first.words[0].text in TESTS
    return isinstance(first, Test)


def _pair(word: str) -> tuple[str, str]:
    name, _, value = word.partition("=")
    return name, value
