"""The tabs that change a picture, in a real browser, on a backend that paints at once."""

import re
import shutil
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from studio.presets.examples import examples
from studio.studio import Studio
from tests.browser.conftest import NewPage, reload
from tests.browser.models import choose_model, offers
from tests.browser.rooms import turn_to as turn_to_any
from tests.browser.stage import SIDE, ask, draw, drawing
from tests.browser.touch import place
from tests.headers import write_model
from tests.ui.painter import Painter

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("let_go")]

EXIF_ORIENTATION = 0x0112


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures as people have them: plain ones, one lying on its side, and a text that pretends."""
    folder = tmp_path_factory.mktemp("files")
    Image.new("RGB", (96, 64), "crimson").save(folder / "red.png")
    Image.new("RGB", (64, 96), "navy").save(folder / "blue.png")
    lying = Image.Exif()
    lying[EXIF_ORIENTATION] = 6
    Image.new("RGB", (128, 80), "olive").save(folder / "lying.jpg", exif=lying)
    (folder / "text.png").write_text("This is no picture.")
    return folder


def turn_to(page: Page, tab: str) -> Locator:
    """Select a tab and return its panel."""
    page.get_by_role("tab", name=tab).click()
    return page.get_by_role("tabpanel").filter(visible=True)


def emptied(page: Page, tab: str) -> Locator:
    """Select a tab and return its panel, once no picture is in its well."""
    panel = turn_to(page, tab)
    panel.locator(".well").first.wait_for()
    figures = panel.locator(".well figure")
    while left := figures.count():
        figures.first.get_by_role("button", name=re.compile("^Remove ")).click()
        expect(figures).to_have_count(left - 1)
    return panel


def bring(page: Page, tab: str, *paths: Path) -> Locator:
    """Upload pictures into a tab's well, in place of others; return the tab's panel, once they are in."""
    panel = emptied(page, tab)
    panel.locator("input[type=file]").first.set_input_files(paths)
    for path in paths:
        expect(panel.get_by_role("button", name=f"Remove {path.name}")).to_be_visible()
    expect(panel.locator(".well figure")).to_have_count(len(paths))
    return panel


def test_pictures_are_given_to_a_tab_and_painted_over(
    new_page: NewPage, address: str, files: Path, studio: Studio
) -> None:
    page = new_page(address)
    an_example_fills_in_each_tab_that_has_some(page)
    turn_to(page, "Image to image")
    page.get_by_label("Prompt", exact=True).fill("")
    the_well_says_what_is_missing_what_is_no_picture_and_what_was_changed_and_takes_what_is_dropped(page, files)
    turn_to(page, "Image to image")
    page.get_by_role("button", name="Remove lying.jpg").click()
    several_uploads_make_one_job_and_each_has_its_own_size(page, files)
    page.get_by_role("button", name="Remove blue.png").click()
    a_picture_is_painted_over_compared_and_painted_over_again(page, files, studio)


def strength_of(words: str) -> str:
    """How strongly the example with these words changes what it starts from."""
    (found,) = (one for one in examples() if one.prompt == words)
    return str(found.strength)


def an_example_fills_in_each_tab_that_has_some(page: Page) -> None:
    """Its words, what it starts from, and how strongly that is changed; what is enlarged keeps its own."""
    prompt, example = page.get_by_label("Prompt", exact=True), page.locator("#stage .example").first
    elsewhere = example.inner_text()
    panel = emptied(page, "Image to image")
    expect(example).not_to_have_text(elsewhere)
    words = example.inner_text()
    expect(example.locator("img")).to_be_visible()
    example.click()
    expect(panel.locator(".well figure")).to_have_count(1)
    expect(prompt).to_have_value(words)
    expect(panel.get_by_label("number input for Strength")).to_have_value(strength_of(words))
    panel.get_by_role("button", name="Remove example.webp").click()
    sample = panel.locator(".sample").last
    sample.click()
    expect(panel.locator(".well figure")).to_have_count(1)
    expect(prompt).not_to_have_value(words)
    expect(panel.get_by_label("number input for Strength")).to_have_value(strength_of(prompt.input_value()))
    panel.get_by_role("button", name="Remove example.webp").click()

    elsewhere = example.inner_text()
    turn_to(page, "ControlNet")
    expect(example).not_to_have_text(elsewhere)
    words = example.inner_text()
    example.click()
    expect(page.locator(".unit .tile[data-side=image] img")).to_be_visible()
    expect(prompt).to_have_value(words)
    page.get_by_role("button", name="Remove Canny edges").click()
    expect(page.locator(".unit")).to_have_count(0)

    panel = emptied(page, "Upscale")
    panel.locator(".sample").first.click()
    expect(panel.locator(".well figure")).to_have_count(1)
    panel.get_by_label("Paint over in tiles").check()
    expect(prompt).to_have_value(words)
    expect(panel.get_by_label("number input for Strength")).to_have_value("0.3")
    panel.get_by_label("Paint over in tiles").uncheck()
    panel.get_by_role("button", name="Remove example.webp").click()


def the_well_says_what_is_missing_what_is_no_picture_and_what_was_changed_and_takes_what_is_dropped(
    page: Page, files: Path
) -> None:
    panel = turn_to(page, "Image to image")
    ask(page, "a house")
    fault = page.locator("#field-image_to_image-init_image > .fault")
    expect(fault).to_contain_text("There is no picture to start from.")
    panel.locator("input[type=file]").first.set_input_files(files / "text.png")
    expect(panel.get_by_role("alert").filter(has_text="text.png")).to_contain_text(
        "text.png: The file is not a picture. Give a PNG"
    )
    bring(page, "Image to image", files / "lying.jpg")
    expect(panel).to_contain_text("Turned upright, as its camera recorded.")
    expect(panel).to_contain_text("80 × 128 · lying.jpg")
    expect(panel.locator(".fault")).to_have_count(0)
    panel = turn_to(page, "Upscale")
    page.evaluate(DROP)
    expect(panel).to_contain_text("48 × 40 · dropped.png")


def several_uploads_make_one_job_and_each_has_its_own_size(page: Page, files: Path) -> None:
    panel = bring(page, "Image to image", files / "red.png", files / "blue.png")
    expect(panel).to_contain_text("2 pictures: one result of each")
    draw(page, "two flags", 2)
    expect(page.locator(".cell .said").nth(0)).to_contain_text("96 × 64")
    expect(page.locator(".cell .said").nth(1)).to_contain_text("64 × 96")
    panel.get_by_role("button", name="Remove red.png").click()
    expect(panel).to_contain_text("64 × 96 · blue.png")


def a_picture_is_painted_over_compared_and_painted_over_again(page: Page, files: Path, studio: Studio) -> None:
    earlier = {*studio.library.folder.glob("*/*-*.png")}
    panel = bring(page, "Image to image", files / "red.png")
    expect(panel).to_contain_text("96 × 64 · red.png")
    panel.get_by_label("number input for Strength").fill("0.3")
    expect(panel.locator("#field-image_to_image-strength .note")).to_have_text(
        "Keeps shapes and colours; details change."
    )
    draw(page, "a red house")
    expect(page.locator(".cell .said")).to_contain_text("96 × 64")
    page.get_by_role("button", name="Compare with the original").click()
    line = page.get_by_role("slider", name="Before and after")
    line.focus()
    page.keyboard.press("End")
    expect(line).to_have_attribute("aria-valuetext", "100 % before")
    # Wherever the focus is.
    page.get_by_role("heading", name="Image Studio").click()
    page.keyboard.press("Escape")
    expect(line).to_have_count(0)
    with drawing(page):
        page.get_by_role("button", name="Again from this result").click()
    made = {*studio.library.folder.glob("*/*-*.png")} - earlier
    recipes = [studio.library.read(path) for path in made]
    assert len({recipe.init_image for recipe in recipes}) == 2
    assert {recipe.strength for recipe in recipes} == {0.3}
    assert len({recipe.seed for recipe in recipes}) == 2
    expect(panel.locator(".well figure")).to_have_count(1)
    expect(panel).not_to_contain_text("red.png")


def test_the_model_picker_offers_what_the_tab_can_do_and_what_a_picture_was_made_with(
    new_page: NewPage, address: str, files: Path, studio: Studio
) -> None:
    models = studio.settings.folder("models")
    finisher = write_model(models / "finisher", "sdxl_refiner")
    page = new_page(address)
    offered = offers(page)
    expect(offered.get_by_role("button", name="Use Starter", exact=True)).to_be_visible()
    expect(offered.get_by_role("button", name="Use finisher")).to_have_count(0)
    expect(offered.locator(".model-unable")).to_contain_text("finisher")
    page.keyboard.press("Escape")
    bring(page, "Image to image", files / "red.png")
    choose_model(page, "finisher")
    draw(page, "a house")
    turn_to(page, "Text to image")
    expect(page.locator("#cannot")).to_contain_text("finisher cannot make a picture from text alone")
    expect(page.get_by_role("button", name="Model: finisher")).to_be_visible()
    choose_model(page, "Starter")
    expect(page.locator("#cannot")).to_be_hidden()
    page.locator(".cell").get_by_role("button", name="Use these settings").click()
    expect(page.get_by_role("tab", name="Image to image")).to_have_attribute("aria-selected", "true")
    expect(page.get_by_role("button", name="Model: finisher")).to_be_visible()
    draw(page, "a house")
    shutil.rmtree(finisher)


def test_a_result_can_be_sent_to_every_tab_that_takes_one(new_page: NewPage, address: str) -> None:
    page = new_page(address)
    draw(page, "a white castle")
    page.get_by_role("button", name="Send to").click()
    labels = page.get_by_role("menuitem").all_inner_texts()
    assert {"Image to image", "Upscale"} <= set(labels)
    page.keyboard.press("Escape")
    rooms = {"Candidates", "Grid", "Compare"}
    assert rooms <= set(labels)
    # Last the one whose editor is drawn in every frame from then on.
    for label in sorted(set(labels) - rooms, key=lambda label: (label == "Inpainting", label)):
        page.get_by_role("button", name="Send to").click()
        page.keyboard.press("ArrowDown")
        page.get_by_role("menuitem", name=label).click()
        expect(page.get_by_role("tab", name=label)).to_have_attribute("aria-selected", "true")
        panel = page.get_by_role("tabpanel").filter(visible=True)
        expect(panel.locator(".well figure, .tile img")).to_have_count(1)
        expect(panel).to_contain_text(f"{SIDE} × {SIDE}")
    # The picture came before its room was seen, and is fitted to it all the same: the tab was never open before.
    page.wait_for_function(FITTED)
    room, pane = (place(page.locator(where))["height"] for where in (".mask-room", ".editor-pane:has(.canvas)"))
    assert room > 0.75 * pane, "tools and rounds leave the picture most of the screen"
    expect(page.locator("#field-prompt textarea")).to_have_value("a white castle")
    # What asks for no words has a line of its own on the empty stage, and leaves it there.
    turn_to(page, "Upscale")
    expect(page.locator(".bench")).to_have_class(re.compile(r"\bwordless\b"))
    turn_to_any(page, "Candidates")
    expect(page.locator(".bench")).not_to_have_class(re.compile(r"\bwordless\b"))
    expect(page.locator(".composer").get_by_label("Prompt")).to_have_value("a white castle")
    # In Inpainting the editor stands in the gallery's place.
    page.get_by_role("tab", name="Text to image").click()
    page.get_by_role("button", name="Send to").click()
    page.get_by_role("menuitem", name="Compare").click()
    expect(page.get_by_label("Prompts", exact=True)).to_have_value("a white castle")


# In one direction only the margins of the editor are left.
FITTED = """() => {
    const box = (place) => document.querySelector(place)?.getBoundingClientRect() ?? { width: 0, height: 0 };
    const [room, sheet] = [box(".mask-room"), box(".mask-sheet")];
    const left = Math.min(room.width - sheet.width, room.height - sheet.height);
    return sheet.width > 100 && left > 0 && left < 80;
}"""


def test_tabs_share_the_prompt_the_chosen_one_is_remembered_and_others_are_served_the_page_as_before(
    new_page: NewPage, address: str, files: Path
) -> None:
    page = new_page(address)
    before = page.request.get(address).headers["link"]
    page.get_by_label("Prompt", exact=True).fill("a shared thought")
    panel = bring(page, "Image to image", files / "red.png")
    expect(page.get_by_label("Prompt", exact=True)).to_have_value("a shared thought")
    panel.get_by_label("number input for Strength").fill("0.4")
    panel.get_by_label("number input for Strength").blur()
    expect(page.locator("#field-shape")).to_be_hidden()
    panel.get_by_label("Change the size").check()
    expect(page.locator("#field-shape")).to_be_visible()
    reload(page)
    expect(page.get_by_role("tab", name="Image to image")).to_have_attribute("aria-selected", "true")
    expect(panel).to_contain_text("96 × 64 · red.png")
    expect(panel.get_by_label("number input for Strength")).to_have_value("0.4")
    expect(page.locator("#field-shape")).to_be_visible()
    expect(page.get_by_label("Prompt", exact=True)).to_have_value("a shared thought")
    # Last, as its editor is drawn in every frame from then on.
    turn_to(page, "Inpainting")
    page.locator(".mask-tools, .well").filter(visible=True).first.wait_for()
    answer = page.request.get(address)
    assert answer.ok
    assert answer.headers["link"] == before


def test_a_result_can_be_taken_from_the_well_and_a_second_pass_is_taken_only_while_it_is_switched_on(
    page: Page, studio: Studio
) -> None:
    turn_to(page, "Text to image")
    expect(page.get_by_label("number input for Times larger")).to_be_hidden()
    draw(page, "a small boat")
    page.get_by_label("Prompt", exact=True).fill("other words")
    panel = turn_to(page, "Upscale")
    panel.get_by_role("button", name="From results").click()
    page.get_by_role("dialog", name="Results").get_by_role("button", name=re.compile("Start from")).first.click()
    expect(panel).to_contain_text(f"{SIDE} × {SIDE} becomes {2 * SIDE} × {2 * SIDE}.")
    # What was made here is painted over by its own words.
    expect(page.locator("#field-prompt textarea")).to_have_value("a small boat")
    turn_to(page, "Text to image")
    page.get_by_label("Hires fix", exact=True).check()
    page.get_by_label("number input for Times larger").fill("1.5")
    draw(page, "a large boat")
    recipes = [studio.library.read(path) for path in studio.library.folder.glob("*/*-*.png")]
    scales = {recipe.prompt: recipe.hires.scale for recipe in recipes if "boat" in recipe.prompt}
    assert scales == {"a small boat": None, "a large boat": 1.5}
    page.get_by_label("Hires fix", exact=True).uncheck()


def test_enlarging_needs_no_prompt_tells_its_tiles_and_can_be_stopped(
    page: Page, files: Path, painter: Painter
) -> None:
    panel = emptied(page, "Upscale")
    expect(page.locator("#generate")).to_have_text("Upscale")
    page.locator("#generate").click()
    expect(panel.locator("#field-upscale-init_image > .fault")).to_contain_text("There is no picture")
    bring(page, "Upscale", files / "red.png")
    expect(panel).to_contain_text("96 × 64 becomes 192 × 128.")
    expect(page.locator("#field-prompt")).to_be_hidden()
    panel.get_by_role("button", name="4×").click()
    expect(panel).to_contain_text("96 × 64 becomes 384 × 256.")
    panel.get_by_role("button", name="2×").click()
    expect(panel).to_contain_text("96 × 64 becomes 192 × 128.")
    expect(page.locator("#field-upscale-upscaler input")).to_have_value("starter-4x")
    painter.held.set()
    page.locator("#generate").click()
    expect(page.locator(".stage .line")).to_contain_text("Tile 1 of 4")
    expect(panel.locator(".at-fault")).to_have_count(0)
    expect(page.locator(".cell .look img")).to_be_visible()
    page.locator(".halt").click()
    expect(page.locator(".stage .line")).to_have_text("Stopped")
    painter.held.clear()
    with drawing(page):
        page.locator("#generate").click()
    expect(page.locator(".cell .said")).to_contain_text("192 × 128")
    # What was enlarged is shown with what it was, under a loupe where it is pointed at.
    page.locator(".cell .compare").hover()
    expect(page.locator(".loupe")).to_be_visible()
    panel.get_by_label("Paint over in tiles").check()
    expect(page.locator("#field-prompt")).to_be_visible()
    painter.held.set()
    ask(page, "a red house")
    expect(page.locator(".stage .line")).to_contain_text(re.compile(r"Tile 1 of 4 · step 1 of \d+"))
    panel.get_by_label("Paint over in tiles").uncheck()
    page.locator(".halt").click()
    expect(page.locator(".stage .line")).to_have_text("Stopped")


def test_use_these_settings_goes_to_the_tab_that_made_the_picture(new_page: NewPage, address: str, files: Path) -> None:
    page = new_page(address)
    bring(page, "Image to image", files / "red.png")
    page.get_by_label("number input for Strength").fill("0.6")
    draw(page, "a red barn")
    page.get_by_role("button", name="Remove red.png").click()
    page.get_by_role("tab", name="Text to image").click()
    draw(page, "something else")
    page.locator(".small-look").first.click()
    page.get_by_role("dialog", name="Full view").get_by_role("button", name="Use these settings").click()
    expect(page.get_by_role("tab", name="Image to image")).to_have_attribute("aria-selected", "true")
    panel = page.get_by_role("tabpanel").filter(visible=True)
    expect(panel.locator(".well figure")).to_have_count(1)
    expect(panel.get_by_label("number input for Strength")).to_have_value("0.6")
    expect(panel.get_by_label("Change the size")).not_to_be_checked()
    expect(page.get_by_label("Prompt", exact=True)).to_have_value("a red barn")
    expect(page.locator(".stage .line")).to_have_text("The form now has this picture's settings.")


# What a file dragged in from the desktop does, anywhere on the page.
DROP = """async () => {
    const canvas = new OffscreenCanvas(48, 40);
    canvas.getContext("2d").fillRect(0, 0, 48, 40);
    const files = new DataTransfer();
    files.items.add(new File([await canvas.convertToBlob()], "dropped.png", { type: "image/png" }));
    const drop = new DragEvent("drop", { bubbles: true, cancelable: true, dataTransfer: files });
    document.querySelector("#stage").dispatchEvent(drop);
}"""
