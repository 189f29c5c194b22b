"""Our handlers as the client would start them from the files in force."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple

from durable.settings import ours
from durable.settings.registration import REGISTRATION

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from durable.settings.in_force import SettingsFile

SCRIPT_OF = {one.event: one.script for one in REGISTRATION}


class RegisteredHook(NamedTuple):
    event: str
    # A shell line, or the program where `args` is not None.
    command: str
    args: list[str] | None
    matcher: str | None
    # The handler as it stands in the file.
    handler: Mapping[str, Any]
    reading: ours.Ours
    scope: str
    file: str
    pointer: str
    variables: Mapping[str, str]


def registered_hooks(
    files: Sequence[SettingsFile], reads_as_ours: ours.ReadsAsOurs = ours.script_text_is_ours
) -> list[RegisteredHook]:
    """Ours alone, under the events that their script answers; nothing from a file that won't load."""
    found = [hook for file in files if file.loads for hook in _of(file, reads_as_ours)]
    return [hook for hook in found if SCRIPT_OF.get(hook.event) == hook.reading.script]


def foreign_handlers(
    files: Sequence[SettingsFile], event: str, reads_as_ours: ours.ReadsAsOurs = ours.script_text_is_ours
) -> list[tuple[str, str]]:
    """File and pointer of the handlers of an event that aren't ours."""
    return [
        (file.path, pointer)
        for file in files
        if file.loads
        for name, pointer, _, handler in _handlers(file)
        if name == event and ours.read(handler, reads_as_ours, file.variables) is None
    ]


def _of(file: SettingsFile, reads_as_ours: ours.ReadsAsOurs) -> Iterator[RegisteredHook]:
    for event, pointer, matcher, handler in _handlers(file):
        reading = ours.read(handler, reads_as_ours, file.variables)
        if reading is not None:
            yield RegisteredHook(
                event=event,
                command=handler["command"],
                args=handler.get("args"),
                matcher=matcher,
                handler=handler,
                reading=reading,
                scope=file.scope,
                file=os.path.abspath(file.path),
                pointer=pointer,
                variables=file.variables,
            )


def _handlers(file: SettingsFile) -> Iterator[tuple[str, str, str | None, Any]]:
    """Event, pointer, matcher and handler of what the client can load."""
    for event, groups in file.data.get("hooks", {}).items():
        for at, group in enumerate(groups if isinstance(groups, list) else []):
            handlers = group.get("hooks") if isinstance(group, dict) else None
            for place, handler in enumerate(handlers if isinstance(handlers, list) else []):
                yield event, f"/hooks/{event}/{at}/hooks/{place}", group.get("matcher"), handler
