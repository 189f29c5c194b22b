"""Words → the command they run, once wrappers are peeled off and scripts are read."""

from __future__ import annotations

from durable.commandline.command import (
    FAILURE_HIDDEN,
    MAYBE,
    SUCCESS_HIDDEN,
    Command,
    Open,
    program,
)
from durable.commandline.directory import change, moved
from durable.commandline.grammar import Parser
from durable.commandline.nodes import Unclear
from durable.commandline.state import State
from durable.commandline.wrappers import KEPT, peel

TYPE_CHECKING = False
if TYPE_CHECKING:
    from durable.commandline.nodes import Budget, Node, Sequence
    from durable.commandline.wrappers import Inside

DEEPEST_SCRIPT = 8
DEEPEST_WRAPPER = 12
DECLARING = frozenset(("declare", "export", "local", "readonly", "typeset"))
BUILT_IN = frozenset(("cd", "pushd", "popd", "set", "exit", "return", "shopt")) | DECLARING


class Call:
    """One simple command on its way through its wrappers."""

    __slots__ = (
        "assignments", "fed", "marks", "open_ended", "own_shell", "redirects", "since", "state", "stdin", "text",
        "words", "written",
    )  # fmt: skip

    def __init__(self, words: list[str], state: State, marks: int, text: str) -> None:
        self.words = words
        self.written = words
        self.state = state
        self.marks = marks
        self.text = text
        self.own_shell = True
        self.open_ended = False
        self.since = 0  # the commands collected from here on are those of its own expansions
        self.assignments: list[tuple[str, str]] = []
        self.redirects: list[tuple[str, str]] = []
        self.fed = False
        self.stdin: str | None = None

    def inside(self, inside: Inside) -> Call:
        state = self.state
        if inside.cwd is not None:
            state = state.copy()
            state.cwd = moved(state.cwd, inside.cwd)
        call = Call(inside.words, state, self.marks | inside.marks, self.text)
        call.open_ended = self.open_ended or inside.more
        call.written, call.redirects, call.assignments = self.written, self.redirects, self.assignments
        call.stdin, call.fed, call.since = self.stdin, self.fed, self.since
        call.own_shell = self.own_shell and inside.here
        return call


class Runner:
    """Collects the commands of a line. `parsed` turns False where a part of it could not be understood."""

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self.commands: list[Command] = []
        self.parsed = True
        self.scripts = 0
        self.outer: list[str] | None = None
        self.calling: list[str] = []

    def sequence(self, node: Sequence, state: State, marks: int) -> None:
        raise NotImplementedError

    def node(self, node: Node, state: State, marks: int, stdin: str | None) -> None:
        raise NotImplementedError

    def leftovers(self, parser: Parser) -> None:
        raise NotImplementedError

    def run(self, call: Call, wrapped: int = 0) -> None:
        self.budget.spend()
        words = call.words
        name = program(words)
        body = call.state.functions.get(name) if call.own_shell and not wrapped else None
        if body is not None and name not in self.calling:
            self._function(name, body, call)
            return
        if wrapped > DEEPEST_WRAPPER:
            raise Unclear
        found = peel(words, name)
        if not found or (found[0].stdin and call.stdin is None):
            self._emit(call)
            return
        if name in KEPT:
            self._emit(call)
        for inside in found:
            self._inside(call, inside, wrapped)

    def _inside(self, call: Call, inside: Inside, wrapped: int) -> None:
        script = call.stdin if inside.stdin else inside.script
        if script is None:
            self.run(call.inside(inside), wrapped + 1)
            return
        inner = call.inside(inside)
        if not inside.here:
            inner.state = inner.state.copy()
            inner.state.variables = {}
            inner.state.functions = {}
            inner.state.errexit = inner.state.pipefail = False
            inner.state.later = call.state.later
            inner.state.options(inside.options, False)
        self.script(script, inner)

    def _function(self, name: str, body: Node, call: Call) -> None:
        self.calling.append(name)
        self.node(body, call.state, call.marks | MAYBE, call.stdin)
        self.calling.pop()

    def script(self, script: str, call: Call) -> None:
        """The commands of a text that a shell is handed. The expansions of an open text have already run."""
        before = len(self.commands)
        outer, self.outer = self.outer, self.outer or call.written
        parser = Parser(str(script), self.budget, self.scripts)
        self.scripts += 1
        try:
            if self.scripts > DEEPEST_SCRIPT:
                raise Unclear
            node = parser.program()
        except Unclear:
            self.parsed = False
            self.leftovers(parser)
        else:
            self.sequence(node, call.state, call.marks)
        self.scripts -= 1
        self.outer = outer
        if type(script) is Open:
            self._forget_repeated(call.since, before)
        for command in self.commands[before:]:
            command.redirects = call.redirects + command.redirects
            if call.open_ended or type(script) is Open:
                command.open_ended = True

    def _forget_repeated(self, since: int, before: int) -> None:
        """`bash -c "a $(b)"` runs `b` once, although it stands in the text that is read a second time."""
        ran = [command.words for command in self.commands[since:before]]
        self.commands[before:] = [
            command for command in self.commands[before:] if not (command.subshell and command.words in ran)
        ]

    def _emit(self, call: Call) -> None:
        state = call.state
        command = Command(call.words, state.cwd, call.marks | state.later, call.text)
        command.written = self.outer or call.written
        command.assignments = call.assignments
        command.redirects = call.redirects
        command.open_ended = command.open_ended or call.open_ended
        command.reads_stdin = command.reads_stdin or call.fed
        self.commands.append(command)
        if call.own_shell and call.words[0] in BUILT_IN:
            self._built_in(call)

    def _built_in(self, call: Call) -> None:
        name, words, state = call.words[0], call.words, call.state
        if name in ("cd", "pushd", "popd"):
            change(state, words)
        elif name == "set":
            state.options(words[1:], bool(call.marks & MAYBE))
        elif name in ("exit", "return"):
            state.later |= _hidden_by_exit(words[1] if len(words) > 1 else "")
        elif name in DECLARING and not call.marks & MAYBE:
            for word in words[1:]:
                variable, equals, value = word.partition("=")
                if equals and type(word) is not Open:
                    state.variables[variable] = value


def _hidden_by_exit(code: str) -> int:
    """What the line's code no longer tells about the commands that stand after an `exit CODE`."""
    if code == "0":
        return SUCCESS_HIDDEN
    return FAILURE_HIDDEN if code.isdigit() else SUCCESS_HIDDEN | FAILURE_HIDDEN
