"""The built-in probes: the names that stand behind `built-in:` in a rule."""

from __future__ import annotations

from collections.abc import Callable

from durable.probes import github, gitlab, npm
from durable.probes.asked import Asked

PROBES: dict[str, Callable[[Asked], str]] = {
    "gh_pr_create": github.pull_request,
    "gh_issue_create": github.issue,
    "gh_release_create": github.release,
    "glab_mr_create": gitlab.merge_request,
    "npm_publish": npm.version,
}
