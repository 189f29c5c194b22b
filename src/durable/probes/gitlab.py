"""Has `glab` made it?"""

from __future__ import annotations

from durable.probes.asked import Asked, CantTell, by_name, known, options

MOST = 50
VALUED = by_name(
    "-R/--repo -t/--title -d/--description -a/--assignee --reviewer -l/--label -m/--milestone -b/--target-branch "
    "-s/--source-branch -H/--head -i/--related-issue"
)


def merge_request(asked: Asked) -> str:
    named, _ = options(asked.words, VALUED)
    if known(named, "--head"):
        raise CantTell("it is made from another project")
    branch = known(named, "--source-branch") or asked.taken.get("git-branch", "")
    if not branch:
        raise CantTell("the branch is not known")
    repo = known(named, "--repo")
    found = asked.listed(
        "glab", "mr", "list", "--source-branch", branch, "--all", "--per-page", str(MOST), "--output", "json",
        *(("--repo", repo) if repo else ()),
    )  # fmt: skip
    if len(found) >= MOST:
        raise CantTell(f"{branch} has had too many merge requests to tell")
    if any(one["source_project_id"] != one["target_project_id"] for one in found):
        raise CantTell(f"{branch} has a merge request from a fork")
    return asked.judge(
        [(one["created_at"], one["web_url"]) for one in found],
        f"there is no merge request for the branch {branch} that is new",
    )
