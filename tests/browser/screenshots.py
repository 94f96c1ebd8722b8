"""The pictures of the documentation, taken of the page as it is: `make screenshots`, or with names for some of them.

The starter makes what they show, in a data folder of its own; nothing of this machine is in them.
"""

import re
import sys
import tempfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import huggingface_hub.constants
from PIL import Image
from playwright.sync_api import Locator, Page, expect, sync_playwright

from studio.settings import PRESETS, Settings
from studio.studio import Studio
from studio.ui import serve
from tests.browser.conftest import ARGUMENTS, executable
from tests.browser.models import offers
from tests.browser.rooms import axis, turn_to
from tests.browser.touch import AT_REST
from tests.deploy import hub_server

IMAGES = Path(__file__).resolve().parents[2] / "docs" / "images"
WIDE, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
# How wide a picture of the page is kept, and how well.
KEPT, QUALITY = 1440, 82
MINUTES = 60_000
Shot = Callable[[Page], Locator | None]
SHOTS: dict[str, Shot] = {}


def shot(take: Shot) -> Shot:
    """A picture of the name of its function; each shows what those before it left."""
    SHOTS[take.__name__.replace("_", "-")] = take
    return take


def main(names: list[str]) -> None:
    """Take those of these names, or all; what comes before one is done, too."""
    last = max(map(list(SHOTS).index, names), default=len(SHOTS) - 1)
    expect.set_options(timeout=10 * MINUTES)
    huggingface_hub.constants.HF_HUB_OFFLINE = False
    with tempfile.TemporaryDirectory() as home, hub_server.running() as hub, sync_playwright() as playwright:
        huggingface_hub.constants.ENDPOINT = hub.endpoint
        hub.builds = ("BUILDING",) * 1000
        with Studio(Settings.load(home=Path(home), port=0)) as studio, serve(studio) as address:
            browser = playwright.chromium.launch(executable_path=executable(playwright.chromium), args=list(ARGUMENTS))
            page = browser.new_page(viewport=WIDE, color_scheme="dark")
            page.set_default_timeout(10 * MINUTES)
            page.goto(address)
            page.wait_for_selector("#stage[data-ready]", state="attached")
            for name, take in list(SHOTS.items())[: last + 1]:
                page.set_viewport_size(WIDE)
                page.emulate_media(color_scheme="dark")
                take(page)
                if not names or name in names:
                    keep(page, name)
            browser.close()


def keep(page: Page, name: str) -> None:
    """Write what the page shows, once it is at rest, as a small WebP."""
    page.mouse.move(0, 0)
    page.wait_for_function("[...document.images].every((image) => image.complete || !image.checkVisibility())")
    page.evaluate(AT_REST)
    with Image.open(BytesIO(page.screenshot())) as picture:
        height = round(picture.height * min(1, KEPT / picture.width))
        picture.convert("RGB").resize((min(KEPT, picture.width), height)).save(
            IMAGES / f"{name}.webp", quality=QUALITY, method=6
        )
    sys.stdout.write(f"{name}\n")
    sys.stdout.flush()


@shot
def page(page: Page) -> None:
    """Text to image with four pictures."""
    generate(page, "a red house on the left at sunset by the sea", count=4, seed=11)


@shot
def page_phone(page: Page) -> None:
    """The same on a phone."""
    page.set_viewport_size(PHONE)
    page.evaluate("scrollTo(0, 0)")


@shot
def full_view(page: Page) -> None:
    """One of them in full, with what is known of it."""
    page.locator(".cell .look").nth(1).click()
    page.get_by_role("dialog", name="Full view").get_by_role("button", name="Star", exact=True).click()
    page.locator(".full-details dl").first.wait_for()


@shot
def models(page: Page) -> None:
    """The picker of models."""
    close(page)
    offers(page)


@shot
def inpainting(page: Page) -> None:
    """A place painted over, and what was made of it."""
    close(page)
    page.locator(".cell").nth(0).hover()
    page.locator(".cell").nth(0).get_by_role("button", name="Send to").click()
    page.get_by_role("menuitem", name="Inpainting").click()
    expect(page.locator(".editor-pane")).not_to_have_class("bare")
    sheet = page.locator(".mask-sheet")
    page.wait_for_function("document.querySelector('.mask-sheet')?.getBoundingClientRect().width > 300")
    box = sheet.bounding_box()
    assert box
    page.keyboard.press("l")
    spots = [(0.55, 0.55), (0.8, 0.52), (0.95, 0.62), (0.92, 0.8), (0.7, 0.86), (0.56, 0.74)]
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in spots]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=6)
    page.mouse.up()
    page.locator("#field-count").get_by_text("1", exact=True).click()
    page.locator("#field-prompt textarea").fill("a blue boat on the right by the sea at sunset")
    page.get_by_role("button", name="Generate").click()
    expect(page.locator(".round-strip [aria-label='Result 1']")).to_be_visible()
    expect(page.locator(".stage.busy")).to_have_count(0)
    page.locator(".round-strip [aria-label='Round 1']").click()
    page.keyboard.press("b")


@shot
def upscale(page: Page) -> None:
    """A picture four times as large, under the loupe."""
    turn_to(page, "Text to image")
    page.locator(".cell").nth(0).hover()
    page.locator(".cell").nth(0).get_by_role("button", name="Send to").click()
    page.get_by_role("menuitem", name="Upscale").click()
    page.get_by_role("button", name="4×").click()
    before = page.locator(".cell .look img").first.get_attribute("src")
    page.locator("#generate").click()
    expect(page.locator(".cell .look img").first).not_to_have_attribute("src", str(before))
    expect(page.locator(".stage.busy")).to_have_count(0)


@shot
def controlnet(page: Page) -> None:
    """A house that follows the edges of another."""
    turn_to(page, "ControlNet")
    page.get_by_role("group", name="Add a control").get_by_role("button", name="Canny edges", exact=True).click()
    page.locator(".unit").last.get_by_role("button", name="From results").click()
    page.get_by_role("dialog", name="Results").get_by_role("button").nth(2).click()
    page.locator(".unit .tile[data-side=map] img").wait_for()
    generate(page, "a white castle on the left by the sea", count=1, seed=5)


@shot
def pose(page: Page) -> None:
    """Two people in the pose editor."""
    page.get_by_role("group", name="Add a control").get_by_role("button", name="Pose", exact=True).click()
    page.locator(".unit").last.get_by_role("button", name="Edit pose").click()
    page.get_by_role("dialog", name="Pose").get_by_label("Pose file").set_input_files(
        PRESETS / "poses" / "shaking-hands.json"
    )
    page.get_by_role("button", name="Person 2").click()


@shot
def lora_tab(page: Page) -> None:
    """The library of LoRAs, with two on."""
    page.get_by_role("dialog", name="Pose").get_by_role("button", name="Cancel").click()
    for _ in range(2):
        page.locator(".unit .drop").first.click()
    turn_to(page, "LoRA")
    for name in ("top-hat-cat", "watercolour"):
        page.get_by_role("button", name=f"Use {name}").click()
    page.get_by_role("button", name="About watercolour").click()


@shot
def loras(page: Page) -> None:
    """The stack beside the prompt."""
    turn_to(page, "Text to image")
    generate(page, "an orange cat on the left at the beach", count=1, seed=3)
    page.locator(".stack > summary").first.scroll_into_view_if_needed()


@shot
def grid(page: Page) -> None:
    """A word across, the weight of a LoRA down."""
    page.locator("#field-prompt textarea").fill("a red house by the sea")
    page.get_by_role("button", name="Grid", exact=True).click()
    axis(page, 0, "prompt:", "red, blue, white", words="red")
    axis(page, 1, "lora:watercolour", "0, 0.5, 1")
    page.get_by_role("button", name="Make 9 pictures").click()
    expect(page.locator(".grid-table .grid-look")).to_have_count(9)


@shot
def candidates(page: Page) -> None:
    """Eight castles, measured and sorted."""
    turn_to(page, "LoRA")
    for name in ("top-hat-cat", "watercolour"):
        page.get_by_role("button", name=f"Stop using {name}").click()
    turn_to(page, "Text to image")
    page.locator("#field-prompt textarea").fill("a castle on the right in the mountains at dawn")
    page.get_by_role("button", name="Candidates", exact=True).click()
    expect(page.locator(".counts")).to_have_text(re.compile("^8 made"))  # some may be rejected


@shot
def library(page: Page) -> None:
    """Everything that was made."""
    turn_to(page, "Library")
    page.get_by_role("listbox", name="Pictures").locator("img").nth(5).wait_for()


@shot
def deploy(page: Page) -> None:
    """What goes onto a Space."""
    turn_to(page, "Deploy")
    page.get_by_label("Token").fill(hub_server.TOKEN)
    page.get_by_role("button", name="Show files").click()
    expect(page.get_by_role("region", name="Files")).to_contain_text("studio/errors.py")


@shot
def deploy_build(page: Page) -> None:
    """The log of its build."""
    page.get_by_role("button", name="Deploy", exact=True).click()
    expect(page.get_by_role("region", name="Build log")).to_contain_text("pip install")


def generate(page: Page, prompt: str, *, count: int, seed: int) -> None:
    """So many pictures of a prompt, which the stage shows."""
    page.locator("#field-prompt textarea").fill(prompt)
    page.get_by_label("Seed", exact=True).fill(str(seed))
    page.locator("#field-count").get_by_text(str(count), exact=True).click()
    page.get_by_role("button", name="Generate").click()
    expect(page.locator(f".cell.done img[alt='{prompt}']")).to_have_count(count)
    expect(page.locator(".stage.busy")).to_have_count(0)


def close(page: Page) -> None:
    """Leave whatever lies over the page."""
    page.keyboard.press("Escape")
    expect(page.locator("dialog[open]")).to_have_count(0)


if __name__ == "__main__":
    main(sys.argv[1:])
