"""A built-in rule's own look-up, through the real hooks: what `gh`, `glab` and `npm` tell, and what is made of it."""

from __future__ import annotations

import json
import sqlite3
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import ledger_view

from .door import Door, bash, ran
from .test_once import cut_off, denied

NEW, OLD = "2099-01-01T00:00:00Z", "2001-01-01T00:00:00Z"
URL = "https://github.com/o/r/pull/7"
PR = "gh pr create --fill"


@pytest.fixture
def door(door: Door) -> Door:
    (door.project / ".git").mkdir()
    on_branch(door, "feature")
    (door.root / "bin").mkdir()
    door.env["PATH"] = f"{door.root}/bin:{door.env['PATH']}"
    return door


def on_branch(door: Door, name: str) -> None:
    (door.project / ".git/HEAD").write_text(f"ref: refs/heads/{name}\n")


def tool(door: Door, name: str, *answers: tuple[str, object] | tuple[str, object, int, str]) -> None:
    """A program that answers the words that begin with a text, and says that it can't anything else."""
    lines = [f'echo "$@" >> {door.root}/{name}.log', 'case "$*" in']
    for number, (words, said, *more) in enumerate(answers):
        code, complaint = more or (0, "")
        answer = door.root / f"{name}.{number}"
        answer.write_text(said if isinstance(said, str) else json.dumps(said))
        lines.append(f"'{words}'*) cat {answer}; echo '{complaint}' >&2; exit {code};;")
    path = door.root / "bin" / name
    path.write_text("#!/bin/sh\n" + "\n".join(lines) + "\n*) echo 'not logged in' >&2; exit 4;;\nesac\n")
    path.chmod(0o755)


def asked_for(door: Door, name: str) -> list[str]:
    log = door.root / f"{name}.log"
    return log.read_text().splitlines() if log.exists() else []


def pr(made: str, **more: Any) -> dict[str, Any]:
    return {
        "url": URL, "createdAt": made, "title": "x", "headRefName": "feature", "isCrossRepository": False,
        "headRepositoryOwner": {"login": "o"}, **more,
    }  # fmt: skip


def here(door: Door, command: str, use_id: str = "toolu_2") -> dict[str, Any]:
    return bash(command, use_id, cwd=str(door.project))


def interrupted(door: Door, command: str) -> None:
    """Cut off long ago: nothing of it can still be under way."""
    cut_off(door, command=command, cwd=str(door.project))
    denied(door.pre(here(door, command, "toolu_first")))
    ledger = sqlite3.connect(door.state / "ledger.db")
    with ledger:
        ledger.execute("UPDATE steps SET doubted_at = '2001-01-01T00:00:00.000000Z' WHERE status = 'in_doubt'")
    ledger.close()


def first(door: Door) -> dict[str, Any]:
    return ledger_view.step(door.state, tool_use_id="toolu_1")


def happened(door: Door, command: str) -> str:
    said = denied(door.pre(here(door, command)))
    row = first(door)
    assert (row["status"], row["closed_by"]) == ("succeeded", "probe"), said
    return said


def did_not(door: Door, command: str) -> None:
    answer = door.pre(here(door, command))
    assert answer.permits, answer
    row = first(door)
    assert (row["status"], row["closed_by"]) == ("not_done", "probe")


def can_t_tell(door: Door, command: str, *words: str) -> str:
    said = denied(door.pre(here(door, command)))
    assert first(door)["status"] == "in_doubt", said
    assert "nobody knows whether it took effect" in said and "durable happened" in said
    for word in words:
        assert word in said
    return said


# ---- gh pr create -------------------------------------------------------------------------------


def test_a_pull_request_that_was_made_is_handed_over(door: Door) -> None:
    interrupted(door, PR)
    tool(door, "gh", ("pr list --head feature --state all", [pr(NEW)]))
    assert URL in happened(door, PR)


def test_one_that_was_not_made_may_be_made(door: Door) -> None:
    interrupted(door, PR)
    tool(door, "gh", ("pr list --head feature", []))
    did_not(door, PR)


def test_that_it_was_not_made_is_not_believed_at_once(door: Door) -> None:
    cut_off(door, command=PR, cwd=str(door.project))
    tool(door, "gh", ("pr list --head feature", []))
    assert "may still be under way until" in denied(door.pre(here(door, PR)))
    assert first(door)["status"] == "in_doubt"


def test_who_is_not_logged_in_can_t_tell_and_says_so(door: Door) -> None:
    interrupted(door, PR)
    tool(door, "gh")
    can_t_tell(door, PR, "gh pr list --head feature", "not logged in")


@pytest.mark.parametrize(
    "said", ["", "[", "{}", "null", "7", "[7]", "[{}]", '[{"headRefName": "feature"}]', "no pull requests"]
)
def test_what_makes_no_sense_tells_nothing(door: Door, said: str) -> None:
    interrupted(door, PR)
    tool(door, "gh", ("pr list", said))
    can_t_tell(door, PR)


def test_without_the_tool_nothing_can_be_told(door: Door) -> None:
    interrupted(door, PR)
    door.env["PATH"] = "/nowhere"
    can_t_tell(door, PR, "gh can't be run")


def test_a_look_up_that_failed_tells_nothing_whatever_it_printed(door: Door) -> None:
    interrupted(door, PR)
    tool(door, "gh", ("pr list", [], 1, "error connecting to api.github.com"))
    can_t_tell(door, PR, "error connecting")


def test_of_a_list_that_may_go_on_nothing_is_said_to_be_missing(door: Door) -> None:
    interrupted(door, PR)
    tool(door, "gh", ("pr list", [pr(OLD)] * 50))
    can_t_tell(door, PR, "too many")


def test_an_older_pull_request_is_not_this_step_s(door: Door) -> None:
    interrupted(door, PR)
    tool(door, "gh", ("pr list", [pr(OLD)]))
    did_not(door, PR)


def test_one_from_a_little_before_may_be_anybody_s(door: Door) -> None:
    interrupted(door, PR)
    prepared = datetime.fromisoformat(first(door)["prepared_at"])
    tool(door, "gh", ("pr list", [pr((prepared - timedelta(hours=1)).isoformat())]))
    can_t_tell(door, PR, "a little before")


def test_a_pull_request_of_a_fork_that_may_be_another_s_tells_nothing(door: Door) -> None:
    interrupted(door, PR)
    tool(door, "gh", ("pr list", [pr(NEW, isCrossRepository=True, headRepositoryOwner={"login": "eve"})]))
    can_t_tell(door, PR, "from a fork")


def test_a_fork_s_owner_who_is_named_is_told_from_another(door: Door) -> None:
    line = "gh pr create --head me:feature --title x --body y"
    interrupted(door, line)
    theirs = pr(NEW, isCrossRepository=True, headRepositoryOwner={"login": "eve"})
    mine = pr(NEW, isCrossRepository=True, headRepositoryOwner={"login": "Me"}, url=URL + "8")
    tool(door, "gh", ("pr list --head feature", [theirs, mine]))
    assert URL + "8" in happened(door, line)


def test_a_branch_with_another_name_over_there_tells_nothing_by_being_missing(door: Door) -> None:
    interrupted(door, PR)
    tool(door, "gh", ("pr list --head feature", []))
    tool(door, "git", ("config --get branch.feature.merge", "refs/heads/other\n"))
    can_t_tell(door, PR, "another name over there")


def test_the_repository_that_the_line_names_is_the_one_that_is_looked_at(door: Door) -> None:
    line = "cd . && timeout 60 gh -R me/it pr create -H topic -dB main --title 'a b' --body \"$(cat x)\""
    interrupted(door, line)
    tool(door, "gh", ("pr list --head topic", []))
    did_not(door, line)
    assert "--repo me/it" in asked_for(door, "gh")[-1]


def test_on_another_branch_nobody_knows_what_the_other_line_was_about(door: Door) -> None:
    """Its kin is asked about: a call in other words. What it took from its directory is gone."""
    interrupted(door, PR)
    on_branch(door, "elsewhere")
    tool(door, "gh", ("pr list", []))
    said = denied(door.pre(here(door, "gh pr create --title x --body y")))
    assert "does not tell what it was to make" in said and asked_for(door, "gh") == []


@pytest.mark.parametrize(
    "line",
    [
        "gh pr create $MORE",
        'gh pr create -R "$REPO" --fill',
        "export GH_REPO=o/r; gh pr create --fill",
        "env GH_REPO=o/r gh pr create --fill",
        "GH_REPO=$R gh pr create --fill",
        "sudo gh pr create --fill",
        "cd $DIR && gh pr create --fill",
        "GH_TOKEN=ghp_0123456789abcdefghijABCDEFGHIJ012345 gh pr create --fill",
    ],
)
def test_what_the_line_does_not_say_is_not_made_up(door: Door, line: str) -> None:
    interrupted(door, line)
    tool(door, "gh", ("pr list", []))
    said = can_t_tell(door, line)
    assert "is not known" in said or "does not tell what it was to make" in said
    assert asked_for(door, "gh") == []


def test_a_line_of_several_calls_is_not_settled_by_one_of_them(door: Door) -> None:
    line = "npm publish; gh pr create --fill"
    interrupted(door, line)
    tool(door, "gh", ("pr list", []))
    tool(door, "npm", ("view", {"error": {"code": "E404"}}, 1, ""))
    can_t_tell(door, line, "other calls too")


def test_a_user_s_probe_does_not_speak_for_the_calls_of_another_rule_either(door: Door) -> None:
    rule = '[rules.{0}]\nmatch = "Bash({0} *)"\neffect = "once"\nprobe = "exit 1"\nsettle = 0\n'
    door.policy(rule.format("pay") + rule.format("tell"))
    cut_off(door, command="pay 5; tell bob", cwd=str(door.project))
    can_t_tell(door, "pay 5", "other calls too")


def test_of_two_calls_of_one_rule_none_speaks_for_the_other(door: Door) -> None:
    line = "gh issue create -t a -b x; gh issue create -t b -b x"
    interrupted(door, line)
    tool(door, "gh", ("issue list", []))
    can_t_tell(door, line)


def test_a_line_that_hid_whether_it_succeeded_is_looked_up(door: Door) -> None:
    line = f"{PR} || true"
    tool(door, "gh", ("pr list", [pr(NEW)]))
    assert door.pre(here(door, line, "toolu_1")).permits
    door.post(ran(line, "toolu_1", stdout="?", cwd=str(door.project)))
    assert "Already done" in denied(door.pre(here(door, PR)))


def test_a_user_s_own_rule_can_use_the_look_up(door: Door) -> None:
    door.policy('[rules.pr]\nmatch = "Bash(gh pr create *)"\nprobe = "built-in:gh_pr_create"\nsettle = 0\n')
    line = "gh pr create --head topic --fill"
    cut_off(door, command=line, cwd=str(door.project))
    tool(door, "gh", ("pr list --head topic", []))
    did_not(door, line)


def test_a_look_up_that_does_not_exist_can_t_tell(door: Door) -> None:
    door.policy('[rules.pr]\nmatch = "Bash(gh pr create *)"\nprobe = "built-in:no_such"\nsettle = 0\n')
    cut_off(door, command=PR, cwd=str(door.project))
    can_t_tell(door, PR, "no_such")


# ---- gh issue create ------------------------------------------------------------------------------

ISSUE = "gh issue create --title 'It breaks' --body-file b.md"


def issue(made: str, title: str = "It breaks") -> dict[str, str]:
    return {"url": "https://github.com/o/r/issues/3", "createdAt": made, "title": title}


def test_an_issue_with_its_title_from_after_the_call_is_its_own(door: Door) -> None:
    interrupted(door, ISSUE)
    tool(door, "gh", ("issue list --state all", [issue(NEW, "another"), issue(NEW), issue(OLD)]))
    assert "issues/3" in happened(door, ISSUE)


@pytest.mark.parametrize("found", [[], [issue(OLD)], [issue(NEW, "another")], [issue(OLD, "another")] * 50])
def test_without_such_an_issue_it_was_not_opened(door: Door, found: list[object]) -> None:
    interrupted(door, ISSUE)
    tool(door, "gh", ("issue list", found))
    did_not(door, ISSUE)


def test_where_too_many_were_opened_since_it_can_t_be_told(door: Door) -> None:
    interrupted(door, ISSUE)
    tool(door, "gh", ("issue list", [issue(NEW, "another")] * 50))
    can_t_tell(door, ISSUE, "too many")


@pytest.mark.parametrize("line", ["gh issue create", 'gh issue create -t "$T" -b x', "gh issue create --title=$T"])
def test_an_issue_whose_title_the_line_does_not_say_can_t_be_looked_up(door: Door, line: str) -> None:
    interrupted(door, line)
    tool(door, "gh", ("issue list", []))
    can_t_tell(door, line)


# ---- gh release create ------------------------------------------------------------------------------

RELEASE = "gh release create v1 dist/a.whl --notes x"


def release(made: str | None, draft: bool = False) -> dict[str, object]:
    return {"url": "https://github.com/o/r/releases/v1", "publishedAt": made, "isDraft": draft}


def test_a_release_of_the_tag_is_the_step_s(door: Door) -> None:
    interrupted(door, RELEASE)
    tool(door, "gh", ("release view v1", release(NEW)))
    assert "releases/v1" in happened(door, RELEASE)


@pytest.mark.parametrize(
    "answers",
    [
        [("release view v1", "", 1, "release not found"), ("repo view --json nameWithOwner", {})],
        [("release view v1", release(OLD))],
    ],
)
def test_a_release_that_is_not_there_or_older_was_not_made(door: Door, answers: Any) -> None:
    interrupted(door, RELEASE)
    tool(door, "gh", *answers)
    did_not(door, RELEASE)


@pytest.mark.parametrize(
    "answers",
    [
        [("release view v1", "", 1, "release not found")],
        [("release view v1", "", 1, "HTTP 502")],
    ],
)
def test_no_access_and_a_broken_server_tell_nothing(door: Door, answers: Any) -> None:
    interrupted(door, RELEASE)
    tool(door, "gh", *answers)
    can_t_tell(door, RELEASE)


def test_a_tag_may_have_many_drafts(door: Door) -> None:
    interrupted(door, RELEASE)
    tool(door, "gh", ("release view v1", release(NEW, True)))
    can_t_tell(door, RELEASE, "is a draft")


# ---- npm publish --------------------------------------------------------------------------------------

PUBLISH = "npm publish --access public"
TIMES = {"1.0.0": OLD, "1.1.0": NEW}
UNKNOWN = ("view a time --json", {"error": {"code": "E404"}}, 1, "E404")


def package(folder: Path, name: str = "a", version: str = "1.1.0", **more: object) -> None:
    (folder / "package.json").write_text(json.dumps({"name": name, "version": version, **more}))


def test_a_version_that_was_published_is_handed_over(door: Door) -> None:
    package(door.project)
    interrupted(door, PUBLISH)
    tool(door, "npm", ("view a time --json", TIMES))
    assert "a@1.1.0 is published" in happened(door, PUBLISH)


@pytest.mark.parametrize(("version", "answers"), [
    ("1.2.0", [("view a time --json", TIMES)]),
    ("1.0.0", [("view a time --json", TIMES)]),
    ("1.2.0", [UNKNOWN, ("config get registry", "https://registry.npmjs.org/\n")]),
])  # fmt: skip
def test_a_version_that_is_not_there_or_older_was_not_published(door: Door, version: str, answers: Any) -> None:
    package(door.project, version=version)
    interrupted(door, PUBLISH)
    tool(door, "npm", *answers)
    did_not(door, PUBLISH)


@pytest.mark.parametrize(
    ("name", "answers"),
    [
        ("a", [UNKNOWN, ("config get registry", "https://npm.example.com/\n")]),
        ("a", [("view a time --json", {"error": {"code": "ENOTFOUND"}}, 1, "getaddrinfo")]),
        ("a", [("view a time --json", "")]),
        ("a", []),
        ("@o/a", [("view @o/a time --json", {"error": {"code": "E404"}}, 1, "E404"),
                  ("config get registry", "https://registry.npmjs.org/\n")]),
    ],
)  # fmt: skip
def test_a_registry_that_keeps_things_from_us_tells_nothing(door: Door, name: str, answers: Any) -> None:
    package(door.project, name=name)
    interrupted(door, PUBLISH)
    tool(door, "npm", *answers)
    can_t_tell(door, PUBLISH)


def test_the_package_s_own_registry_is_asked(door: Door) -> None:
    package(door.project, publishConfig={"registry": "https://npm.example.com/"})
    interrupted(door, PUBLISH)
    tool(door, "npm", ("view a time --json --registry https://npm.example.com/", TIMES))
    happened(door, PUBLISH)


@pytest.mark.parametrize("line", ["npm publish x.tgz", "npm publish -w b", "npm version patch && npm publish",
                                  "pnpm publish -r", "yarn publish"])  # fmt: skip
def test_what_is_published_must_be_known(door: Door, line: str) -> None:
    package(door.project)
    interrupted(door, line)
    tool(door, "npm", ("view", {**TIMES, "1.1.0": OLD}))
    can_t_tell(door, line)


# ---- glab mr create -------------------------------------------------------------------------------------

MR = "glab mr create --fill --yes"


def mr(made: str, source: int = 1) -> dict[str, object]:
    return {
        "web_url": "https://gitlab.com/o/r/-/merge_requests/2", "created_at": made, "source_project_id": source,
        "target_project_id": 1,
    }  # fmt: skip


def test_a_merge_request_is_looked_up_as_well(door: Door) -> None:
    interrupted(door, MR)
    tool(door, "glab", ("mr list --source-branch feature --all", [mr(OLD), mr(NEW)]))
    assert "merge_requests/2" in happened(door, MR)


def test_no_merge_request_of_the_branch_is_none(door: Door) -> None:
    interrupted(door, MR)
    tool(door, "glab", ("mr list --source-branch feature", []))
    did_not(door, MR)


@pytest.mark.parametrize(
    "answers", [[], [("mr list", "No open merge requests")], [("mr list", [mr(NEW, 5)])], [("mr list", [mr(OLD)] * 50)]]
)
def test_a_merge_request_that_can_t_be_looked_up_stays_in_doubt(door: Door, answers: Any) -> None:
    interrupted(door, MR)
    tool(door, "glab", *answers)
    can_t_tell(door, MR)
