"""The form in a real browser: what is typed stays, what is wrong is told at its field, what cannot be is not shown."""

import re

import pytest
from playwright.sync_api import Page, Route, expect

from studio.families import FAMILIES
from studio.presets.reading import SizePreset, read_toml
from studio.settings import PRESETS
from studio.studio import Studio
from tests.browser.conftest import NewPage
from tests.browser.dropdowns import choose
from tests.browser.models import choose_model
from tests.browser.rooms import number, open_more
from tests.browser.stage import ask, draw, drawing

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("let_go")]

DRAFT, WIDE = (
    read_toml(PRESETS / "sizes" / f"{name}.toml", SizePreset).size(FAMILIES["starter"]) for name in ("draft", "wide")
)


def test_what_a_model_cannot_do_is_not_shown_and_what_a_preset_and_an_example_say_is(
    page: Page, studio: Studio
) -> None:
    """On a page that has no picture yet."""
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


def test_what_is_typed_at_once_stays_and_a_fault_stands_at_its_field_until_it_is_mended(
    new_page: NewPage, address: str
) -> None:
    page = new_page(address)
    a_number_typed_as_soon_as_its_field_is_seen_stays(page)
    a_fault_stands_at_its_field_nothing_typed_is_lost_and_ctrl_enter_works_where_it_was_mended(page)


def a_number_typed_as_soon_as_its_field_is_seen_stays(page: Page) -> None:
    page.evaluate(SLOW_FRAMES)
    page.get_by_role("button", name="More").click()
    number(page, "steps").fill("7")
    page.get_by_role("tab", name="Image to image").click()
    number(page, "image_to_image-strength").fill("0.3")
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    expect(number(page, "image_to_image-strength")).to_have_value("0.3")
    expect(number(page, "steps")).to_have_value("7")
    page.evaluate("() => { window.requestAnimationFrame = quick; }")
    page.get_by_role("button", name="More").click()
    page.get_by_role("tab", name="Text to image").click()
    expect(page.locator("#field-steps")).to_be_hidden()


# A machine that draws a few frames in a second.
SLOW_FRAMES = """() => {
    const frame = window.quick = window.requestAnimationFrame;
    window.requestAnimationFrame = (act) => setTimeout(() => frame(act), 300);
}"""


def a_fault_stands_at_its_field_nothing_typed_is_lost_and_ctrl_enter_works_where_it_was_mended(page: Page) -> None:
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


def test_settings_are_chosen_by_hand_by_draft_and_shape_and_by_keys(page: Page) -> None:
    draft_and_shape_set_size_and_steps_and_a_change_is_marked_and_can_be_reset_alone(page)
    a_shape_that_is_chosen_just_before_generate_is_the_picture_s(page)
    the_keys_are_listed_on_a_sheet_and_digits_and_arrows_choose_in_a_picker(page)


def draft_and_shape_set_size_and_steps_and_a_change_is_marked_and_can_be_reset_alone(page: Page) -> None:
    open_more(page)
    page.locator("#field-quality").get_by_text("Draft").click()
    expect(number(page, "steps")).to_have_value("10")
    expect(number(page, "width")).to_have_value(str(DRAFT[0]))
    page.locator("#field-quality").get_by_text("Final").click()
    expect(number(page, "steps")).to_have_value("20")
    page.locator("#field-shape").get_by_text("Wide").click()
    expect(number(page, "width")).to_have_value(str(WIDE[0]))
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
    expect(page.locator(".cell .said").first).to_contain_text(f"{WIDE[0]} × {WIDE[1]}")


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
