"""Quotes and expansions inside a word: `"…"`, `$'…'`, `$x`, `${x:-…}`, `$(…)`, backticks."""

from __future__ import annotations

from durable.commandline.nodes import Simple, Unclear, Word
from durable.commandline.reader import Reader

TYPE_CHECKING = False
if TYPE_CHECKING:
    from durable.commandline.nodes import Sequence

IN_DOUBLE = frozenset('"\\$`')
IN_BODY = frozenset("\\$`")
ONE_CHARACTER_NAMES = frozenset("0123456789@*#?-$!_")
ESCAPES = {
    "n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "e": "\x1b", "E": "\x1b", "f": "\f", "v": "\v",
    "\\": "\\", "'": "'", '"': '"', "?": "?",
}  # fmt: skip
HEX_DIGITS = {"x": 2, "u": 4, "U": 8}


class Expansions(Reader):
    # Quotes.

    def _single(self, word: Word) -> bool:
        end = self.text.find("'", self.at + 1)
        if end < 0:
            raise Unclear
        word.parts.append(self.text[self.at + 1 : end])
        word.quoted = True
        self.at = end + 1
        return True

    def _double(self, word: Word) -> bool:
        self.at += 1
        word.quoted = True
        end = self.text.find('"', self.at)
        if end < 0:
            raise Unclear
        inside = self.text[self.at : end]
        if "$" not in inside and "\\" not in inside and "`" not in inside:
            word.parts.append(inside)
            self.at = end + 1
        else:
            self._interpolated(word, IN_DOUBLE)
            self.at += 1
        return True

    def _interpolated(self, word: Word, stops: frozenset[str]) -> None:
        """Up to the closing quote, or to the end of a here-document's body."""
        text, length = self.text, self.length
        while True:
            at = begin = self.at
            while at < length and text[at] not in stops:
                at += 1
            if at > begin:
                word.parts.append(text[begin:at])
            self.at = at
            if at >= length:
                if stops is IN_DOUBLE:
                    raise Unclear
                return
            self.budget.spend()
            if text[at] == '"':
                return
            if text[at] == "\\":
                self._escape_in_double(word)
            elif text[at] == "$":
                self._dollar(word, True)
            else:
                self._backtick(word, True)

    def _escape_in_double(self, word: Word) -> None:
        after = self.text[self.at + 1 : self.at + 2]
        if after != "\n":
            word.parts.append(after if after in ("$", "`", '"', "\\") else "\\" + after)
        self.at = min(self.at + 2, self.length)

    def _escape(self, word: Word) -> bool:
        after = self.text[self.at + 1 : self.at + 2]
        if after != "\n":
            word.parts.append(after or "\\")
            word.quoted = True
        self.at = min(self.at + 2, self.length)
        return True

    def _ansi(self, word: Word) -> None:
        word.quoted = True
        at = self.at + 2
        while at < self.length and self.text[at] != "'":
            if self.text[at] == "\\":
                decoded, at = _decoded(self.text, at + 1)
                word.parts.append(decoded)
            else:
                word.parts.append(self.text[at])
                at += 1
        if at >= self.length:
            raise Unclear
        self.budget.spend((at - self.at) // 16)
        self.at = at + 1

    # Expansions.

    def expansions(self, text: str) -> Word:
        inner = self.nested(text)
        word = Word(0)
        inner._interpolated(word, IN_BODY)
        return word

    def _inner(self) -> Sequence:
        self.deeper()
        node = self.sequence((")",))
        self.at += 1
        self.depth -= 1
        return node

    def _unquoted_dollar(self, word: Word) -> bool:
        self._dollar(word, False)
        return True

    def _dollar(self, word: Word, double: bool) -> None:
        after = self.text[self.at + 1 : self.at + 2]
        if after == "(":
            self._substitution(word, double)
        elif after == "{":
            self._parameter(word, double)
        elif after == "'" and not double:
            self._ansi(word)
        elif after == '"' and not double:
            self.at += 1
            self._double(word)
        elif after in ONE_CHARACTER_NAMES and after != "_" and after:
            self.at += 2
            self._opaque(word, self.at - 2)
        else:
            self._variable(word, double)

    def _variable(self, word: Word, double: bool) -> None:
        begin = at = self.at + 1
        while at < self.length and (self.text[at].isalnum() or self.text[at] == "_"):
            at += 1
        self.at = at
        if at == begin:
            word.parts.append("$")
        else:
            word.named(self.text[begin - 1 : at], self.text[begin:at], double)

    def _substitution(self, word: Word, double: bool) -> None:
        begin = self.at
        end = self.arithmetic_end(begin + 1)
        if end:
            runs = self.expansions(self.text[begin + 3 : end - 2]).runs
            self.at = end
        else:
            self.at = begin + 2
            runs = [self._inner()]
            literal = _document_of_cat(runs[0]) if double else None
            if literal is not None:
                word.ran(runs)
                word.parts.append(literal.rstrip("\n"))
                return
        if runs:
            word.ran(runs)
        self._opaque(word, begin)

    def arithmetic_end(self, at: int) -> int:
        """Where `(( … ))` that begins at `at` ends, 0 if these are two parentheses of other kinds."""
        if not self.text.startswith("((", at):
            return 0
        level, begin, inner = 0, at, 0
        while at < self.length:
            character = self.text[at]
            if character == "(":
                level += 1
            elif character == ")":
                level -= 1
                if level == 1:
                    inner = at
                elif level == 0:
                    break
            at += 1
        self.budget.spend((at - begin) // 16)
        return at + 1 if level == 0 and inner == at - 1 else 0

    def _parameter(self, word: Word, double: bool) -> None:
        begin = self.at
        end = self.text.find("}", begin)
        name = self.text[begin + 2 : end]
        if end > 0 and name.isidentifier():
            self.at = end + 1
            word.named(self.text[begin : end + 1], name, double)
            return
        self.deeper()
        self.at += 2
        inside = Word(self.at)
        self._default(inside, double)
        self.depth -= 1
        if inside.runs:
            word.ran(inside.runs)
        self.assign(self.text[begin + 2 : self.at].partition("=")[0].rstrip(":"))
        self._opaque(word, begin)

    def _default(self, inside: Word, double: bool) -> None:
        """To the `}` of `${x:-…}`, past everything that may hold another one."""
        while self.at < self.length:
            character = self.text[self.at]
            if character == "}":
                self.at += 1
                return
            if character == "\\":
                self.at += 2
            elif character == "'" and not double:
                self._single(inside)
            elif character == '"':
                self._double(inside)
            elif character == "$":
                self.budget.spend()
                self._dollar(inside, double)
            elif character == "`":
                self._backtick(inside, double)
            else:
                self.at += 1
        raise Unclear

    def _unquoted_backtick(self, word: Word) -> bool:
        self._backtick(word, False)
        return True

    def _backtick(self, word: Word, double: bool) -> None:
        begin = self.at
        at = begin + 1
        source: list[str] = []
        while at < self.length and self.text[at] != "`":
            after = self.text[at + 1 : at + 2]
            if self.text[at] == "\\" and after and (after in "$`\\" or (double and after == '"')):
                source.append(after)
                at += 2
            else:
                source.append(self.text[at])
                at += 1
        if at >= self.length:
            raise Unclear
        self.at = at + 1
        self.budget.spend((at - begin) // 16)
        inner = self.nested("".join(source))
        word.ran([inner.sequence(())])
        self._opaque(word, begin)

    def _opaque(self, word: Word, begin: int) -> None:
        word.parts.append(self.text[begin : self.at])
        word.unknown = True


def _decoded(text: str, at: int) -> tuple[str, int]:
    """What the escape after a backslash at `at` stands for in $'…', and where it ends."""
    character = text[at : at + 1]
    if character in ESCAPES:
        return ESCAPES[character], at + 1
    width, begin, base = HEX_DIGITS.get(character, 0), at + 1, 16
    if character and character in "01234567":
        width, begin, base = 3, at, 8
    end = begin
    digits = "0123456789abcdefABCDEF" if base == 16 else "01234567"
    while end < begin + width and text[end : end + 1] and text[end] in digits:
        end += 1
    if end == begin:
        return "\\" + character, at + 1
    number = int(text[begin:end], base)
    return (chr(number) if number < 0x110000 else "\ufffd"), end


def _document_of_cat(node: Sequence) -> str | None:
    """The text that `$(cat <<'EOF' … EOF)` gives, the usual way of writing a long argument."""
    if len(node.chains) != 1 or len(node.chains[0].pipelines) != 1:
        return None
    stages = node.chains[0].pipelines[0].stages
    cat = stages[0]
    if len(stages) != 1 or not isinstance(cat, Simple) or len(cat.words) != 1 or len(cat.redirects) != 1:
        return None
    document = cat.redirects[0]
    if cat.words[0].text != "cat" or document.body is None:
        return None
    return document.body if document.content is None or document.content.literal else None
