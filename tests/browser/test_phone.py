"""The page on a phone, one for all rooms: each fits it, nothing is too small, and fingers zoom, paint and move."""

import re
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from studio.recipe import Recipe
from studio.studio import Studio
from tests.browser.conftest import PHONE
from tests.browser.rooms import turn_to
from tests.browser.stage import draw
from tests.browser.touch import Fingers, middle, place
from tests.people import who
from tests.ui.painter import Painter

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("let_go")]
PAGE = PHONE
# What in a place a finger would miss.
SMALL = """(place) => [...document.querySelectorAll(`${place} :is(button, a[href], select, summary, fieldset label)`)]
    .filter((one) => one.checkVisibility({ visibilityProperty: true }) && one.offsetWidth)
    .filter((one) => !one.closest(".tab-wrapper") && one.getBoundingClientRect().height < 44)
    .map((one) => one.outerHTML.slice(0, 120))"""


def fits(page: Page, *places: str) -> None:
    """Nothing scrolls sideways, and in these places nothing is too small."""
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE["viewport"]["width"]
    for where in places:
        assert page.evaluate(SMALL, where) == []


def pictures(page: Page, prompt: str, count: int = 1) -> None:
    turn_to(page, "Text to image")
    page.locator("#field-count").get_by_text(str(count), exact=True).click()
    draw(page, prompt, count)


def width(locator: Locator) -> float:
    return place(locator)["width"]


def test_prompt_generate_and_picture_come_first(page: Page) -> None:
    pictures(page, "a red house on the left at sunset by the sea, with a very-long-word-that-does-not-break-anywhere")
    page.get_by_role("button", name="More", exact=True).click()
    expect(page.locator("#field-steps")).to_be_visible()
    tops = [place(page.locator(where))["y"] for where in ("#field-prompt", "#generate", ".cell", "#field-shape")]
    assert tops == sorted(tops)
    fits(page, "body")
    page.get_by_role("button", name="More", exact=True).click()
    page.locator(".cell .look").click()
    full = page.get_by_role("dialog", name="Full view")
    expect(full).to_be_visible()
    assert full.evaluate("dialog => dialog.scrollWidth") <= 390


def test_two_fingers_zoom_a_picture_and_one_swipes_to_the_next(page: Page) -> None:
    pictures(page, "two boats", 2)
    page.locator(".cell .look").first.click()
    full = page.get_by_role("dialog", name="Full view")
    count, room, sheet = full.locator(".full-count"), full.locator(".zoom-room"), full.locator(".zoom-sheet")
    expect(count).to_contain_text("1 of")
    fingers, fitted, at = Fingers(page), width(sheet), middle(sheet)
    fingers.pinch(at)
    expect(room).to_have_class(re.compile("zoomed"))
    assert width(sheet) > 1.5 * fitted
    expect(count).to_contain_text("1 of")
    fingers.tap(at, times=2)
    expect(room).not_to_have_class(re.compile("zoomed"))
    fingers.drag((at[0] + 100, at[1]), at, (at[0] - 100, at[1]))
    expect(count).to_contain_text("2 of")
    # Chromium at times swallows the first tap after a flick that scrolled nothing: this one is the mouse's.
    full.get_by_role("button", name="Details", exact=True).click()
    expect(full.get_by_role("complementary", name="Details")).to_contain_text("Guidance")
    assert full.evaluate("dialog => dialog.scrollWidth") <= 390
    assert page.evaluate(SMALL, "dialog.full .full-details") == []


def test_a_picture_stands_before_generate_and_a_tab_that_was_tapped_does_not_stay_lit(
    page: Page, tmp_path: Path
) -> None:
    Image.new("RGB", (96, 64), "crimson").save(tmp_path / "red.png")
    for tab in ("Image to image", "Upscale"):
        turn_to(page, tab)
        panel = page.get_by_role("tabpanel").filter(visible=True)
        panel.locator("input[type=file]").first.set_input_files(tmp_path / "red.png")
        expect(panel.locator(".well figure")).to_have_count(1)
        tops = [place(page.locator(where))["y"] for where in ("[role=tabpanel]:visible .well", "#generate", "#stage")]
        assert tops == sorted(tops)
        fits(page, "body")
    first, second = (page.locator("#tabs [role=tab]", has_text=tab) for tab in ("Text to image", "Image to image"))
    quiet = second.evaluate("(handle) => getComputedStyle(handle).color")
    first.hover()
    expect(first).to_have_css("color", quiet)


def test_a_picture_sent_to_a_tab_that_was_never_open_fits_and_one_finger_paints_and_two_zoom(page: Page) -> None:
    pictures(page, "a red house")
    page.get_by_role("button", name="Send to").click()
    page.get_by_role("menuitem", name="Inpainting").click()
    expect(page.locator(".editor-pane")).not_to_have_class(re.compile("bare"))
    # No empty line of a job stands between Generate and the editor.
    expect(page.locator("#stage .foot")).to_be_hidden()
    # The picture came while the room had no size.
    sheet, room = page.locator(".mask-sheet"), page.locator(".mask-room")
    page.wait_for_function(WIDER, arg=250)
    room.scroll_into_view_if_needed()
    clear, fingers = page.get_by_role("button", name="Clear mask"), Fingers(page)
    before, fitted = page.evaluate("scrollY"), width(sheet)
    fingers.pinch(middle(sheet))
    page.wait_for_function(WIDER, arg=1.3 * fitted)
    expect(clear).to_be_disabled()
    page.get_by_role("button", name="Fit the picture").click()
    while clear.is_disabled():
        x, y = middle(sheet)
        fingers.drag((x, y), (x + 20, y + 15))
        expect(page.locator(".editor-pane")).to_have_attribute("data-stored", "true")
    assert page.evaluate("scrollY") == before
    fits(page, ".editor-pane", ".growth")
    draw(page, "a red house")
    expect(sheet).to_have_class(re.compile("shows-result"))
    expect(page.locator("#stage .foot")).to_be_visible()
    # Zoomed, a result is looked at, and not painted on.
    room.scroll_into_view_if_needed()
    fitted = width(sheet)
    fingers.pinch(middle(sheet))
    page.wait_for_function(WIDER, arg=1.3 * fitted)
    expect(sheet).to_have_class(re.compile("shows-result"))


WIDER = "(width) => (document.querySelector('.mask-sheet')?.getBoundingClientRect().width ?? 0) > width"


def test_a_finger_draws_a_map_and_moves_a_joint(page: Page) -> None:
    turn_to(page, "ControlNet")
    add, fingers = page.get_by_role("group", name="Add a control"), Fingers(page)
    add.get_by_role("button", name="Canny edges", exact=True).click()
    page.get_by_role("button", name="Draw", exact=True).click()
    box = place(page.locator(".draw-canvas"))
    fingers.drag((box["x"] + 30, box["y"] + 30), (box["x"] + 120, box["y"] + 90))
    page.get_by_role("button", name="Done").click()
    expect(page.locator(".tile[data-side=map] img")).to_have_count(1)
    add.get_by_role("button", name="Pose", exact=True).click()
    page.get_by_role("button", name="Edit pose").click()
    wrist = page.get_by_role("slider", name="Left wrist")
    before, (x, y) = spot(wrist), middle(wrist)
    fingers.drag((x, y), (x + 40, y - 40))
    after = spot(wrist)
    assert after[0] > before[0]
    assert after[1] < before[1]
    page.get_by_role("button", name="Done").click()
    expect(page.locator(".tile[data-side=map] img")).to_have_count(2)
    fits(page, ".steering")
    for kind in ("Canny edges", "Pose"):
        page.get_by_role("button", name=f"Remove {kind}").click()
    expect(page.locator(".unit")).to_have_count(0)


def spot(joint: Locator) -> tuple[int, int]:
    """Where a joint says that it is."""
    across, _, down, _ = str(joint.get_attribute("aria-valuetext")).replace(",", "").split()
    return int(across), int(down)


def test_a_grid_fits(page: Page) -> None:
    turn_to(page, "Text to image")
    page.locator("#field-prompt textarea").fill("a boat")
    page.get_by_role("button", name="Grid", exact=True).click()
    expect(page.locator(".grid-prompt")).to_have_text("a boat")
    axis = page.locator(".grid-axis").first
    axis.locator("select").select_option("seed")
    axis.locator("textarea").fill("1-6")
    page.get_by_role("button", name="Make 6 pictures").click()
    expect(page.locator(".grid-table .grid-look")).to_have_count(6)
    fits(page)
    for name in ("Picture", "Forget"):
        assert place(page.get_by_role("button", name=name, exact=True))["height"] >= 44


def test_candidates_are_kept_by_a_tap(page: Page) -> None:
    turn_to(page, "Text to image")
    page.locator("#field-prompt textarea").fill("phone")
    page.get_by_role("button", name="Candidates", exact=True).click()
    expect(page.locator(".counts")).to_contain_text("8 made")
    # Nothing moves any more.
    expect(page.locator(".board-head .line")).to_be_empty()
    first = page.locator(".candidate[data-number='0']")
    first.get_by_role("button", name="Keep").tap()
    expect(first.locator(".why")).to_have_text("kept by you")
    fits(page, ".candidate .triage")


def test_the_panel_of_loras_and_its_library_fit(page: Page) -> None:
    turn_to(page, "Text to image")
    if page.locator(".stack[open]").count() == 0:
        page.locator(".stack > summary").click()
    page.get_by_role("button", name="Add a LoRA").click()
    expect(page.locator(".shelf-desk .shelf-card").first).to_be_visible()
    fits(page, ".stack", ".shelf-desk")
    page.get_by_role("button", name="Done").click()
    page.locator(".stack > summary").click()


def test_a_finger_reorders_the_stack_of_loras_and_library_and_tabs_have_room_for_one(page: Page) -> None:
    turn_to(page, "LoRA")
    shelf, stack = page.locator(".lora-shelf"), page.locator(".lora-side .lora-card .lora-name")
    for name in ("night-neon", "watercolour"):
        shelf.get_by_role("button", name=f"Use {name}").click()
    expect(stack).to_have_text(["night-neon", "watercolour"])
    fits(page, ".lora-page")
    cards = page.locator(".lora-side").get_by_role("list", name="Stack of LoRAs")
    grip = cards.get_by_role("button", name="Move night-neon", exact=True)
    grip.scroll_into_view_if_needed()
    start, end = place(grip), place(cards.get_by_role("listitem", name="watercolour", exact=True))
    x = start["x"] + 12
    Fingers(page).drag((x, start["y"] + 20), (x, end["y"] + 20), (x, end["y"] + end["height"] - 8))
    expect(stack).to_have_text(["watercolour", "night-neon"])

    page.get_by_role("button", name="Other tabs").click()
    sheet = page.get_by_role("menu").filter(visible=True)
    expect(sheet).to_contain_text("Candidates")
    expect(sheet.get_by_role("menuitem").first).to_be_focused()
    assert page.evaluate(SMALL, ".more-tabs .menu") == []
    box = place(sheet)
    assert (round(box["x"]), round(box["width"]), round(box["y"] + box["height"])) == (0, 390, 844)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator("#tabs [role=tab]", has_text="Grid")).to_have_attribute("aria-selected", "true")


def test_a_finger_that_rests_selects_in_the_library(page: Page) -> None:
    pictures(page, "three of four", 4)
    turn_to(page, "Library")
    cells, line = page.locator(".library-cell:has(img)"), page.locator(".library-line p").first
    box, finger = place(cells.first), Fingers(page)
    finger.touch("Start", (box["x"] + 20, box["y"] + 20))
    expect(line).to_have_text("1 selected")
    finger.touch("End")
    cells.nth(1).tap()
    expect(line).to_have_text("2 selected")
    fits(page)
    page.get_by_role("button", name="Boards and filters").tap()
    expect(page.get_by_role("navigation", name="Library")).to_be_visible()
    page.get_by_role("button", name="Boards and filters").tap()
    page.get_by_role("button", name="Clear", exact=True).tap()
    cells.nth(2).tap()
    expect(page.get_by_role("dialog", name="Full view")).to_be_visible()


def test_the_queue_fits(page: Page, studio: Studio, painter: Painter) -> None:
    painter.held.set()
    recipe = Recipe.make(prompt="theirs", seed=1, model="starter", width=64, height=64, steps=1)
    studio.jobs.submit(studio.resolve(recipe), who("browser:other"))
    page.get_by_role("button", name="Queue", exact=True).tap()
    queue = page.get_by_role("dialog", name="Queue")
    expect(queue.locator(".queue-title").first).to_have_text("Somebody else’s")
    fits(page)
