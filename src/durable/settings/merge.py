"""Our hooks into somebody's settings, and out again. Pure; what isn't ours stays as it is, in its order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    IsOurs = Callable[[Any], bool]


def with_ours(settings: Mapping[str, Any], wanted: Mapping[str, Any], is_ours: IsOurs) -> dict[str, Any]:
    """The settings with `wanted` registered. An older registration of ours is replaced where it stands."""
    old = settings.get("hooks", {})
    hooks: dict[str, Any] = {}
    for event in [*old, *(event for event in wanted if event not in old)]:
        groups = _replaced(old.get(event, []), wanted.get(event, []), is_ours)
        if groups or not old.get(event, True):
            hooks[event] = groups
    return {**settings, "hooks": hooks}


def without_ours(settings: Mapping[str, Any], is_ours: IsOurs) -> dict[str, Any]:
    """The settings without our handlers, nor the lists and objects that held nothing else."""
    old = settings.get("hooks", {})
    hooks = {event: _replaced(groups, [], is_ours) for event, groups in old.items()}
    hooks = {event: groups for event, groups in hooks.items() if groups or not old[event]}
    bare = {key: value for key, value in settings.items() if key != "hooks"}
    return {**settings, "hooks": hooks} if hooks or ("hooks" in settings and not old) else bare


def _replaced(groups: list[Any], wanted: list[Any], is_ours: IsOurs) -> list[Any]:
    kept: list[Any] = []
    placed = False
    for group in groups:
        rest = _rest(group, is_ours)
        if rest is not None:
            kept.append(rest)
        if rest is not group and not placed:
            kept += wanted
            placed = True
    return kept if placed else kept + wanted


def _rest(group: Any, is_ours: IsOurs) -> Any:
    """The group itself if nothing in it is ours, None if nothing else is, otherwise what is left."""
    handlers = group.get("hooks") if isinstance(group, dict) else None
    if not isinstance(handlers, list):
        return group
    others = [handler for handler in handlers if not is_ours(handler)]
    if len(others) == len(handlers):
        return group
    return {**group, "hooks": others} if others else None
