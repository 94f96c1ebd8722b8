"""Inpainting in a real browser: strokes in the real editor, and every pixel outside them as it was."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageChops, ImageFilter
from playwright.sync_api import Page, expect

from studio.metadata import own
from studio.recipe import Recipe
from studio.settings import Settings
from studio.studio import Studio
from studio.ui import serve
from tests.browser.conftest import NewPage, reload
from tests.ui.painter import Painter

pytestmark = pytest.mark.browser

SIZE = (128, 96)
# The canvas is drawn without a graphics card: a small one, or a stroke takes seconds.
SMALL = {"viewport": {"width": 1000, "height": 600}}
PHONE = {"viewport": {"width": 390, "height": 640}, "has_touch": True, "is_mobile": True}
# How far the standard mask blur of 4 reaches.
REACH = 10


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pictures") / "upload.png"
    pixels = np.random.default_rng(0).integers(0, 256, (SIZE[1], SIZE[0], 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return path


@pytest.fixture(scope="module")
def starter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Studio, str]]:
    with Studio(Settings.load(home=tmp_path_factory.mktemp("real"), port=0)) as studio, serve(studio) as address:
        yield studio, address


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Studio, str]]:
    painter = Painter()
    painter.ready.set()
    settings = Settings.load(home=tmp_path_factory.mktemp("quick"), port=0)
    with Studio(settings, backend=painter) as studio, serve(studio) as address:
        yield studio, address


def pane(new_page: NewPage, address: str, picture: Path, **options: Any) -> Page:
    """A page with the picture in the editor."""
    page = new_page(address, **{**SMALL, **options})
    page.get_by_role("tab", name="Inpainting").click()
    page.locator("#field-quality").get_by_text("Draft").click()
    give(page, picture)
    return page


def give(page: Page, picture: Path) -> None:
    seen = page.locator(".mask-sheet .painted-on")
    before = seen.get_attribute("src")
    page.locator("#tab-inpainting").get_by_label("Picture file", exact=True).set_input_files(picture)
    expect(page.locator(".editor-pane")).not_to_have_class(re.compile("bare"))
    expect(seen).not_to_have_attribute("src", before or "")


def stroke(page: Page, across: float, down: float) -> None:
    """One stroke of the brush, at these shares of the picture, and the mask on its way to the store."""
    box = canvas(page)
    x, y = box["x"] + across * box["width"], box["y"] + down * box["height"]
    page.mouse.move(x - 10, y)
    page.mouse.down()
    page.mouse.move(x + 10, y)
    page.mouse.up()
    stored(page)


def canvas(page: Page) -> dict[str, float]:
    box = page.locator(".mask-sheet").bounding_box()
    assert box
    return dict(box)


def stored(page: Page) -> None:
    expect(page.locator(".editor-pane")).to_have_attribute("data-stored", "true")


def generate(page: Page, prompt: str = "a red house") -> None:
    """Ask for one picture and wait until it stands on the stage."""
    before = page.evaluate(NAMES)
    page.get_by_label("Prompt", exact=True).fill(prompt)
    page.get_by_role("button", name="Generate").click()
    page.wait_for_function(
        f"(before) => !document.querySelector('.busy') && ![before, ''].includes({NAMES})", arg=before
    )


# The files of the pictures on the stage.
NAMES = "[...document.querySelectorAll('.cell.done a')].map((a) => a.href).join()"


def test_what_is_not_painted_over_stays_to_the_pixel_through_undo_another_go_and_what_is_added_at_the_sides(
    new_page: NewPage, starter: tuple[Studio, str], picture: Path, tmp_path: Path
) -> None:
    studio, address = starter
    page = pane(new_page, address, picture)
    first_stroke(page, 0.3, 0.5)
    generate(page)
    left = mask_of(studio, download(page, tmp_path))
    unchanged_outside(left, picture, tmp_path / "got.png")
    # The result makes way for the picture, then the stroke is taken back.
    for _ in range(2):
        page.get_by_role("button", name="Undo", exact=True).click()
    expect(page.get_by_role("button", name="Clear mask")).to_be_disabled()
    stroke(page, 0.72, 0.5)
    generate(page)
    right = mask_of(studio, download(page, tmp_path))
    unchanged_outside(right, picture, tmp_path / "got.png")
    assert not (left & right).any()
    page.get_by_role("button", name="Clear mask").click()
    expect(page.get_by_role("button", name="Clear mask")).to_be_disabled()
    page.get_by_role("button", name="Wider").click()
    expect(page.locator("#grown-size")).to_contain_text("128 × 96 becomes 192 × 96")
    generate(page)
    download(page, tmp_path)
    with Image.open(tmp_path / "got.png") as got, Image.open(picture) as given:
        assert got.size == (192, 96)
        assert np.array_equal(np.asarray(got.convert("RGB"))[:, 32:160], np.asarray(given))


def test_results_are_gone_on_with_and_taken_back_and_a_reload_loses_neither(
    new_page: NewPage, quick: tuple[Studio, str], picture: Path, tmp_path: Path
) -> None:
    _, address = quick
    page = pane(new_page, address, picture)
    first_stroke(page, 0.3, 0.5)
    uploads: list[str] = []
    page.on("request", lambda request: uploads.append(request.url) if "/upload" in request.url else None)
    generate(page)
    assert uploads == [], "the editor's pictures travel when it was painted on, not with each step"
    first = download(page, tmp_path)
    page.get_by_role("button", name="Use the result as the new picture").click()
    expect(page.locator(".rounds")).to_contain_text("Round 2 of 2")
    expect(page.get_by_role("button", name="Clear mask")).to_be_disabled()
    first_stroke(page, 0.72, 0.5)
    generate(page)
    second = download(page, tmp_path)
    assert second.init_image != first.init_image
    reload(page)
    expect(page.locator(".rounds")).to_contain_text("Round 2 of 2")
    expect(page.get_by_role("button", name="Clear mask")).to_be_enabled()
    page.get_by_role("button", name="Undo round").click()
    expect(page.locator(".rounds")).to_contain_text("Round 1 of 2")
    expect(page.get_by_role("button", name="Clear mask")).to_be_enabled()
    generate(page)
    again = download(page, tmp_path)
    assert (again.init_image, again.mask.image) == (first.init_image, first.mask.image)
    page.get_by_role("button", name="Clear mask").click()
    expect(page.get_by_role("button", name="Clear mask")).to_be_disabled()
    page.locator(".rounds").get_by_role("button", name="Use these settings").click()
    expect(page.get_by_role("button", name="Clear mask")).to_be_enabled()
    page.get_by_role("button", name="Redo round").click()
    expect(page.locator(".rounds")).to_contain_text("Round 2 of 2")
    first_stroke(page, 0.72, 0.5)
    generate(page)
    # The result takes the picture's place, and a stroke over it makes it the picture.
    expect(page.locator(".mask-sheet")).to_have_class(re.compile("shows-result"))
    stroke(page, 0.3, 0.5)
    expect(page.locator(".rounds")).to_contain_text("Round 3 of 3")
    expect(page.locator(".mask-sheet")).not_to_have_class(re.compile("shows-result"))
    page.get_by_role("slider", name="Outpaint right").press("ArrowRight")
    expect(page.locator("#grown-size")).to_contain_text(
        re.compile(r"64 × 64 becomes 72 × 64|128 × 96 becomes 136 × 96")
    )


def test_a_ready_made_mask_is_used_to_the_pixel_and_faults_stand_at_the_editor(
    new_page: NewPage, quick: tuple[Studio, str], picture: Path, tmp_path: Path
) -> None:
    studio, address = quick
    page = pane(new_page, address, picture)
    fault = page.locator("#field-inpainting-mask_image .fault")
    page.get_by_role("button", name="Generate").click()
    expect(fault).to_contain_text("Nothing is painted over")
    page.get_by_label("Paint what to keep").check()
    page.get_by_role("button", name="Generate").click()
    expect(fault).to_contain_text("all of the picture would change")
    page.get_by_label("Paint what to keep").uncheck()
    black, white, grey = (tmp_path / f"{name}.png" for name in ("black", "white", "grey"))
    Image.new("L", SIZE).save(black)
    Image.new("L", SIZE, 255).save(white)
    Image.linear_gradient("L").resize((64, 64)).save(grey)
    page.get_by_label("Mask picture file").set_input_files(black)
    expect(page.locator(".mask-said")).to_contain_text("The mask is empty")
    page.get_by_label("Mask picture file").set_input_files(white)
    expect(page.locator(".mask-said")).to_contain_text("All of the picture is painted over")
    page.get_by_label("Mask picture file").set_input_files(grey)
    expect(page.locator(".mask-said")).to_contain_text("64 × 64 pixels, stretched to the picture's 128 × 96")
    expect(fault).to_have_count(0)
    generate(page)
    mask = studio.inputs.add_mask(grey)
    assert download(page, tmp_path).mask.image == mask.id
    page.get_by_label("Paint what to keep").check()
    generate(page)
    inverse = ImageChops.invert(studio.inputs.open(mask.id))
    assert download(page, tmp_path).mask.image == studio.inputs.add_mask(inverse).id
    page.get_by_role("button", name="Clear mask").click()
    expect(page.get_by_role("button", name="Clear mask")).to_be_disabled()
    expect(page.get_by_label("What changes")).to_be_hidden()
    expect(page.get_by_role("button", name="Use what is transparent")).to_be_hidden()
    holed = Image.new("RGBA", SIZE, "teal")
    holed.paste((0, 0, 0, 0), (0, 0, 40, 96))
    holed.save(tmp_path / "holed.png")
    page.get_by_label("Mask picture file").set_input_files(tmp_path / "holed.png")
    expect(page.get_by_role("button", name="Clear mask")).to_be_enabled()
    page.get_by_label("What changes").select_option("brightness")
    expect(page.locator(".mask-said")).to_be_empty()
    give(page, tmp_path / "holed.png")
    page.get_by_role("button", name="Use what is transparent").click()
    expect(page.locator(".mask-said")).to_contain_text("What is transparent in the picture changes")


def test_a_finger_paints_on_a_phone_and_nothing_scrolls_sideways(
    new_page: NewPage, quick: tuple[Studio, str], picture: Path
) -> None:
    _, address = quick
    page = pane(new_page, address, picture, **PHONE)
    page.locator(".mask-room").scroll_into_view_if_needed()
    before = page.evaluate("scrollY")
    finger(page)
    stored(page)
    expect(page.get_by_role("button", name="Clear mask")).to_be_enabled()
    assert page.evaluate("scrollY") == before
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert page.evaluate(SMALL_TARGETS) == []


# Buttons beside the editor that a finger would miss.
SMALL_TARGETS = """() => [...document.querySelectorAll(".editor-pane button, .growth button")]
    .filter((e) => e.checkVisibility({ visibilityProperty: true }) && e.offsetWidth)
    .filter((e) => e.getBoundingClientRect().height < 44).map((e) => e.outerHTML.slice(0, 120))"""


def first_stroke(page: Page, across: float, down: float) -> None:
    """The first stroke over a picture; one that comes before the picture is there paints nothing, and is made again."""
    clear = page.get_by_role("button", name="Clear mask")
    stroke(page, across, down)
    while clear.is_disabled():
        stroke(page, across, down)


def finger(page: Page) -> None:
    """A finger across the canvas, until it has painted something."""
    session = page.context.new_cdp_session(page)
    clear = page.get_by_role("button", name="Clear mask")
    while clear.is_disabled():
        box = canvas(page)
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        for kind, points in (("Start", [(x, y)]), ("Move", [(x + 20, y + 15)]), ("End", [])):
            touches = [{"x": px, "y": py} for px, py in points]
            session.send("Input.dispatchTouchEvent", {"type": f"touch{kind}", "touchPoints": touches})
        stored(page)


def download(page: Page, folder: Path) -> Recipe:
    """The file that the page gives, as got.png, and the recipe inside."""
    with page.expect_download() as download:
        page.locator(".rounds").get_by_role("link", name="Download").click()
    download.value.save_as(folder / "got.png")
    return own.read(folder / "got.png")


def mask_of(studio: Studio, recipe: Recipe) -> np.ndarray:
    """What the recipe may change: its mask, and as far around it as new and old blend."""
    mask = studio.inputs.open(str(recipe.mask.image))
    assert mask.size == SIZE
    return np.asarray(mask.filter(ImageFilter.MaxFilter(2 * REACH + 1))) > 0


def unchanged_outside(touched: np.ndarray, given: Path, got: Path) -> None:
    with Image.open(given) as before, Image.open(got) as after:
        differs = (np.asarray(before) != np.asarray(after.convert("RGB"))).any(axis=-1)
    assert differs.any()
    assert not (differs & ~touched).any()
