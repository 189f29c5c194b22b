"""A file of lines that another program is still writing, read forward in pieces."""

from __future__ import annotations

import os
import stat


def whole_lines(path: str, offset: int, limit: int) -> tuple[list[bytes], int, bool]:
    """The whole lines from `offset` on, the offset behind them, and whether the end was reached.

    About `limit` bytes, but at least one line; an unfinished last line is left for the next time. Where
    no line begins at `offset` (any more), the file was rewritten and is read from its start. Raises
    OSError, or ValueError for what is no regular file.
    """
    # Not blocking: a pipe in the file's place would hold a hook up until its deadline.
    with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb", buffering=0) as file:
        descriptor, state = file.fileno(), os.fstat(file.fileno())
        if not stat.S_ISREG(state.st_mode):
            raise ValueError("it is no regular file")
        begins_here = offset > 0 and os.pread(descriptor, 1, offset - 1) == b"\n"
        start = offset if begins_here else 0
        data = _up_to_a_line_end(descriptor, start, min(max(limit, 1), max(state.st_size - start, 0)))
    whole = data[: data.rfind(b"\n") + 1]
    return whole.split(b"\n")[:-1], start + len(whole), start + len(data) >= state.st_size


def _up_to_a_line_end(descriptor: int, start: int, limit: int) -> bytes:
    pieces = [os.pread(descriptor, limit, start)]
    read = len(pieces[0])
    while pieces[-1] and b"\n" not in pieces[-1]:
        pieces.append(os.pread(descriptor, limit, start + read))
        read += len(pieces[-1])
    return b"".join(pieces)
