"""Control units in a real browser, on the embedded model: previews, poses by pointer and keys, what a reload keeps."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw
from playwright.sync_api import Locator, Page, expect

from studio.metadata import own
from studio.openpose import JOINTS, from_openpose
from studio.recipe import Recipe
from studio.settings import PRESETS, Settings
from studio.studio import Studio
from studio.ui import serve
from tests.browser.conftest import NewPage, reload
from tests.browser.rooms import turn_to
from tests.browser.stage import draw
from tests.browser.touch import middle, place

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A house with an outline, and a cloud that is hardly there."""
    picture = Image.new("RGB", (128, 128), "lightskyblue")
    pen = ImageDraw.Draw(picture)
    pen.ellipse((8, 8, 56, 28), "#a7dffa")
    pen.rectangle((40, 60, 96, 110), "firebrick", "black")
    path = tmp_path_factory.mktemp("pictures") / "house.png"
    picture.save(path)
    return path


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    with Studio(Settings.load(home=tmp_path_factory.mktemp("home"), port=0)) as studio:
        yield studio


@pytest.fixture(scope="module")
def address(studio: Studio) -> Iterator[str]:
    with serve(studio) as address:
        yield address


def opened(page: Page) -> None:
    """The tab without a control unit."""
    turn_to(page, "ControlNet")
    page.locator("#field-quality").get_by_text("Draft").click()
    while left := page.locator(".unit").count():
        page.locator(".unit").first.get_by_role("button", name=re.compile("^Remove ")).first.click()
        expect(page.locator(".unit")).to_have_count(left - 1)


def unit(page: Page, kind: str) -> Locator:
    """A fresh unit's card, below those that are there."""
    there = page.locator(".unit").count()
    page.get_by_role("group", name="Add a control").get_by_role("button", name=kind, exact=True).click()
    expect(page.locator(".unit")).to_have_count(there + 1)
    return page.locator(".unit").nth(there)


def shown(card: Locator, side: str) -> str:
    """The address of a card's picture or map, once it is there."""
    image = card.locator(f".tile[data-side={side}] img")
    expect(image).to_be_visible()
    return str(image.get_attribute("src"))


def generate(page: Page, folder: Path, prompt: str = "a red house") -> Recipe:
    """Ask for one picture, and read the recipe in it."""
    draw(page, prompt)
    with page.expect_download() as download:
        page.locator(".cell").get_by_role("link", name="Download").click()
    download.value.save_as(folder / "got.png")
    return own.read(folder / "got.png")


def test_edges_are_previewed_follow_their_threshold_and_steer_the_picture(
    page: Page, studio: Studio, house: Path, tmp_path: Path
) -> None:
    opened(page)
    card = unit(page, "Canny edges")
    expect(card).to_be_in_viewport()
    card.get_by_role("button", name="Make the map").click()
    expect(card.locator(".fault")).to_contain_text("There is no picture to make the map of.")
    card.get_by_label("Picture file").set_input_files(house)
    shown(card, "image")
    # The map is made without being asked for.
    first = shown(card, "map")
    low = card.get_by_role("spinbutton", name="Low threshold")
    low.fill("5")
    low.press("Tab")
    card.get_by_role("spinbutton", name="High threshold").fill("20")
    card.get_by_role("spinbutton", name="High threshold").press("Tab")
    expect(card.locator(".tile[data-side=map] img")).not_to_have_attribute("src", first)
    expect(page.locator("#control-map .mapped > img")).to_be_visible()
    (control,) = generate(page, tmp_path).controls
    # The map stands beside what was made of it.
    beside, made = (place(page.locator(where)) for where in ("#control-map .mapped", ".cell"))
    assert beside["x"] + beside["width"] <= made["x"]
    assert (control.kind, control.model, dict(control.options)) == ("canny", "starter-canny", {"low": 5, "high": 20})
    assert control.image == studio.inputs.add(house).id
    lines = np.asarray(studio.inputs.open(str(control.map)).convert("L"))
    assert lines[:30, :60].any(), "the faint cloud is found only below the first threshold"
    reload(page)
    card = page.locator(".unit")
    expect(card).to_have_count(1)
    expect(card.get_by_role("spinbutton", name="Low threshold")).to_have_value("5")
    shown(card, "image")
    card.get_by_role("button", name="Remove Canny edges").click()
    expect(card).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(card).to_have_count(1)
    card.get_by_role("checkbox", name="Canny edges on").uncheck()
    assert generate(page, tmp_path).controls == ()
    page.locator(".cell").get_by_role("button", name="Use these settings").click()
    expect(card).to_have_count(0)


def test_a_pose_is_dragged_moved_by_keys_and_painted(
    new_page: NewPage, studio: Studio, address: str, tmp_path: Path
) -> None:
    page = new_page(address)
    page.locator("#field-quality").get_by_text("Draft").click()
    page.get_by_text("ControlNet", exact=True).last.click()
    card = unit(page, "Pose")
    card.get_by_role("button", name="Edit pose").click()
    dialog = page.get_by_role("dialog", name="Pose")
    wrist = dialog.get_by_role("slider", name="Right wrist")
    before = spot(wrist)
    drag(page, wrist, 0, -120)
    raised = spot(wrist)
    assert raised[1] < before[1] - 10
    wrist.focus()
    wrist.press("ArrowLeft")
    wrist.press("Shift+ArrowUp")
    assert spot(wrist) == (raised[0] - 1, max(raised[1] - 10, 0))
    dialog.get_by_role("slider", name="Left ear").press("Delete")
    expect(dialog.get_by_role("slider", name="Left ear")).to_have_count(0)
    dialog.get_by_role("button", name="Left ear").click()
    expect(dialog.get_by_role("slider", name="Left ear")).to_have_count(1)
    dialog.get_by_role("button", name="Undo").click()
    dialog.get_by_role("button", name="Add person").click()
    dialog.get_by_role("button", name="Waving").click()
    expect(dialog.get_by_role("slider")).to_have_count(18 + 17)
    page.keyboard.press("Control+z")
    page.keyboard.press("Control+z")
    expect(dialog.get_by_role("slider")).to_have_count(17)
    dialog.get_by_label("Pose file").set_input_files(PRESETS / "sizes" / "square.toml")
    expect(dialog.get_by_role("status")).to_contain_text("is not valid JSON")
    dialog.get_by_label("Pose file").set_input_files(PRESETS / "poses" / "shaking-hands.json")
    expect(dialog.get_by_role("button", name="Person 2")).to_be_visible()
    dialog.get_by_role("button", name="Undo").click()
    with page.expect_download() as export:
        dialog.get_by_role("button", name="Export").click()
    (person,) = from_openpose(json.loads(export.value.path().read_text("utf-8")))
    assert set(JOINTS) - set(person) == {"left_ear"}
    dialog.get_by_role("button", name="Done").click()
    expect(dialog).to_have_count(0)
    shown(card, "map")
    (control,) = generate(page, tmp_path, "a woman in the meadow").controls
    assert (control.kind, control.image) == ("pose", None)
    assert studio.inputs.open(str(control.map)).getbbox()
    reload(page)
    page.locator(".unit").get_by_role("button", name="Edit pose").click()
    assert spot(wrist) == (raised[0] - 1, max(raised[1] - 10, 0))
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)


def spot(joint: Locator) -> tuple[int, int]:
    """Where a joint says that it is."""
    across, _, down, _ = str(joint.get_attribute("aria-valuetext")).replace(",", "").split()
    return int(across), int(down)


def drag(page: Page, joint: Locator, across: float, down: float) -> None:
    x, y = middle(joint)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + across, y + down, steps=4)
    page.mouse.up()


def test_what_cannot_be_stands_at_its_unit_and_a_model_offers_what_fits_it(page: Page, house: Path) -> None:
    opened(page)
    posed = unit(page, "Pose")
    posed.get_by_role("button", name="Edit pose").click()
    page.get_by_role("dialog", name="Pose").get_by_role("button", name="Done").click()
    shown(posed, "map")
    # What was placed by hand is a map of its kind alone.
    page.locator(".unit").last.get_by_label("Kind").select_option("canny")
    expect(page.locator(".unit [data-side=map] img")).to_have_count(0)
    page.get_by_role("button", name="Remove Canny edges").click()
    first = unit(page, "Canny edges")
    first.get_by_label("Picture file").set_input_files(house)
    shown(first, "image")
    # A new one below the others is scrolled into view.
    expect(unit(page, "Depth")).to_be_in_viewport()
    page.get_by_label("Prompt", exact=True).fill("a red house")
    page.get_by_role("button", name="Generate").click()
    expect(page.locator(".unit .fault").nth(1)).to_contain_text("has no picture")
    expect(page.locator(".unit .fault").nth(0)).to_be_empty()
    expect(page.locator(".steering")).to_contain_text("Starter has no ControlNet for line art, scribble or tile")
