"""All that an ordinary hook loads, in one file: half of a hook's time goes into finding its modules one by one.

The file lies where Python keeps its own compiled ones, and counts as they do: while each source has the
time and size that it was made from. Whatever is wrong with it, the modules are imported as ever, and the
hook makes it anew after its answer (bundling.py).
"""

from __future__ import annotations

import sys
from marshal import loads

from durable.lean import os
from durable.quick_import import MAGIC_NUMBER

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType

    # A module's name, its file within the package, the time and size of that, its code.
    Entry = tuple[str, str, int, int, CodeType]

LARGEST = 1 << 23
PACKAGE = "/__init__.py"


class Bundle:
    """`stale`: there is none that counts."""

    __slots__ = ("_entries", "_folder", "door", "stale")

    def __init__(self, door: str) -> None:
        self.door = door
        self._folder = os.path.dirname(__file__)
        # From the last to the first, to be taken off its end.
        self._entries: list[Entry] = [] if sys.flags.optimize else _read(self._folder, door)
        self.stale = not self._entries

    def load(self, until: str = "") -> None:
        """Executes what is left, or up to the module of that name. A module that fails ends it: whoever imports
        that one meets the failure where it belongs."""
        modules = sys.modules
        while self._entries:
            name, file, _, _, code = self._entries.pop()
            try:
                if name not in modules:
                    _execute(name, f"{self._folder}/{file}", code)
            except Exception:  # noqa: BLE001 - anything may be broken
                self._entries.clear()
            if name == until:
                return


def path_of(folder: str, door: str) -> str:
    return f"{folder}/__pycache__/{door}.{sys.implementation.cache_tag}.bundle"


def stamp_of(path: str) -> tuple[int, int]:
    found = os.stat(path)
    return found.st_mtime_ns, found.st_size


def _read(folder: str, door: str) -> list[Entry]:
    try:
        descriptor = os.open(path_of(folder, door), os.O_RDONLY | os.O_CLOEXEC)
        try:
            data = os.read(descriptor, LARGEST)
        finally:
            os.close(descriptor)
        if data[: len(MAGIC_NUMBER)] != MAGIC_NUMBER:
            return []
        entries: list[Entry] = loads(memoryview(data)[len(MAGIC_NUMBER) :])
        for _, file, time, size, _ in entries:
            if stamp_of(f"{folder}/{file}") != (time, size):
                return []
    except (OSError, EOFError, ValueError, TypeError):
        return []
    return entries[::-1]


def _execute(name: str, path: str, code: CodeType) -> None:
    """As an import would, but for the search: the module is there before its code runs, and gone if that fails."""
    module = type(sys)(name)
    parent, _, leaf = name.rpartition(".")
    module.__file__ = path
    if path.endswith(PACKAGE):
        module.__path__ = [path.removesuffix(PACKAGE)]
        module.__package__ = name
    else:
        module.__package__ = parent
    sys.modules[name] = module
    try:
        exec(code, module.__dict__)
    except BaseException:
        del sys.modules[name]
        raise
    setattr(sys.modules[parent], leaf, module)
