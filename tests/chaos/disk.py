"""What is left on the disk when the power goes: the file system's promises, and not one more.

    a file's content    what had been written when the file was last synced. Of what was written later any part may be
                        there: no write, or some of its sectors
    a name              made, moved or dropped, it lasts from the next sync of its directory on; until then it may or
                        may not have come to the disk, each name for itself, whatever was synced of the file

That is POSIX at its harshest. A journalling file system (ext4) keeps the order of names, and brings all that came
before to the disk with any sync: what it leaves (`journalled`) is one of the things that may be left here.
"""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

from .trace import Op

SECTOR = 512
NOT_KEPT = ("-shm",)  # made anew by SQLite
Tree = dict[str, bytes | None]  # by path; None is a directory


class Node:
    """A file, or a directory, whatever its names are."""

    def __init__(self, synced: bytes | None) -> None:
        self.synced = synced
        self.later: list[Op] = []

    def sync(self) -> None:
        self.synced = self.content(_whole)
        self.later = []

    def content(self, survives: Callable[[Op], Iterable[Op]]) -> bytes | None:
        if self.synced is None:
            return None
        data = bytearray(self.synced)
        for op in self.later:
            for part in survives(op):
                _put(data, part)
        return bytes(data)


class Change:
    """Names that begin or cease to stand for something, all of them or none."""

    def __init__(self, number: int, names: dict[str, Node | None]) -> None:
        self.number = number
        self.names = names
        self.waits_for = {os.path.dirname(path) for path in names}


class Disk:
    """Follows operations below `root`, from a state that was all on disk."""

    def __init__(self, root: Path) -> None:
        self.root = str(root)
        self._names = {path: Node(data) for path, data in {self.root: None, **tree_of(root)}.items()}
        self._lasting = dict(self._names)
        self._changes: list[Change] = []
        self._number = 0
        self.last_sync = 0

    def follow(self, op: Op) -> bool:
        """Whether it could change what a power cut leaves."""
        if not f"{op.path}/".startswith(f"{self.root}/") or op.path.endswith(NOT_KEPT):
            return False
        self._number += 1
        node = self._names.get(op.path)
        if op.what in ("fill", "cut") and node is not None:
            node.later.append(op)
        elif op.what == "sync" and node is not None:
            self._sync(op.path, node)
        else:
            self._rename(op, node)
        return True

    def _sync(self, path: str, node: Node) -> None:
        self.last_sync = self._number
        if node.synced is not None:
            node.sync()
            return
        for change in self._changes:
            change.waits_for.discard(path)
        for change in [change for change in self._changes if not change.waits_for]:
            self._changes.remove(change)
            _apply(self._lasting, change)

    def _rename(self, op: Op, node: Node | None) -> None:
        names: dict[str, Node | None] = {}
        if op.what in ("make", "folder") and node is None:
            names = {op.path: Node(b"" if op.what == "make" else None)}
        elif op.what == "drop":
            names = {op.path: None}
        elif op.what in ("move", "link"):
            names = {op.to: node} | ({op.path: None} if op.what == "move" else {})
        if names:
            change = Change(self._number, names)
            self._changes.append(change)
            _apply(self._names, change)

    def left(self, keeps_name: Callable[[Change], bool], keeps_data: Callable[[Op], Iterable[Op]]) -> Tree:
        names = dict(self._lasting)
        for change in self._changes:
            if keeps_name(change):
                _apply(names, change)
        reached: Tree = {self.root: None}
        for path in sorted(names):
            if reached.get(os.path.dirname(path), b"") is None:
                reached[path] = names[path].content(keeps_data)
        del reached[self.root]
        return reached


def outcomes(disk: Disk, seed: int, torn: int = 2) -> dict[str, Tree]:
    """What may be left if the power goes now, the extremes first."""
    found = {
        "only what was synced": disk.left(lambda _: False, _nothing),
        "journalled": disk.left(lambda change: change.number < disk.last_sync, _nothing),
        "names without data": disk.left(lambda _: True, _nothing),
        "data without names": disk.left(lambda _: False, _whole),
        "everything": disk.left(lambda _: True, _whole),
    }
    for number in range(torn):
        dice = random.Random(f"{seed} {disk._number} {number}")
        found[f"torn {number}"] = disk.left(lambda _, dice=dice: dice.random() < 0.5, _torn(dice))
    return found


def write_tree(root: Path, tree: Tree) -> None:
    """In place of what is there."""
    for path in root.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    for name, data in tree.items():
        if data is None:
            os.mkdir(name, 0o700)
        else:
            descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            os.write(descriptor, data)
            os.close(descriptor)


def tree_of(root: Path) -> Tree:
    found = sorted(path for path in root.rglob("*") if not path.name.endswith(NOT_KEPT))
    return {str(path): None if path.is_dir() else path.read_bytes() for path in found}


def _apply(names: dict[str, Node], change: Change) -> None:
    for path, node in change.names.items():
        if node is None:
            names.pop(path, None)
        else:
            names[path] = node


def _put(data: bytearray, op: Op) -> None:
    start = len(data) if op.at is None else op.at
    data.extend(bytes(max(start - len(data), 0)))
    if op.what == "cut":
        del data[start:]
    else:
        data[start : start + len(op.data)] = op.data


def _whole(op: Op) -> Iterable[Op]:
    return (op,)


def _nothing(op: Op) -> Iterable[Op]:
    return ()


def _torn(dice: random.Random) -> Callable[[Op], Iterable[Op]]:
    def survives(op: Op) -> Iterable[Op]:
        kept = dice.choice(("whole", "not", "some sectors"))
        if kept == "not":
            return ()
        if kept == "whole" or op.what == "cut" or op.at is None:
            return (op,)
        return [part for part in _sectors(op) if dice.random() < 0.5]

    return survives


def _sectors(op: Op) -> Iterable[Op]:
    assert op.at is not None
    start = op.at
    while start < op.at + len(op.data):
        end = start - start % SECTOR + SECTOR
        yield Op("fill", op.path, op.data[start - op.at : end - op.at], start)
        start = end
