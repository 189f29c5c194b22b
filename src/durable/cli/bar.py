"""A bar on the terminal while something long is looked at. Nothing where nobody looks: a pipe, a log."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from durable.evidence.verifying.verdict import Progress


@contextmanager
def bar() -> Iterator[Progress | None]:
    """Yields what is told: what is looked at, how much of it is done, how much there is."""
    if not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    words = TextColumn("{task.description}", markup=False)
    columns = (words, BarColumn(bar_width=None), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True, expand=True) as drawn:
        task = drawn.add_task("", total=None)

        def told(what: str, done: int, total: int) -> None:
            drawn.update(task, description=what, completed=done, total=total)

        yield told
