"""The page itself in a real browser: reloaded, left without its studio, in two browsers, in dark and light."""

from contextlib import closing

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import QUIET, NewPage, Profiles, reload
from tests.browser.rooms import number, open_more
from tests.browser.stage import ask, draw, drawing
from tests.browser.touch import AT_REST
from tests.ui.painter import Painter

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("let_go")]


def test_a_reload_loses_neither_what_is_typed_meanwhile_nor_a_job_nor_settings_nor_pictures(
    new_page: NewPage, address: str, painter: Painter
) -> None:
    page = new_page(address)
    what_is_typed_and_asked_before_the_kept_settings_are_back_is_drawn(page)
    a_running_job_settings_and_pictures_survive_a_reload(page, painter)


def what_is_typed_and_asked_before_the_kept_settings_are_back_is_drawn(page: Page) -> None:
    page.get_by_label("Seed", exact=True).fill("77")
    draw(page, "the house before")
    held: list[Route] = []
    page.route("**/queue/join*", lambda route: held.insert(0, route))
    page.reload()
    ask(page, "the house after")
    assert page.locator("#stage[data-ready]").count() == 0
    assert not page.locator(".halt").is_visible()
    page.route("**/queue/join*", lambda route: route.continue_())
    for route in held:
        route.continue_()
    expect(page.locator(".cell.done img")).to_have_attribute("alt", "the house after")
    expect(page.get_by_label("Prompt", exact=True)).to_have_value("the house after")
    expect(page.get_by_label("Seed", exact=True)).to_have_value("77")
    page.unroute_all()


def a_running_job_settings_and_pictures_survive_a_reload(page: Page, painter: Painter) -> None:
    page.locator("#field-shape").get_by_text("Portrait").click()
    page.locator("#field-count").get_by_text("2", exact=True).click()
    page.get_by_label("Seed", exact=True).fill("77")
    open_more(page)
    number(page, "steps").fill("7")
    painter.held.set()
    with drawing(page, 2):
        ask(page, "two tall castles")
        expect(page.locator(".stage .line")).to_contain_text("step 1 of 7")
        page.reload()
        expect(page.locator(".stage .line")).to_contain_text("step 1 of 7")
        expect(page.locator(".halt")).to_be_visible()
        expect(page.get_by_label("Prompt", exact=True)).to_be_focused()
        painter.held.clear()
    page.reload()
    expect(page.locator(".cell.done")).to_have_count(2)
    expect(page.locator(".cell img").first).to_have_attribute("alt", "two tall castles")
    expect(page.get_by_label("Prompt", exact=True)).to_have_value("two tall castles")
    expect(page.get_by_label("Seed", exact=True)).to_have_value("77")
    expect(page.locator("#field-shape .selected")).to_have_text("Portrait")
    expect(page.locator("#field-count .selected")).to_have_text("2")
    open_more(page)
    expect(number(page, "steps")).to_have_value("7")


def test_another_browser_sees_and_stops_nothing(page: Page, new_page: NewPage, address: str, painter: Painter) -> None:
    mine = page
    painter.held.set()
    with drawing(mine):
        ask(mine, "my own house")
        expect(mine.locator(".stage .line")).to_contain_text("Step 1")
        theirs = new_page(address)
        expect(theirs.locator(".example").first).to_be_visible()
        assert theirs.locator(".cell, .small-look").count() == 0
        ask(theirs, "their house")
        expect(theirs.locator(".stage .line")).to_have_text("1 job before yours")
        theirs.locator(".halt").click()
        expect(theirs.locator(".stage .line")).to_have_text("Stopped")
        expect(mine.locator(".stage .line")).to_contain_text("Step 1")
        painter.held.clear()


def test_a_page_that_lost_the_studio_says_so_in_its_words_and_goes_on_when_it_is_back(page: Page) -> None:
    prompt = page.get_by_label("Prompt", exact=True)
    prompt.fill("a patient boat")
    notice = page.get_by_role("alert").filter(has_text="The studio is not answering")
    page.evaluate("window.isFirst = true")
    page.context.set_offline(True)
    try:
        page.get_by_role("button", name="Generate").click()
        expect(notice).to_be_visible()
        expect(page.get_by_text("Connection to the server was lost")).not_to_be_in_viewport()
    finally:
        page.context.set_offline(False)
    # Gradio's own script loads the page anew.
    page.wait_for_function("!window.isFirst && document.querySelector('#stage[data-ready]')")
    expect(notice).to_have_count(0)
    expect(prompt).to_have_value("a patient boat")
    page.get_by_role("button", name="Generate").click()
    expect(page.locator(".cell.done img")).to_have_attribute("alt", "a patient boat")


def test_a_page_whose_first_answer_is_lost_begins_anew_and_at_rest_it_draws_nothing(
    profiles: Profiles, address: str
) -> None:
    lost: list[Route] = []
    begun: list[str] = []
    first = profiles.take(address)
    with closing(profiles.beside(first.context)) as page:
        page.add_init_script(IMPATIENT)
        page.add_init_script(COUNTED)
        page.on("framenavigated", lambda frame: begun.append(frame.url))
        page.route("**/queue/join*", lambda route: lost.append(route) if len(begun) == 1 else route.continue_())
        page.goto(address)
        page.wait_for_selector("#stage[data-ready]", state="attached")
        page.wait_for_function(RESTS, polling=500)
    profiles.give_back(first)
    assert lost
    assert len(begun) > 1


# Half a minute is hardly longer here than a page takes.
IMPATIENT = """const wait = setTimeout;
    setTimeout = (act, ms, ...more) => wait(act, ms === 30_000 ? 4_000 : ms, ...more);"""

# Frames that somebody wants to be told of, and whether hardly any were since the last look.
COUNTED = """const tell = requestAnimationFrame;
    window.told = 0;
    requestAnimationFrame = (act) => { window.told += 1; return tell(act); };"""

RESTS = "() => { const before = window.before; window.before = window.told; return window.told - before < 5; }"


def test_a_page_that_calls_outside_is_noticed(profiles: Profiles, address: str) -> None:
    page = profiles.take(address)
    page.goto(f"{address}{QUIET}")
    page.evaluate("fetch('https://example.com/').catch(() => null)")
    profiles.give_back(page)
    assert profiles.faults == ["called https://example.com/"]
    profiles.faults.clear()


def test_words_can_be_read_in_dark_and_light(new_page: NewPage, address: str) -> None:
    page = new_page(address, color_scheme="dark")
    expect(page.locator(".example").first).to_be_visible()
    expect(page.locator("#status span").first).to_be_visible()
    for dark in (True, False):
        assert page.evaluate("document.body.classList.contains('dark')") is dark
        # Native boxes follow the page, not the system.
        assert page.evaluate("getComputedStyle(document.querySelector('.stage')).colorScheme") == (
            "dark" if dark else "light"
        )
        page.evaluate(AT_REST)
        assert page.evaluate(CONTRASTS, SHOWN_WORDS) == []
        page.get_by_role("button", name="Light or dark").click()
    page.get_by_role("button", name="Light or dark").click()
    reload(page)
    assert page.evaluate("document.body.classList.contains('dark')") is False, "what was chosen stays"


SHOWN_WORDS = [".summary", ".example", "#generate", "[data-testid=block-info]", "#status span"]

# Those of them with less than 4.5 to 1 against what is behind them.
CONTRASTS = """(selectors) => {
    const rgb = (text) => text.match(/[\\d.]+/g).map(Number);
    const linear = (v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    const light = ([r, g, b]) => 0.2126 * linear(r / 255) + 0.7152 * linear(g / 255) + 0.0722 * linear(b / 255);
    const behind = (e) => {
        const colour = rgb(getComputedStyle(e).backgroundColor);
        return colour.length === 4 && colour[3] === 0 ? behind(e.parentElement) : colour;
    };
    return selectors.filter((selector) => {
        const e = document.querySelector(selector);
        const [a, b] = [light(rgb(getComputedStyle(e).color)), light(behind(e))].sort((x, y) => y - x);
        return (a + 0.05) / (b + 0.05) < 4.5;
    });
}"""
