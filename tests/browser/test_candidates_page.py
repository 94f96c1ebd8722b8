"""The candidates of a form, in a real browser: filtered, marked by keyboard, refined; a backend paints at once."""

import re
import time

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from studio.studio import Studio
from tests.browser.conftest import NewPage
from tests.browser.rooms import turn_to
from tests.browser.touch import place
from tests.ui.painter import Painter

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("let_go")]


def make(page: Page, prompt: str, seed: int = 0) -> None:
    turn_to(page, "Text to image")
    page.get_by_label("Prompt", exact=True).fill(prompt)
    page.locator("#field-seed input").fill(str(seed))
    page.get_by_role("button", name="Candidates").click()


def cell(page: Page, number: int) -> Locator:
    return page.locator(f".candidate[data-number='{number}']")


def counts(page: Page) -> Locator:
    return page.locator(".counts")


def test_eight_are_made_filtered_marked_by_keyboard_and_the_kept_refined(new_page: NewPage, address: str) -> None:
    page = new_page(address)
    page.get_by_role("button", name="Candidates").click()
    expect(page.locator("#field-prompt .fault")).to_contain_text("The prompt is empty")
    expect(page.get_by_role("tab", name="Text to image")).to_have_attribute("aria-selected", "true")
    make(page, "gradients")
    # The painter turns a gradient by the seed: those of seeds 4 apart are alike.
    expect(counts(page)).to_have_text("8 made · 4 kept · 4 rejected (50 %)")
    expect(cell(page, 5).locator(".why")).to_have_text(re.compile(r"near-duplicate: [\d.]+ > 0.95"))
    page.get_by_label("Keep which").select_option("The best")
    page.get_by_label("How many").fill("2")
    expect(counts(page)).to_have_text("8 made · 2 kept · 6 rejected (75 %)")

    page.get_by_label("Sort by").select_option("As made")
    cell(page, 4).locator(".look").focus()
    page.keyboard.press("k")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("s")
    page.keyboard.press("3")
    expect(cell(page, 4).locator(".why")).to_have_text("kept by you")
    expect(cell(page, 5).locator(".rating")).to_have_text("3/5")
    # The two take the places of the best two.
    expect(counts(page)).to_have_text("8 made · 2 kept · 6 rejected (75 %)")
    page.keyboard.press("r")
    expect(cell(page, 5).locator(".why")).to_have_text("rejected by you")
    page.keyboard.press("z")
    expect(cell(page, 5).locator(".why")).to_have_text("kept by you")

    page.reload()
    expect(cell(page, 5).locator(".rating")).to_have_text("3/5")
    expect(counts(page)).to_have_text("8 made · 2 kept · 6 rejected (75 %)")

    page.get_by_role("button", name="Refine kept").click()
    page.get_by_role("menuitem", name="Enlarge").click()
    expect(page.get_by_label("Set", exact=True).locator("option:checked")).to_contain_text("Enlarged: gradients")
    expect(counts(page)).to_contain_text("2 made")
    page.get_by_label("Set", exact=True).select_option(index=1)
    expect(counts(page)).to_contain_text("8 made")
    # As many as one likes; of other words they are a set of their own, of which nothing is said until somebody chose.
    more = page.locator(".board-more")
    more.get_by_label("Pictures").fill("3")
    expect(more.locator("output")).to_contain_text("about")
    more.get_by_label("Prompt").fill("stripes")
    more.get_by_role("button", name="Make more").click()
    expect(page.get_by_label("Set", exact=True).locator("option:checked")).to_contain_text("stripes")
    expect(counts(page)).to_have_text("3 made")
    expect(page.get_by_role("button", name="Undo", exact=True)).to_be_disabled()
    make_raced(page, more)


def hold(page: Page, act: str) -> list[Route]:
    """The requests of the page's islands for this act, which are held back as they come."""
    held: list[Route] = []
    page.route(
        re.compile("component_server"),
        lambda route: held.append(route) if f'"{act}"' in (route.request.post_data or "") else route.fallback(),
    )
    return held


def make_raced(page: Page, more: Locator) -> None:
    """Raced, those that fall behind stay with their reason, and one of them can be finished all the same."""
    page.evaluate(HOLD_THE_FILTER)
    more.get_by_label("Race").check()
    # What is told of the set meanwhile does not take the choice back.
    with page.expect_response(lambda answer: '"mark"' in (answer.request.post_data or "")) as marked:
        cell(page, 0).get_by_role("button", name="Star").click()
    marked.value.finished()
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    expect(more.get_by_label("Race")).to_be_checked()
    more.get_by_label("Prompt").fill("raced")
    more.get_by_label("Pictures").fill("4")
    held = hold(page, "more")
    more.get_by_role("button", name="Make more").click()
    while not held:  # the test's limit ends it
        page.wait_for_timeout(20)
    # The filter, which says whether there are races, now waits to be asked of the set before.
    page.evaluate("later.forEach((act) => act())")
    held[0].continue_()
    expect(page.get_by_label("Set", exact=True).locator("option:checked")).to_contain_text("raced")
    expect(counts(page)).to_contain_text("2 of 4 made · 2 dropped")
    fallen = page.locator(".candidate.dropped")
    expect(fallen.locator(".why").first).to_contain_text("scored 0.25, the best 0.75")
    fallen.get_by_role("button", name="Finish this one").first.click()
    expect(counts(page)).to_contain_text("3 of 4 made · 1 dropped")
    expect(fallen).to_have_count(1)
    expect(more.get_by_label("Race")).to_be_checked()


# What is told once nobody changes the filter any more.
HOLD_THE_FILTER = """() => {
    const wait = window.setTimeout;
    window.later = [];
    window.setTimeout = (act, ms, ...more) => (ms === 150 ? -window.later.push(act) : wait(act, ms, ...more));
}"""


def paste(entry: Locator, text: str) -> None:
    entry.evaluate(
        """(entry, text) => {
            const clipboardData = new DataTransfer();
            clipboardData.setData("text/plain", text);
            entry.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }));
        }""",
        text,
    )


def test_a_set_is_composed_in_the_tab_itself_and_a_picture_that_is_sent_there_begins_nothing(
    new_page: NewPage, address: str
) -> None:
    page = new_page(address)
    turn_to(page, "Candidates")
    composer = page.locator(".composer")
    composer.get_by_role("button", name="Make 8 candidates").click()
    expect(composer.get_by_role("alert")).to_contain_text("The prompt is empty")
    expect(composer.get_by_label("Prompt")).to_be_focused()
    composer.get_by_role("group", name="Examples").get_by_role("button").first.click()
    expect(composer.get_by_label("Prompt")).to_have_value(re.compile("a red house"))
    expect(composer.locator("#composer-fault")).to_be_hidden()
    composer.get_by_label("Prompt").fill("composed")
    composer.get_by_label("Pictures").fill("2")
    composer.get_by_role("button", name="Make 2 candidates").click()
    expect(counts(page)).to_contain_text("2 made")
    expect(page.get_by_role("tab", name="Candidates")).to_have_attribute("aria-selected", "true")

    cell(page, 0).locator(".look").click()
    page.locator("dialog.full").get_by_role("button", name="Send to").click()
    page.get_by_role("menuitem", name="Candidates").click()
    expect(composer).to_contain_text("come from the picture")
    composer.get_by_role("button", name="Back to the candidates").click()
    expect(page.get_by_label("Set", exact=True).locator("option")).to_have_count(1)
    page.get_by_role("button", name="New set").click()
    expect(composer).to_contain_text("come from the form")
    composer.get_by_label("Prompt").fill("another")
    composer.get_by_label("Pictures").fill("3")
    composer.get_by_label("Race").check()
    composer.get_by_role("button", name="Make 3 candidates").click()
    expect(counts(page)).to_contain_text("2 of 3 made · 1 dropped")


def test_a_pasted_text_fills_the_form_and_its_picks_are_compared(new_page: NewPage, address: str) -> None:
    page = new_page(address)
    prompt = page.get_by_label("Prompt", exact=True)
    paste(prompt, "picks\nSteps: 2, Sampler: Euler, Seed: 40, ENSD: 31337")
    expect(page.locator(".imported-note")).to_contain_text("are in the form; left out or changed:ENSD 31337")
    expect(prompt).to_have_value("picks")
    expect(page.locator("#field-seed input")).to_have_value("40")
    turn_to(page, "Candidates")
    page.get_by_role("button", name="Make 8 candidates").click()
    expect(counts(page)).to_contain_text("8 made")
    # Nothing moves any more.
    expect(page.locator(".board-head .line")).to_be_empty()
    cell(page, 0).locator(".look").focus()
    page.keyboard.press("Space")
    cell(page, 1).locator(".pick").click()
    page.get_by_role("button", name="Compare 2").click()
    beside = page.locator("dialog.picks")
    expect(beside.locator(".picks-cell")).to_have_count(2)
    expect(beside.get_by_text("Sharpness")).to_have_count(2)
    expect(beside.get_by_role("button", name="Fit", exact=True)).to_have_attribute("aria-pressed", "true")
    sheets = beside.locator(".zoom-sheet")
    small = place(sheets.first)["width"]
    beside.get_by_role("button", name="Zoom in").click()
    expect(beside.get_by_role("button", name="Fit", exact=True)).to_have_attribute("aria-pressed", "false")
    assert sheets.evaluate_all("(all) => all.map((one) => one.offsetWidth)") == [pytest.approx(1.25 * small, abs=1)] * 2
    beside.get_by_role("button", name="Star").first.click()
    expect(beside.get_by_role("button", name="Star").first).to_have_attribute("aria-pressed", "true")
    beside.get_by_title("Rate 4 of 5 (4)").first.click()
    expect(beside.get_by_title("Rate 4 of 5 (4)").first).to_have_attribute("aria-pressed", "true")
    beside.get_by_role("button", name="Use these settings").last.click()
    expect(page.get_by_role("tab", name="Text to image")).to_have_attribute("aria-selected", "true")
    expect(page.locator("#field-seed input")).to_have_value("41")
    turn_to(page, "Candidates")
    expect(cell(page, 0).get_by_role("button", name="Star")).to_have_attribute("aria-pressed", "true")
    expect(cell(page, 0).locator(".rating")).to_have_text("4/5")

    expect(counts(page)).to_contain_text("4 kept")
    page.get_by_role("button", name="Limits and weights").click()
    page.get_by_label("Near-duplicate: limit", exact=True).uncheck()
    expect(counts(page)).to_contain_text("8 kept")
    expect(page.locator(".metric", has_text="CLIP score").locator(".missing")).to_contain_text(
        "cannot be measured here"
    )
    page.get_by_role("button", name="Measure again").click()
    expect(page.get_by_role("button", name="Measure again")).to_be_enabled()
    expect(page.locator(".learns")).to_contain_text("1 of your picks so far")


def test_a_set_survives_a_reload_in_the_middle_and_a_stop(
    new_page: NewPage, address: str, studio: Studio, painter: Painter
) -> None:
    painter.held.set()
    page = new_page(address)
    make(page, "held", seed=120)
    expect(page.locator(".candidate.coming")).to_have_count(8)
    page.reload()
    expect(page.locator(".candidate.coming")).to_have_count(8)
    page.locator(".board-head").get_by_role("button", name="Stop").click()
    while not all(job.stopping.is_set() for job in studio.jobs.unfinished()):  # the test's limit ends it
        time.sleep(0.05)
    painter.held.clear()
    expect(page.locator(".candidate.coming")).to_have_count(0)
    expect(counts(page)).to_contain_text("of 8 made")


def test_the_best_come_first_whoever_points_at_them(new_page: NewPage, address: str, painter: Painter) -> None:
    painter.held.set()
    page = new_page(address)
    make(page, "pointed at", seed=200)
    expect(page.locator(".candidate.coming")).to_have_count(8)
    page.get_by_label("Sort by").select_option("Diversity")
    box = place(page.locator(".candidate").first)
    page.mouse.move(box["x"] + 9, box["y"] + 9)
    painter.held.clear()
    expect(counts(page)).to_contain_text("8 made")
    page.wait_for_function(f"{NUMBERS}.length === 8 && {NUMBERS}.join() !== '0,1,2,3,4,5,6,7'")


# The candidates in the order in which they stand.
NUMBERS = "[...document.querySelectorAll('.candidate:not(.coming)')].map((one) => one.dataset.number)"
