"""Words of a command line, and what stands between them: blanks, comments, here-documents.

Written by hand: `re` and `shlex` would cost a hook more than all else it does, and neither knows `$( … )`.
"""

from __future__ import annotations

from durable.commandline.expansions import Expansions
from durable.commandline.nodes import Redirect, Unclear, Word
from durable.commandline.reader import WORD_ENDS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

BLANKS = " \t"
SPECIAL = WORD_ENDS | frozenset("'\"\\$`*?[{")


class Scanner(Expansions):
    def blanks(self) -> None:
        text, at, length = self.text, self.at, self.length
        while at < length:
            if text[at] in BLANKS:
                at += 1
            elif text[at] == "\\" and text.startswith("\\\n", at):
                at += 2
            else:
                break
        if at < length and text[at] == "#":
            at = text.find("\n", at)
            at = length if at < 0 else at
        self.at = at

    def gap(self) -> None:
        self.blanks()
        while self.at < self.length and self.text[self.at] == "\n":
            self.newline()
            self.blanks()

    def newline(self) -> None:
        self.at += 1
        waiting, self.pending = self.pending, []
        for document in waiting:
            self._here_document(document)

    def _here_document(self, document: Redirect) -> None:
        strip = document.operator.endswith("-")
        begin = self.at
        end = self._document_end(document.delimiter, strip)
        body = self.text[begin:end]
        document.body = "\n".join(line.lstrip("\t") for line in body.split("\n")) if strip else body
        if not document.target.quoted:
            document.content = self.expansions(document.body)

    def _document_end(self, delimiter: str, strip: bool) -> int:
        """Where the line that ends the document begins; steps past that line."""
        text, found = self.text, self.at - 1
        while True:
            self.budget.spend()
            found = text.find(delimiter, found + 1)
            if found < 0:
                self.at = self.length
                return self.length
            start, end = found, found + len(delimiter)
            while strip and text[start - 1] == "\t":
                start -= 1
            if text[start - 1] == "\n" and (end == self.length or text[end] == "\n"):
                self.at = min(end + 1, self.length)
                return start

    # Words.

    def word(self) -> Word:
        text, length = self.text, self.length
        word = Word(self.at)
        while True:
            self.budget.spend()
            at = begin = self.at
            while at < length and text[at] not in SPECIAL:
                at += 1
            if at > begin:
                word.parts.append(text[begin:at])
            self.at = at
            if at >= length:
                break
            handle = HANDLERS.get(text[at])
            if handle is None or not handle(self, word):
                break
        word.end = self.at
        if word.end == word.start:
            raise Unclear
        return word

    def _glob(self, word: Word) -> bool:
        character = self.text[self.at]
        word.parts.append(character)
        self.at += 1
        # `[` and `[[` are commands, and `x[` without an end matches itself.
        if character != "[" or self._closes_in_word("]"):
            word.unknown = True
        return True

    def _brace(self, word: Word) -> bool:
        word.parts.append("{")
        self.at += 1
        end = self._closes_in_word("}")
        inside = self.text[self.at : end]
        if end and ("," in inside or ".." in inside):
            word.unknown = True
        return True

    def _closes_in_word(self, closer: str) -> int:
        at = self.at
        while at < self.length and self.text[at] not in WORD_ENDS:
            if self.text[at] == closer:
                return at
            at += 1
        self.budget.spend((at - self.at) // 16)
        return 0

    def _angle(self, word: Word) -> bool:
        if not self.text.startswith("(", self.at + 1):
            return False
        begin = self.at
        self.at += 2
        word.ran([self._inner()])
        self._opaque(word, begin)
        return True

    def _parenthesis(self, word: Word) -> bool:
        """An array (`x=(a b)`) belongs to its word; any other parenthesis ends it."""
        if self.text[self.at - 1] != "=" or not self.assignment(word):
            return False
        begin = self.at
        self.at += 1
        while True:
            self.gap()
            if self.at >= self.length:
                raise Unclear
            if self.text[self.at] == ")":
                break
            item = self.word()
            if item.runs:
                word.ran(item.runs)
        self.at += 1
        self._opaque(word, begin)
        return True

    def assignment(self, word: Word) -> str:
        """The name that `NAME=…`, `NAME+=…` or `NAME[…]=…` assigns to, else ""."""
        source = self.text[word.start : self.at]
        name, equals, _ = source.partition("=")
        if name.endswith("+"):
            name = name[:-1]
        if name.endswith("]"):
            name = name.partition("[")[0]
        return name if equals and name.isidentifier() and name.isascii() else ""


HANDLERS: dict[str, Callable[[Scanner, Word], bool]] = {
    "'": Scanner._single,
    '"': Scanner._double,
    "\\": Scanner._escape,
    "$": Scanner._unquoted_dollar,
    "`": Scanner._unquoted_backtick,
    "*": Scanner._glob,
    "?": Scanner._glob,
    "[": Scanner._glob,
    "{": Scanner._brace,
    "<": Scanner._angle,
    ">": Scanner._angle,
    "(": Scanner._parenthesis,
}
