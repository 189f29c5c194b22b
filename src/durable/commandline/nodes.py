"""The parts of a command line, as the grammar finds them and before anything is said about them."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    Node: TypeAlias = "Simple | Group | If | Loop | Case | Function | Test"


class Unclear(Exception):
    """The text is no command line that we understand."""


class Budget:
    """Work left, shared by a line and every script inside it: what it costs grows with the line, up to an end."""

    __slots__ = ("left",)

    def __init__(self, left: int) -> None:
        self.left = left

    def spend(self, work: int = 1) -> None:
        self.left -= work
        if self.left < 0:
            raise Unclear


class Word:
    """`parts` join to the text after quote removal; `names` are the parts that are plain variables."""

    __slots__ = ("end", "names", "parts", "quoted", "runs", "start", "unknown")

    def __init__(self, start: int) -> None:
        self.start = start
        self.end = start
        self.parts: list[str] = []
        self.quoted = False
        self.unknown = False
        self.names: list[tuple[int, str, bool]] | None = None
        self.runs: list[Sequence] | None = None

    @property
    def text(self) -> str:
        return self.parts[0] if len(self.parts) == 1 else "".join(self.parts)

    @property
    def literal(self) -> bool:
        return not self.unknown and self.names is None

    def named(self, source: str, name: str, double: bool) -> None:
        if self.names is None:
            self.names = []
        self.names.append((len(self.parts), name, double))
        self.parts.append(source)

    def ran(self, runs: list[Sequence]) -> None:
        self.runs = runs if self.runs is None else self.runs + runs


class Redirect:
    """`body` is a here-document's text or None; `content` its expansions."""

    __slots__ = ("body", "content", "delimiter", "operator", "target")

    def __init__(self, operator: str, target: Word) -> None:
        self.operator = operator
        self.target = target
        self.delimiter = ""
        self.body: str | None = None
        self.content: Word | None = None


class Simple:
    __slots__ = ("assignments", "end", "redirects", "start", "text", "words")

    def __init__(self, start: int) -> None:
        self.assignments: list[Word] = []
        self.words: list[Word] = []
        self.redirects: list[Redirect] = []
        self.start = start
        self.end = start
        self.text = ""


class Sequence:
    __slots__ = ("chains",)

    def __init__(self) -> None:
        self.chains: list[Chain] = []


class Chain:
    """Pipelines joined by `&&` and `||`."""

    __slots__ = ("background", "operators", "pipelines")

    def __init__(self, first: Pipeline) -> None:
        self.pipelines = [first]
        self.operators: list[str] = []
        self.background = False


class Pipeline:
    __slots__ = ("negated", "stages")

    def __init__(self, negated: bool, first: Node) -> None:
        self.negated = negated
        self.stages = [first]


class Compound:
    __slots__ = ("redirects",)

    def __init__(self) -> None:
        self.redirects: list[Redirect] = []


class Group(Compound):
    """`{ …; }`, or `( … )` in a shell of its own."""

    __slots__ = ("body", "subshell")

    def __init__(self, body: Sequence, subshell: bool) -> None:
        super().__init__()
        self.body = body
        self.subshell = subshell


class If(Compound):
    __slots__ = ("branches", "otherwise")

    def __init__(self) -> None:
        super().__init__()
        self.branches: list[tuple[Sequence, Sequence]] = []
        self.otherwise: Sequence | None = None


class Loop(Compound):
    __slots__ = ("body", "condition", "words")

    def __init__(self, condition: Sequence | None, words: list[Word], body: Sequence) -> None:
        super().__init__()
        self.condition = condition
        self.words = words
        self.body = body


class Case(Compound):
    """`falls` if an arm goes on in the next one (`;&`, `;;&`)."""

    __slots__ = ("arms", "falls", "words")

    def __init__(self, words: list[Word]) -> None:
        super().__init__()
        self.words = words
        self.arms: list[Sequence] = []
        self.falls = False


class Function(Compound):
    __slots__ = ("body", "name")

    def __init__(self, name: str, body: Node) -> None:
        super().__init__()
        self.name = name
        self.body = body


class Test(Compound):
    """`[[ … ]]` and `(( … ))`: they run nothing but what their expansions run."""

    __slots__ = ("words",)

    def __init__(self, words: list[Word]) -> None:
        super().__init__()
        self.words = words
