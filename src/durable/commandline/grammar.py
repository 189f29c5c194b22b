"""Lists, pipelines and compound commands of the shell's grammar, as nodes."""

from __future__ import annotations

from durable.commandline.nodes import Case, Chain, Group, If, Loop, Pipeline, Sequence, Test, Unclear
from durable.commandline.reader import WORD_ENDS
from durable.commandline.simple import Simples

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from durable.commandline.nodes import Node, Word

ARM_ENDS = (";;&", ";;", ";&")
MISPLACED = frozenset(("then", "else", "elif", "fi", "do", "done", "esac", "}"))


class Parser(Simples):
    def program(self) -> Sequence:
        node = self.sequence(())
        if self.at < self.length:
            raise Unclear
        return node

    def sequence(self, ends: tuple[str, ...]) -> Sequence:
        """Up to one of `ends`, which is left to the caller; without any, up to the end of the text."""
        node = Sequence()
        while True:
            self.gap()
            if self.at >= self.length:
                if ends:
                    raise Unclear
                return node
            if self._closes(ends):
                return node
            chain = self._chain()
            node.chains.append(chain)
            self.blanks()
            self._separator(chain, ends)

    def _separator(self, chain: Chain, ends: tuple[str, ...]) -> None:
        if self.at >= self.length or self.text[self.at] == "\n" or self._closes(ends):
            return
        if self.text[self.at] == "&":
            chain.background = True
        elif self.text[self.at] != ";":
            raise Unclear
        self.at += 1

    def _closes(self, ends: tuple[str, ...]) -> bool:
        for end in ends:
            if self.text.startswith(end, self.at):
                after = self.at + len(end)
                if end[0] in ";)" or after >= self.length or self.text[after] in WORD_ENDS:
                    return True
        return False

    def _chain(self) -> Chain:
        chain = Chain(self._pipeline())
        while True:
            self.blanks()
            operator = self.text[self.at : self.at + 2]
            if operator not in ("&&", "||"):
                return chain
            self.at += 2
            self.gap()
            chain.operators.append(operator)
            chain.pipelines.append(self._pipeline())

    def _pipeline(self) -> Pipeline:
        negated = False
        while True:
            self.budget.spend()
            self.blanks()
            if self._keyword("!"):
                negated = not negated
            elif not self._keyword("time") and not self._keyword("-p"):
                break
        pipeline = Pipeline(negated, self.command())
        while True:
            self.blanks()
            if not self.text.startswith("|", self.at) or self.text.startswith("||", self.at):
                return pipeline
            self.at += 2 if self.text.startswith("|&", self.at) else 1
            self.gap()
            self.budget.spend()
            pipeline.stages.append(self.command())

    def _keyword(self, word: str) -> bool:
        """Steps over `word` if it stands here as a word of its own."""
        after = self.at + len(word)
        if not self.text.startswith(word, self.at) or (after < self.length and self.text[after] not in WORD_ENDS):
            return False
        self.at = after
        return True

    def _expect(self, word: str) -> None:
        self.gap()
        if not self._keyword(word):
            raise Unclear

    # Commands that hold others.

    def command(self) -> Node:
        if self.text.startswith("(", self.at):
            node = self._arithmetic() or self._subshell()
        else:
            name = self._bare_word()
            if name in MISPLACED:
                raise Unclear
            compound = COMPOUNDS.get(name)
            if compound is None:
                return self.simple()
            self.at += len(name)
            self.deeper()
            node = compound(self)
            self.depth -= 1
        self.redirects_of(node)
        return node

    def _bare_word(self) -> str:
        at = self.at
        last = min(self.length, at + 9)
        while at < last and self.text[at] not in WORD_ENDS:
            at += 1
        return self.text[self.at : at]

    def _arithmetic(self) -> Node | None:
        end = self.arithmetic_end(self.at)
        if not end:
            return None
        # It may assign to any variable by name.
        self.assign("*")
        words = [self.expansions(self.text[self.at + 2 : end - 2])]
        self.at = end
        return Test(words)

    def _subshell(self) -> Node:
        self.at += 1
        return Group(self._inner(), True)

    def _group(self) -> Node:
        body = self.sequence(("}",))
        self.at += 1
        return Group(body, False)

    def _if(self) -> Node:
        node = If()
        while True:
            condition = self.sequence(("then",))
            self._expect("then")
            body = self.sequence(("elif", "else", "fi"))
            node.branches.append((condition, body))
            if not self._keyword("elif"):
                break
        if self._keyword("else"):
            node.otherwise = self.sequence(("fi",))
        self._expect("fi")
        return node

    def _while(self) -> Node:
        condition = self.sequence(("do",))
        return Loop(condition, [], self._body())

    def _for(self) -> Node:
        self.blanks()
        words: list[Word] = []
        end = self.arithmetic_end(self.at)
        if end:
            words.append(self.expansions(self.text[self.at + 2 : end - 2]))
            self.assign("*")
            self.at = end
        else:
            self.assign(self.word().text)
            self.gap()
            if self._keyword("in"):
                words = self._words_of_line()
        self.blanks()
        if self.text.startswith(";", self.at):
            self.at += 1
        return Loop(None, words, self._body())

    def _words_of_line(self) -> list[Word]:
        words: list[Word] = []
        while True:
            self.blanks()
            if self.at >= self.length or self.text[self.at] in ";\n":
                return words
            words.append(self.word())

    def _body(self) -> Sequence:
        self.gap()
        if self._keyword("{"):
            body = self.sequence(("}",))
            self.at += 1
            return body
        self._expect("do")
        body = self.sequence(("done",))
        self._expect("done")
        return body

    def _case(self) -> Node:
        self.blanks()
        node = Case([self.word()])
        self._expect("in")
        while True:
            self.gap()
            if self._keyword("esac"):
                return node
            self._patterns(node)
            node.arms.append(self.sequence((*ARM_ENDS, "esac")))
            for end in ARM_ENDS:
                if self.text.startswith(end, self.at):
                    self.at += len(end)
                    node.falls = node.falls or end != ";;"
                    break

    def _patterns(self, node: Case) -> None:
        if self.text.startswith("(", self.at):
            self.at += 1
        while True:
            self.blanks()
            node.words.append(self.word())
            self.blanks()
            if self.text.startswith("|", self.at):
                self.at += 1
            elif self.text.startswith(")", self.at):
                self.at += 1
                return
            else:
                raise Unclear

    def _function(self) -> Node:
        self.blanks()
        name = self.word().text
        self.blanks()
        if self.text.startswith("(", self.at):
            self.empty_parentheses()
        return self.function_body(name)

    def _test(self) -> Node:
        words: list[Word] = []
        while True:
            self.gap()
            if self.at >= self.length:
                raise Unclear
            if self._keyword("]]"):
                return Test(words)
            # Parentheses, `&&`, `<` and the bars of a pattern are no shell operators in here.
            if self.text[self.at] in WORD_ENDS:
                self.budget.spend()
                self.at += 1
            else:
                words.append(self.word())


COMPOUNDS: dict[str, Callable[[Parser], Node]] = {
    "{": Parser._group,
    "if": Parser._if,
    "while": Parser._while,
    "until": Parser._while,
    "for": Parser._for,
    "select": Parser._for,
    "case": Parser._case,
    "function": Parser._function,
    "[[": Parser._test,
}
