"""Simple commands: assignments, words and redirections, and the functions that begin like one."""

from __future__ import annotations

from durable.commandline.nodes import Function, Redirect, Simple, Unclear
from durable.commandline.scanner import Scanner

TYPE_CHECKING = False
if TYPE_CHECKING:
    from durable.commandline.nodes import Node

OPERATORS = ("<<<", "<<-", "<<", "<&", "<>", "<", "&>>", "&>", ">>", ">&", ">|", ">")
# Their arguments are names of variables that get a value we don't know.
ASSIGNING = frozenset(("read", "unset", "mapfile", "readarray", "getopts", "let", "printf", "wait"))
DECLARING = frozenset(("declare", "export", "local", "readonly", "typeset"))


class Simples(Scanner):
    def command(self) -> Node:
        raise NotImplementedError

    def simple(self) -> Node:
        node = Simple(self.at)
        while self._more(node):
            node.end = self.at
            self.blanks()
        name = node.words[0].text if len(node.words) == 1 else ""
        if name and not node.assignments and not node.redirects and self.text.startswith("(", self.at):
            self.empty_parentheses()
            return self.function_body(name)
        if node.end == node.start:
            raise Unclear
        self._note_assigned(node)
        node.text = self.text[node.start : node.end]
        self.simples.append(node)
        return node

    def _more(self, node: Simple) -> bool:
        """Takes one more word or redirection, if there is one."""
        if self.at >= self.length:
            return False
        character = self.text[self.at]
        if character in "\n;|()":
            return False
        if character in "<>&" or character.isdigit():
            operator = self._operator()
            if operator:
                self._redirect(node.redirects, operator)
                return True
            if character == "&":
                return False
        word = self.word()
        name = "" if node.words else self.assignment(word)
        if name:
            node.assignments.append(word)
            self.assign(name)
        else:
            node.words.append(word)
        return True

    def _operator(self) -> str:
        """A redirection's operator with its descriptor (`2>&`); "" for a number or a process substitution."""
        at = self.at
        while at < self.length and self.text[at].isdigit():
            at += 1
        descriptor = self.text[self.at : at]
        for operator in OPERATORS:
            if self.text.startswith(operator, at):
                if operator in ("<", ">") and self.text.startswith("(", at + 1):
                    return ""
                return descriptor + operator
        return ""

    def _redirect(self, into: list[Redirect], operator: str) -> None:
        self.at += len(operator)
        self.budget.spend()
        self.blanks()
        redirect = Redirect(operator, self.word())
        if operator.endswith(("<<", "<<-")):
            redirect.delimiter = redirect.target.text
            self.pending.append(redirect)
        into.append(redirect)

    def redirects_of(self, node: Node) -> None:
        while True:
            self.blanks()
            if self.at >= self.length or not (self.text[self.at] in "<>&" or self.text[self.at].isdigit()):
                return
            operator = self._operator()
            if not operator:
                return
            self._redirect(node.redirects, operator)

    def _note_assigned(self, node: Simple) -> None:
        name = node.words[0].text if node.words else ""
        if name in ASSIGNING:
            for word in node.words[1:]:
                self.assign(word.text)
        elif name in DECLARING:
            for word in node.words[1:]:
                variable, equals, _ = word.text.partition("=")
                if equals:
                    self.assign(variable)
        elif name in ("eval", "source", "."):
            self.assign("*")

    def empty_parentheses(self) -> None:
        self.at += 1
        self.blanks()
        if not self.text.startswith(")", self.at):
            raise Unclear
        self.at += 1

    def function_body(self, name: str) -> Node:
        self.gap()
        self.deeper()
        body = self.command()
        self.depth -= 1
        return Function(name, body)
