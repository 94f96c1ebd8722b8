"""LoRAs in a real browser, on the embedded model: stacked, changed, taken off without a trace; one with the prompt."""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from studio.metadata import own
from studio.recipe import Lora
from studio.settings import Settings
from studio.studio import Studio
from studio.ui import serve
from tests.browser.conftest import reload
from tests.browser.stage import drawing
from tests.headers import write_safetensors

pytestmark = pytest.mark.browser

TO_K = "unet.down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_k"
XL = {f"{TO_K}.lora_A.weight": (4, 2048), f"{TO_K}.lora_B.weight": (640, 4)}


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with Studio(Settings.load(home=tmp_path_factory.mktemp("home"), port=0)) as studio, serve(studio) as address:
        yield address


@pytest.fixture
def stack(page: Page) -> Page:
    """The module's page with the panel of LoRAs open, and none in it nor in the prompt."""
    page.locator("#field-quality").get_by_text("Draft").click()
    page.get_by_label("Prompt", exact=True).fill("")
    if page.locator(".stack[open]").count() == 0:
        page.locator(".stack > summary").click()
    cards = page.locator(".lora-card")
    while left := cards.count():
        cards.first.get_by_role("button", name=re.compile("^Remove ")).click()
        expect(cards).to_have_count(left - 1)
    return page


def card(page: Page, name: str) -> Locator:
    return page.get_by_role("list", name="Stack of LoRAs").get_by_role("listitem", name=name, exact=True)


def put_on(page: Page, *searches: str) -> None:
    """Choose from the library by what is typed."""
    page.get_by_role("button", name="Add a LoRA").click()
    shelf = page.get_by_role("dialog", name="LoRA library")
    for words in searches:
        expect(shelf.locator(".shelf-card").first).to_be_visible()
        shelf.get_by_label("Search").fill(words)
        expect(shelf.locator(".shelf-card")).to_have_count(1)
        expect(shelf.locator(".shelf-card")).to_have_attribute("data-name", re.compile(words.replace(" ", "[- ]")))
        shelf.get_by_label("Search").press("Enter")
    shelf.get_by_role("button", name="Done").click()
    expect(shelf).to_have_count(0)


def weigh(page: Page, name: str, weight: float) -> None:
    number = card(page, name).get_by_role("spinbutton", name="Weight", exact=True)
    number.fill(str(weight))
    number.press("Tab")


def drawn(page: Page, folder: Path) -> tuple[tuple[Lora, ...], NDArray[np.uint8], str]:
    """Ask for one picture: the LoRAs in its recipe, its pixels, and what its file says of them."""
    with drawing(page):
        page.get_by_role("button", name="Generate").click()
    with page.expect_download() as download:
        page.locator(".cell").get_by_role("link", name="Download").click()
    path = folder / "got.png"
    download.value.save_as(path)
    with Image.open(path) as image:
        return own.read(path).loras, np.asarray(image), own.read_facts(path).get("loras", "")


def test_a_stack_changes_the_picture_and_without_it_the_first_one_comes_back_to_the_bit(
    stack: Page, tmp_path: Path
) -> None:
    page = stack
    page.get_by_label("Prompt", exact=True).fill("an orange cat at the beach")
    page.get_by_label("Seed").fill("7")
    _, bare, _ = drawn(page, tmp_path)
    put_on(page, "night neon", "watercol")
    weigh(page, "night-neon", 0.6)
    weigh(page, "watercolour", -0.3)
    loras, both, facts = drawn(page, tmp_path)
    assert loras == (Lora(name="night-neon", weight=0.6), Lora(name="watercolour", weight=-0.3))
    assert not np.array_equal(both, bare)
    page.locator(".cell .look").click()
    expect(page.get_by_role("dialog", name="Full view")).to_contain_text(facts)
    assert "286 of 286 tensors" in facts
    page.keyboard.press("Escape")
    card(page, "watercolour").get_by_role("button", name="Move watercolour", exact=True).press("Alt+ArrowUp")
    expect(page.locator(".lora-card .lora-name")).to_have_text(["watercolour", "night-neon"])
    card(page, "night-neon").get_by_role("button", name="Remove night-neon").click()
    expect(card(page, "night-neon")).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".lora-card .lora-name")).to_have_text(["watercolour", "night-neon"])
    card(page, "watercolour").get_by_role("button", name="Remove watercolour").click()
    loras, one, _ = drawn(page, tmp_path)
    assert loras == (Lora(name="night-neon", weight=0.6),)
    assert not np.array_equal(one, both)
    reload(page)
    card(page, "night-neon").get_by_role("checkbox", name="night-neon on").uncheck()
    loras, again, _ = drawn(page, tmp_path)
    assert loras == ()
    assert np.array_equal(again, bare)


def test_panel_and_prompt_are_one_thing(stack: Page, tmp_path: Path) -> None:
    page = stack
    prompt = page.get_by_label("Prompt", exact=True)
    prompt.fill("a cat <lora:sketch:0.5>, red <lora:sketsch:1>")
    expect(card(page, "sketch").get_by_text("In the prompt")).to_be_visible()
    expect(card(page, "sketsch")).to_contain_text("There is no LoRA 'sketsch'. Did you mean sketch?")
    card(page, "sketsch").get_by_role("button", name="Remove sketsch").click()
    expect(prompt).to_have_value("a cat <lora:sketch:0.5>, red")
    weigh(page, "sketch", 0.25)
    expect(prompt).to_have_value("a cat <lora:sketch:0.25>, red")
    assert drawn(page, tmp_path)[0] == (Lora(name="sketch", weight=0.25),)
    card(page, "sketch").get_by_role("checkbox", name="sketch on").uncheck()
    expect(prompt).to_have_value("a cat, red")
    expect(card(page, "sketch").get_by_text("In the prompt")).to_be_hidden()
    card(page, "sketch").get_by_role("checkbox", name="sketch on").check()
    expect(prompt).to_have_value("a cat, red")
    card(page, "sketch").get_by_role("button", name="sketch", exact=True).click()
    expect(prompt).to_have_value("a cat, red, sketch")
    page.locator(".cell").get_by_role("button", name="Use these settings").click()
    expect(prompt).to_have_value("a cat <lora:sketch:0.25>, red")
    expect(page.locator(".lora-card")).to_have_count(1)
    expect(card(page, "sketch").get_by_role("checkbox", name="sketch on")).to_be_checked()
    prompt.fill("a cat, {red|<lora:watercolour:0.4>}")
    expect(card(page, "watercolour")).to_have_text("watercolour0.4May be drawn from the prompt")
    expect(page.locator(".lora-card")).to_have_count(1)
    prompt.fill("a cat, red")
    expect(page.locator(".lora-card")).to_have_count(0)
    put_on(page, "watercol")
    prompt.fill("a cat <lora:watercolour:0.5>")
    expect(card(page, "watercolour")).to_contain_text(
        "The prompt gives watercolour the weight 0.5, which is used; the list says 1."
    )
    expect(page.locator(".lora-card")).to_have_count(1)


def test_a_stack_is_saved_and_put_on_again_and_a_misfit_is_marked_before_anything_is_made(
    stack: Page, tmp_path: Path
) -> None:
    page = stack
    page.get_by_role("button", name="Add a LoRA").click()
    shelf = page.get_by_role("dialog", name="LoRA library")
    (tmp_path / "old.ckpt").write_bytes(b"a pickle")
    shelf.get_by_label("LoRA files").set_input_files(tmp_path / "old.ckpt")
    expect(shelf.get_by_role("status")).to_contain_text("old.ckpt is refused: a .ckpt file is a pickle")
    shelf.get_by_label("LoRA files").set_input_files(write_safetensors(tmp_path / "My portrait.safetensors", XL))
    expect(shelf.get_by_role("status")).to_have_text("My portrait is in the library.")
    expect(shelf.get_by_role("button", name="Use My portrait")).to_have_count(0)
    shelf.get_by_label("Fits this model").uncheck()
    shelf.get_by_role("button", name="Favourite My portrait").click()
    shelf.get_by_role("button", name="About My portrait").click()
    expect(shelf.get_by_label("About", exact=True)).to_contain_text("Stable Diffusion XL")
    shelf.get_by_role("button", name="Use My portrait").click()
    shelf.get_by_role("button", name="Done").click()
    expect(card(page, "My portrait").get_by_role("alert")).to_contain_text("is a LoRA for Stable Diffusion XL")
    card(page, "My portrait").get_by_role("button", name="Remove My portrait").click()
    put_on(page, "sketch")
    page.get_by_role("button", name="Stacks").click()
    stacks = page.get_by_role("dialog", name="Stacks of LoRAs")
    stacks.get_by_label("Name of the stack").fill("My ink")
    stacks.get_by_role("button", name="Save this stack").click()
    stacks.get_by_role("button", name="Use Ink and wash").click()
    expect(page.locator(".lora-card .lora-name")).to_have_text(["watercolour", "sketch"])
    page.get_by_role("button", name="Stacks").click()
    stacks.get_by_role("button", name="Use My ink").click()
    expect(page.locator(".lora-card .lora-name")).to_have_text(["sketch"])
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".lora-card .lora-name")).to_have_text(["watercolour", "sketch"])
    page.get_by_role("button", name="Stacks").click()
    stacks.get_by_role("button", name="Delete My ink").click()
    expect(stacks.get_by_role("button", name="Use My ink")).to_have_count(0)
