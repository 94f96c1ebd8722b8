"""Pictures asked for on the page in a real browser: followed, stopped, shown, downloaded and used again."""

import re
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from studio.errors import NotFound, Unreadable
from studio.metadata import own
from studio.settings import Settings
from studio.studio import Studio
from studio.ui import serve
from tests.browser.conftest import NewPage
from tests.browser.stage import SIDE, ask, draw, drawing
from tests.ui.painter import Painter

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("let_go")]


def test_a_prompt_becomes_a_picture_that_is_downloaded_that_fills_the_form_again_and_that_is_seen_in_full(
    new_page: NewPage, address: str, tmp_path: Path
) -> None:
    page = new_page(address)
    a_picture_has_its_facts_below_and_its_download_is_the_very_file(page, tmp_path)
    its_settings_fill_the_form_and_another_takes_a_new_seed(page)
    the_full_view_has_arrows_and_one_way_back_and_explains_a_withheld_picture(page)


def a_picture_has_its_facts_below_and_its_download_is_the_very_file(page: Page, tmp_path: Path) -> None:
    assert page.evaluate("document.body.classList.contains('dark')") is False
    draw(page, "a red house")
    expect(page.locator(".cell img")).to_have_attribute("alt", "a red house")
    expect(page.locator(".cell .said")).to_contain_text(re.compile(rf"seed \d+.*s.*{SIDE} × {SIDE}.*Starter"))
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    download.value.save_as(tmp_path / "got.png")
    served = page.locator(".cell img").evaluate(BYTES)
    got = (tmp_path / "got.png").read_bytes()
    assert got == bytes(served)
    assert b"image-studio" in got


BYTES = "async (img) => [...new Uint8Array(await (await fetch(img.src)).arrayBuffer())]"


def its_settings_fill_the_form_and_another_takes_a_new_seed(page: Page) -> None:
    page.locator("#field-shape").get_by_text("Landscape").click()
    page.get_by_label("Seed", exact=True).fill("5")
    draw(page, "a wide meadow")
    page.get_by_label("Prompt", exact=True).fill("something else")
    page.get_by_role("button", name="Random").click()
    expect(page.get_by_label("Seed", exact=True)).to_have_value("")
    page.get_by_role("button", name="Reuse last").click()
    expect(page.get_by_label("Seed", exact=True)).to_have_value("5")
    page.get_by_role("button", name="Random").click()
    expect(page.get_by_label("Seed", exact=True)).to_have_value("")
    page.get_by_role("button", name="Use these settings").click()
    expect(page.get_by_label("Prompt", exact=True)).to_have_value("a wide meadow")
    expect(page.get_by_label("Seed", exact=True)).to_have_value("5")
    expect(page.locator("#field-shape .selected")).to_have_text("Landscape")
    with drawing(page):
        page.get_by_role("button", name="Another like it").click()
    expect(page.locator(".small-look")).to_have_count(2)
    expect(page.locator(".cell .said span").first).not_to_have_text("seed 5")


def the_full_view_has_arrows_and_one_way_back_and_explains_a_withheld_picture(page: Page) -> None:
    page.locator("#field-count").get_by_text("2", exact=True).click()
    draw(page, "two boats", 2)
    page.locator(".cell .look").first.click()
    full = page.get_by_role("dialog", name="Full view")
    expect(full.locator("header")).to_contain_text("1 of 5")
    page.keyboard.press("ArrowRight")
    expect(full.locator("header")).to_contain_text("2 of 5")
    page.keyboard.press("Escape")
    expect(full).to_be_hidden()
    expect(page.locator(".cell .look").nth(1)).to_be_focused()
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".cell .look").nth(0)).to_be_focused()
    page.keyboard.press("Enter")
    full.get_by_role("button", name="Back to results").click()
    expect(full).to_be_hidden()

    draw(page, "a house that is withheld", 2)
    expect(page.locator(".stage .line")).to_contain_text("2 of 2 pictures are withheld.")
    expect(page.locator(".cell .said").first).to_contain_text("withheld")
    page.locator(".cell .look").first.click()
    expect(page.locator(".full-details")).to_contain_text("This picture is withheld.")


def test_a_job_is_followed_to_its_end_and_live_draws_as_one_types(page: Page, studio: Studio, painter: Painter) -> None:
    a_job_tells_how_far_it_is_and_ends_by_itself_by_stop_by_escape_or_in_plain_words(page, painter)
    live_draws_what_was_typed_last_and_keeps_nothing_of_what_came_before(page, studio)


def a_job_tells_how_far_it_is_and_ends_by_itself_by_stop_by_escape_or_in_plain_words(
    page: Page, painter: Painter
) -> None:
    painter.held.set()
    line = page.locator(".stage .line")
    with drawing(page):
        ask(page, "a slow boat")
        expect(line).to_contain_text("Step 1 of 20")
        page.evaluate(WATCH_SHIFTS)
        expect(page.locator(".cell img")).to_have_attribute("src", re.compile("^data:image/jpeg"))
        expect(page.get_by_role("progressbar", name="Progress")).to_have_attribute("aria-valuenow", "5")
        expect(page).to_have_title(re.compile("5 %"))
        painter.held.clear()
    expect(page).to_have_title("Image Studio")
    assert page.evaluate("window.shifted") < 0.05, "nothing jumps while a picture is drawn"

    for stop in (page.locator(".halt").click, lambda: page.keyboard.press("Escape")):
        painter.held.set()
        ask(page, "a boat that is not wanted")
        expect(line).to_contain_text("Step 1")
        stop()
        expect(line).to_have_text("Stopped")
        painter.held.clear()
        # What was drawn so far stays, to be kept where somebody wants it.
        expect(page.locator(".cell img")).to_have_attribute("src", re.compile("^data:image/jpeg"))
        expect(page.get_by_role("link", name="Keep it")).to_have_attribute("download", re.compile("unfinished"))
        expect(page.locator(".stage .empty")).to_be_hidden()

    ask(page, "a house without paint")
    expect(line).to_have_text("The paint ran out. Try a smaller picture.")
    draw(page, "a boat that is wanted")


# Adds up what moves from here on.
WATCH_SHIFTS = """() => {
    window.shifted = 0;
    new PerformanceObserver((list) => list.getEntries().forEach(({ value }) => (window.shifted += value)))
        .observe({ type: "layout-shift" });
}"""


def live_draws_what_was_typed_last_and_keeps_nothing_of_what_came_before(page: Page, studio: Studio) -> None:
    page.get_by_label("Prompt", exact=True).fill("a teal h")
    live = page.get_by_role("button", name="Live")
    live.click()
    expect(live).to_have_attribute("aria-pressed", "true")
    expect(page.locator(".cell.done img")).to_have_attribute("alt", "a teal h")
    page.get_by_label("Prompt", exact=True).press_sequentially("ouse by the sea")
    expect(page.locator(".cell.done img")).to_have_attribute("alt", "a teal house by the sea")
    # The picture before goes when the last is done.
    expect(page.get_by_role("listitem", name=re.compile("Open: a teal h"))).to_have_count(0)
    while len(drawn := prompts(studio, "a teal h")) > 1:  # its file goes a moment later; the test's limit ends it
        time.sleep(0.05)
    assert drawn == [("a teal house by the sea", "LCM")]
    live.click()
    page.get_by_label("Prompt", exact=True).fill("nothing of this is drawn")
    page.get_by_label("Prompt", exact=True).blur()
    expect(live).to_have_attribute("aria-pressed", "false")
    expect(page.locator(".cell.done img")).to_have_attribute("alt", "a teal house by the sea")


def prompts(studio: Studio, begin: str) -> list[tuple[str, str | None]]:
    """The prompts of stored pictures that begin so, each with its scheduler."""
    stored = []
    for path in studio.library.folder.rglob("*.png"):
        with suppress(NotFound, Unreadable):  # which goes just now
            stored.append(own.read(path))
    return [(one.prompt, one.scheduler) for one in stored if one.prompt.startswith(begin)]


def test_while_the_model_loads_the_page_answers_and_only_the_picture_that_is_pointed_at_shows_its_buttons(
    new_page: NewPage, tmp_path: Path
) -> None:
    painter, settings = Painter(), Settings.load(home=tmp_path, port=0, output_check="strict")
    before = set(threading.enumerate())
    with Studio(settings, backend=painter) as studio, serve(studio) as address:
        page = new_page(address)
        status = page.locator("#status")
        expect(status).to_contain_text("Loading Starter")
        expect(status).to_contain_text("Output check withholds")
        painter.ready.set()
        expect(status).not_to_contain_text("Loading")
        reuse = page.get_by_role("button", name="Reuse last")
        expect(reuse).to_be_disabled()
        the_line_of_jobs_is_told_when_it_moves_and_not_when_a_clock_says_so(page, painter)
        page.locator("#field-count").get_by_text("8", exact=True).click()
        draw(page, "eight boats", 8)
        expect(reuse).to_be_enabled()
        only_the_picture_that_is_pointed_at_shows_its_buttons(page)
    # The page is still open, and the server has ended all the same.
    assert not [thread for thread in threading.enumerate() if thread not in before and "(run)" in thread.name]


def only_the_picture_that_is_pointed_at_shows_its_buttons(page: Page) -> None:
    """Of eight."""
    acts = page.locator(".cell .acts")
    page.get_by_label("Prompt", exact=True).hover()
    for at in range(8):
        expect(acts.nth(at)).to_have_css("opacity", "0")
    page.locator(".cell").nth(3).hover()
    expect(acts.nth(3)).to_have_css("opacity", "1")
    page.locator(".cell .look").nth(5).focus()
    expect(acts.nth(5)).to_have_css("opacity", "1")
    acts.nth(5).get_by_role("button", name="Use these settings").click()
    expect(page.locator(".stage .line")).to_have_text("The form now has this picture's settings.")


def the_line_of_jobs_is_told_when_it_moves_and_not_when_a_clock_says_so(page: Page, painter: Painter) -> None:
    page.evaluate(NO_LATER)
    status = page.locator("#status")
    painter.held.set()
    for prompt, said in (("a first boat", "1 running"), ("a second boat", "1 running, 1 waiting")):
        ask(page, prompt)
        expect(status).to_contain_text(said)
    painter.held.clear()
    expect(status).not_to_contain_text(re.compile("running|waiting"))


# What is to be done seconds later is never done.
NO_LATER = """() => {
    const wait = window.setTimeout;
    window.setTimeout = (act, ms, ...more) => (ms >= 3000 ? 0 : wait(act, ms, ...more));
}"""
