"""Loads the rest of this package in a third less time. Imported first by the hooks, and only by them.

Python's own file finder asks in turn for every kind of file a module could be, builds paths in Python
code and checks what can't be wrong here: for some forty small modules that is a quarter of a hook's
time. Here a module's compiled file is opened right away. It counts only under the same conditions as
Python's: the source beside it has the time and size that it was compiled from. For anything else this
finder knows nothing, and Python's own goes to work, compiles and keeps the result for the next time.
"""

from __future__ import annotations

import gc
import sys
from marshal import loads

from durable.lean import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any

    MAGIC_NUMBER = b""
else:
    from _frozen_importlib import ModuleSpec
    from _frozen_importlib_external import MAGIC_NUMBER

_TAG = f".{sys.implementation.cache_tag}.pyc"
_HEADER = 16
# The flags that follow the magic number: a file that is checked by the time and size of its source.
_START = MAGIC_NUMBER + b"\0\0\0\0"


class QuickFinder:
    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None, target: Any = None) -> ModuleSpec | None:
        if path is None or not name.startswith("durable."):
            return None
        folder, module = path[0], name[name.rindex(".") + 1 :]
        try:
            return _spec(name, folder, module)
        except FileNotFoundError:
            pass  # Then it is a package, or not compiled yet.
        except OSError:
            return None
        try:
            return _spec(name, f"{folder}/{module}", "__init__")
        except OSError:
            return None


class QuickLoader:
    @staticmethod
    def create_module(spec: ModuleSpec) -> None:
        return None

    @staticmethod
    def exec_module(module: ModuleType) -> None:
        spec = module.__spec__
        assert spec is not None
        code, spec.loader_state = spec.loader_state, None
        exec(code, module.__dict__)


def _spec(name: str, folder: str, module: str) -> ModuleSpec | None:
    source = f"{folder}/{module}.py"
    compiled = f"{folder}/__pycache__/{module}{_TAG}"
    found = os.stat(source)
    package = module == "__init__"
    if found.st_size:
        data = _read(compiled)
        stamp = int(found.st_mtime).to_bytes(4, "little") + (found.st_size & 0xFFFFFFFF).to_bytes(4, "little")
        if data[:_HEADER] != _START + stamp:
            return None
        code = _code(data, source)
    else:
        code = ""  # Most packages say nothing: there is nothing to read either.
    spec = ModuleSpec(name, QuickLoader, origin=source, loader_state=code, is_package=package)  # type: ignore[arg-type]
    if package and spec.submodule_search_locations is not None:
        spec.submodule_search_locations.append(folder)
    spec.has_location = True
    spec.cached = compiled
    return spec


def _code(data: bytes, source: str) -> Any:
    """A power cut may leave half a compiled file, over which Python's own loader would fail for ever."""
    try:
        return loads(memoryview(data)[_HEADER:])
    except (EOFError, ValueError, TypeError):
        with open(source, encoding="utf-8") as file:
            return compile(file.read(), source, "exec", dont_inherit=True)


def compiled_code(source: str) -> Any:
    """Of a source file of this package. What no hook has imported yet has no compiled file either."""
    folder, _, file = source.rpartition("/")
    try:
        spec = _spec("durable", folder, file.removesuffix(".py"))
    except FileNotFoundError:
        spec = None
    if spec is not None and spec.loader_state:
        return spec.loader_state
    with open(source, encoding="utf-8") as text:
        return compile(text.read(), source, "exec", dont_inherit=True)


def _read(path: str) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(descriptor, 1 << 20)
    finally:
        os.close(descriptor)


def install() -> None:
    # A hook lives for milliseconds: looking for garbage takes longer than leaving it.
    gc.disable()
    sys.meta_path.insert(0, QuickFinder)
