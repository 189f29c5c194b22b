"""A file of lines that another program is still writing, read forward in pieces."""

from __future__ import annotations

from durable.lean import os, stat

_PIECE = 65_536


def whole_lines(path: str, offset: int, limit: int) -> tuple[list[bytes], int, bool]:
    """The whole lines from `offset` on, the offset behind them, and whether the end was reached.

    About `limit` bytes, but at least one line; an unfinished last line is left for the next time. An
    offset within a line means that line; a file that ends before `offset` was rewritten and is read from
    its start. Raises OSError, or ValueError for what is no regular file.
    """
    # Not blocking: a pipe in the file's place would hold a hook up until its deadline.
    with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb", buffering=0) as file:
        descriptor, state = file.fileno(), os.fstat(file.fileno())
        if not stat.S_ISREG(state.st_mode):
            raise ValueError("it is no regular file")
        start = _start_of_line(descriptor, offset) if offset <= state.st_size else 0
        data = _up_to_a_line_end(descriptor, start, min(max(limit, 1), max(state.st_size - start, 0)))
    whole = data[: data.rfind(b"\n") + 1]
    return whole.split(b"\n")[:-1], start + len(whole), start + len(data) >= state.st_size


def last_lines(path: str, most: int) -> list[bytes]:
    """What is whole among the last `most` bytes, and never more; the first may be the rest of a line. OSError
    or ValueError if it can't be read."""
    with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb", buffering=0) as file:
        start = max(os.fstat(file.fileno()).st_size - most, 0)
        return os.pread(file.fileno(), most, start).split(b"\n")[:-1]


def _start_of_line(descriptor: int, offset: int) -> int:
    while offset > 0:
        begin = max(offset - _PIECE, 0)
        found = os.pread(descriptor, offset - begin, begin).rfind(b"\n")
        if found >= 0:
            return begin + found + 1
        offset = begin
    return 0


def _up_to_a_line_end(descriptor: int, start: int, limit: int) -> bytes:
    pieces = [os.pread(descriptor, limit, start)]
    read = len(pieces[0])
    while pieces[-1] and b"\n" not in pieces[-1]:
        pieces.append(os.pread(descriptor, limit, start + read))
        read += len(pieces[-1])
    return b"".join(pieces)
