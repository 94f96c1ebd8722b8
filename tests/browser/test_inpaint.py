"""Inpainting in a real browser: strokes in the real editor, and every pixel outside them as it was."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageChops, ImageColor, ImageFilter
from playwright.sync_api import Page, expect

from studio.metadata import own
from studio.recipe import Recipe
from studio.settings import Settings
from studio.studio import Studio
from studio.ui import serve
from tests.browser.conftest import NewPage, reload
from tests.browser.stage import draw
from tests.browser.touch import place
from tests.ui.painter import Painter

pytestmark = pytest.mark.browser

SIZE = (128, 96)
# The canvas is drawn without a graphics card: a small one, or a stroke takes seconds.
SMALL = {"viewport": {"width": 1000, "height": 600}}
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


def drag(page: Page, *corners: tuple[float, float]) -> None:
    """A drag over the picture, by places in its pixels."""
    page.mouse.move(*spot(page, corners[0]))
    page.mouse.down()
    for corner in corners[1:]:
        page.mouse.move(*spot(page, corner), steps=2)
    page.mouse.up()


def spot(page: Page, pixel: tuple[float, float]) -> tuple[float, float]:
    """Where a pixel of the picture is on the page, now."""
    box = canvas(page)
    return box["x"] + pixel[0] * box["width"] / SIZE[0], box["y"] + pixel[1] * box["height"] / SIZE[1]


def sent(page: Page) -> np.ndarray:
    """How opaque each pixel of the mask is that the page sends when it is left, after one more change."""
    flat = page.evaluate(LAST_SENT)
    return np.array(flat, dtype=np.uint8).reshape(SIZE[1], SIZE[0])


# Remembers what is uploaded.
KEEP_SENT = """() => {
    window.sent = [];
    const append = FormData.prototype.append;
    FormData.prototype.append = function (name, file, ...more) {
        if (file instanceof Blob) window.sent.push(file);
        return append.call(this, name, file, ...more);
    };
}"""
# Hidden pages keep what is painted at once.
LAST_SENT = """async () => {
    Object.defineProperty(document, "hidden", { value: true, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
    delete document.hidden;
    while (!window.sent.length) await new Promise((done) => setTimeout(done, 20));
    const bitmap = await createImageBitmap(window.sent.pop());
    window.sent = [];
    const layer = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d");
    layer.drawImage(bitmap, 0, 0);
    return [...layer.getImageData(0, 0, bitmap.width, bitmap.height).data].filter((_, at) => at % 4 === 3);
}"""
WIDER = "(width) => (document.querySelector('.mask-sheet')?.getBoundingClientRect().width ?? 0) > width"


def canvas(page: Page) -> dict[str, float]:
    return place(page.locator(".mask-sheet"))


def stored(page: Page) -> None:
    expect(page.locator(".editor-pane")).to_have_attribute("data-stored", "true")


def test_what_is_not_painted_over_stays_to_the_pixel_through_undo_another_go_and_what_is_added_at_the_sides(
    new_page: NewPage, starter: tuple[Studio, str], picture: Path, tmp_path: Path
) -> None:
    studio, address = starter
    page = pane(new_page, address, picture)
    first_stroke(page, 0.3, 0.5)
    draw(page, "a red house")
    left = mask_of(studio, download(page, tmp_path))
    unchanged_outside(left, picture, tmp_path / "got.png")
    # The result makes way for the picture, then the stroke is taken back.
    for _ in range(2):
        page.get_by_role("button", name="Undo", exact=True).click()
    expect(page.get_by_role("button", name="Clear mask")).to_be_disabled()
    stroke(page, 0.72, 0.5)
    draw(page, "a red house")
    right = mask_of(studio, download(page, tmp_path))
    unchanged_outside(right, picture, tmp_path / "got.png")
    assert not (left & right).any()
    page.get_by_role("button", name="Clear mask").click()
    expect(page.get_by_role("button", name="Clear mask")).to_be_disabled()
    page.get_by_role("button", name="Generate").click()
    fault = page.locator("#field-inpainting-mask_image .fault")
    expect(fault).to_contain_text("Nothing is painted over")
    page.get_by_role("button", name="Wider").click()
    expect(page.locator("#grown-size")).to_contain_text("128 × 96 becomes 192 × 96")
    draw(page, "a red house")
    expect(fault).to_have_count(0)
    download(page, tmp_path)
    with Image.open(tmp_path / "got.png") as got, Image.open(picture) as given:
        assert got.size == (192, 96)
        assert np.array_equal(np.asarray(got.convert("RGB"))[:, 32:160], np.asarray(given))


def test_results_are_gone_on_with_and_taken_back_and_a_reload_loses_neither(
    new_page: NewPage, quick: tuple[Studio, str], picture: Path, tmp_path: Path
) -> None:
    _, address = quick
    page = pane(new_page, address, picture)
    for name in ("Undo", "Redo", "Undo round", "Redo round", "Use the result as the new picture", "Clear mask"):
        expect(page.get_by_role("button", name=name, exact=True)).to_be_disabled()
    first_stroke(page, 0.3, 0.5)
    uploads: list[str] = []
    page.on("request", lambda request: uploads.append(request.url) if "/upload" in request.url else None)
    draw(page, "a red house")
    assert uploads == [], "the editor's pictures travel when it was painted on, not with each step"
    first = download(page, tmp_path)
    page.get_by_role("button", name="Use the result as the new picture").click()
    expect(page.locator(".rounds")).to_contain_text("Round 2 of 2")
    expect(page.get_by_role("button", name="Clear mask")).to_be_disabled()
    first_stroke(page, 0.72, 0.5)
    draw(page, "a red house")
    second = download(page, tmp_path)
    assert second.init_image != first.init_image
    reload(page)
    expect(page.locator(".rounds")).to_contain_text("Round 2 of 2")
    expect(page.get_by_role("button", name="Clear mask")).to_be_enabled()
    page.get_by_role("button", name="Undo round").click()
    expect(page.locator(".rounds")).to_contain_text("Round 1 of 2")
    expect(page.get_by_role("button", name="Clear mask")).to_be_enabled()
    draw(page, "a red house")
    again = download(page, tmp_path)
    assert (again.init_image, again.mask.image) == (first.init_image, first.mask.image)
    page.get_by_role("button", name="Clear mask").click()
    expect(page.get_by_role("button", name="Clear mask")).to_be_disabled()
    page.locator(".rounds").get_by_role("button", name="Use these settings").click()
    expect(page.get_by_role("button", name="Clear mask")).to_be_enabled()
    page.get_by_role("button", name="Redo round").click()
    expect(page.locator(".rounds")).to_contain_text("Round 2 of 2")
    first_stroke(page, 0.72, 0.5)
    draw(page, "a red house")
    # The result takes the picture's place, and a stroke over it makes it the picture.
    expect(page.locator(".mask-sheet")).to_have_class(re.compile("shows-result"))
    stroke(page, 0.3, 0.5)
    expect(page.locator(".rounds")).to_contain_text("Round 3 of 3")
    expect(page.locator(".mask-sheet")).not_to_have_class(re.compile("shows-result"))
    page.get_by_role("slider", name="Outpaint right").press("ArrowRight")
    expect(page.locator("#grown-size")).to_contain_text(
        re.compile(r"64 × 64 becomes 72 × 64|128 × 96 becomes 136 × 96")
    )


def test_each_tool_marks_its_pixels_and_the_view_is_zoomed_moved_and_drawn_outwards(
    new_page: NewPage, quick: tuple[Studio, str], picture: Path
) -> None:
    """What is painted is told by the pixels that the page sends."""
    page = pane(new_page, quick[1], picture)
    page.evaluate(KEEP_SENT)
    lasso = selections(page)
    what_to_keep_shows(page)
    whole_masks(page, lasso)
    views(page)
    handle(page)


def selections(page: Page) -> np.ndarray:
    """Rectangle, fill and lasso; returns the mask that they leave."""
    page.keyboard.press("r")
    drag(page, (20, 20), (60, 50))
    mask = sent(page)
    assert (mask[22:48, 22:58] == 255).all()
    assert not mask[:, 63:].any()
    assert not mask[53:].any()
    page.keyboard.down("Alt")
    drag(page, (30, 30), (44, 40))
    page.keyboard.up("Alt")
    ring = sent(page)
    assert not ring[32:38, 32:42].any()
    assert (ring[25, 22:58] == 255).all()

    page.get_by_role("button", name="Fill", exact=True).click()
    drag(page, (37, 35), (37, 35))
    assert (sent(page)[22:48, 22:58] == 255).all()
    page.get_by_role("button", name="Undo", exact=True).click()
    assert (sent(page) == ring).all()

    page.keyboard.press("l")
    drag(page, (80, 60), (120, 60), (100, 90))
    lasso = sent(page)
    assert lasso[75, 100] == 255
    assert not lasso[85, 82]
    assert (lasso[:55] == ring[:55]).all()
    return lasso


def what_to_keep_shows(page: Page) -> None:
    """The lasso is of the pixel (100, 75), and not of (5, 90)."""
    page.wait_for_function(TINTED, arg=[[100, 75], [5, 90]])
    page.get_by_label("Paint what to keep").check()
    page.wait_for_function(TINTED, arg=[[5, 90], [100, 75]])
    page.get_by_label("Paint what to keep").uncheck()
    page.wait_for_function(TINTED, arg=[[100, 75], [5, 90]])


# Whether one pixel of the picture is seen as masked, and another is not.
TINTED = """([one, other]) => {
    const tint = document.querySelector(".mask-sheet .tint").getContext("2d");
    const seen = ([x, y]) => tint.getImageData(x, y, 1, 1).data[3];
    return seen(one) && !seen(other);
}"""


def whole_masks(page: Page, lasso: np.ndarray) -> None:
    """Invert, grow, shrink, eraser and undo."""
    page.get_by_role("button", name="Invert", exact=True).click()
    assert (sent(page) == 255 - lasso).all()
    page.keyboard.press("i")
    assert (sent(page) == lasso).all()
    page.get_by_role("button", name="Grow", exact=True).click()
    grown = sent(page)
    assert (grown[35, 15], grown[35, 7], grown[35, 37]) == (255, 0, 255)
    page.get_by_role("button", name="Shrink", exact=True).click()
    assert sent(page)[35, 15] == 0

    page.get_by_role("button", name="Eraser", exact=True).click()
    drag(page, (10, 25), (70, 25))
    assert not sent(page)[25, 15:65].any()
    page.keyboard.press("Control+z")
    assert sent(page)[25, 40] == 255


def views(page: Page) -> None:
    """Pan by the space bar, also while the button that was clicked last has the focus; zoom by the wheel."""
    page.get_by_role("button", name="Eraser", exact=True).click()
    before = canvas(page)
    page.mouse.move(*spot(page, (40, 40)))
    page.keyboard.down(" ")
    expect(page.locator(".editor-pane")).to_have_class(re.compile("panning"))
    drag(page, (40, 40), (50, 45))
    page.keyboard.up(" ")
    expect(page.locator(".editor-pane")).not_to_have_class(re.compile("panning"))
    moved = canvas(page)
    scale = before["width"] / SIZE[0]
    assert (moved["x"] - before["x"], moved["y"] - before["y"]) == (
        pytest.approx(10 * scale, abs=2),
        pytest.approx(5 * scale, abs=2),
    )
    x, y = spot(page, (40, 40))
    page.mouse.move(x, y)
    page.mouse.wheel(0, -400)
    page.wait_for_function(WIDER, arg=1.3 * moved["width"])
    assert spot(page, (40, 40)) == (pytest.approx(x, abs=1), pytest.approx(y, abs=1))
    page.get_by_role("button", name="Clear mask").click()
    page.keyboard.press("r")
    drag(page, (38, 38), (44, 42))
    zoomed = sent(page)
    assert zoomed[40, 41] == 255
    assert not zoomed[:, 50:].any(), "what is painted while it is zoomed lies where the pointer was"
    page.get_by_role("button", name="Fit the picture").click()


def handle(page: Page) -> None:
    """A side drawn outwards; the handle leaves all of the picture to the brush."""
    handle = page.get_by_role("slider", name="Outpaint right")
    box = place(handle)
    assert box["x"] >= canvas(page)["x"] + canvas(page)["width"] - 1
    scale = canvas(page)["width"] / SIZE[0]
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 16 * scale, y, steps=3)
    page.mouse.up()
    expect(handle).to_have_attribute("aria-valuenow", "16")
    expect(page.locator("#grown-size")).to_contain_text("128 × 96 becomes 144 × 96")
    expect(page.get_by_role("button", name="Clear mask")).to_be_enabled()


def test_a_ready_made_mask_is_used_to_the_pixel_and_faults_stand_at_the_editor(
    new_page: NewPage, quick: tuple[Studio, str], picture: Path, tmp_path: Path
) -> None:
    studio, address = quick
    page = new_page(address, **SMALL)
    page.get_by_role("tab", name="Inpainting").click()
    an_example_fills_in_words_and_picture(page)
    page.locator("#field-quality").get_by_text("Draft").click()
    give(page, picture)
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
    expect(page.locator(".mask-said")).to_contain_text("The whole picture is painted over")
    page.get_by_label("Mask picture file").set_input_files(grey)
    expect(page.locator(".mask-said")).to_contain_text("64 × 64 pixels, stretched to the picture's 128 × 96")
    expect(fault).to_have_count(0)
    draw(page, "a red house")
    mask = studio.inputs.add_mask(grey)
    assert download(page, tmp_path).mask.image == mask.id
    page.get_by_label("Paint what to keep").check()
    draw(page, "a red house")
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
    the_mask_is_seen_on_the_picture_and_colours_painted_on_it_are_in_the_recipe(page, tmp_path)


def an_example_fills_in_words_and_picture(page: Page) -> None:
    sample = page.locator("#tab-inpainting .sample").first
    words = sample.get_attribute("aria-label") or ""
    sample.click()
    expect(page.locator(".editor-pane")).not_to_have_class(re.compile("bare"))
    expect(page.get_by_label("Prompt", exact=True)).to_have_value(words)


def the_mask_is_seen_on_the_picture_and_colours_painted_on_it_are_in_the_recipe(page: Page, folder: Path) -> None:
    """The picture is teal."""
    colour = page.locator(".mask-sheet").evaluate("(one) => one.style.getPropertyValue('--mask-colour')").strip()
    parts = [int(colour[at : at + 2], 16) for at in (1, 3, 5)]
    assert sum(abs(one - other) for one, other in zip(parts, ImageColor.getrgb("teal"), strict=True)) > 200
    page.get_by_role("button", name="Clear mask").click()
    expect(page.get_by_role("button", name="Clear mask")).to_be_disabled()
    page.keyboard.press("c")
    stroke(page, 0.3, 0.5)
    expect(page.locator(".mask-said")).to_contain_text("At strength 1 nothing is left of the colours")
    draw(page, "a red house")
    assert download(page, folder).mask.sketch


def first_stroke(page: Page, across: float, down: float) -> None:
    """The first stroke over a picture; one that comes before the picture is there paints nothing, and is made again."""
    clear = page.get_by_role("button", name="Clear mask")
    stroke(page, across, down)
    while clear.is_disabled():
        stroke(page, across, down)


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
