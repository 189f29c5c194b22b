"""The jobs in examples/ are valid, and those that need nobody else are run."""

import json
import re
import shutil
import tomllib

import pytest

from durable.job.store import read_job
from jobs.test_resume_job import family, kill_all, worker_of
from jobs.workshop import ROOT, kill, wait_for

EXAMPLES = ROOT / "examples"
NAMES = sorted(path.parent.name for path in EXAMPLES.glob("*/job.json"))
README = (EXAMPLES / "README.md").read_text("utf-8")


def test_each_folder_holds_a_job_and_has_its_part_of_the_page():
    assert [path.name for path in sorted(EXAMPLES.iterdir()) if path.is_dir()] == NAMES
    assert re.findall(r"^## (.*)$", README, re.M) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_each_is_a_job(name):
    assert read_job(str(EXAMPLES / name / "job.json")).job.name == name


def test_the_rule_for_an_agent_is_one():
    from durable.policy.models import faults_of

    (text,) = re.findall(r"^```toml\n(.*?)^```", README, re.M | re.S)
    assert faults_of(text) == [] and tomllib.loads(text)["rules"]["mail"]["effect"] == "once"


def test_parallel_cut_off_between_its_branches_repeats_only_the_other(shop):
    shutil.copy(ROOT / "README.md", shop.root)
    text = (EXAMPLES / "parallel" / "job.json").read_text()
    for line, name in (("sleep 5; ", "files"), ("sleep 10; ", "words")):
        assert line in text
        wait = " while [ ! -e gate ]; do sleep 0.02; done;" if name == "words" else ""
        text = text.replace(line, f"echo {name} >> effects;{wait} ")
    (shop.cwd / "job.json").write_text(text)
    process = shop.start()
    shop.wait_for_effect("words")
    wait_for(lambda: [row for row in shop.steps("files") if row["status"] == "succeeded"], "the end of files")
    victims = [one for pid in worker_of(process) for one in family(pid)]
    kill(process)
    kill_all(victims)
    (shop.cwd / "gate").touch()
    assert shop.resume().code == 0
    assert sorted(shop.effects) == ["files", "words", "words"]
    words = len((ROOT / "README.md").read_text().split())
    assert (shop.cwd / "log.txt").read_text() == f"{words} words\n"
    files = len(list(shop.root.iterdir()))
    assert (shop.cwd / "page.txt").read_text().split() == [str(files), "files", str(words), "words"]


def commands(shop, **scripts):
    folder = shop.root / "bin"
    folder.mkdir()
    for name, text in scripts.items():
        (folder / name).write_text(f"#!/bin/sh\n{text}\n")
        (folder / name).chmod(0o755)
    shop.env["PATH"] = f"{folder}:{shop.env['PATH']}"


def test_pull_request_waits_for_a_person_and_goes_on_with_what_gh_printed(shop):
    commands(shop, make="true", git="true", gh="echo $1 $2 $3 $4 >> effects; echo https://example.com/pull/7")
    shutil.copy(EXAMPLES / "pull-request" / "job.json", shop.cwd)
    done = shop.run()
    assert done.standing() == {"check": "done", "push": "done", "open": "waits", "tell": "to_do"}
    assert shop.durable("approve", shop.step("open")["step_id"]).code == 0
    assert (shop.resume().code, shop.effects) == (0, ["pr create --head fix-1"])
    assert (shop.cwd / "opened.txt").read_text() == "https://example.com/pull/7\n"


def test_what_an_example_leaves_behind_is_no_part_of_the_checkout():
    ignored = (EXAMPLES / ".gitignore").read_text().split()
    files = {
        "mail/letter-*.eml",
        "mail/outbox/",
        "mail/sent/",
        "parallel/page.txt",
        "parallel/log.txt",
        "pull-request/opened.txt",
    }
    assert set(ignored) == files
    assert json.loads((EXAMPLES / "mail" / "job.json").read_text())["steps"][1]["input"]["file_path"].startswith(
        "letter-"
    )
