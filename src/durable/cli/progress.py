"""A bar on the terminal while a job runs. Nothing where nobody looks: a pipe, a log, a dumb terminal."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager

from durable.job.standing import DONE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from durable.job.model import Job
    from durable.job.standing import Standing

    Watch = Callable[[Mapping[str, Standing]], None]

RUNS = "running"
NAMED = 3


@contextmanager
def progress(job: Job) -> Iterator[Watch]:
    if not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        yield lambda found: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    words = TextColumn("{task.description}", markup=False)
    columns = (words, BarColumn(bar_width=None), MofNCompleteColumn(), TimeElapsedColumn())
    # It is drawn when we say so: a thread of its own would be in the way of starting workers.
    with Progress(*columns, console=console, auto_refresh=False, transient=True, expand=True) as bar:
        task = bar.add_task(job.name, total=len(job.steps))

        def watch(found: Mapping[str, Standing]) -> None:
            done = sum(standing.kind == DONE for standing in found.values())
            bar.update(task, completed=done, description=_words(job, found), refresh=True)

        yield watch


def _words(job: Job, found: Mapping[str, Standing]) -> str:
    names = [name for name, standing in found.items() if standing.kind == RUNS]
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"{', '.join(names[:NAMED])}{more}" if names else job.name
