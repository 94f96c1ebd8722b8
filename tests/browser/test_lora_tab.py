"""The LoRA tab in a real browser, on a backend that paints at once: library, stack and grids of weights."""

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from studio.inputs import InputStore
from studio.settings import Settings
from studio.studio import Studio
from studio.ui import serve
from tests import small_hub
from tests.browser.conftest import NewPage, reload
from tests.browser.rooms import turn_to
from tests.headers import write_safetensors
from tests.small_civitai import Civitai, small_civitai
from tests.ui.painter import Painter

pytestmark = pytest.mark.browser

TO_K = "unet.down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k"
# A file that is none, dropped onto the shelf.
DROPPED = """(shelf) => {
    const data = new DataTransfer();
    data.items.add(new File(["no tensors"], "dropped.ckpt"));
    shelf.querySelector(".shelf-card").dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true }));
}"""

# Goes back and forward; what Gradio calls when a tab was chosen comes late each time, after the next step is taken.
WALK = """async (steps) => {
    const form = await studio("form");
    const chosen = () => document.querySelector("#tabs [role=tab][aria-selected=true]").dataset.tabId;
    const walked = [];
    for (const step of steps) {
        const before = chosen();
        addEventListener("popstate", () => form.turn(before), { once: true });
        await new Promise((done) => {
            addEventListener("hashchange", () => setTimeout(done), { once: true });
            setTimeout(done, 5000);
            history[step]();
        });
        walked.push(chosen());
    }
    return walked;
}"""


@pytest.fixture
def site() -> Iterator[Civitai]:
    with small_civitai() as site:
        yield site


@pytest.fixture
def address(tmp_path: Path, site: Civitai) -> Iterator[str]:
    """A studio of the test's own: favourites, notes and files stay."""
    settings = Settings.load(home=tmp_path / "home", port=0, civitai=site.address)
    painter = Painter(inputs=InputStore.of(settings))
    painter.ready.set()
    with Studio(settings, backend=painter) as studio, serve(studio) as address:
        yield address


def opened(page: Page) -> None:
    turn_to(page, "LoRA")
    expect(page.locator(".lora-page .shelf-card").first).to_be_visible()


def test_the_library_is_a_page_whose_stack_is_the_panels_and_whose_weights_are_tried_as_grids(
    address: str, new_page: NewPage
) -> None:
    page = new_page(address)
    page.get_by_label("Prompt", exact=True).fill("a cat")
    opened(page)
    shelf, side = page.locator(".lora-shelf"), page.locator(".lora-side")
    shelf.get_by_label("Search").fill("night neon")
    expect(shelf.locator(".shelf-card")).to_have_count(1)
    shelf.get_by_role("button", name="Use night-neon").click()
    shelf.get_by_label("Search").fill("")
    shelf.get_by_role("button", name="Use sketch").click()
    expect(side.locator(".lora-card .lora-name")).to_have_text(["night-neon", "sketch"])
    weight = side.get_by_role("listitem", name="sketch").get_by_role("spinbutton", name="Weight", exact=True)
    weight.fill("0.4")
    weight.press("Tab")
    shelf.get_by_role("button", name="About sketch").click()
    about = side.get_by_role("region", name="About")
    expect(about).to_contain_text("Not in any of your pictures yet")
    about.get_by_label("Your notes").fill("Best at 0.4.")
    about.get_by_label("Your notes").press("Tab")
    shelf.get_by_role("button", name="Favourite sketch").click()
    expect(shelf.locator(".shelf-card").first).to_have_attribute("data-name", "sketch")

    side.get_by_label("LoRA", exact=True).select_option("sketch")
    side.get_by_label("Weights of the strip").fill("0.2, 0.6")
    side.get_by_label("Weights of the strip").press("Tab")
    side.get_by_role("button", name="Strip of 2 pictures").click()
    expect(page.locator("#tabs [role=tab]", has_text="Grid")).to_have_attribute("aria-selected", "true")
    expect(page.locator(".grid-room")).to_contain_text("2 of 2 pictures")
    assert page.evaluate("location.hash") == "#grid"

    opened(page)
    expect(about).to_contain_text("Used in 2 pictures")
    side.get_by_role("button", name="Grid of 9 pictures").click()
    expect(page.locator(".grid-room")).to_contain_text("9 of 9 pictures")
    expect(page.locator(".grid-prompt")).to_have_text("a cat")

    opened(page)
    about.get_by_role("button", name="Used in").click()
    expect(page.locator("#tabs [role=tab]", has_text="Library")).to_have_attribute("aria-selected", "true")
    expect(page.locator(".library-search")).to_contain_text("sketch")
    walked = page.evaluate(WALK, ["back", "forward", "back", "back"])
    assert walked == ["lora", "library", "lora", "grid"]
    expect(page.locator("#tabs [role=tab]", has_text="Grid")).to_be_focused()
    page.go_forward()
    shelf.get_by_role("button", name="Stop using night-neon").click()
    expect(side.locator(".lora-card")).to_have_count(1)
    reload(page)
    expect(page.locator("#tabs [role=tab]", has_text="LoRA")).to_have_attribute("aria-selected", "true")
    expect(side.locator(".lora-card .lora-name")).to_have_text(["sketch"])
    expect(shelf.get_by_role("button", name="Favourite sketch")).to_have_attribute("aria-pressed", "true")
    shelf.get_by_role("button", name="About sketch").click()
    expect(about.get_by_label("Your notes")).to_have_value("Best at 0.4.")


def test_a_file_comes_in_and_is_looked_up_by_its_hash_once_that_is_said_and_agreed_to(
    address: str, new_page: NewPage, site: Civitai, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shapes = {f"{TO_K}.lora_A.weight": (4, 768), f"{TO_K}.lora_B.weight": (320, 4)}
    path = write_safetensors(tmp_path / "ink.safetensors", shapes)
    site.publish(sha256(path.read_bytes()).hexdigest())
    page = new_page(address)
    opened(page)
    shelf, about = page.locator(".lora-shelf"), page.get_by_role("region", name="About")
    shelf.get_by_label("LoRA files").set_input_files(path)
    expect(shelf.get_by_role("status")).to_have_text("ink is in the library.")
    shelf.get_by_label("Fits this model").uncheck()
    shelf.get_by_role("button", name="About ink").click()
    about.get_by_role("button", name="Look up at 127.0.0.1").click()
    expect(about).to_contain_text("This sends the hash of the file to 127.0.0.1")
    assert site.asked == []
    seen = Axe().run(page, options={"resultTypes": ["violations"]})
    assert not seen.violations_count, seen.generate_report()
    about.get_by_role("button", name="Send the hash").click()
    expect(about).to_contain_text("Found: Fine ink, v2.")
    expect(about).to_contain_text("Name its maker; pictures made with it may be sold; no merges.")
    expect(about.locator("img")).to_be_visible()
    expect(shelf.locator("[data-name=ink]")).to_contain_text("in fine ink, inked, wet")

    # One that is dropped comes in, too.
    shelf.evaluate(DROPPED)
    expect(shelf.get_by_role("status")).to_contain_text("dropped.ckpt is refused: a .ckpt file is a pickle")

    # One that is not here yet comes by the address of its page, once it is said what it is, and by the key of who asks.
    wash = {f"{TO_K}.lora_A.weight": (8, 768), f"{TO_K}.lora_B.weight": (320, 8)}
    site.versions.clear()
    site.give("wash.safetensors", write_safetensors(tmp_path / "elsewhere.safetensors", wash).read_bytes())
    site.key = "a-key-of-mine"
    place = shelf.get_by_label("Place of a LoRA")
    place.fill(f"{site.address}/models/7/fine-ink?modelVersionId=11")
    expect(shelf.locator(".shelf-site")).to_contain_text("before anything is downloaded")
    place.press("Enter")
    offer = shelf.get_by_role("region", name="Download")
    expect(offer).to_contain_text("Fine ink, v2")
    expect(offer).to_contain_text("For SD 1.5 · wash.safetensors")
    offer.get_by_role("button", name="Download").click()
    expect(shelf.get_by_role("status")).to_contain_text("only to those who have an API key")
    offer.get_by_label("API key for 127.0.0.1").fill(site.key)
    offer.get_by_role("button", name="Download").click()
    expect(shelf.get_by_role("status")).to_have_text("wash is in the library.")
    expect(offer).to_have_count(0)
    expect(shelf.locator("[data-name=wash]")).to_contain_text("in fine ink")

    # By its name on the hub it comes at once: it is small.
    dew = write_safetensors(tmp_path / "dew.safetensors", shapes)
    with small_hub.small_hub({"ann/dew": {"dew.safetensors": dew.read_bytes()}}) as hub:
        small_hub.turn_to(hub, tmp_path / "cache", monkeypatch)
        place.fill("ann/dew")
        place.press("Enter")
        expect(shelf.get_by_role("status")).to_have_text("dew is in the library.")
    expect(shelf.locator("[data-name=dew]")).to_be_visible()
