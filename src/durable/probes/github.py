"""Has `gh` made it? Asked of GitHub through gh itself: its login, its idea of the repository."""

from __future__ import annotations

from durable.probes.asked import Asked, CantTell, DidNotHappen, by_name, known, options, printed

MOST = 50
COMMON = "-R/--repo -t/--title -b/--body -F/--body-file -a/--assignee -l/--label -m/--milestone -p/--project"
PR = by_name(f"{COMMON} -B/--base -H/--head -r/--reviewer -T/--template --recover")
ISSUE = by_name(f"{COMMON} -T/--template --recover --type")
RELEASE = by_name("-R/--repo -t/--title -n/--notes -F/--notes-file --target --discussion-category --notes-start-tag")
COMMIT_LENGTHS = (40, 64)


def pull_request(asked: Asked) -> str:
    """A branch has one open pull request into each base: whatever is newer than the step is the step's."""
    named, _ = options(asked.words, PR)
    owner, _, head = (known(named, "--head") or _branch(asked)).rpartition(":")
    fields = "url,createdAt,title,headRefName,isCrossRepository,headRepositoryOwner"
    found = asked.listed(
        "gh", "pr", "list", "--head", head, "--state", "all", "--limit", str(MOST), "--json", fields, *_repo(named)
    )
    if len(found) >= MOST:
        raise CantTell(f"{head} has had too many pull requests to tell")
    title = named.get("--title")
    sure: list[tuple[str, str]] = []
    foreign: list[tuple[str, str]] = []
    for one in (one for one in found if one["headRefName"] == head):
        login = (one.get("headRepositoryOwner") or {}).get("login", "")
        ours = login.lower() == owner.lower() if owner else not one["isCrossRepository"]
        named_so = not owner and bool(title) and one["title"] == title
        (sure if ours or named_so else foreign).append((one["createdAt"], one["url"]))
    return _judged(asked, sure, foreign, f"there is no pull request for the branch {head} that is new")


def _judged(asked: Asked, sure: list[tuple[str, str]], foreign: list[tuple[str, str]], missing: str) -> str:
    """From a fork it may be this call's, or somebody else's with a branch of the same name."""
    try:
        return asked.judge(sure, missing)
    except DidNotHappen:
        try:
            whose = asked.judge(foreign, missing)
        except DidNotHappen:
            _same_name_there(asked)
            raise
        raise CantTell(f"{whose} comes from a fork, and may be this call's or another's") from None


def _branch(asked: Asked) -> str:
    branch = asked.taken.get("git-branch", "")
    if not branch or (len(branch) in COMMIT_LENGTHS and all(char in "0123456789abcdef" for char in branch)):
        raise CantTell("the branch is not known")
    return branch


def _same_name_there(asked: Asked) -> None:
    """gh asks for the branch under the name that it has over there."""
    branch = asked.taken.get("git-branch", "")
    done = asked.run("git", "config", "--get", f"branch.{branch}.merge") if branch else None
    there = done.stdout.strip() if done is not None else ""
    if there not in ("", f"refs/heads/{branch}"):
        raise CantTell(f"{branch} may have another name over there ({there})")


def issue(asked: Asked) -> str:
    """Nothing keeps two from having the same title, but of those made since the step was prepared one is its own."""
    named, _ = options(asked.words, ISSUE)
    title = known(named, "--title")
    if not title:
        raise CantTell("its title is not known")
    found = asked.listed(
        "gh", "issue", "list", "--state", "all", "--limit", str(MOST), "--json", "url,createdAt,title", *_repo(named)
    )
    found.sort(key=lambda one: one["createdAt"])
    missing = f"no issue with the title {title!r} has been opened since"
    try:
        return asked.judge([(one["createdAt"], one["url"]) for one in found if one["title"] == title], missing)
    except DidNotHappen:
        if len(found) >= MOST:
            _reaches_back(asked, found[0]["createdAt"])
        raise


def _reaches_back(asked: Asked, oldest: str) -> None:
    try:
        asked.judge([(oldest, "")], "")
    except DidNotHappen:
        return
    except CantTell:
        pass
    raise CantTell("too many issues have been opened since")


def release(asked: Asked) -> str:
    """A tag has one release that is published. Of drafts it may have many, and none tells when it was made."""
    named, plain = options(asked.words, RELEASE)
    tag = plain[2] if len(plain) > 2 else None
    if not tag:
        raise CantTell("its tag is not known")
    repo = _repo(named)
    words = ("gh", "release", "view", tag, "--json", "url,publishedAt,isDraft", *repo)
    done = asked.run(*words)
    if done.returncode == 1 and "release not found" in done.stderr:
        # gh says the same of a repository that it is not let into.
        asked.json("gh", "repo", "view", *repo[1:], "--json", "nameWithOwner")
        raise DidNotHappen(f"there is no release {tag}")
    found = printed(words, done, dict)
    if found["isDraft"]:
        raise CantTell(f"{found['url']} is a draft")
    return asked.judge([(found["publishedAt"], found["url"])], f"the release {tag} is older")


def _repo(named: dict[str, str | None]) -> tuple[str, ...]:
    repo = known(named, "--repo")
    return ("--repo", repo) if repo else ()
