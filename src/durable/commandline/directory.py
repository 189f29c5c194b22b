"""Where a shell stands after `cd`. "" is a place that can't be known; "~" stays a word of its own."""

from __future__ import annotations

from durable.commandline.command import Open

TYPE_CHECKING = False
if TYPE_CHECKING:
    from durable.commandline.state import State

HOME_NAMES = ("$HOME", "${HOME}")


def moved(base: str, target: str) -> str:
    """The directory `target` as seen from `base`, as the shell names it (symbolic links are not followed)."""
    target = _from_home(target)
    if type(target) is Open or not target:
        return ""
    if target.startswith("/"):
        return _joined("/", target)
    if target.startswith("~"):
        root, _, rest = target.partition("/")
        return _joined(root, rest)
    return _joined(base, target) if base else ""


def _from_home(target: str) -> str:
    for name in HOME_NAMES:
        rest = target[len(name) :]
        if target.startswith(name) and (not rest or rest.startswith("/")) and "$" not in rest and "*" not in rest:
            return "~" + rest
    return target


def _joined(base: str, path: str) -> str:
    steps = [step for step in base.split("/") if step]
    for step in path.split("/"):
        if step == "..":
            if steps and steps[-1].startswith("~") and len(steps) == 1 and not base.startswith("/"):
                return ""
            del steps[-1:]
        elif step not in ("", "."):
            steps.append(step)
    joined = "/".join(steps)
    return joined if base.startswith("~") else "/" + joined


def change(state: State, words: list[str]) -> None:
    """`cd`, `pushd` and `popd` with these arguments."""
    name = words[0]
    arguments = [word for word in words[1:] if word == "-" or not word.startswith("-")]
    target = arguments[0] if arguments else ""
    if name == "popd":
        _go(state, state.stack.pop() if state.stack and not target else "")
    elif target.startswith("+"):
        _go(state, "")
    elif name == "pushd":
        here = state.cwd
        _go(state, moved(here, target) if target else (state.stack.pop() if state.stack else ""))
        state.stack.append(here)
    elif target == "-":
        _go(state, state.before)
    else:
        _go(state, moved(state.cwd, target) if target else "~")


def _go(state: State, place: str) -> None:
    state.before, state.cwd = state.cwd, place
