"""The full view: zoomed, moved and copied from by keys, mouse and fingers; it goes through everything that was made."""

import re
import time
from typing import Any

import pytest
from playwright.sync_api import APIResponse, Locator, Page, Route, expect

from studio.gate.identity import Identity
from studio.studio import Studio
from tests.browser.conftest import NewPage
from tests.browser.stage import SIDE, ask, draw
from tests.ui.painter import Painter

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("let_go")]


def made(page: Page, prompt: str, count: int) -> Locator:
    """So many pictures of a prompt; returns the full view with the first of them."""
    page.locator("#field-count").get_by_text(str(count), exact=True).click()
    draw(page, prompt, count)
    return opened(page, prompt)


def opened(page: Page, prompt: str) -> Locator:
    """The full view with the first picture of a prompt, of the job in front or of one before."""
    page.get_by_label(f"Open: {prompt}").first.click()
    full = page.get_by_role("dialog", name="Full view")
    expect(shown(full)).to_have_attribute("alt", prompt)
    return full


def shown(full: Locator) -> Locator:
    return full.locator(".zoom-sheet > img")


def star(full: Locator) -> Locator:
    return full.get_by_role("button", name="Star", exact=True)


def sheet(full: Locator) -> dict[str, float]:
    box = full.locator(".zoom-sheet").bounding_box()
    assert box is not None
    return dict(box)


def test_a_picture_is_looked_at_and_read_by_keys_and_mouse(new_page: NewPage, address: str) -> None:
    page = new_page(address)
    it_is_fitted_zoomed_where_the_wheel_is_and_moved_by_mouse_and_keys(page)
    page.keyboard.press("Escape")
    every_setting_can_be_read_and_copied_and_the_file_is_called_by_day_words_and_seed(page)


def it_is_fitted_zoomed_where_the_wheel_is_and_moved_by_mouse_and_keys(page: Page) -> None:
    full = made(page, "two boats at sea", 2)
    percent = full.locator(".full-percent")
    expect(percent).to_have_text(re.compile(r"^\d+ %$"))
    fitted = sheet(full)
    assert fitted["width"] <= 5 * SIDE + 1, "a small picture is not blown up without end"
    whole = f"{round(100 * fitted['width'] / SIDE)} %"
    expect(percent).to_have_text(whole)
    page.keyboard.press("a")
    expect(percent).to_have_text("100 %")
    assert sheet(full)["width"] == pytest.approx(SIDE, abs=1)
    page.keyboard.press("f")
    expect(full.get_by_role("button", name="Fit")).to_have_attribute("aria-pressed", "true")

    # What lies below the pointer stays there.
    x, y = fitted["x"] + 0.45 * fitted["width"], fitted["y"] + 0.45 * fitted["height"]
    page.mouse.move(x, y)
    page.mouse.wheel(0, -400)
    expect(percent).not_to_have_text(whole)
    zoomed = sheet(full)
    assert zoomed["width"] > 1.5 * fitted["width"]
    assert (x - zoomed["x"]) / zoomed["width"] == pytest.approx(0.45, abs=0.01)
    page.mouse.down()
    page.mouse.move(x + 30, y + 40, steps=3)
    page.mouse.up()
    moved = sheet(full)
    assert (moved["x"] - zoomed["x"], moved["y"] - zoomed["y"]) == (pytest.approx(30), pytest.approx(40))
    page.keyboard.press("Shift+ArrowRight")
    assert sheet(full)["x"] == pytest.approx(moved["x"] - 80)

    # The next picture of the same size is seen at the same place; a double click fits it again.
    before = sheet(full)
    page.keyboard.press("ArrowRight")
    expect(full.locator("header")).to_contain_text("2 of 2")
    assert sheet(full) == before
    double_click(page, x, y)
    expect(percent).to_have_text(whole)
    page.keyboard.press("?")
    keys = page.get_by_role("dialog", name="Keyboard")
    expect(keys).to_contain_text("Full view: fit, actual size")
    page.keyboard.press("Escape")
    expect(keys).to_be_hidden()
    expect(full).to_be_visible()


def double_click(page: Page, x: float, y: float) -> None:
    """As quick as a hand, by the page's clock."""
    session, clock = page.context.new_cdp_session(page), time.time()
    for click in (1, 2):
        for kind in ("mousePressed", "mouseReleased"):
            clock += 0.02
            event = {"type": kind, "x": x, "y": y, "button": "left", "clickCount": click, "timestamp": clock}
            session.send("Input.dispatchMouseEvent", event)


def every_setting_can_be_read_and_copied_and_the_file_is_called_by_day_words_and_seed(page: Page) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_label("Seed", exact=True).fill("77")
    full = made(page, "a red house, by the sea", 1)
    details = full.get_by_role("complementary", name="Details")
    for label, value in (("Steps", "20"), ("Seed", "77"), ("Guidance", "3"), ("Backend", "painter")):
        row = details.locator("dl > div").filter(has=page.locator("dt", has_text=re.compile(f"^{label}$")))
        expect(row.locator("dd")).to_have_text(value)
    expect(full.get_by_role("link", name="Download")).to_have_attribute(
        "download", re.compile(r"^\d{4}-\d\d-\d\d a-red-house-by-the-sea 77\.png$")
    )
    copied: dict[str, Any] = {}
    notes = {"Copy: Seed": "Seed", "Copy all settings": "All settings", "Copy as JSON": "The recipe"}
    for button, what in notes.items():
        details.get_by_role("button", name=button).click()
        expect(full.locator(".full-note")).to_have_text(f"{what} copied.")
        copied[button] = page.evaluate("navigator.clipboard.readText()")
    assert copied["Copy: Seed"] == "77"
    assert copied["Copy all settings"].startswith("a red house, by the sea\n")
    assert '"seed":77' in copied["Copy as JSON"]
    page.keyboard.press("p")
    expect(full.locator(".full-note")).to_have_text("Prompt copied.")
    assert page.evaluate("navigator.clipboard.readText()") == "a red house, by the sea"
    page.keyboard.press("c")
    expect(full.locator(".full-note")).to_have_text("Picture copied.")
    assert page.evaluate("navigator.clipboard.read().then(([item]) => item.types)") == ["image/png"]
    starred_deleted_and_taken_back(page)


def starred_deleted_and_taken_back(page: Page) -> None:
    """The arrows lead to what was made before; what is deleted makes way for that, and comes back."""
    page.keyboard.press("Escape")
    full = made(page, "a green hill", 1)
    page.keyboard.press("s")
    expect(star(full)).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("ArrowRight")
    expect(shown(full)).to_have_attribute("alt", "a red house, by the sea")
    page.keyboard.press("ArrowLeft")
    expect(shown(full)).to_have_attribute("alt", "a green hill")
    page.keyboard.press("Delete")
    expect(shown(full)).to_have_attribute("alt", "a red house, by the sea")
    expect(full.locator(".full-note")).to_contain_text("Moved to the bin.")
    full.get_by_role("button", name="Undo", exact=True).click()
    expect(shown(full)).to_have_attribute("alt", "a green hill")


def test_a_star_shows_at_once_and_stays_whatever_is_on_its_way_or_comes_meanwhile(
    new_page: NewPage, address: str, studio: Studio, painter: Painter
) -> None:
    page = new_page(address)
    full = a_star_outlives_an_answer_that_was_on_its_way(page)
    page.keyboard.press("Escape")
    who = a_picture_is_starred_while_the_next_job_begins_whose_picture_joins_the_others(page, full, studio, painter)
    page.keyboard.press("Escape")
    a_star_that_is_taken_elsewhere_is_not_shown_when_the_picture_is_opened_again(page, full, studio, who)


def a_star_outlives_an_answer_that_was_on_its_way(page: Page) -> Locator:
    draw(page, "a slow answer")
    answers: list[tuple[Route, APIResponse]] = []

    def hold(route: Route) -> None:
        if '"details"' in (route.request.post_data or ""):
            answers.append((route, route.fetch()))
        else:
            route.fallback()

    page.route(re.compile("component_server"), hold)
    full = opened(page, "a slow answer")
    while not answers:  # the test's limit ends it
        page.wait_for_timeout(20)
    page.keyboard.press("s")
    expect(star(full)).to_have_attribute("aria-pressed", "true")
    for route, answer in answers:
        route.fulfill(response=answer)
    page.unroute_all()
    expect(full.get_by_role("complementary", name="Details")).to_contain_text("Guidance")
    expect(star(full)).to_have_attribute("aria-pressed", "true")
    return full


def a_picture_is_starred_while_the_next_job_begins_whose_picture_joins_the_others(
    page: Page, full: Locator, studio: Studio, painter: Painter
) -> Identity:
    """Whose they are."""
    star(opened(page, "a slow answer")).click()
    expect(star(full)).to_have_attribute("aria-pressed", "false")
    page.keyboard.press("Escape")
    painter.held.set()
    ask(page, "the next one")
    opened(page, "a slow answer")
    page.keyboard.press("s")
    expect(star(full)).to_have_attribute("aria-pressed", "true")
    while not (jobs := studio.jobs.unfinished()):  # the test's limit ends it
        page.wait_for_timeout(20)
    painter.held.clear()
    expect(full.locator(".full-count")).to_have_text("2 of 2")
    expect(star(full)).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("ArrowLeft")
    expect(shown(full)).to_have_attribute("alt", "the next one")
    return jobs[0].who


def a_star_that_is_taken_elsewhere_is_not_shown_when_the_picture_is_opened_again(
    page: Page, full: Locator, studio: Studio, who: Identity
) -> None:
    (entry,) = studio.index.search("star:yes", who).entries
    studio.index.marks.star([entry.id], who, on=False)
    opened(page, "a slow answer")
    expect(star(full)).to_have_attribute("aria-pressed", "false")
