"""The output of a command as far as it is kept: its beginning and its end, for an error stands at the end."""

from __future__ import annotations

LIMIT = 1_000_000


class Kept:
    __slots__ = ("_head", "_size", "_tail", "limit")

    def __init__(self, limit: int = LIMIT) -> None:
        self.limit = limit
        self._head = bytearray()
        self._tail = bytearray()
        self._size = 0

    def add(self, data: bytes) -> None:
        self._size += len(data)
        room = max(self.limit // 2 - len(self._head), 0)
        self._head += data[:room]
        self._tail += data[room:]
        if len(self._tail) > 2 * self.limit:
            self._forget()

    @property
    def left_out(self) -> int:
        return max(self._size - self.limit, 0)

    @property
    def whole(self) -> bool:
        """Whether `text` is what was printed, to the letter."""
        return not self.left_out and _is_text(self._head + self._tail)

    def text(self) -> str:
        """Whatever bytes it held: what is no UTF-8 is told as `\\xff`."""
        self._forget()
        if not self.left_out:
            return _decoded(self._head + self._tail)
        gap = f"\n[… {self.left_out} bytes left out …]\n"
        return _decoded(self._head) + gap + _decoded(self._tail)

    def _forget(self) -> None:
        excess = len(self._tail) - (self.limit - self.limit // 2)
        if excess > 0:
            del self._tail[:excess]


def _is_text(data: bytearray) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _decoded(data: bytearray) -> str:
    return data.decode("utf-8", "backslashreplace")
