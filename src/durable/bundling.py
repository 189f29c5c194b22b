"""Makes the file that bundle.py reads: after the answer, when there is none that counts."""

from __future__ import annotations

from marshal import dumps

from durable.bundle import path_of, stamp_of
from durable.lean import os
from durable.ordinary import MODULES
from durable.quick_import import MAGIC_NUMBER, compiled_code

TYPE_CHECKING = False
if TYPE_CHECKING:
    from durable.bundle import Entry


def make(door: str) -> None:
    """Never raises: a hook has answered, and the next one will try again."""
    folder = os.path.dirname(__file__)
    try:
        target = path_of(folder, door)
        waiting = f"{target}.{os.getpid()}"
        descriptor = os.open(waiting, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
    except OSError:
        return  # Nobody but the owner of the package can write here.
    try:
        try:
            _write(descriptor, MAGIC_NUMBER + dumps([_entry(folder, name) for name in MODULES[door]]))
        finally:
            os.close(descriptor)
        os.replace(waiting, target)
    except Exception:  # noqa: BLE001 - whatever it is, hooks work without the file
        _take_away(waiting)


def _entry(folder: str, name: str) -> Entry:
    file = _file_of(folder, name.partition(".")[2].replace(".", "/"))
    path = f"{folder}/{file}"
    time, size = stamp_of(path)
    code = compiled_code(path)
    if stamp_of(path) != (time, size):
        raise OSError(f"{path} changes just now")
    return name, file, time, size, code


def _file_of(folder: str, path: str) -> str:
    return f"{path}/__init__.py" if os.path.isdir(f"{folder}/{path}") else f"{path}.py"


def _write(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]
    os.fsync(descriptor)


def _take_away(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        return
