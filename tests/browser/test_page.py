"""The page in a real browser, on a backend that paints at once."""

import re
import threading
import time
from contextlib import closing, suppress
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from studio.errors import NotFound, Unreadable
from studio.metadata import own
from studio.settings import Settings
from studio.studio import Studio
from studio.ui import serve
from tests.browser.conftest import QUIET, NewPage, Profiles, reload
from tests.browser.dropdowns import choose
from tests.browser.models import choose_model
from tests.browser.stage import ask, draw, drawing
from tests.browser.touch import AT_REST
from tests.ui.painter import Painter

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("let_go")]


def open_more(page: Page) -> None:
    page.get_by_role("button", name="More").click()
    expect(page.locator("#field-steps")).to_be_visible()


def number(page: Page, field: str) -> Locator:
    return page.locator(f"#field-{field} input[type=number]")


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
    expect(page.locator(".cell .said")).to_contain_text(re.compile(r"seed \d+.*s.*128 × 128.*Starter"))
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


def test_a_reload_loses_neither_what_is_typed_meanwhile_nor_a_job_nor_settings_nor_pictures(
    new_page: NewPage, address: str, painter: Painter
) -> None:
    page = new_page(address)
    what_is_typed_and_asked_before_the_kept_settings_are_back_is_drawn(page)
    a_running_job_settings_and_pictures_survive_a_reload(page, painter)


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


def test_a_number_typed_as_soon_as_its_field_is_seen_stays(new_page: NewPage, address: str) -> None:
    page = new_page(address)
    page.evaluate(SLOW_FRAMES)
    page.get_by_role("button", name="More").click()
    number(page, "steps").fill("7")
    page.get_by_role("tab", name="Image to image").click()
    number(page, "image_to_image-strength").fill("0.3")
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    expect(number(page, "image_to_image-strength")).to_have_value("0.3")
    expect(number(page, "steps")).to_have_value("7")


# A machine that draws a few frames in a second.
SLOW_FRAMES = """() => {
    const frame = window.requestAnimationFrame;
    window.requestAnimationFrame = (act) => setTimeout(() => frame(act), 300);
}"""


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
    reload(page)
    expect(page.get_by_label("Prompt", exact=True)).to_be_focused()


def test_another_browser_sees_and_stops_nothing(new_page: NewPage, address: str, painter: Painter) -> None:
    mine = new_page(address)
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


def test_a_fault_stands_at_its_field_nothing_typed_is_lost_and_ctrl_enter_works_where_it_was_mended(
    new_page: NewPage, address: str
) -> None:
    page = new_page(address)
    prompt = page.get_by_label("Prompt", exact=True)
    page.get_by_role("button", name="Generate").click()
    expect(page.locator("#field-prompt .fault")).to_contain_text("The prompt is empty")
    page.locator(".example").first.click()
    expect(page.locator("#field-prompt .fault")).to_have_count(0)
    open_more(page)
    number(page, "steps").fill("3")
    number(page, "width").fill("101")
    page.get_by_role("button", name="More").click()
    ask(page, "a house")
    fault = page.locator("#field-width .fault")
    expect(fault).to_have_text("101 is not divisible by 8. Choose 96 or 104.")
    expect(fault).to_be_visible()
    expect(page.locator("#field-prompt .fault")).to_have_count(0)
    expect(number(page, "width")).to_have_attribute("aria-invalid", "true")
    expect(prompt).to_have_value("a house")
    number(page, "width").fill("104")
    expect(fault).to_have_count(0)
    with drawing(page):
        page.keyboard.press("Control+Enter")
        expect(prompt).to_be_focused()
    page.locator(".cell .look").click()
    expect(page.locator(".full-details")).to_contain_text(re.compile(r"Steps\s*3"))
    page.keyboard.press("Escape")
    prompt.fill("")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#field-prompt .fault")).to_be_visible()
    # A job that starts shows that nothing stands in its way any more.
    with drawing(page):
        page.get_by_role("button", name="Another like it").click()
    expect(page.locator("#field-prompt .fault")).to_have_count(0)


def test_only_the_picture_that_is_pointed_at_shows_its_buttons_and_where_none_is_made_none_is_offered(
    new_page: NewPage, tmp_path: Path
) -> None:
    painter, settings = Painter(), Settings.load(home=tmp_path, port=0)
    painter.ready.set()
    with Studio(settings, backend=painter) as studio, serve(studio) as address:
        page = new_page(address)
        reuse = page.get_by_role("button", name="Reuse last")
        expect(reuse).to_be_disabled()
        the_line_of_jobs_is_told_when_it_moves_and_not_when_a_clock_says_so(page, painter)
        page.locator("#field-count").get_by_text("8", exact=True).click()
        draw(page, "eight boats", 8)
        expect(reuse).to_be_enabled()
        acts = page.locator(".cell .acts")
        page.get_by_label("Prompt", exact=True).hover()
        for at in range(8):
            expect(acts.nth(at)).to_have_css("opacity", "0")
        page.locator(".cell").nth(3).hover()
        expect(acts.nth(3)).to_have_css("opacity", "1")
        page.locator(".cell .look").nth(5).focus()
        expect(acts.nth(5)).to_have_css("opacity", "1")
        acts.nth(5).get_by_role("button", name="Use these settings").click()
        expect(page.locator(".stage .line")).to_have_text("The form now has the settings of this picture.")


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


def test_a_page_that_lost_the_studio_says_so_in_its_words_and_goes_on_when_it_is_back(
    new_page: NewPage, address: str
) -> None:
    page = new_page(address)
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


def test_a_page_that_calls_outside_is_noticed(profiles: Profiles, address: str) -> None:
    page = profiles.take(address)
    page.goto(f"{address}{QUIET}")
    page.evaluate("fetch('https://example.com/').catch(() => null)")
    profiles.give_back(page)
    assert profiles.faults == ["called https://example.com/"]
    profiles.faults.clear()


# Half a minute is hardly longer here than a page takes.
IMPATIENT = """const wait = setTimeout;
    setTimeout = (act, ms, ...more) => wait(act, ms === 30_000 ? 4_000 : ms, ...more);"""

# Frames that somebody wants to be told of, and whether hardly any were since the last look.
COUNTED = """const tell = requestAnimationFrame;
    window.told = 0;
    requestAnimationFrame = (act) => { window.told += 1; return tell(act); };"""
RESTS = "() => { const before = window.before; window.before = window.told; return window.told - before < 5; }"


def test_settings_are_chosen_by_hand_by_draft_and_shape_and_by_keys(page: Page) -> None:
    draft_and_shape_set_size_and_steps_and_a_change_is_marked_and_can_be_reset_alone(page)
    a_shape_that_is_chosen_just_before_generate_is_the_picture_s(page)
    the_keys_are_listed_on_a_sheet_and_digits_and_arrows_choose_in_a_picker(page)


def draft_and_shape_set_size_and_steps_and_a_change_is_marked_and_can_be_reset_alone(page: Page) -> None:
    open_more(page)
    page.locator("#field-quality").get_by_text("Draft").click()
    expect(number(page, "steps")).to_have_value("10")
    expect(number(page, "width")).to_have_value("96")
    page.locator("#field-quality").get_by_text("Final").click()
    expect(number(page, "steps")).to_have_value("20")
    page.locator("#field-shape").get_by_text("Wide").click()
    expect(number(page, "width")).to_have_value("168")
    expect(page.locator("#field-width")).not_to_have_class(re.compile("changed"))
    number(page, "steps").fill("31")
    number(page, "guidance_scale").fill("7")
    expect(page.locator("#field-steps")).to_have_class(re.compile("changed"))
    page.get_by_role("button", name="Reset steps to 20").click()
    expect(number(page, "steps")).to_have_value("20")
    expect(page.locator("#field-steps")).not_to_have_class(re.compile("changed"))
    expect(number(page, "guidance_scale")).to_have_value("7")
    page.get_by_role("button", name="More").click()
    fold = page.locator("#more > button > span").first
    expect(fold).to_have_attribute("data-changed", "1 changed")
    page.get_by_role("button", name="Reset all").click()
    expect(fold).to_have_attribute("data-changed", "")
    expect(page.get_by_role("button", name="Reset all")).to_be_hidden()
    open_more(page)
    expect(number(page, "guidance_scale")).to_have_value("3")


def a_shape_that_is_chosen_just_before_generate_is_the_picture_s(page: Page) -> None:
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    with page.expect_request(re.compile("/run/")):
        page.route(re.compile("/run/"), hold)
        page.locator("#field-shape").get_by_text("Wide").click()
    page.get_by_label("Prompt", exact=True).fill("a wide meadow")
    with drawing(page):
        page.keyboard.press("Control+Enter")
        # From here on nothing is held: what comes by this way is asked before what was held is let go.
        page.route(re.compile("/run/"), lambda route: route.continue_())
        for route in held:
            route.continue_()
    expect(page.locator(".cell .said").first).to_contain_text("168 × 96")


def test_what_a_model_cannot_do_is_not_shown_and_what_a_preset_and_an_example_say_is(
    new_page: NewPage, address: str, studio: Studio
) -> None:
    page = new_page(address)
    starter = studio.presets.negatives["starter"]
    choose(page.get_by_label("Negative presets"), starter.name)
    expect(page.locator("#field-negative_presets .note")).to_have_text(starter.text)
    choose_model(page, "FLUX.1 schnell")
    expect(page.locator("#field-negative_prompt")).to_be_hidden()
    expect(page.locator("#why-not")).to_contain_text("no negative prompt")
    expect(page.locator(".empty")).to_contain_text("FLUX.1 schnell")
    choose_model(page, "Starter")
    expect(page.locator("#field-negative_prompt")).to_be_visible()
    page.locator(".example").first.click()
    prompt = page.get_by_label("Prompt", exact=True)
    expect(prompt).to_have_value(page.locator(".example").first.inner_text())
    prompt.press_sequentially(" zeppelin")
    expect(page.locator("#words-prompt .words-said")).to_have_text("Not known to this model: zeppelin")
    draw(page, "a house")
    expect(page.locator("#words-prompt .words-said")).to_have_text("")
    expect(page.locator(".example").first).to_be_hidden()


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


def the_keys_are_listed_on_a_sheet_and_digits_and_arrows_choose_in_a_picker(page: Page) -> None:
    page.get_by_role("heading", name="Image Studio").click()
    page.keyboard.press("?")
    keys = page.get_by_role("dialog", name="Keyboard")
    for line in ("Generate, from anywhere", "Arena: the left or the right one is better", "Inpainting: brush, eraser"):
        expect(keys).to_contain_text(line)
    page.keyboard.press("Escape")
    expect(keys).to_have_count(0)
    page.locator("#field-count input").first.focus()
    page.keyboard.press("3")
    expect(page.locator("#field-count .selected")).to_have_text("4")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#field-count .selected")).to_have_text("8")


def test_while_the_model_loads_the_page_answers_and_says_what_becomes_of_pictures(
    new_page: NewPage, tmp_path: Path
) -> None:
    painter, settings = Painter(), Settings.load(home=tmp_path, port=0, output_check="strict")
    before = set(threading.enumerate())
    with Studio(settings, backend=painter) as studio, serve(studio) as address:
        page = new_page(address)
        expect(page.locator("#status")).to_contain_text("Loading Starter")
        expect(page.locator("#status")).to_contain_text("Output check withholds")
        painter.ready.set()
        expect(page.locator("#status")).not_to_contain_text("Loading")
    # The page is still open, and the server has ended all the same.
    assert not [thread for thread in threading.enumerate() if thread not in before and "(run)" in thread.name]
