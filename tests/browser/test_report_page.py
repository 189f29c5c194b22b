"""The page of `durable report` in a real browser: read, searched and gone through as a person does."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.cli_machine import SESSION, Machine

from .chromium import Browser, Page
from .long_run import HOSTILE, write_long_run
from .story import PROJECT, RUN

ROOT = Path(__file__).resolve().parents[2]
ROW, CHOSEN = "#steps .row", '#steps .row[aria-selected="true"]'


def reported(state: Path, path: Path) -> Path:
    env = {
        "PATH": os.environ["PATH"],
        "HOME": str(path.parent),
        "DURABLE_HOME": str(state),
        "PYTHONPATH": f"{ROOT}/src",
    }
    command = [sys.executable, "-m", "durable", "report", "-o", str(path)]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done
    return path


@pytest.fixture(scope="module")
def long_report(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("long")
    state = folder / "state"
    state.mkdir(mode=0o700)
    write_long_run(state, 2000)
    return reported(state, folder / "page.html")


@pytest.fixture
def page(browser: Browser, long_report: Path) -> Iterator[Page]:
    page = browser.page(long_report)
    yield page
    assert (page.problems, page.requests) == ([], [])
    page.close()


def place(page: Page, words: str) -> int:
    """Of the first step whose line has these words."""
    return page.run(f"[...document.querySelectorAll('{ROW}')].findIndex((row) => row.textContent.includes('{words}'))")


def chosen(page: Page) -> str:
    return page.text(CHOSEN)


# ---- a run of the real hooks --------------------------------------------------------------------


@pytest.fixture(scope="module")
def short_report(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    machine = Machine(tmp_path_factory.mktemp("short"))
    machine.ran("Bash", {"stdout": "42 passed"}, command="npm test")
    machine.ran("Bash", {"stdout": HOSTILE}, command=HOSTILE)
    machine.ran(f"mcp__lab__{HOSTILE[:30]}", {HOSTILE: HOSTILE}, amount=2**60 + 1, **{HOSTILE: HOSTILE})
    machine.ran("Bash", {"stdout": "42 passed"}, command="npm test")
    machine.permitted(machine.before("mcp__lab__touch", amount=5), effect="once")
    machine.kill_client()
    machine.cli("reconcile")
    machine.said("note", SESSION, f"goal={HOSTILE}")
    yield reported(machine.state, machine.root / "page.html")
    machine.close()


def test_it_shows_what_the_hooks_recorded_and_asks_for_nothing(browser: Browser, short_report: Path) -> None:
    page = browser.page(short_report)
    assert page.text("h1") == f"Run {SESSION}" and page.run("document.title").startswith("Run 11111111")
    assert page.texts(".looks .look")[0] == "consistent\u2713 PASS"
    rows = page.texts(ROW)
    assert len(rows) == 6 and "npm test" in rows[0] and "succeeded" in rows[0]
    assert page.text("#attention h2") == "? 1 step needs somebody"
    assert "in doubt" in page.text("#attention li") and "lab.touch" in page.text("#attention li")
    assert (page.problems, page.requests) == ([], [])


def test_what_the_ledger_holds_is_never_markup(browser: Browser, short_report: Path) -> None:
    page = browser.page(short_report)
    for number in range(6):
        page.run(f"document.querySelectorAll('{ROW}')[{number}].click()")
    page.run("document.querySelector('#totals').open = true")
    page.run(f"document.querySelectorAll('{ROW}')[2].click()")
    assert page.run("window.hit") is None
    assert page.run("document.querySelectorAll('img, iframe, script:not(#data), svg[onload]').length") == 1
    assert HOSTILE in page.text("#step") and str(2**60 + 1) in page.text("#step")
    assert HOSTILE in page.text(".notes")
    assert (page.problems, page.requests) == ([], [])


def test_what_turns_the_order_of_letters_is_seen(browser: Browser, short_report: Path, tmp_path: Path) -> None:
    turned = tmp_path / "turned.html"
    turned.write_text(short_report.read_text("ascii").replace("npm test", r"npm \u202etset\u0007"), "ascii")
    page = browser.page(turned)
    page.click("#r0")
    assert r"npm \u{202e}tset\u{7}" in page.texts(ROW)[0] and r"npm \u{202e}tset\u{7}" in page.text("#step pre")


def test_its_policy_runs_no_script_but_its_own(browser: Browser, short_report: Path, tmp_path: Path) -> None:
    """A page that somebody managed to put a script into is still held by its policy."""
    changed = tmp_path / "changed.html"
    image = '<img src="https://example.invalid/x.png"><script>window.hit = 1</script>'
    changed.write_text(short_report.read_text("ascii").replace("<main>", f"<main>{image}"), "ascii")
    page = browser.page(changed)
    assert page.run("window.hit") is None and page.text("h1")
    refused = [one for one in page.problems if "Content Security Policy" in one]
    assert len(refused) >= 2


def test_twins_are_linked_in_both_directions(browser: Browser, short_report: Path) -> None:
    page = browser.page(short_report)
    page.click("#r3")
    assert page.run("document.querySelector('#r0').classList.contains('kin')")
    assert "the same call as" in page.text("#step")
    page.click("#step li .link")
    assert page.run(f"document.querySelector('{CHOSEN}').id") == "r0"
    assert "the same call again" in page.text("#step")


# ---- a long one ---------------------------------------------------------------------------------


def test_it_stays_small_and_shows_every_step(page: Page, long_report: Path) -> None:
    assert 1990 <= page.run(f"document.querySelectorAll('{ROW}').length") <= 2030
    assert long_report.stat().st_size < 4_000_000
    assert page.text("h1") == f"Run {RUN}" and PROJECT in page.text("#head")
    assert page.run("document.documentElement.scrollWidth <= innerWidth")


def test_a_night_is_folded_and_said(page: Page) -> None:
    assert "11 h 3 min of it idle" in page.text("#head")
    assert page.texts("#steps .divider.idle") == ["11 h 3 min without a call, folded"]
    assert [text.split(" \u00b7 ")[:2] for text in page.texts("#steps .divider") if "Session" in text] == [
        ["Session 4f1d2c3b", "startup"],
        ["Session 9e8d7c6b", "resume"],
    ]
    assert page.texts("#map .clock .fold") == ["11 h 3 min idle"]
    strip = page.run("Number(document.querySelector('.fold-strip').getAttribute('width'))")
    assert 20 < strip < 60, "of 1000: a night takes no more of the strip than a few minutes"


def test_each_kind_of_step_has_its_form(page: Page) -> None:
    def forms(words: str) -> str:
        children = f"document.querySelector('#r{place(page, words)} .c-wave').children"
        return page.run(f"[...{children}].map((one) => one.className).join()")

    assert forms("npm run dev") == "bar-of bar repeatable succeeded"
    assert page.run(f"document.querySelector('#r{place(page, 'npm run dev')} .back') !== null")
    assert forms("gh pr create") == "bar-of bar once not_done,settled-of"
    assert forms("make test") == "bar-of open repeatable in_doubt calm"
    assert forms("make release") == "bar-of open repeatable running"
    assert forms("refund") == "bar-of mark once prepared"
    charge = place(page, "charge")
    assert "needs" in page.run(f"document.querySelector('#r{charge}').className")
    assert page.texts(f"#r{charge} .c-status") == ["?in doubt"]
    told = page.run(f"document.querySelector('#r{charge} .c-wave').getAttribute('aria-label')")
    assert told.endswith("nothing says how it ended")


def test_sub_agents_have_lanes_of_their_own(page: Page) -> None:
    assert {"explorer", "reviewer", "test-writer"} <= set(page.texts(".agent"))
    dots = "[...document.querySelectorAll('.lane-dot')].map((dot) => dot.getAttribute('cx'))"
    assert page.run(f"new Set({dots}).size") == 4
    assert page.texts("#map .names span")[:2] == ["sessions", "main"]


def test_it_can_be_gone_through_by_keyboard(page: Page) -> None:
    page.press("j")
    assert page.run(f"document.activeElement.matches('{CHOSEN}')")
    first = chosen(page)
    page.press("j", "j", "k", "k")
    assert chosen(page) == first
    page.press("G")
    assert "make release" in chosen(page)
    box = page.run(f"document.querySelector('{CHOSEN}').getBoundingClientRect().toJSON()")
    assert 0 < box["top"] < box["bottom"] <= 900
    page.press("g", "n")
    assert any(word in chosen(page) for word in ("failed", "refused", "in doubt", "replayed"))
    page.press("Enter")
    assert page.run("!document.querySelector('#step').hidden")
    page.press("Enter")
    assert page.run("document.activeElement.id") == "step"
    page.press("Escape")
    assert page.run("document.querySelector('#step').hidden && document.activeElement.matches('.row')")
    page.press("?")
    assert page.run("document.querySelector('#keys').open") and "the next step" in page.text("#keys")
    page.press("Escape")
    assert not page.run("document.querySelector('#keys').open")


def test_the_filter_looks_into_what_was_read_and_said(page: Page) -> None:
    page.press("/")
    page.type("o-991")
    shown = page.texts(ROW)
    assert len(shown) == 3 and all("create_order" in row for row in shown)
    assert page.text("#count").startswith("3 of 2,0")
    page.press("Escape")
    assert page.text("#count").endswith("steps") and " of " not in page.text("#count")
    page.run("document.querySelector('#by-status').value = 'refused'")
    page.run("document.querySelector('#by-status').dispatchEvent(new Event('change'))")
    assert [("refused" in row) for row in page.texts(ROW)] == [True, True]
    page.press("/")
    page.type("nothing has this word")
    assert page.texts(ROW) == [] and page.text("#nothing").startswith("No step fits")


def test_a_large_output_is_told_by_its_size(page: Page) -> None:
    page.click(f"#r{place(page, 'cat build.log')}")
    assert "112.0 kB, left out of this page. durable step s" in page.text("#step")


def test_its_address_opens_a_step(browser: Browser, long_report: Path, page: Page) -> None:
    page.click("#r1200")
    opened, address = page.text("#step"), page.run("location.hash")
    page.run("location.hash = ''")
    page.run(f"location.hash = '{address}'")
    browser.events.clear()
    page.call("Page.reload")
    page.arrived()
    assert page.text("#step") == opened
    assert page.run(f"document.querySelector('{CHOSEN}').id") == "r1200"


def test_time_fits_what_is_in_view(page: Page) -> None:
    def widest() -> Any:
        bars = f"[...document.querySelectorAll('{ROW} .bar-of')].slice(0, 10)"
        return page.run(f"Math.max(...{bars}.map((one) => one.getBoundingClientRect().width))")

    assert page.run("document.querySelector('#range').getAttribute('aria-pressed')") == "true"
    fitted = widest()
    page.press("z")
    assert fitted > 40 > 10 > widest()


def test_it_is_readable_on_a_narrow_screen_and_in_the_dark(browser: Browser, long_report: Path) -> None:
    page = browser.page(long_report, width=360, height=800, scheme="dark")
    assert page.run("document.documentElement.scrollWidth") == 360
    assert page.run("getComputedStyle(document.body).backgroundColor") == "rgb(19, 20, 23)"
    page.click("#attention .link")
    assert page.run("document.querySelector('#step').getBoundingClientRect().width") == 360
    page.look(scheme="light")
    assert page.run("getComputedStyle(document.body).backgroundColor") == "rgb(252, 252, 251)"


def test_on_paper_every_step_has_its_line(browser: Browser, short_report: Path) -> None:
    page = browser.page(short_report)
    page.click("#r0")
    assert page.printed().startswith(b"%PDF")
    page.look(media="print")
    assert len(page.texts(ROW)) == 6
    assert page.texts(".toolbar form") == page.texts("#step") == []
